"""What the search has learned: the Gaussian process fitted to all trials, asked about each hyperparameter.

Pure functions of the observations, for reports; the search itself never reads them. Knows no torch and no storage.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, sobol_indices, uniform
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.records.objective import sense
from job.records.results import Dependence, DependenceCurve, DependenceSurface, Importance
from job.search.cube import from_unit
from job.search.process import Observation, Process, told_losses
from job.search.space import Range, SearchSpace
from job.seeds import derive_seed

LEAST_TRIALS = 8
"""With fewer trials, complete or pruned, a process says more about its prior than about them."""

LEAST_COMPLETE = 4
"""So many of them must be complete: the final losses of pruned trials are estimated from these."""

_Matrix = npt.NDArray[np.float64]

_SOBOL_POINTS = 4096  # the indices' errors are then about 0.01 (`tests/search/test_surrogate.py`)
_OTHERS = 128  # points of the other hyperparameters that a curve averages over
_OTHERS_OF_PAIRS = 32
_CURVE = 41  # values along a range
_SURFACE = 24
_FLAT = 1e-9  # in standard deviations of the losses; predictions that vary less are equal but for rounding


def fit_surrogate(space: SearchSpace, observations: Sequence[Observation]) -> Process | None:
    """Fit the process to all observations as a suggestion would.

    None where too little is known: fewer trials than LEAST_TRIALS or LEAST_COMPLETE, or losses that are all equal.
    """
    known = [observation.loss for observation in observations if observation.loss is not None]
    trials = len(known) + sum(observation.pruned for observation in observations)
    losses = told_losses(observations)
    if losses is None or len(known) < LEAST_COMPLETE or trials < LEAST_TRIALS or min(known) == max(known):
        return None
    with threadpool_limits(1, user_api="blas"):
        return Process(space, observations, losses)


def importance(surrogate: Process, seed: int) -> dict[str, Importance]:
    """Return the first-order and the total Sobol' index of each hyperparameter that was searched, from 0 to 1.

    They are the shares of the variance of what the process predicts over the priors: functional ANOVA (Hutter, Hoos
    and Leyton-Brown, 2014) with Saltelli's estimator (2010). Empty where all predictions are equal.
    """
    names = list(surrogate.space.searched)
    rng = np.random.default_rng(derive_seed(seed, "importance"))
    with threadpool_limits(1, user_api="blas"):
        if surrogate.standardised(rng.random((_OTHERS, len(names)))).std() < _FLAT:
            return {}
        if len(names) == 1:  # scipy cannot divide among one
            return {names[0]: Importance(main=1.0, total=1.0)}
        indices = sobol_indices(
            func=lambda unit: surrogate.standardised(unit.T),  # unit: (dimensions, points)
            n=_SOBOL_POINTS,
            dists=[uniform()] * len(names),
            rng=rng,
        )
    pairs = zip(indices.first_order.ravel(), indices.total_order.ravel(), strict=True)
    shares = [Importance(main=_share(main), total=_share(total)) for main, total in pairs]
    return dict(zip(names, shares, strict=True))


def partial_dependence(surrogate: Process, seed: int, *, objective: str) -> Dependence:
    """Return what is predicted along each hyperparameter and over each pair of ranges.

    Each value is the mean over points of the other hyperparameters drawn from their priors (Friedman, 2001).
    """
    sign = sense(objective)
    searched = surrogate.space.searched
    rng = np.random.default_rng(derive_seed(seed, "partial dependence"))
    others = qmc.Sobol(len(searched), scramble=True, rng=rng).random(_OTHERS)
    ranges = [column for column, dimension in enumerate(searched.values()) if isinstance(dimension, Range)]
    with threadpool_limits(1, user_api="blas"):
        return Dependence(
            curves={name: _curve(surrogate, others, column, sign) for column, name in enumerate(searched)},
            surfaces=[_surface(surrogate, others[:_OTHERS_OF_PAIRS], x, y, sign) for x, y in combinations(ranges, 2)],
        )


def _share(index: float) -> float:
    """Clip an index to 0..1, beyond which is only the estimator's noise, and round it."""
    return round(min(max(float(index), 0.0), 1.0), 4)


def _curve(surrogate: Process, others: _Matrix, column: int, sign: int) -> DependenceCurve:
    dimension = list(surrogate.space.searched.values())[column]
    grid = _grid(dimension, _CURVE)
    points = np.tile(others, (len(grid), 1))  # (grid * others, dimensions)
    points[:, column] = np.repeat(grid, len(others))
    predicted = sign * surrogate.predict(points).reshape(len(grid), len(others))
    low, high = np.quantile(predicted, [0.1, 0.9], axis=1)
    return DependenceCurve(
        values=[from_unit(dimension, float(u)) for u in grid],
        mean=_rounded(predicted.mean(axis=1)),
        low=_rounded(low),
        high=_rounded(high),
    )


def _surface(surrogate: Process, others: _Matrix, x: int, y: int, sign: int) -> DependenceSurface:
    names, dimensions = zip(*surrogate.space.searched.items(), strict=True)
    grid = _cells(_SURFACE)
    points = np.tile(others, (_SURFACE**2, 1))  # (ys * xs * others, dimensions)
    points[:, x] = np.tile(np.repeat(grid, len(others)), _SURFACE)
    points[:, y] = np.repeat(grid, _SURFACE * len(others))
    predicted = sign * surrogate.predict(points).reshape(_SURFACE, _SURFACE, len(others))
    return DependenceSurface(
        x=names[x],
        y=names[y],
        xs=[float(from_unit(dimensions[x], float(u))) for u in grid],
        ys=[float(from_unit(dimensions[y], float(u))) for u in grid],
        mean=[_rounded(row) for row in predicted.mean(axis=2)],
    )


def _rounded(values: _Matrix) -> list[float]:
    """Return values with six significant digits: a prediction has no more."""
    return [float(f"{value:.6g}") for value in values]


def _grid(dimension: Range | tuple[str, ...], points: int) -> _Matrix:
    """Return the unit interval from end to end for a range, and the middle of each part for a list."""
    return np.linspace(0.0, 1.0, points) if isinstance(dimension, Range) else _cells(len(dimension))


def _cells(count: int) -> _Matrix:
    """Return the middles of equal parts of the unit interval."""
    return (np.arange(count) + 0.5) / count
