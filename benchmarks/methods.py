"""The search methods that need no other library: the job's own, and the simplest ones."""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.replay import Method, Seen, Table, Train, replay
from job.search.cube import Params, point
from job.search.process import Observation
from job.search.pruning import Curve, stops
from job.search.space import SearchSpace
from job.search.suggest import suggest
from job.search.usual import best_guess
from job.settings import Settings

SPACE = SearchSpace()
_DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}
N_INITIAL: int = _DEFAULTS["n_initial_trials"]
OURS = "ours"
NO_GUESS = "ours, no best guess"
_WARM_TRIALS = 8
"""Whole trials whose epochs an earlier run has spent."""

Propose = Callable[[list[Observation]], Params]
"""Given what was observed, what to train next."""
Rule = Callable[[Sequence[Curve], Curve, int], bool]
"""Given the curves of earlier trials, this one's and the epochs of a whole trial: is it to stop?"""
RULE: Rule = partial(stops, _DEFAULTS["pruner"])
"""The job's."""


def in_turn(
    table: Table, propose: Propose, rule: Rule, found: list[Observation] | None = None
) -> Generator[Train, Seen]:
    """Train one trial after the other, each to its end or until the rule stops it; `found` gets what comes of them."""
    found = [] if found is None else found
    while True:
        params = propose(found)
        curves = [each.curve for each in found]
        seen = yield Train(params, 1)
        while not ended(seen, table) and not rule(curves, seen.losses, table.epochs):
            seen = yield Train(seen.number, len(seen.losses) + 1)
        found.append(observed(seen, table))


def ended(seen: Seen, table: Table) -> bool:
    """Say whether nothing is left of a trial."""
    return seen.diverged or len(seen.losses) == table.epochs


def observed(seen: Seen, table: Table) -> Observation:
    """Return what the job would find in the record of a trial that goes on no further."""
    loss = min(seen.losses) if len(seen.losses) == table.epochs else None
    return Observation(seen.params, loss, seen.losses, pruned=not ended(seen, table))


def suggested(
    found: list[Observation],
    *,
    seed: int,
    n_initial: int = N_INITIAL,
    prior: Sequence[Sequence[Observation]] = (),
    guess_first: bool = True,
) -> Params:
    """Return what the job suggests."""
    return suggest(
        SPACE,
        seed=seed,
        observations=found,
        number=len(found),
        n_initial=n_initial,
        prior=prior,
        guess_first=guess_first,
    )


def ours(
    table: Table,
    seed: int,
    *,
    rule: Rule = RULE,
    **suggesting: Any,  # noqa: ANN401 -- as `suggested` takes them
) -> Generator[Train, Seen]:
    """Search as the job does, one trial at a time."""
    return in_turn(table, partial(suggested, seed=seed, **suggesting), rule)


def warm_start(table: Table, seed: int, *, guess_first: bool = True) -> Generator[Train, Seen]:
    """Search as the job does that is told of an earlier run, on the rows that the table leaves out."""
    assert table.rest is not None
    prior: list[Observation] = []
    propose = partial(suggested, seed=seed, guess_first=guess_first)
    replay(table.rest, in_turn(table.rest, propose, RULE, prior), _WARM_TRIALS * table.epochs)
    return in_turn(table, partial(propose, prior=[prior]), RULE)


def random_search(table: Table, seed: int, *, guess_first: bool = False) -> Generator[Train, Seen]:
    """Train points of the priors to their end, perhaps after the best guess."""
    rng = np.random.default_rng(seed)
    if guess_first:
        yield Train(best_guess(SPACE), table.epochs)
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
    OURS: ours,
    NO_GUESS: partial(ours, guess_first=False),
    "random": random_search,
    "random, best guess first": partial(random_search, guess_first=True),
    "first epochs": first_epochs,
}
