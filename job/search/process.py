"""The Gaussian process: how a search space and what was observed in it are told to scikit-optimize.

What is suggested and what is reported of the search come from one process, fitted here. Knows no torch and no storage.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skopt.acquisition import gaussian_ei
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from job.records.objective import sense
from job.search.cube import codes, steps, to_unit
from job.search.space import Range, SearchSpace

_LENGTHS = (0.5, 10.0)
"""Bounds of the length scales, in ranges. Shorter ones overfit a dozen trials: with 0.1 and 0.3 replays on recorded
curves found less."""

_CHUNK = 4096  # points predicted at once, which bounds the memory


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


class Process:
    """The Gaussian process of skopt, fitted to what was observed in a search space.

    Losses are told as they are. Their logarithms, ranks, or what is left of them below a quantile, and a number for
    each optimizer in place of a column, made no difference beyond the seeds' spread on 92 recorded curves.

    Points are rows of the unit cube, (points, dimensions) in [0, 1], which `point` maps through the priors.
    """

    def __init__(
        self,
        space: SearchSpace,
        observations: Sequence[Observation],
        losses: npt.NDArray[np.float64],
    ) -> None:
        """Fit to losses, (observations,), in the order of the observations.

        BLAS may use as many threads as the caller allows: one is some ten times faster than many, which only wait for
        each other here.
        """
        self.space = space
        self.observed = np.array([to_unit(space, observation.params) for observation in observations])
        features = self._features(self.observed)
        dimensions = features.shape[1]
        kernel = ConstantKernel(1.0, (0.1, 20.0)) * Matern([0.5] * dimensions, [_LENGTHS] * dimensions, nu=2.5)
        self.model = GaussianProcessRegressor(kernel + WhiteKernel(0.05, (1e-3, 0.5)), noise="gaussian")
        largest = float(np.abs(losses).max()) or 1.0  # without it, squares of huge losses overflow
        self.centre = float((losses / largest).mean()) * largest
        self.scale = float((losses / largest).std()) * largest
        # EI's threshold, skopt's xi = 0.01, has the unit of what is told: an improvement of the accuracy by
        # less than a point would count for nothing
        self.losses = (losses / largest - self.centre / largest) / (self.scale / largest or 1.0)
        with warnings.catch_warnings():
            # a length scale at its bound is one of a hyperparameter that does not matter
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(features, self.losses)

    def hallucinate(self, unit: npt.NDArray[np.float64]) -> None:
        """Take points, (points, dimensions), for observed, each with the loss that is expected there.

        So the process is as sure there as if it knew, its mean stays, and improvement is expected elsewhere
        (Desautels et al., Parallelizing Exploration-Exploitation Tradeoffs, 2014). The kernel stays as it was fitted.
        """
        kernel = clone(self.model.kernel_)
        kernel.set_params(k2__noise_level=self.model.noise_)  # skopt takes it out after a fit
        features = np.vstack([self._features(self.observed), self._features(unit)])
        losses = np.concatenate([self.losses, self.standardised(unit)])
        self.model = GaussianProcessRegressor(kernel, noise="gaussian", optimizer=None)
        self.model.fit(features, losses)

    def predict(self, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the expected losses, (points,)."""
        return self.standardised(unit) * self.scale + self.centre

    def standardised(self, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the expected losses, (points,), less the mean of those it was told, in their standard deviation."""
        parts = [self.model.predict(self._features(unit[at : at + _CHUNK])) for at in range(0, len(unit), _CHUNK)]
        return np.concatenate(parts)

    def expected_improvement(self, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how far below the lowest loss so far points are expected to lie, (points,), in standard deviations."""
        return np.asarray(gaussian_ei(self._features(unit), self.model, y_opt=self.losses.min()))

    def _features(self, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what the process is told of points: (points, features).

        Ranges count in their priors. Each optimizer has a column of its own, since none lies between two others. And
        the learning rate has a second one, that of the steps which momentum adds up to, rate / (1 - momentum): there,
        equal rates mean the same at another momentum. A momentum that is a mean (AVERAGING) adds nothing up.
        """
        columns = []
        for (name, dimension), column in zip(self.space.searched.items(), unit.T, strict=True):
            if isinstance(dimension, tuple):
                columns += list(np.eye(len(dimension))[codes(dimension, column)].T)
                continue
            columns.append(column)
            if name == "learning_rate":
                columns.append(_raised(dimension, column, steps(self.space, unit)))
        return np.column_stack(columns)


def joined(
    space: SearchSpace, prior: Sequence[Sequence[Observation]], own: Sequence[Observation]
) -> tuple[list[Observation], npt.NDArray[np.float64] | None]:
    """Return what earlier runs and this one have observed, with the losses, (observations,), or None without any.

    The losses of an earlier run, of other data perhaps, are shifted by what this run's differ on average from those
    that a process fitted to the earlier run alone expects where this run has been.
    """
    observations, losses = list(own), told_losses(own)
    parts = [] if losses is None else [losses]
    for run in prior:
        earlier = told_losses(run)
        if earlier is None:
            continue
        if losses is not None:
            process = Process(space, run, earlier)
            units = np.array([to_unit(space, observation.params) for observation in own])
            earlier = earlier + (losses - process.predict(units)).mean()
        observations += run
        parts.append(earlier)
    if not parts:
        return observations, None
    if losses is None:  # where all of this run's trials diverged, they are told the worst that others came to
        parts.insert(0, np.full(len(own), max(part.max() for part in parts)))
    return observations, np.concatenate(parts)


def _raised(
    dimension: Range, column: npt.NDArray[np.float64], factor: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return where values of a range would lie if they were `factor` times as large, (points,)."""
    if dimension.prior == "log-uniform":
        return column + np.log(factor) / math.log(dimension.high / dimension.low)
    return (column + dimension.low / (dimension.high - dimension.low)) * factor
