"""Suggestions are a pure function of the records, stay in their space, and get better."""

import json
import math
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest

from job.search.cube import point, to_unit
from job.search.process import Process, joined, told_losses
from job.search.space import OPTIMIZERS, PARAMETERS, Range, SearchSpace, parse_search_space
from job.search.suggest import Observation, Params, _design, _random_point, _unseen, design_size, suggest

SPACE = parse_search_space(None)
OPTIMIZERS_ONLY = parse_search_space('{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0}')
N_INITIAL = 8


def ask(space: SearchSpace = SPACE, number: int = N_INITIAL, **changes: Any) -> Params:
    arguments: dict[str, Any] = {"seed": 0, "observations": [], "n_initial": N_INITIAL}
    return suggest(space, number=number, **(arguments | changes))


def observe(space: SearchSpace, losses: list[float | None], seed: int = 0) -> list[Observation]:
    """Return observations with these losses at random points."""
    rng = np.random.default_rng(seed)
    return [Observation(_random_point(space, rng), loss) for loss in losses]


def assert_in_space(params: Params, space: SearchSpace) -> None:
    assert tuple(params) == PARAMETERS
    for name, dimension in space.searched.items():
        value = params[name]
        if isinstance(dimension, Range):
            assert type(value) is float
            assert dimension.low <= value <= dimension.high, name
        else:
            assert type(value) is str
            assert value in dimension
    assert params == params | space.fixed


LOSSES: list[float | None] = [0.5, 0.3, None, 0.4, 0.9, 0.2, 0.35, 0.6, 0.25]


def test_the_same_records_give_the_same_suggestion() -> None:
    """A suggestion depends on its arguments alone, not on what was asked before it."""
    observations = observe(SPACE, LOSSES)
    first = ask(number=9, observations=observations)
    ask(number=10, observations=observe(SPACE, LOSSES, seed=1))
    np.random.default_rng().random(3)
    assert ask(number=9, observations=observations) == first


def test_another_process_suggests_the_same_from_records_read_as_json() -> None:
    """A job that was killed and reads its records again goes on as the one that was not."""
    observations = observe(SPACE, LOSSES)
    written = json.dumps([[observation.params, observation.loss] for observation in observations])
    code = """
import json, sys
from job.search.space import parse_search_space
from job.search.suggest import Observation, suggest
read = [Observation(*pair) for pair in json.load(sys.stdin)]
for number in (3, 9):
    print(json.dumps(suggest(parse_search_space(None), seed=0, observations=read, number=number, n_initial=8)))
"""
    done = subprocess.run([sys.executable, "-c", code], input=written, capture_output=True, text=True, check=True)
    expected = [ask(number=number, observations=observations) for number in (3, 9)]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


def test_seed_and_number_each_give_another_suggestion() -> None:
    """Runs of other seeds explore elsewhere, in the design and after it."""
    observations = observe(SPACE, LOSSES)
    designed = [ask(number=1), ask(number=1, seed=1), ask(number=2)]
    suggested = [ask(number=number, seed=seed, observations=observations) for number, seed in [(9, 0), (9, 1), (10, 0)]]
    assert len({json.dumps(params) for params in designed + suggested}) == 6


@pytest.mark.parametrize("number", [0, N_INITIAL])
def test_suggestions_are_plain_json(number: int) -> None:
    """No numpy scalar reaches a record: json would refuse it, or numpy would print it otherwise."""
    params = ask(number=number, observations=observe(SPACE, LOSSES))
    assert_in_space(params, SPACE)
    assert json.loads(json.dumps(params)) == params


@pytest.mark.parametrize("seed", range(5))
def test_the_design_tries_every_optimizer_equally_often(seed: int) -> None:
    """Of the first eight trials, two go to each of the four optimizers."""
    tried = Counter(ask(number=number, seed=seed, guess_first=False)["optimizer"] for number in range(8))
    assert tried == dict.fromkeys(OPTIMIZERS, 2)


def test_the_design_covers_every_range() -> None:
    """Of eight trials, one lies in each eighth of a range, in the terms of its prior."""
    points = [ask(number=number, guess_first=False) for number in range(8)]
    rates = sorted((math.log10(float(point["learning_rate"])) + 3) / 2 * 8 for point in points)
    momenta = sorted((float(point["momentum"]) - 0.1) / 0.8 * 8 for point in points)
    assert [int(rate) for rate in rates] == [int(momentum) for momentum in momenta] == list(range(8))


