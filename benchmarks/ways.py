"""What was tried in the job's own search: each way differs from it in what its name says.

All but the two best guesses begin without one, beside which nothing else would show. `docs/LOG.md` has the figures of
those that did not win.
"""

import math
from collections.abc import Callable, Generator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.stats import truncnorm
from skopt.acquisition import gaussian_ei, gaussian_lcb, gaussian_pi
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.methods import N_INITIAL, RULE, SPACE, Rule, in_turn, observed, ours, suggested, warm_start
from benchmarks.replay import Method, Seen, Table, Train
from job.search.cube import Params, optimizers, point, steps, to_unit
from job.search.process import Observation, Process, told_losses
from job.search.pruning import Curve, stops
from job.search.space import Range
from job.search.suggest import candidates
from job.search.usual import STEPS, best_guess
from job.seeds import derive_seed

Units = npt.NDArray[np.float64]
"""Points of the unit cube, (points, dimensions)."""
SPREAD = 0.35
"""Standard deviation of the decimal logarithm of usual steps."""
Promise = Callable[[Process, Units, np.random.Generator], Units]
"""What is made of points, (points,): the more, the better."""
_LEAST_WHOLE = 3
_LEAST_RIVALS = 4
_RATES = SPACE.learning_rate
assert isinstance(_RATES, Range)
_LOW, _HIGH = float(np.log10(_RATES.low)), float(np.log10(_RATES.high))

_unguessed = partial(suggested, guess_first=False)


def wrong_guess(table: Table, seed: int) -> Generator[Train, Seen]:
    """Begin with a guess whose learning rate is ten times too large."""

    def propose(found: list[Observation]) -> Params:
        guess = best_guess(SPACE)
        return suggested(found, seed=seed) if found else guess | {"learning_rate": 10 * float(guess["learning_rate"])}

    return in_turn(table, propose, RULE)


def usual_rates(table: Table, seed: int) -> Generator[Train, Seen]:
    """Draw the learning rates of the whole design around usual ones."""

    def propose(found: list[Observation]) -> Params:
        params = _unguessed(found, seed=seed)
        return _at_a_usual_rate(params) if len(found) < N_INITIAL else params

    return in_turn(table, propose, RULE)


def _at_a_usual_rate(params: Params) -> Params:
    """Return the same with the quantile of its learning rate in a normal distribution about the usual step."""
    unit = np.array([to_unit(SPACE, params)])
    middle = float(_usual_logarithms(unit)[0])
    ends = (_LOW - middle) / SPREAD, (_HIGH - middle) / SPREAD
    return params | {"learning_rate": float(10 ** truncnorm.ppf(unit[0, 0], *ends, middle, SPREAD))}


def _usual_logarithms(unit: Units) -> Units:
    """Return the decimal logarithm of the usual learning rate at points, (points,)."""
    usual = np.array([STEPS[name] for name in optimizers(SPACE, unit).tolist()])
    return np.asarray(np.log10(usual / steps(SPACE, unit)))


def asking(table: Table, seed: int, *, promise: Promise, guess_first: bool = False) -> Generator[Train, Seen]:
    """Choose the candidate that promises most by another rule than expected improvement."""

    def propose(found: list[Observation]) -> Params:
        losses = told_losses(found)
        if len(found) < N_INITIAL or losses is None:
            return suggested(found, seed=seed, guess_first=guess_first)
        with threadpool_limits(1, user_api="blas"):
            process, rng = Process(SPACE, found, losses), _rng(seed, len(found))
            units = candidates(process, losses, rng)
            return point(SPACE, units[int(promise(process, units, rng).argmax())])

    return in_turn(table, propose, RULE)


def fading_prior(process: Process, units: Units, rng: np.random.Generator) -> Units:
    """Return expected improvement times the usual rates' density to the power 5 / trials (piBO, Hvarfner, 2022)."""
    del rng
    off = (_LOW + (_HIGH - _LOW) * units[:, 0] - _usual_logarithms(units)) / SPREAD
    return np.log(process.expected_improvement(units) + 1e-300) - 0.5 * off**2 * 5.0 / len(process.observed)


def confidence_bound(process: Process, units: Units, rng: np.random.Generator) -> Units:
    """Return the lower confidence bound of the loss, negated."""
    del rng
    return -np.asarray(gaussian_lcb(process._features(units), process.model))  # noqa: SLF001


def probability(process: Process, units: Units, rng: np.random.Generator) -> Units:
    """Return the probability of an improvement."""
    del rng
    return np.asarray(gaussian_pi(process._features(units), process.model, y_opt=process.losses.min()))  # noqa: SLF001


def any_of_three(process: Process, units: Units, rng: np.random.Generator) -> Units:
    """Return what one of three rules makes of points, drawn at random: gp_hedge without a memory."""
    rule = rng.choice(3)
    if rule == 0:
        return process.expected_improvement(units)
    return (confidence_bound, probability)[rule - 1](process, units, rng)


