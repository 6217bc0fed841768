"""The surrogate: what it says of functions whose answer is known."""

import json
import math
import subprocess
import sys
from collections.abc import Iterable

import numpy as np
import pytest

from job.records.objective import sense
from job.records.results import Dependence
from job.search import surrogate
from job.search.cube import Params, point
from job.search.process import Observation
from job.search.space import SearchSpace, parse_search_space
from job.search.surrogate import LEAST_TRIALS, fit_surrogate

SPACE = parse_search_space(None)
RANGES = parse_search_space('{"optimizer": "sgd"}')


def points(space: SearchSpace, count: int, seed: int = 0) -> list[Params]:
    rng = np.random.default_rng(seed)
    return [point(space, rng.random(len(space.searched))) for _ in range(count)]


def observe(trials: Iterable[tuple[Params, float | None]], objective: str) -> list[Observation]:
    sign = sense(objective)
    return [Observation(params, None if value is None else sign * value) for params, value in trials]


def importance(space: SearchSpace, observations: list[Observation], seed: int) -> dict[str, tuple[float, float]]:
    """Return main and total by hyperparameter; nothing where too little is known."""
    process = fit_surrogate(space, observations)
    found = {} if process is None else surrogate.importance(process, seed)
    return {name: (share.main, share.total) for name, share in found.items()}


def partial_dependence(
    space: SearchSpace, observations: list[Observation], seed: int, *, objective: str
) -> Dependence | None:
    """Return curves and surfaces; None where too little is known."""
    process = fit_surrogate(space, observations)
    return None if process is None else surrogate.partial_dependence(process, seed, objective=objective)


def unit(params: Params) -> tuple[float, float, float]:
    """Return learning rate, momentum and weight decay on [0, 1] in their priors."""
    rate, momentum, decay = (float(params[name]) for name in ("learning_rate", "momentum", "weight_decay"))
    return (math.log10(rate) + 3) / 2, (momentum - 0.1) / 0.8, (math.log10(decay) + 4) / 2


def bowl(params: Params) -> float:
    """Return a value whose variance is due to the logarithm of the learning rate alone."""
    return 0.9 - (unit(params)[0] - 0.6) ** 2


def test_an_additive_function_has_the_shares_of_its_terms() -> None:
    """Of 2x + y, four fifths of the variance are due to x, one fifth to y, and none to an interaction."""
    observations = [Observation(params, 2 * unit(params)[0] + unit(params)[1]) for params in points(RANGES, 40)]
    shares = importance(RANGES, observations, seed=0)
    expected = {"learning_rate": 0.8, "momentum": 0.2, "weight_decay": 0.0}
    for name, share in expected.items():
        assert shares[name] == pytest.approx((share, share), abs=0.02)


def test_a_pure_interaction_is_nobodys_own_share() -> None:
    """Of (x - 1/2)(y - 1/2), no variance is due to x or y alone, and all of it to both together."""

    def saddle(params: Params) -> float:
        x, y, _ = unit(params)
        return (x - 0.5) * (y - 0.5)

    shares = importance(RANGES, [Observation(params, saddle(params)) for params in points(RANGES, 60)], seed=0)
    for name in ("learning_rate", "momentum"):
        assert shares[name] == pytest.approx((0.0, 1.0), abs=0.05)
    assert shares["weight_decay"] == pytest.approx((0.0, 0.0), abs=0.02)


def test_a_list_counts_as_one_hyperparameter() -> None:
    """Where only the optimizer matters, all importance is its own."""
    values = {"sgd": 0.5, "adam": 0.2, "rmsprop": 0.7, "nag": 0.4}
    trials = [(params, values[str(params["optimizer"])]) for params in points(SPACE, 40)]
    shares = importance(SPACE, observe(trials, "accuracy"), seed=0)
    assert shares["optimizer"] == pytest.approx((1.0, 1.0), abs=0.02)
    curve = partial_dependence(SPACE, observe(trials, "accuracy"), 0, objective="accuracy")
    assert curve is not None
    found = dict(zip(curve.curves["optimizer"].values, curve.curves["optimizer"].mean, strict=True))
    assert found == pytest.approx(values, abs=0.01)


@pytest.mark.parametrize("objective", ["accuracy", "log_loss"])
def test_partial_dependence_is_in_the_objectives_own_unit_and_sense(objective: str) -> None:
    """A curve shows the values that trials have, whether they are maximised or minimised, and is flat elsewhere."""
    trials = [(params, bowl(params)) for params in points(SPACE, 40)]
    found = partial_dependence(SPACE, observe(trials, objective), 0, objective=objective)
    assert found is not None
    rate = found.curves["learning_rate"]
    assert rate.values[0] == pytest.approx(0.001)
    assert rate.values[-1] == pytest.approx(0.1)
    for value, mean in zip(rate.values, rate.mean, strict=True):
        assert mean == pytest.approx(bowl({**trials[0][0], "learning_rate": value}), abs=0.02)
    assert np.ptp(found.curves["momentum"].mean) < 0.02
    momentum = found.curves["momentum"]
    assert all(low < mean < high for low, mean, high in zip(momentum.low, momentum.mean, momentum.high, strict=True))