def test_the_design_does_not_depend_on_what_was_observed() -> None:
    """A trial of the design is the same whether none or all of those before it have ended."""
    assert ask(number=5, observations=observe(SPACE, LOSSES[:5])) == ask(number=5, observations=[])


@pytest.mark.parametrize("n_initial", [1, 5, 100])
def test_the_design_may_have_any_size(n_initial: int) -> None:
    """Sobol points come in powers of two; a design of another size is the start of one."""
    points = [ask(number=number, n_initial=n_initial) for number in range(n_initial)]
    assert len({json.dumps(point) for point in points}) == n_initial


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"learning_rate": {"low": 1e-30, "high": 1e30}, "optimizer": ["adam", "nag"]}',
        '{"momentum": {"low": 0.9, "high": 0.9000000000000001}, "weight_decay": {"low": 0, "prior": "uniform"}}',
    ],
)
def test_suggestions_stay_within_their_ranges(text: str) -> None:
    """No rounding in a logarithm and back leads over a border, whatever the seed and wherever the records lie."""
    space = parse_search_space(text)
    for seed in range(40):
        print(f"{seed=}")  # noqa: T201 -- pytest shows it where the test fails
        assert_in_space(ask(space, number=seed % 8, seed=seed), space)
        assert_in_space(ask(space, seed=seed), space)
    for seed in range(4):
        print(f"{seed=}")  # noqa: T201
        rng = np.random.default_rng(seed)
        at_borders = [
            dict(_random_point(space, rng))
            | {
                name: getattr(r, str(rng.choice(["low", "high"])))
                for name, r in space.searched.items()
                if isinstance(r, Range)
            }
            for _ in range(9)
        ]
        observations = [Observation(params, float(rng.random())) for params in at_borders]
        assert_in_space(ask(space, number=9, seed=seed, observations=observations), space)


@pytest.mark.parametrize(
    "text",
    [
        '{"momentum": 0.9}',
        '{"optimizer": "adam"}',
        '{"optimizer": ["adam"], "learning_rate": 0.01, "momentum": 0}',
        '{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0}',
    ],
)
def test_fixed_parameters_keep_their_value(text: str) -> None:
    """What is fixed is no dimension of the search, and stands in every suggestion all the same."""
    space = parse_search_space(text)
    assert_in_space(ask(space, number=0), space)
    assert_in_space(ask(space, observations=observe(space, LOSSES)), space)


def test_a_space_of_one_point_has_no_other() -> None:
    """Whatever was observed, of this run or of earlier ones, the point is suggested."""
    space = parse_search_space('{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0, "optimizer": "adam"}')
    only: Params = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0, "optimizer": "adam"}
    assert ask(space, 0) == only
    assert ask(space, 9, observations=[Observation(only, 0.5)], prior=[observe(SPACE, [0.1, 0.2])]) == only


def test_enough_of_earlier_runs_shortens_the_design() -> None:
    """Where earlier runs tell as much as the design would, two of its points are left; where they tell less, all."""
    observations = observe(SPACE, LOSSES[:2])
    seven, eight = [observe(SPACE, LOSSES[:size], seed=1) for size in (7, 8)]
    designed = [ask(number=number) for number in range(3)]
    assert [ask(number=number, prior=[eight[:4], eight[4:]]) for number in range(2)] == designed[:2]
    assert ask(number=2, observations=observations, prior=[seven]) == designed[2]
    assert ask(number=2, observations=observations, prior=[eight]) != designed[2]
    assert ask(number=1, n_initial=1, prior=[eight]) != ask(number=1)


def test_an_earlier_runs_level_does_not_matter() -> None:
    """Losses that are higher there throughout, as on harder data, lead to the same suggestion; their order does not."""
    own = observe(SPACE, [0.5, 0.25, None])
    first, second = observe(SPACE, LOSSES, seed=1), observe(SPACE, LOSSES, seed=2)
    harder = [Observation(each.params, None if each.loss is None else each.loss + 0.5) for each in first]
    expected = ask(number=3, observations=own, prior=[first, second])
    found = ask(number=3, observations=own, prior=[harder, second])
    assert found["optimizer"] == expected["optimizer"]
    assert found["learning_rate"] == pytest.approx(expected["learning_rate"])
    assert ask(number=3, observations=own, prior=[second]) != expected
    assert ask(number=3, observations=own, prior=[[], first, second]) == expected


