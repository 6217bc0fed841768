"""What the search has learned: the Gaussian process fitted to all trials, asked about each hyperparameter.

Pure functions of what was observed, for reports; the search itself never reads them. Knows no torch and no storage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, sobol_indices, uniform
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.records.objective import sense
from job.search.process import Observation, Process, from_unit, told_losses
from job.search.space import Range, SearchSpace
from job.seeds import derive_seed

LEAST_TRIALS = 8
"""Trials, complete or pruned, below which nothing is said: a process fitted to fewer says more about its prior."""

LEAST_COMPLETE = 4
"""Of them, those that must be complete: what the pruned ones would have come to is expected from these."""

_Matrix = npt.NDArray[np.float64]

_SOBOL_POINTS = 4096  # the indices' errors are then about 0.01 (`tests/search/test_surrogate.py`)
_OTHERS = 128  # points of the other hyperparameters that a curve is the mean over
_OTHERS_OF_PAIRS = 32
_CURVE = 41  # values along a range
_SURFACE = 24
_FLAT = 1e-9  # standard deviations of what was told; predictions that vary less are equal but for rounding


@dataclass(frozen=True)
class Curve:
    """The predicted objective at values of one hyperparameter, over the prior of all others."""

    values: tuple[float | str, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    """The 10 % quantile over the others' values."""
    high: tuple[float, ...]
    """The 90 % quantile."""


@dataclass(frozen=True)
class Surface:
    """The predicted objective at pairs of values of two ranges, the mean over the prior of all others."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    mean: tuple[tuple[float, ...], ...]
    """(ys, xs)"""


@dataclass(frozen=True)
class PartialDependence:
    """Curves by hyperparameter and surfaces by pair of ranges, in the objective's own unit and sense."""

    curves: dict[str, Curve]
    surfaces: dict[tuple[str, str], Surface]


def importance(space: SearchSpace, observations: Sequence[Observation], seed: int) -> dict[str, tuple[float, float]]:
    """Return the first-order and the total Sobol' index of each hyperparameter that was searched for, from 0 to 1.

    They are the shares of the variance of what the process predicts over the priors: functional ANOVA (Hutter, Hoos
    and Leyton-Brown, 2014) with Saltelli's estimator (2010). Empty where there are fewer than LEAST_TRIALS or
    LEAST_COMPLETE, and where all are predicted to be equal.
    """
    surrogate = _fit(space, observations)
    if surrogate is None:
        return {}
    rng = np.random.default_rng(derive_seed(seed, "importance"))
    dimensions = len(space.searched)
    with threadpool_limits(1, user_api="blas"):
        if surrogate.standardised(rng.random((_OTHERS, dimensions))).std() < _FLAT:
            return {}
        if dimensions == 1:  # which scipy cannot divide among
            return dict.fromkeys(space.searched, (1.0, 1.0))
        indices = sobol_indices(
            func=lambda unit: surrogate.standardised(unit.T),  # unit: (dimensions, points)
            n=_SOBOL_POINTS,
            dists=[uniform()] * dimensions,
            rng=rng,
        )
    pairs = zip(indices.first_order.ravel(), indices.total_order.ravel(), strict=True)
    return {name: (_share(main), _share(total)) for name, (main, total) in zip(space.searched, pairs, strict=True)}


def partial_dependence(
    space: SearchSpace, observations: Sequence[Observation], seed: int, *, objective: str
) -> PartialDependence | None:
    """Return what is predicted along each hyperparameter and each pair of ranges, or None where too little is known.

    Each value is the mean over points of the other hyperparameters that are drawn from their priors (Friedman, 2001).
    Too little are fewer than LEAST_TRIALS or LEAST_COMPLETE, and losses that are all equal.
    """
    surrogate = _fit(space, observations)
    if surrogate is None:
        return None
    sign = sense(objective)
    rng = np.random.default_rng(derive_seed(seed, "partial dependence"))
    others = qmc.Sobol(len(space.searched), scramble=True, rng=rng).random(_OTHERS)
    names = list(space.searched)
    ranges = [name for name in names if isinstance(space.searched[name], Range)]
    with threadpool_limits(1, user_api="blas"):
        curves = {name: _curve(surrogate, others, names.index(name), sign) for name in names}
        surfaces = {
            (x, y): _surface(surrogate, others[:_OTHERS_OF_PAIRS], names.index(x), names.index(y), sign)
            for x, y in combinations(ranges, 2)
        }
    return PartialDependence(curves, surfaces)


def _share(index: float) -> float:
    """Return an index without the estimator's noise below 0 and above 1, and without digits that mean nothing."""
    return round(min(max(float(index), 0.0), 1.0), 4)


def _fit(space: SearchSpace, observations: Sequence[Observation]) -> Process | None:
    """Fit the process to all observations as a suggestion would; None where it would know too little."""
    known = [observation.loss for observation in observations if observation.loss is not None]
    trials = len(known) + sum(observation.pruned for observation in observations)
    losses = told_losses(observations)
    if losses is None or len(known) < LEAST_COMPLETE or trials < LEAST_TRIALS or min(known) == max(known):
        return None
    with threadpool_limits(1, user_api="blas"):
        return Process(space, observations, losses)


def _curve(surrogate: Process, others: _Matrix, column: int, sign: int) -> Curve:
    dimension = list(surrogate.space.searched.values())[column]
    grid = _grid(dimension, _CURVE)
    points = np.tile(others, (len(grid), 1))  # (grid * others, dimensions)
    points[:, column] = np.repeat(grid, len(others))
    predicted = sign * surrogate.predict(points).reshape(len(grid), len(others))
    low, high = np.quantile(predicted, [0.1, 0.9], axis=1)
    values = tuple(from_unit(dimension, float(u)) for u in grid)
    return Curve(values, tuple(predicted.mean(axis=1).tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _surface(surrogate: Process, others: _Matrix, x: int, y: int, sign: int) -> Surface:
    dimensions = list(surrogate.space.searched.values())
    grid = _cells(_SURFACE)
    points = np.tile(others, (_SURFACE**2, 1))  # (ys * xs * others, dimensions)
    points[:, x] = np.tile(np.repeat(grid, len(others)), _SURFACE)
    points[:, y] = np.repeat(grid, _SURFACE * len(others))
    predicted = sign * surrogate.predict(points).reshape(_SURFACE, _SURFACE, len(others))
    return Surface(
        xs=tuple(float(from_unit(dimensions[x], float(u))) for u in grid),
        ys=tuple(float(from_unit(dimensions[y], float(u))) for u in grid),
        mean=tuple(tuple(row) for row in predicted.mean(axis=2).tolist()),
    )


def _grid(dimension: Range | tuple[str, ...], points: int) -> _Matrix:
    """Return the unit interval from end to end for a range, and the middle of each part for a list."""
    return np.linspace(0.0, 1.0, points) if isinstance(dimension, Range) else _cells(len(dimension))


def _cells(count: int) -> _Matrix:
    """Return the middles of equal parts of the unit interval."""
    return (np.arange(count) + 0.5) / count