def test_a_surface_stands_for_each_pair_of_ranges() -> None:
    """Surfaces are (ys, xs), and where one of the pair does not matter they are the other's curve."""
    trials = [(params, bowl(params)) for params in points(SPACE, 40)]
    found = partial_dependence(SPACE, observe(trials, "accuracy"), 0, objective="accuracy")
    assert found is not None
    pairs = [("learning_rate", "momentum"), ("learning_rate", "weight_decay"), ("momentum", "weight_decay")]
    assert [(surface.x, surface.y) for surface in found.surfaces] == pairs
    surface = found.surfaces[1]
    assert np.shape(surface.mean) == (len(surface.ys), len(surface.xs))
    for row in surface.mean:
        assert surface.xs[int(np.argmax(row))] == pytest.approx(10 ** (-3 + 2 * 0.6), rel=0.2)


@pytest.mark.parametrize(
    "values",
    [[], [0.5] * 7, [None] * 20, [0.5] * 20, [0.1, 0.2, 0.3, *[None] * 20]],
    ids=["none", "few", "diverged", "equal", "few not diverged"],
)
def test_too_little_says_nothing(values: list[float | None]) -> None:
    """Where few trials have a value, or all the same one, there is no importance and no curve."""
    observations = observe(zip(points(SPACE, len(values)), values, strict=True), "accuracy")
    assert importance(SPACE, observations, 0) == {}
    assert partial_dependence(SPACE, observations, 0, objective="accuracy") is None


@pytest.mark.parametrize(("complete", "pruned", "said"), [(4, 4, True), (3, 9, False), (4, 3, False)])
def test_pruned_trials_count_beside_complete_ones(complete: int, pruned: int, *, said: bool) -> None:
    """With four complete trials, others tell what they would have come to."""
    rng = np.random.default_rng(0)
    observations = []
    for number, params in enumerate(points(SPACE, complete + pruned)):
        loss = float(rng.random())
        if number < complete:
            observations.append(Observation(params, loss, (loss + 0.1, loss)))
        else:
            observations.append(Observation(params, None, (loss + 0.1,), pruned=True))
    assert bool(importance(SPACE, observations, 0)) is said
    assert (partial_dependence(SPACE, observations, 0, objective="accuracy") is not None) is said


@pytest.mark.parametrize("values", [[1e30, 0.0] * 5, [3e38, -3e38] * 4, [5e-324, 0.0] * 4, [0.1] * 9 + [0.9]])
def test_odd_values_are_no_error(values: list[float]) -> None:
    """Whatever the trials' values, shares stay within 0 and 1 and curves are finite or not there."""
    observations = observe(zip(points(SPACE, len(values)), values, strict=True), "log_loss")
    assert len(observations) >= LEAST_TRIALS
    for main, total in importance(SPACE, observations, 0).values():
        assert 0 <= main <= 1
        assert 0 <= total <= 1
    found = partial_dependence(SPACE, observations, 0, objective="log_loss")
    assert found is None or all(np.isfinite(curve.mean).all() for curve in found.curves.values())


@pytest.mark.parametrize(
    "text",
    [
        '{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0}',
        '{"learning_rate": 0.1, "momentum": 0.9, "optimizer": ["sgd", "adam"]}',
        '{"momentum": 0.9, "weight_decay": 0, "optimizer": "nag"}',
    ],
)
def test_what_is_fixed_has_no_importance(text: str) -> None:
    """Only hyperparameters that were searched are spoken of, and one alone has all importance there is."""
    space = parse_search_space(text)
    rng = np.random.default_rng(0)
    observations = [Observation(params, float(rng.random())) for params in points(space, 12)]
    assert set(importance(space, observations, 0)) <= set(space.searched)
    found = partial_dependence(space, observations, 0, objective="accuracy")
    assert found is not None
    assert list(found.curves) == list(space.searched)


def test_another_process_says_the_same() -> None:
    """Equal observations give equal numbers to the last digit, or a page drawn again would be another."""
    code = """
import json
from tests.search.test_surrogate import SPACE, bowl, importance, observe, partial_dependence, points
observations = observe([(params, bowl(params)) for params in points(SPACE, 12)], "accuracy")
found = partial_dependence(SPACE, observations, 0, objective="accuracy")
surfaces = [surface.mean for surface in found.surfaces]
print(json.dumps([importance(SPACE, observations, 0), found.curves["momentum"].mean, surfaces]))
"""
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert json.loads(runs[0].stdout)[0].keys() == SPACE.searched.keys()
    assert runs[0].stdout == runs[1].stdout
