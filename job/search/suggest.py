"""From records to the next parameters: Bayesian optimisation as a pure function.

Nothing of the optimiser outlives a call: each one builds a fresh `skopt.Optimizer`, seeded by the run's seed and the
trial's number, tells it all earlier observations at once and asks once. So a resumed job suggests what an
uninterrupted one does. Knows no torch, no storage and no objective; losses are minimised.
"""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.search.process import Observation, Params, joined, point, told_optimizer, with_fixed
from job.search.space import PARAMETERS, SearchSpace
from job.seeds import derive_seed

__all__ = ["Observation", "Params", "design_size", "suggest"]

_REPLACEMENTS = 64  # random points tried in place of a duplicate; in all but finite spaces the first one is new
_LEAST_DESIGN = 2  # trials of the design that a run has however much is known before it
_SAME = 1e-9  # relative difference below which two values of a real parameter are the same one


def design_size(n_initial: int, n_prior: int) -> int:
    """Return how many trials the initial design has where so many observations of earlier runs are known."""
    return min(n_initial, _LEAST_DESIGN) if n_prior >= n_initial else n_initial


def suggest(
    space: SearchSpace,
    *,
    seed: int,
    observations: Sequence[Observation],
    number: int,
    n_initial: int,
    acquisition: str,
    prior: Sequence[Sequence[Observation]] = (),
) -> Params:
    """Return the parameters of trial `number`: plain floats and strings, in canonical order, the fixed ones among them.

    Trials below `n_initial` are points of a design that depends on seed and space alone. Later ones maximise the
    `acquisition` (EI, LCB, PI or gp_hedge) of a Gaussian process fitted to `observations`, which are those of all
    earlier trials, in their order. Where no observation has a loss, and where the process suggests what was already
    observed, the point is random; in a space of optimizers alone, of which each has been observed, it is repeated.

    `prior` are the observations of earlier runs, one list each, which the process is told as well. Where they are
    `n_initial` or more, the design has two points. A point of theirs may be suggested: it is new to this run.

    gp_hedge learns from its earlier choices, which a fresh optimiser has not made: here it picks one of the other three
    at random.
    """
    if number < design_size(n_initial, sum(map(len, prior))):
        return point(space, _design(space, seed, n_initial)[number])
    rng = np.random.default_rng(derive_seed(seed, "random point", number))
    told, losses = joined(prior, observations)
    if losses is None:
        return _random_point(space, rng)
    with threadpool_limits(1, user_api="blas"):  # some ten times faster: threads only wait for each other here
        params = _ask(space, told, losses, acquisition, derive_seed(seed, "suggest", number))
    return _unseen(space, params, observations, rng)


def _design(space: SearchSpace, seed: int, n_initial: int) -> npt.NDArray[np.float64]:
    """Return a scrambled Sobol design, (n_initial or more, dimensions) in [0, 1).

    Cut each dimension into 2^k equal parts, and the first 2^k points have one in each (Owen, Scrambling Sobol' and
    Niederreiter-Xing points, 1998): each of four optimizers stands twice among the first eight.
    """
    rng = np.random.default_rng(derive_seed(seed, "design"))
    sobol = qmc.Sobol(len(space.searched), scramble=True, rng=rng)
    return np.asarray(sobol.random_base2((n_initial - 1).bit_length()))


def _random_point(space: SearchSpace, rng: np.random.Generator) -> Params:
    return point(space, rng.random(len(space.searched)))


def _ask(
    space: SearchSpace,
    observations: Sequence[Observation],
    losses: npt.NDArray[np.float64],
    acquisition: str,
    random_seed: int,
) -> Params:
    optimizer = told_optimizer(space, observations, losses, acquisition=acquisition, random_seed=random_seed)
    with warnings.catch_warnings():
        # _unseen replaces such a point
        warnings.filterwarnings("ignore", "The objective has been evaluated at point", UserWarning)
        return with_fixed(space, optimizer.ask())


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