def _rng(seed: int, step: int) -> np.random.Generator:
    return np.random.default_rng(derive_seed(seed, "suggest", step))


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


def halving(earlier: Sequence[Curve], curve: Curve, epochs: int) -> bool:
    """Stop what is not in the best third, after an eighth and a quarter of the epochs.

    This is asynchronous successive halving (Li et al., 2020), stopping a trial where that would let it wait.
    """
    rivals = sorted(min(each[: len(curve)]) for each in earlier if len(each) >= len(curve))
    if len(curve) not in {math.ceil(epochs / 8), math.ceil(epochs / 4)} or len(rivals) < _LEAST_RIVALS:
        return False
    return min(curve) >= rivals[math.ceil((len(rivals) + 1) / 3) - 1]


class Epochs(Process):
    """The process with the epoch as one more input, told at rungs, in doublings."""

    def __init__(self, found: Sequence[Observation], epochs: int) -> None:
        """Fit to what all trials had come to at each rung that they have reached; one that diverged ends as the worst.

        `lowest` is what each point was told, (points,).
        """
        worst = max(min(each.curve) for each in found if each.curve)
        told = [(each, at, min(each.curve[:at])) for each in found for at in rungs(epochs) if at <= len(each.curve)]
        told += [(each, epochs, worst) for each in found if each.loss is None and not each.pruned]
        self.at = np.array([np.log2(at) / np.log2(epochs) for _, at, _ in told])
        self.lowest = np.array([loss for _, _, loss in told])
        super().__init__(SPACE, [each for each, _, _ in told], self.lowest)

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

    def propose(found: list[Observation]) -> Params:
        best = [each.loss for each in found if each.loss is not None]
        if len(found) < N_INITIAL or not best:
            return _unguessed(found, seed=seed)
        with threadpool_limits(1, user_api="blas"):
            process = Epochs(found, table.epochs)
            units = candidates(process, process.lowest, _rng(seed, len(found)))
            return point(SPACE, units[int(process.improvement(units, min(best)).argmax())])

    return in_turn(table, propose, RULE)


def taken_up_again(table: Table, seed: int, *, begun: int) -> Generator[Train, Seen]:
    """Put every trial down after two epochs, and at each rung; go on with whatever promises most for its epochs.

    So many trials of the design are begun first.
    """
    trials: dict[int, Observation] = {}
    step = 0
    while True:
        step += 1
        found = list(trials.values())
        waiting = [number for number, each in trials.items() if each.pruned]
        whole = [each.loss for each in found if each.loss is not None]
        chosen: Params | int
        if len(trials) < begun or not (whole or waiting):
            chosen = _unguessed(found, seed=seed, n_initial=begun)
        elif not whole:
            chosen = min(waiting, key=lambda number: min(trials[number].curve))
        else:
            chosen = _most_for_its_epochs(trials, waiting, min(whole), table.epochs, _rng(seed, step))
        come = len(trials[chosen].curve) if isinstance(chosen, int) else 1
        seen = yield Train(chosen, next(at for at in rungs(table.epochs) if at > come))
        trials[seen.number] = observed(seen, table)


def _most_for_its_epochs(
    trials: dict[int, Observation], waiting: list[int], best: float, epochs: int, rng: np.random.Generator
) -> Params | int:
    """Return the number of a trial that waits, or new parameters: the largest improvement for an epoch."""
    with threadpool_limits(1, user_api="blas"):
        process = Epochs(list(trials.values()), epochs)
        fresh = candidates(process, process.lowest, rng)
        units = np.vstack([fresh, *([to_unit(SPACE, trials[number].params)] for number in waiting)])
        price = [epochs] * len(fresh) + [epochs - len(trials[number].curve) for number in waiting]
        at = int((process.improvement(units, best) / price).argmax())
    return point(SPACE, fresh[at]) if at < len(fresh) else waiting[at - len(fresh)]


WAYS: dict[str, Method] = {
    "best guess": ours,
    "best guess, ten times too large": wrong_guess,
    "usual rates": usual_rates,
    "fading prior": partial(asking, promise=fading_prior),
    "best guess, fading prior": partial(asking, promise=fading_prior, guess_first=True),
    "acquisition LCB": partial(asking, promise=confidence_bound),
    "acquisition PI": partial(asking, promise=probability),
    "acquisition gp_hedge": partial(asking, promise=any_of_three),
    "warm start": partial(warm_start, guess_first=False),
    **{f"design of {size}": partial(ours, guess_first=False, n_initial=size) for size in (2, 4, 6)},
    "pruner none": partial(ours, guess_first=False, rule=partial(stops, "none")),
    "pruner halving": partial(ours, guess_first=False, rule=halving),
    "optimistic stop, most": partial(ours, guess_first=False, rule=optimistic(0.25)),
    "optimistic stop, half": partial(ours, guess_first=False, rule=optimistic(0.5)),
    "epoch as an input": epoch_as_input,
    "taken up again, of 8": partial(taken_up_again, begun=8),
    "taken up again, of 4": partial(taken_up_again, begun=4),
}
