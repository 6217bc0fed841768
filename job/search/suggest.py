"""From records to the next parameters: Bayesian optimisation as a pure function.

Nothing of the optimiser outlives a call: each one fits a fresh process, seeded by the run's seed and the trial's
number, to all earlier observations. So a resumed job suggests what an uninterrupted one does. Knows no torch, no
storage and no objective; losses are minimised.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.search.cube import Params, point, to_unit
from job.search.process import Observation, Process, joined
from job.search.space import Range, SearchSpace
from job.search.usual import best_guess
from job.seeds import derive_seed

__all__ = ["Observation", "Params", "design_size", "suggest"]

_REPLACEMENTS = 64  # random points to try in place of a duplicate; the first is new unless the space is finite
_LEAST_DESIGN = 2  # trials of the design, however much earlier runs tell
_INFORMED = 15  # with so many pending trials, what their first epochs tell is worth more than what is left of them
_CANDIDATES = 2048  # random points to choose from
_CENTRES = 4  # best observed points, with more candidates near each
_NEAR = 64
_STEP = 0.08  # their standard deviation along each range, in its prior
_SAME = 1e-9  # relative difference below which two values of a real parameter are the same one


def design_size(n_initial: int, n_prior: int, parallel: int = 1) -> int:
    """Return the number of trials in the initial design, given the number of observations from earlier runs.

    The first `parallel` trials know of no other, so without earlier runs they are of the design.
    """
    return min(n_initial, _LEAST_DESIGN) if n_prior >= n_initial else max(n_initial, parallel)


def suggest(
    space: SearchSpace,
    *,
    seed: int,
    observations: Sequence[Observation],
    number: int,
    n_initial: int,
    prior: Sequence[Sequence[Observation]] = (),
    pending: Sequence[Observation] = (),
    parallel: int = 1,
    guess_first: bool = True,
) -> Params:
    """Return the parameters of trial `number`: plain floats and strings, in canonical order, the fixed ones among them.

    The first `n_initial` or `parallel` trials are points of a design that depends on seed and space alone, but for the
    very first, which is the best guess unless `guess_first` is false, as in older runs. Later ones maximise the
    expected improvement of a Gaussian process fitted to `observations`, those of all earlier trials that this one
    knows, in order. The point is random if no observation has a loss, or if the process suggests an observed point;
    only in a space of optimizers alone, all observed, or of one point is it repeated.

    `pending` are earlier trials, in order, whose ends this one does not know (`job.search.schedule`). They stand for
    what the process expects of them, or, with _INFORMED of them or more, for what their losses so far let expect.

    `prior` holds the observations of earlier runs, one list each; the process is fitted to them, too. If they are
    `n_initial` or more, the design has two points. Their points may be suggested again: they are new to this run.
    """
    if not space.searched:
        return point(space, np.empty(0))
    size = design_size(n_initial, sum(map(len, prior)), parallel)
    if number == 0 and guess_first:
        return best_guess(space)
    if number < size:
        return point(space, _design(space, seed, size)[number])
    rng = np.random.default_rng(derive_seed(seed, "random point", number))
    with threadpool_limits(1, user_api="blas"):  # some ten times faster: threads only wait for each other here
        informed = [each for each in pending if each.curve] if len(pending) >= _INFORMED else []
        told, losses = joined(space, prior, [*observations, *informed])
        if losses is None:
            # beside others at work, the design goes on
            return point(space, _design(space, seed, number + 1)[number]) if pending else _random_point(space, rng)
        process = Process(space, told, losses)
        unknown = [to_unit(space, each.params) for each in pending if each not in informed]
        if unknown:
            process.hallucinate(np.array(unknown))
        units = candidates(process, losses, np.random.default_rng(derive_seed(seed, "suggest", number)))
        params = point(space, units[int(process.expected_improvement(units).argmax())])
    return _unseen(space, params, [*observations, *pending], rng)


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


def candidates(process: Process, losses: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the points that the best is chosen of, (candidates, dimensions) in [0, 1].

    They are drawn at random: following a gradient leads to points between the optimizers, which no trial can have
    (Garrido-Merchan and Hernandez-Lobato, 1805.03463). Some are drawn near the observed points with the lowest of
    `losses`, (observations,), since few others are.
    """
    searched = process.space.searched
    units = rng.random((_CANDIDATES, len(searched)))
    near = np.repeat(process.observed[np.argsort(losses, kind="stable")[:_CENTRES]], _NEAR, axis=0)
    near = near + rng.normal(0.0, _STEP, near.shape) * [isinstance(each, Range) for each in searched.values()]
    return np.vstack([units, np.clip(near, 0.0, 1.0)])


def _unseen(
    space: SearchSpace, params: Params, observations: Sequence[Observation], rng: np.random.Generator
) -> Params:
    """Return `params`, or a random point if they were observed: training the same again teaches little."""
    candidate = params
    for _ in range(_REPLACEMENTS):
        if not any(_same(candidate, observation.params) for observation in observations):
            return candidate
        candidate = _random_point(space, rng)
    return params


def _same(params: Params, others: Mapping[str, float | str]) -> bool:
    return all(
        value == others[name] or (isinstance(value, float) and math.isclose(value, float(others[name]), rel_tol=_SAME))
        for name, value in params.items()
    )
