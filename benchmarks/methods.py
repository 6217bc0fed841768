"""The search methods that are compared: the job's own, with each pruner, and those that need no other library."""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np

from benchmarks.replay import Method, Seen, Table, Train, replay
from job.search.cube import point
from job.search.process import Observation
from job.search.pruning import Pruner, stops
from job.search.space import SearchSpace
from job.search.suggest import suggest
from job.settings import Settings

SPACE = SearchSpace()
_DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}
N_INITIAL: int = _DEFAULTS["n_initial_trials"]
DEFAULT: Pruner = _DEFAULTS["pruner"]
OURS = f"ours, {DEFAULT}"
"""The name of the job's search with its default settings."""
_WARM_TRIALS = 8
"""Whole trials whose epochs an earlier run has spent."""


def ours(
    table: Table,
    seed: int,
    *,
    pruner: Pruner = DEFAULT,
    prior: Sequence[Sequence[Observation]] = (),
    observations: list[Observation] | None = None,
) -> Generator[Train, Seen]:
    """Search as the job does, one trial at a time; `observations` gets what comes of each."""
    found = [] if observations is None else observations
    while True:
        params = suggest(
            SPACE,
            seed=seed,
            observations=found,
            number=len(found),
            n_initial=N_INITIAL,
            acquisition=_DEFAULTS["acquisition"],
            prior=prior,
        )
        curves = [each.curve for each in found]
        seen = yield Train(params, 1)
        while not ended(seen, table) and not stops(pruner, curves, seen.losses, table.epochs):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        found.append(observed(seen, table))


def ended(seen: Seen, table: Table) -> bool:
    """Say whether nothing is left of a trial."""
    return seen.diverged or len(seen.losses) == table.epochs


def observed(seen: Seen, table: Table) -> Observation:
    """Return what the job would find in the record of a trial that goes on no further."""
    loss = min(seen.losses) if len(seen.losses) == table.epochs else None
    return Observation(seen.params, loss, seen.losses, pruned=not ended(seen, table))


def warm_start(earlier: Table) -> Method:
    """Return the job's search that is told what an earlier run on another table has observed."""

    def method(table: Table, seed: int) -> Generator[Train, Seen]:
        prior: list[Observation] = []
        replay(earlier, ours(earlier, seed, observations=prior), _WARM_TRIALS * earlier.epochs)
        return ours(table, seed, prior=[prior])

    return method


def random_search(table: Table, seed: int) -> Generator[Train, Seen]:
    """Train points of the priors to their end."""
    rng = np.random.default_rng(seed)
    while True:
        yield Train(point(SPACE, rng.random(len(SPACE.searched))), table.epochs)


def first_epochs(table: Table, seed: int) -> Generator[Train, Seen]:
    """Train random points for one epoch each, and the best eighth of them to the end; twice as many each time."""
    rng = np.random.default_rng(seed)
    left, wanted = len(table.rows), 8
    while left:
        wanted = min(wanted, left)
        begun: list[Seen] = []
        while len(begun) < wanted:
            begun.append((yield Train(point(SPACE, rng.random(len(SPACE.searched))), 1)))
        left -= wanted
        whole = sorted((seen for seen in begun if not seen.diverged), key=lambda seen: seen.losses[0])
        for seen in whole[: max(1, wanted // 8)]:
            yield Train(seen.number, table.epochs)
        wanted *= 2


METHODS: dict[str, Method] = {
    "random": random_search,
    "first epochs": first_epochs,
    **{f"ours, {pruner}": partial(ours, pruner=pruner) for pruner in ("none", "median", "halving")},
}
