"""What was tried in the job's own search: each way differs from the job in what its name says.

`docs/LOG.md` has the figures of those that did not win. What won is in the job, and its way is the job without it.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.stats import truncnorm
from skopt.acquisition import gaussian_ei
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.methods import DEFAULT, N_INITIAL, SPACE, ended, observed
from benchmarks.replay import Method, Seen, Table, Train
from job.search.cube import Params, optimizers, point, steps, to_unit
from job.search.process import Observation, Process, told_losses
from job.search.pruning import Curve, stops
from job.search.suggest import suggest
from job.search.usual import STEPS
from job.seeds import derive_seed

Units = npt.NDArray[np.float64]
"""Points of the unit cube, (points, dimensions)."""
Rule = Callable[[Sequence[Curve], Curve, int], bool]
"""Given the curves of earlier trials, this one's and the epochs of a whole trial: is it to stop?"""
_LEAST_WHOLE = 3
_CANDIDATES = 2048
SPREAD = 0.35
"""Standard deviation of the decimal logarithm of usual steps."""


def trials_in_turn(
    table: Table,
    seed: int,
    *,
    size: int = N_INITIAL,
    guess_first: bool = True,
    decades: float = 0.0,
    usual_rates: bool = False,
    rule: Rule | None = None,
) -> Generator[Train, Seen]:
    """Search as the job does, with another initial design, or another rule that stops trials.

    `decades` is by how much the best guess's learning rate is off. With `usual_rates` all of the design has usual ones.
    """
    found: list[Observation] = []
    rule = rule or partial(stops, DEFAULT)
    while True:
        params = _suggested(found, seed, size, guess_first=guess_first)
        if not found:
            params["learning_rate"] = min(max(float(params["learning_rate"]) * 10**decades, 1e-3), 1e-1)
        elif len(found) < size and usual_rates:
            params = _at_a_usual_rate(params)
        curves = [each.curve for each in found]
        seen = yield Train(params, 1)
        while not ended(seen, table) and not rule(curves, seen.losses, table.epochs):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        found.append(observed(seen, table))


def _suggested(found: Sequence[Observation], seed: int, size: int = N_INITIAL, *, guess_first: bool = True) -> Params:
    return suggest(
        SPACE,
        seed=seed,
        observations=found,
        number=len(found),
        n_initial=size,
        acquisition="EI",
        guess_first=guess_first,
    )


def _at_a_usual_rate(params: Params) -> Params:
    """Return the same with the quantile of its learning rate in a normal distribution about the usual step."""
    unit = np.array([to_unit(SPACE, params)])
    low, high = -3.0, -1.0
    middle = float(np.log10(STEPS[params["optimizer"]] / steps(SPACE, unit)[0]))  # type: ignore[index]
    ends = (low - middle) / SPREAD, (high - middle) / SPREAD
    return params | {"learning_rate": float(10 ** truncnorm.ppf(unit[0, 0], *ends, middle, SPREAD))}


def optimistic(share: float) -> Rule:
    """Return a rule that stops a trial which would not be the best even if it fell further than most.

    How far trials fall is the ratio of their final loss to that after as many epochs; its quantile `share` counts.
    """

    def rule(earlier: Sequence[Curve], curve: Curve, epochs: int) -> bool:
        whole = [each for each in earlier if len(each) == epochs]
        if len(whole) < _LEAST_WHOLE:
            return False
        falls = [min(each) / min(each[: len(curve)]) for each in whole]
        return min(curve) * float(np.quantile(falls, share)) > min(min(each) for each in whole)

    return rule


@dataclass
class Begun:
    """A trial: what was trained, and what is known of it."""

    unit: list[float]
    seen: Seen
    gone: bool = False
    """It was stopped, or has ended."""


class Epochs(Process):
    """The process with the epoch as one more input, told at rungs, in doublings."""

    def __init__(self, trials: Sequence[Begun], epochs: int) -> None:
        """Fit to what all trials had come to at each rung that they have reached."""
        self.epochs = epochs
        worst = max(min(each.seen.losses) for each in trials if each.seen.losses)
        told = [
            (Observation(each.seen.params, None), at, min(each.seen.losses[:at]))
            for each in trials
            for at in rungs(epochs)
            if at <= len(each.seen.losses)
        ]
        told += [(Observation(each.seen.params, None), epochs, worst) for each in trials if each.seen.diverged]
        self.at = np.array([np.log2(at) / np.log2(epochs) for _, at, _ in told])
        super().__init__(SPACE, [each for each, _, _ in told], np.array([loss for _, _, loss in told]))

    def _features(self, unit: Units) -> Units:
        """Add the epoch: of what it is fitted to its own, of all else the last."""
        at = self.at if unit is self.observed else np.ones(len(unit))
        return np.column_stack([super()._features(unit), at])

    def improvement(self, unit: Units, best: float) -> Units:
        """Return the expected improvement upon a loss at the last epoch."""
        y_opt = (best - self.centre) / self.scale
        return np.asarray(gaussian_ei(self._features(unit), self.model, y_opt=y_opt))


def rungs(epochs: int) -> list[int]:
    """Return 1, 2, 4, … and the last epoch."""
    return [2**power for power in range((epochs - 1).bit_length())] + [epochs]