def test_a_run_without_any_loss_is_told_the_worst_of_the_others() -> None:
    """Where all trials of this run diverged, the search turns away from them, and the earlier runs still guide it."""
    earlier, diverged = observe(SPACE, LOSSES, seed=1), observe(SPACE, [None, None])
    observations, losses = joined(SPACE, [earlier], diverged)
    assert observations == [*diverged, *earlier]
    assert losses is not None
    assert losses[:2].tolist() == [losses[2:].max()] * 2
    assert joined(SPACE, [observe(SPACE, [None])], diverged)[1] is None
    assert_in_space(ask(number=2, observations=diverged, prior=[earlier]), SPACE)


def test_a_point_of_an_earlier_run_may_be_suggested() -> None:
    """What only an earlier run has tried, perhaps on other data, is new to this one."""
    names = dict(zip(OPTIMIZERS, [0.9, 0.8, 0.7, 0.1], strict=True))
    earlier = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, loss) for name, loss in names.items()]
    own = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, 0.5) for name in OPTIMIZERS[:2]]
    assert ask(OPTIMIZERS_ONLY, number=2, n_initial=2, observations=own, prior=[earlier])["optimizer"] == "nag"


@pytest.mark.parametrize("seed", range(3))
def test_the_search_begins_where_an_earlier_run_has_ended(seed: int) -> None:
    """On a bowl that has moved a little, the first suggestion after two trials is nearer than those of a design."""
    space = parse_search_space('{"momentum": 0.9, "weight_decay": 0.001, "optimizer": "sgd"}')

    def distance(params: Params) -> float:
        return abs(math.log10(float(params["learning_rate"]) / 0.0123))

    earlier = [
        Observation(params, (distance(params) + 0.1) ** 2) for params in (ask(space, number=n) for n in range(8))
    ]
    own: list[Observation] = []
    for number in range(3):
        params = ask(space, number=number, seed=seed, observations=own, prior=[earlier])
        own.append(Observation(params, 0.3 + distance(params) ** 2))
    assert distance(params) < 0.25


def test_a_diverged_trial_is_told_the_worst_loss() -> None:
    """A trial without a loss counts as one with the worst of all losses, so the search turns away from it."""
    observations = observe(SPACE, LOSSES)
    with_worst = observe(SPACE, [0.9 if loss is None else loss for loss in LOSSES])
    assert ask(number=9, observations=observations) == ask(number=9, observations=with_worst)


def test_a_suggestion_does_not_depend_on_the_unit_of_the_loss() -> None:
    """Losses told in other units, exactly converted, lead to the same suggestion."""
    losses = [0.5, 0.375, 0.75, 0.875, 0.25, 0.625, 0.3125, 0.4375]
    expected = ask(observations=observe(SPACE, [*losses]))
    assert ask(observations=observe(SPACE, [loss / 1024 for loss in losses])) == expected


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [None] * 8,
        [0.4],
        [0.4, *[None] * 7],
        [0.4] * 8,
        [0.0] * 8,
        [1e30, 0.3, 0.5, 0.4, 1e30, 0.2, 0.6, 0.7],
        [1.7e308, -1.7e308, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        [5e-324, 0.0, -5e-324, 0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    ids=["no trial", "all diverged", "one trial", "one not diverged", "equal", "zero", "1e30", "extreme", "subnormal"],
)
def test_unhelpful_losses_still_lead_to_a_suggestion(losses: list[float | None]) -> None:
    """Whatever came of the earlier trials, there is a next one."""
    observations = observe(SPACE, losses)
    params = ask(observations=observations)
    assert_in_space(params, SPACE)
    assert params not in [observation.params for observation in observations]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_raises(loss: float) -> None:
    """A loss of nan is a bug of the caller, who was to say None."""
    with pytest.raises(ValueError, match=r"must be finite, or None where the trial diverged, not -?(nan|inf)"):
        Observation(ask(number=0), loss)


def test_what_was_observed_is_not_suggested_again() -> None:
    """The best optimizer of three is not tried again while there is a fourth."""
    names = dict(zip(OPTIMIZERS, [0.1, 0.8, 0.9], strict=False))
    observations = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, loss) for name, loss in names.items()]
    for seed in range(5):
        print(f"{seed=}")  # noqa: T201
        params = ask(OPTIMIZERS_ONLY, seed=seed, number=3, n_initial=1, observations=observations)
        assert params["optimizer"] == "nag"


