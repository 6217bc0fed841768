"""From records to the next parameters: Bayesian optimisation as a pure function.

Nothing of the optimiser outlives a call: each one builds a fresh `skopt.Optimizer`, seeded by the run's seed and the
trial's number, tells it all earlier observations at once and asks once. So a resumed job suggests what an
uninterrupted one does. Knows no torch, no storage and no objective; losses are minimised.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc
from skopt import Optimizer
from skopt.space import Categorical, Dimension, Real
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.search.space import PARAMETERS, Range, SearchSpace
from job.seeds import derive_seed

Params = dict[str, float | str]

_REPLACEMENTS = 64  # random points tried in place of a duplicate; in all but finite spaces the first one is new
_SAME = 1e-9  # relative difference below which two values of a real parameter are the same one


@dataclass(frozen=True)
class Observation:
    """What an earlier trial was run with and what came of it.

    `loss` is minimised; None is a trial that diverged or failed. Raises ValueError for a loss that is not finite.
    """

    params: Mapping[str, float | str]
    loss: float | None

    def __post_init__(self) -> None:
        if self.loss is not None and not math.isfinite(self.loss):
            raise ValueError(f"a loss must be finite, or None where the trial diverged, not {self.loss}")


def suggest(
    space: SearchSpace, *, seed: int, observations: Sequence[Observation], number: int, n_initial: int, acquisition: str
) -> Params:
    """Return the parameters of trial `number`: plain floats and strings, in canonical order, the fixed ones among them.

    Trials below `n_initial` are points of a design that depends on seed and space alone. Later ones maximise the
    `acquisition` (EI, LCB, PI or gp_hedge) of a Gaussian process fitted to `observations`, which are those of all
    earlier trials, in their order. Where no observation has a loss, and where the process suggests what was already
    observed, the point is random; in a space of optimizers alone, of which each has been observed, it is repeated.

    gp_hedge learns from its earlier choices, which a fresh optimiser has not made: here it picks one of the other three
    at random.
    """
    if number < n_initial:
        return _point(space, _design(space, seed, n_initial)[number])
    rng = np.random.default_rng(derive_seed(seed, "random point", number))
    losses = _told_losses(observations)
    if losses is None:
        return _random_point(space, rng)
    with threadpool_limits(1, user_api="blas"):  # some ten times faster: threads only wait for each other here
        params = _ask(space, observations, losses, acquisition, derive_seed(seed, "suggest", number))
    return _unseen(space, params, observations, rng)


def _design(space: SearchSpace, seed: int, n_initial: int) -> npt.NDArray[np.float64]:
    """Return a scrambled Sobol design, (n_initial or more, dimensions) in [0, 1).

    Cut each dimension into 2^k equal parts, and the first 2^k points have one in each (Owen, Scrambling Sobol' and
    Niederreiter-Xing points, 1998): each of four optimizers stands twice among the first eight.
    """
    rng = np.random.default_rng(derive_seed(seed, "design"))
    sobol = qmc.Sobol(len(space.searched), scramble=True, rng=rng)
    return np.asarray(sobol.random_base2((n_initial - 1).bit_length()))


def _point(space: SearchSpace, unit: npt.NDArray[np.float64]) -> Params:
    """Map a point of the unit cube, (dimensions,) in [0, 1), through the priors."""
    values = [_from_unit(dimension, float(u)) for dimension, u in zip(space.searched.values(), unit, strict=True)]
    return _with_fixed(space, values)


def _from_unit(dimension: Range | tuple[str, ...], u: float) -> float | str:
    if isinstance(dimension, tuple):
        return dimension[int(u * len(dimension))]
    if dimension.prior == "log-uniform":
        return math.exp(math.log(dimension.low) + u * (math.log(dimension.high) - math.log(dimension.low)))
    return dimension.low + u * (dimension.high - dimension.low)


def _with_fixed(space: SearchSpace, values: Sequence[float | str]) -> Params:
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


def _random_point(space: SearchSpace, rng: np.random.Generator) -> Params:
    return _point(space, rng.random(len(space.searched)))


def _told_losses(observations: Sequence[Observation]) -> npt.NDArray[np.float64] | None:
    """Return the losses, (observations,), with the worst one in place of None; None where there is none at all."""
    finite = [observation.loss for observation in observations if observation.loss is not None]
    if not finite:
        return None
    worst = max(finite)
    return np.array([worst if observation.loss is None else observation.loss for observation in observations])


def _standardised(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return losses of mean 0 and standard deviation 1, or zeros where all are equal.

    EI's and PI's threshold, skopt's xi = 0.01, has the unit of what is told: an improvement of the accuracy by less
    than a point would count for nothing.
    """
    largest = np.abs(losses).max()
    scaled = losses / largest if largest > 0 else losses  # squares of huge losses overflow
    centred = scaled - scaled.mean()
    deviation = centred.std()
    return centred / deviation if deviation > 0 else np.zeros_like(losses)


def _ask(
    space: SearchSpace,
    observations: Sequence[Observation],
    losses: npt.NDArray[np.float64],
    acquisition: str,
    random_seed: int,
) -> Params:
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
        _standardised(losses).tolist(),
    )
    with warnings.catch_warnings():
        # _unseen replaces such a point
        warnings.filterwarnings("ignore", "The objective has been evaluated at point", UserWarning)
        return _with_fixed(space, optimizer.ask())


def _dimension(dimension: Range | tuple[str, ...]) -> Dimension:
    if isinstance(dimension, Range):
        return Real(dimension.low, dimension.high, prior=dimension.prior)
    return Categorical(dimension)


def _unseen(
    space: SearchSpace, params: Params, observations: Sequence[Observation], rng: np.random.Generator
) -> Params:
    """Return `params`, or a random point where they were observed: to train the same again teaches little."""
    candidate = params
    for _ in range(_REPLACEMENTS):
        if not any(_same(candidate, observation.params) for observation in observations):
            return candidate
        candidate = _random_point(space, rng)
    return params


def _same(params: Params, others: Mapping[str, float | str]) -> bool:
    return all(_same_value(params[name], others[name]) for name in PARAMETERS)


def _same_value(value: float | str, other: float | str) -> bool:
    if isinstance(value, str) or isinstance(other, str):
        return value == other
    return math.isclose(value, other, rel_tol=_SAME)
