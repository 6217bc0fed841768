"""The Gaussian process: how a search space and what was observed in it are told to scikit-optimize.

What is suggested and what is reported of the search come from one process, fitted here. Knows no torch and no storage.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from skopt import Optimizer
from skopt.space import Categorical, Dimension, Real

from job.metrics import sense
from job.search.space import PARAMETERS, Range, SearchSpace

Params = dict[str, float | str]


@dataclass(frozen=True)
class Observation:
    """What an earlier trial was run with and what came of it.

    `loss` is minimised; None is a trial that diverged, failed or was pruned. Raises ValueError for a loss that is not
    finite.
    """

    params: Mapping[str, float | str]
    loss: float | None
    curve: tuple[float, ...] = ()
    """The loss after each epoch, as far as the trial went."""
    pruned: bool = False

    def __post_init__(self) -> None:
        if self.loss is not None and not math.isfinite(self.loss):
            raise ValueError(f"a loss must be finite, or None where the trial diverged, not {self.loss}")


class Trial(Protocol):
    """What is asked of a trial's record."""

    @property
    def params(self) -> Mapping[str, float | str]: ...
    @property
    def value(self) -> float | None: ...
    @property
    def status(self) -> str: ...
    def curve(self, objective: str) -> list[float]: ...


def observe(trials: Iterable[Trial], objective: str) -> list[Observation]:
    """Return what trials tell, in their order."""
    sign = sense(objective)
    return [
        Observation(
            trial.params,
            None if trial.value is None else sign * trial.value,
            tuple(sign * value for value in trial.curve(objective)),
            pruned=trial.status == "pruned",
        )
        for trial in trials
    ]


def point(space: SearchSpace, unit: npt.NDArray[np.float64]) -> Params:
    """Map a point of the unit cube, (dimensions,) in [0, 1), through the priors."""
    values = [from_unit(dimension, float(u)) for dimension, u in zip(space.searched.values(), unit, strict=True)]
    return with_fixed(space, values)


def from_unit(dimension: Range | tuple[str, ...], u: float) -> float | str:
    """Return the value of a dimension below which the share `u`, in [0, 1), of its prior lies."""
    if isinstance(dimension, tuple):
        return dimension[int(u * len(dimension))]
    if dimension.prior == "log-uniform":
        return math.exp(math.log(dimension.low) + u * (math.log(dimension.high) - math.log(dimension.low)))
    return dimension.low + u * (dimension.high - dimension.low)


def with_fixed(space: SearchSpace, values: Sequence[float | str]) -> Params:
    """Return all parameters of a trial, of which `values` are the searched ones."""
    params = space.fixed
    for (name, dimension), value in zip(space.searched.items(), values, strict=True):
        params[name] = _plain(dimension, value)
    return {name: params[name] for name in PARAMETERS}


def _plain(dimension: Range | tuple[str, ...], value: float | str) -> float | str:
    if isinstance(dimension, Range):
        # rounding in the logarithm and back can step over a border
        return min(max(float(value), dimension.low), dimension.high)
    return str(value)


def told_losses(observations: Sequence[Observation]) -> npt.NDArray[np.float64] | None:
    """Return the losses, (observations,), or None where no trial is complete.

    In place of None stands the worst loss, and for a pruned trial the one that it would be expected to have come to:
    its last loss would count against it the epochs that it was not given.
    """
    complete = [observation for observation in observations if observation.loss is not None]
    finite = [observation.loss for observation in complete if observation.loss is not None]
    if not finite:
        return None
    losses = []
    for observation in observations:
        if observation.loss is not None:
            losses.append(observation.loss)
        elif observation.pruned:
            losses.append(_expected_loss(observation.curve, complete, finite))
        else:
            losses.append(max(finite))
    return np.array(losses)


def _expected_loss(curve: tuple[float, ...], complete: Sequence[Observation], finite: Sequence[float]) -> float:
    """Return the final loss that complete trials let expect of a pruned one.

    It is the least squares' line from what they had reached after as many epochs to what they came to, with a slope
    from 0 to 1, and never better than the best of them, which nothing measured.
    """
    pairs = [
        (min(other.curve[: len(curve)]), loss)
        for other, loss in zip(complete, finite, strict=True)
        if len(other.curve) >= len(curve)
    ]
    if not pairs:
        return max(finite)
    reached, final = np.array(pairs).T
    deviations = reached - reached.mean()
    spread = float(deviations @ deviations)
    slope = float(np.clip(deviations @ final / spread, 0.0, 1.0)) if spread > 0 else 0.0
    return max(float(final.mean()) + slope * (min(curve) - float(reached.mean())), min(finite))


def standardised(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return losses of mean 0 and standard deviation 1, or zeros where all are equal.

    EI's and PI's threshold, skopt's xi = 0.01, has the unit of what is told: an improvement of the accuracy by less
    than a point would count for nothing.
    """
    largest = np.abs(losses).max()
    scaled = losses / largest if largest > 0 else losses  # squares of huge losses overflow
    centred = scaled - scaled.mean()
    deviation = centred.std()
    return centred / deviation if deviation > 0 else np.zeros_like(losses)


def joined(
    prior: Sequence[Sequence[Observation]], own: Sequence[Observation]
) -> tuple[list[Observation], npt.NDArray[np.float64] | None]:
    """Return what earlier runs and this one have observed, with the losses, (observations,), or None without any.

    Each run's losses are standardised on their own, since other data and settings give other scales; a run that has
    none at all is told the worst of the others'. Without earlier runs the losses stay as they are.
    """
    runs = [run for run in (*prior, own) if run]
    observations = [observation for run in runs for observation in run]
    if len(runs) < 2:  # noqa: PLR2004 -- nothing to join
        return observations, told_losses(observations)
    scaled = [None if losses is None else standardised(losses) for losses in map(told_losses, runs)]
    known = [losses for losses in scaled if losses is not None]
    if not known:
        return observations, None
    worst = max(losses.max() for losses in known)
    parts = [np.full(len(run), worst) if losses is None else losses for run, losses in zip(runs, scaled, strict=True)]
    return observations, np.concatenate(parts)


def told_optimizer(
    space: SearchSpace,
    observations: Sequence[Observation],
    losses: npt.NDArray[np.float64],
    *,
    acquisition: str,
    random_seed: int,
) -> Optimizer:
    """Return a fresh optimiser that was told all `observations`, with `losses` of theirs, (observations,), at once.

    Its process is fitted, with BLAS on as many threads as the caller allows: one is some ten times faster than many,
    which only wait for each other here.
    """
    optimizer = Optimizer(
        [_dimension(dimension) for dimension in space.searched.values()],
        base_estimator="GP",
        n_initial_points=0,
        acq_func=acquisition,
        # skopt's default, L-BFGS, climbs to points between the optimizers, which no trial can have, and did no better
        # than random search; sampled candidates are all possible (Garrido-Merchan and Hernandez-Lobato, 1805.03463)
        acq_optimizer="sampling",
        random_state=random_seed % 2**32,
        avoid_duplicates=False,
    )
    optimizer.tell(
        [[observation.params[name] for name in space.searched] for observation in observations],
        standardised(losses).tolist(),
    )
    return optimizer


def _dimension(dimension: Range | tuple[str, ...]) -> Dimension:
    if isinstance(dimension, Range):
        return Real(dimension.low, dimension.high, prior=dimension.prior)
    return Categorical(dimension)