def test_a_duplicate_is_replaced_by_a_random_point() -> None:
    """A point that was observed, up to rounding, gives way to one that depends on the generator alone."""
    point = ask(number=0)
    observed = [Observation(point | {"momentum": float(point["momentum"]) * (1 + 1e-15)}, 0.5)]
    replaced = _unseen(SPACE, point, observed, np.random.default_rng(1))
    assert replaced == _random_point(SPACE, np.random.default_rng(1))
    assert _unseen(SPACE, replaced, observed, np.random.default_rng(1)) == replaced


def test_a_space_that_is_used_up_is_suggested_from_again() -> None:
    """When each of the only four points has been observed, one of them is repeated rather than the job ended."""
    observations = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, 0.5) for name in OPTIMIZERS]
    assert_in_space(ask(OPTIMIZERS_ONLY, number=8, observations=observations), OPTIMIZERS_ONLY)


@pytest.mark.parametrize("seed", range(3))
def test_the_search_gets_closer_than_its_design(seed: int) -> None:
    """On a bowl in the logarithm of the learning rate, eight suggestions come closer than the design and within 5 %."""
    space = parse_search_space('{"momentum": 0.9, "weight_decay": 0.001, "optimizer": "sgd"}')
    observations: list[Observation] = []
    distances: list[float] = []
    for number in range(12):
        params = ask(space, number=number, seed=seed, n_initial=4, observations=observations, guess_first=False)
        distances.append(abs(math.log10(float(params["learning_rate"]) / 0.0123)))
        observations.append(Observation(params, distances[-1] ** 2))
    assert min(distances[4:]) < min(*distances[:4], math.log10(1.05))


RECORDED: list[tuple[int, int, tuple[float | str, ...]]] = [
    (0, 0, (0.009190755610673569, 0.8224116899073124, 0.0011097059435334472, "adam")),
    (1, 5, (0.0015690310079541066, 0.26758397966623304, 0.002560189970364291, "rmsprop")),
    (0, 9, (0.002749682480810978, 0.3693822858639284, 0.00125817781423975, "rmsprop")),
    (1, 9, (0.0024468682336571002, 0.36293625877461577, 0.00010739232490001458, "rmsprop")),
    (2, 9, (0.0028857981103810673, 0.33494740302428727, 0.001927285327544072, "rmsprop")),
    (0, 8, (0.015507003144469563, 0.6517083790510735, 0.0036459076437039602, "nag")),
]
"""Seed, number and what the last version without several trials at a time has suggested."""


@pytest.mark.parametrize(("seed", "number", "values"), RECORDED)
def test_one_trial_at_a_time_is_suggested_as_ever(seed: int, number: int, values: tuple[float | str, ...]) -> None:
    """To the last bit, in the design, after it, and where no trial has a loss: old runs go on as they were."""
    losses: list[float | None] = [None] * 8 if number == 8 else LOSSES[:number]
    told = observe(SPACE, losses)
    found = ask(seed=seed, number=number, observations=told, parallel=1, guess_first=False)
    assert found == dict(zip(PARAMETERS, values, strict=True))


def pending_of(*params: Params, curve: tuple[float, ...] = ()) -> list[Observation]:
    return [Observation(each, None, curve, pruned=True) for each in params]


@pytest.mark.parametrize("space", [SPACE, OPTIMIZERS_ONLY], ids=["default", "optimizers"])
def test_a_trial_at_work_is_not_suggested_again(space: SearchSpace) -> None:
    """Of four optimizers each is tried once; of ranges, each point is another one."""
    observations = observe(space, LOSSES)
    if space is OPTIMIZERS_ONLY:
        observations = [Observation(space.fixed | {"optimizer": "adam"}, 0.5)]
    found: list[Params] = []
    for _ in range(3):
        pending = pending_of(*found)
        found.append(ask(space, number=9, n_initial=1, observations=observations, pending=pending))
    assert len({json.dumps(each) for each in found}) == 3
    assert all(each.params not in found for each in observations)


def test_a_trial_at_work_is_not_suggested_again_where_it_is_still_the_best_guess() -> None:
    """An earlier run praises one optimizer, which is at work; the only one left is tried, however bad it was there."""
    names = dict(zip(OPTIMIZERS, [0.9, 0.8, 0.7, 0.1], strict=True))
    earlier = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, loss) for name, loss in names.items()]
    best, worst = names.popitem()[0], next(iter(names))
    own = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": name}, 0.5) for name in list(names)[1:]]
    pending = [Observation(OPTIMIZERS_ONLY.fixed | {"optimizer": best}, None, pruned=True)]
    for seed in range(5):
        print(f"{seed=}")  # noqa: T201
        found = ask(
            OPTIMIZERS_ONLY, number=3, n_initial=2, seed=seed, observations=own, prior=[earlier], pending=pending
        )
        assert found["optimizer"] == worst


