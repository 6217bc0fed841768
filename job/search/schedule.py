"""The clock of a search that trains several trials at a time: when each starts, and which ends it knows of by then.

Time is counted in epochs, so what a trial knows follows from the records alone: not from the speed of machines, their
number, or which of them died. Knows no torch, no storage and no Ray.
"""

import heapq
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Length:
    """How many epochs a trial takes on the clock."""

    epochs: int
    final: bool = True
    """If not, the trial is at work, and `epochs` is the least that it may come to."""


@dataclass(frozen=True)
class Start:
    """When a trial starts, and what it knows."""

    time: int
    """In epochs since the search began."""
    known: tuple[int, ...]
    """The trials that have ended by then, by number; the other earlier ones are pending."""


def starts(lengths: Sequence[Length], parallel: int) -> list[Start]:
    """Return the starts of trials 0, 1, 2, … as far as they are certain: of one trial more than `lengths` at most.

    The first `parallel` trials start at 0. Each later one takes the place of the earlier trial that ends next, of those
    whose place is not yet taken; the lower number goes first if two end at once. Its start is certain only if that
    trial has ended: then no trial at work can end before it.
    """
    found: list[Start] = []
    known: list[int] = []
    ends: list[tuple[int, int]] = []  # (time, number) of the trials whose place is not yet taken
    for number in range(len(lengths) + 1):
        time = 0
        if number >= parallel:
            time, ended = ends[0]
            if not lengths[ended].final:
                break
            heapq.heappop(ends)
            insort(known, ended)
        found.append(Start(time, tuple(known)))
        if number < len(lengths):
            heapq.heappush(ends, (time + lengths[number].epochs, number))
    return found
