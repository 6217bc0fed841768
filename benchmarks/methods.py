"""The search methods that are compared: the job's own, its variants, and those that need no other library."""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np

from benchmarks.replay import Method, Seen, Table, Train
from job.search.process import Observation, point
from job.search.pruning import Pruner, stops
from job.search.space import SearchSpace
from job.search.suggest import suggest

SPACE = SearchSpace()
N_INITIAL = 8


def ours(table: Table, seed: int, *, pruner: Pruner, n_initial: int = N_INITIAL) -> Generator[Train, Seen]:
    """Search as the job does, one trial at a time."""
    observations: list[Observation] = []
    while True:
        params = suggest(
            SPACE,
            seed=seed,
            observations=observations,
            number=len(observations),
            n_initial=n_initial,
            acquisition="EI",
        )
        seen = yield Train(params, 1)
        curves = [each.curve for each in observations]
        while not seen.diverged and len(seen.losses) < table.epochs and not _stops(pruner, curves, seen, table):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        complete = len(seen.losses) == table.epochs
        loss = min(seen.losses) if complete else None
        pruned = not complete and not seen.diverged
        observations.append(Observation(seen.params, loss, seen.losses, pruned=pruned))


def _stops(pruner: Pruner, curves: Sequence[Sequence[float]], seen: Seen, table: Table) -> bool:
    return stops(pruner, curves, seen.losses, table.epochs)


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
        begun = [(yield Train(point(SPACE, rng.random(len(SPACE.searched))), 1)) for _ in range(wanted)]
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