def epoch_as_input(table: Table, seed: int) -> Generator[Train, Seen]:
    """Ask a process that knows of epochs, with the job's rule that stops trials."""
    trials: list[Begun] = []
    while True:
        params, _ = _next(trials, table.epochs, seed, len(trials), taken_up=False)
        curves = [each.seen.losses for each in trials]
        seen = yield Train(params, 1)
        while not ended(seen, table) and not stops(DEFAULT, curves, seen.losses, table.epochs):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        trials.append(Begun(to_unit(SPACE, seen.params), seen, gone=True))


def taken_up_again(table: Table, seed: int) -> Generator[Train, Seen]:
    """Put every trial down after two epochs, and at each rung; go on with whatever promises most for its epochs."""
    trials: list[Begun] = []
    step = 0
    while True:
        params, chosen = _next(trials, table.epochs, seed, step, taken_up=True)
        step += 1
        if chosen is None:
            seen = yield Train(params, min(2, table.epochs))
            trials.append(Begun(to_unit(SPACE, seen.params), seen, gone=ended(seen, table)))
        else:
            come = len(chosen.seen.losses)
            seen = yield Train(chosen.seen.number, next(at for at in rungs(table.epochs) if at > come))
            chosen.seen, chosen.gone = seen, ended(seen, table)


def _next(trials: Sequence[Begun], epochs: int, seed: int, step: int, *, taken_up: bool) -> tuple[Params, Begun | None]:
    """Return the parameters to begin with, and None; or any, and the trial to go on with."""
    if len(trials) < N_INITIAL or not any(each.seen.losses for each in trials):
        return _suggested([Observation(each.seen.params, None) for each in trials], seed), None
    whole = [min(each.seen.losses) for each in trials if len(each.seen.losses) == epochs]
    waiting = [each for each in trials if not each.gone] if taken_up else []
    if not whole and waiting:
        return {}, min(waiting, key=lambda each: min(each.seen.losses))
    with threadpool_limits(1, user_api="blas"):
        process = Epochs(trials, epochs)
        known = sorted((each for each in trials if each.seen.losses), key=lambda each: min(each.seen.losses))
        fresh = _candidates(np.array([each.unit for each in known[:4]]), seed, step)
        units = np.vstack([fresh, *([each.unit] for each in waiting)])
        best = min(whole, default=min(min(each.seen.losses) for each in known))
        price = [epochs] * len(fresh) + [epochs - len(each.seen.losses) for each in waiting]
        at = int((process.improvement(units, best) / price).argmax())
    return (point(SPACE, fresh[at]), None) if at < len(fresh) else ({}, waiting[at - len(fresh)])


def fading_prior(table: Table, seed: int, *, strength: float) -> Generator[Train, Seen]:
    """Weigh expected improvement by the usual rates' density, to the power strength / trials (piBO, Hvarfner, 2022)."""
    found: list[Observation] = []
    while True:
        number = len(found)
        curves = [each.curve for each in found]
        params = _suggested(found, seed)
        if number >= N_INITIAL and (losses := told_losses(found)) is not None:
            with threadpool_limits(1, user_api="blas"):
                process = Process(SPACE, found, losses)
                units = _candidates(process.observed[np.argsort(losses, kind="stable")[:4]], seed, number)
                promise = np.log(process.acquisition("EI", units) + 1e-300)
                params = point(SPACE, units[int((promise + _log_density(units) * strength / number).argmax())])
        seen = yield Train(params, 1)
        while not ended(seen, table) and not stops(DEFAULT, curves, seen.losses, table.epochs):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        found.append(observed(seen, table))


def _log_density(unit: Units) -> Units:
    """Return the logarithm of the usual rates' density, but for a constant, (points,)."""
    names = optimizers(SPACE, unit).tolist()
    logarithm = -3 + 2 * unit[:, 0] + np.log10(steps(SPACE, unit))
    return -0.5 * ((logarithm - np.log10([STEPS[name] for name in names])) / SPREAD) ** 2


def _candidates(best: Units, seed: int, step: int) -> Units:
    """Return the points that the job would choose from."""
    rng = np.random.default_rng(derive_seed(seed, "suggest", step))
    near = np.repeat(best, 64, axis=0)
    near = near + rng.normal(0.0, 0.08, near.shape) * [1, 1, 1, 0]
    return np.vstack([rng.random((_CANDIDATES, near.shape[1])), np.clip(near, 0.0, 1.0)])


WAYS: dict[str, Method] = {
    "no best guess": partial(trials_in_turn, guess_first=False),
    "a best guess that is ten times too large": partial(trials_in_turn, decades=1.0),
    "usual rates in all of the design": partial(trials_in_turn, usual_rates=True),
    "design of 2": partial(trials_in_turn, size=2),
    "design of 4": partial(trials_in_turn, size=4),
    "design of 6": partial(trials_in_turn, size=6),
    "fading prior": partial(fading_prior, strength=5.0),
    "optimistic stop, most": partial(trials_in_turn, rule=optimistic(0.25)),
    "optimistic stop, half": partial(trials_in_turn, rule=optimistic(0.5)),
    "epoch as an input": epoch_as_input,
    "taken up again": taken_up_again,
}