@pytest.mark.parametrize("seed", range(5))
def test_the_neighbourhood_of_a_trial_at_work_is_avoided(seed: int) -> None:
    """The next trial is suggested farther from it than it would be if the process did not know of it."""
    observations = observe(SPACE, LOSSES)
    first = ask(number=9, seed=seed, observations=observations)
    alone = ask(number=10, seed=seed, observations=observations)
    beside = ask(number=10, seed=seed, observations=observations, pending=pending_of(first))
    near, far = (np.abs(np.array(to_unit(SPACE, each)) - to_unit(SPACE, first)).sum() for each in (alone, beside))
    assert far > 1.5 * near


def test_what_is_taken_for_observed_leaves_the_mean_and_lowers_the_deviation() -> None:
    """The process is as sure there as if it knew, and expects nothing else anywhere."""
    observations = observe(SPACE, LOSSES)
    losses = told_losses(observations)
    assert losses is not None
    process = Process(SPACE, observations, losses)
    rng = np.random.default_rng(0)
    pending, elsewhere = rng.random((3, 4)), rng.random((50, 4))
    places = np.vstack([pending, elsewhere])
    mean, deviation = process.model.predict(process._features(places), return_std=True)
    expected = process.predict(places)
    process.hallucinate(pending)
    found, lowered = process.model.predict(process._features(places), return_std=True)
    assert found == pytest.approx(mean, abs=1e-6)
    assert process.predict(places) == pytest.approx(expected, abs=1e-6)
    assert (lowered <= deviation + 1e-9).all()
    assert (lowered[:3] < 0.8 * deviation[:3]).all()
    assert process.losses.tolist() == Process(SPACE, observations, losses).losses.tolist()


def test_the_design_has_a_point_for_each_trial_that_starts_at_once() -> None:
    """They know of no other, so all of them are points of one design, and each optimizer stands equally often."""
    assert [design_size(8, 0, parallel) for parallel in (1, 8, 16)] == [8, 8, 16]
    assert [design_size(20, 0, 16), design_size(8, 7, 16), design_size(8, 8, 16)] == [20, 16, 2]
    tried = Counter(ask(number=number, parallel=16, guess_first=False)["optimizer"] for number in range(16))
    assert tried == dict.fromkeys(OPTIMIZERS, 4)
    design = [point(SPACE, each) for each in _design(SPACE, 0, 16)]
    asked = [ask(number=number, parallel=16, pending=pending_of(*design[:number])) for number in range(1, 16)]
    assert asked == design[1:]


@pytest.mark.parametrize("losses", [[], [None, None]], ids=["none known", "all known diverged"])
def test_the_design_goes_on_while_no_complete_trial_is_known_and_others_are_at_work(losses: list[float | None]) -> None:
    """Its next points are better spread than random ones, which are left for when all have ended without a loss."""
    design = [point(SPACE, each) for each in _design(SPACE, 0, 32)]
    observations = observe(SPACE, losses)
    pending = pending_of(*design[:8])
    for number in (8, 16, 20):
        assert ask(number=number, observations=observations, pending=pending, parallel=8) == design[number]
    assert ask(number=8, observations=observations, parallel=8) not in design


def test_what_many_trials_at_work_have_come_to_is_told_instead_of_what_is_expected() -> None:
    """With fifteen, their curves so far count as those of pruned trials; with fourteen, only their points."""
    known = [Observation(each.params, each.loss, (each.loss or 1.0,)) for each in observe(SPACE, LOSSES)]
    others = [each.params for each in observe(SPACE, [None] * 15, seed=3)]

    def asked(count: int, *losses: float) -> Params:
        pending = [pending_of(dict(params), curve=(loss,))[0] for params, loss in zip(others, losses, strict=False)]
        return ask(number=40, observations=known, pending=pending[:count])

    low, high = [0.1 + 0.05 * at for at in range(15)], [0.9 - 0.05 * at for at in range(15)]
    assert asked(14, *low) == asked(14, *high)
    assert asked(15, *low) != asked(15, *high)
