"""Search methods, replayed on a table of recorded learning curves.

A method is a generator: it yields what it wants to have trained, and is sent what came of it. What is trained is the
nearest configuration of the table, of the same optimizer as long as there is one, that it has not had yet; so every
method learns of points where something was measured, pays for every epoch, and never gets the same measurement twice.
It may go on later with a configuration that it has left, and pays for the new epochs alone.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.metric import Scale, scale_of
from benchmarks.table import read_table
from job.search.cube import Params, to_unit
from job.search.space import SearchSpace


@dataclass(frozen=True)
class Train:
    """A request: train new parameters, or go on with a configuration, until it has so many epochs."""

    what: Params | int
    """Parameters, or the number of a row that was trained before."""
    epochs: int


@dataclass(frozen=True)
class Seen:
    """What came of a request."""

    number: int
    """Of the row."""
    params: Params
    losses: tuple[float, ...]
    """1 - accuracy after each epoch."""
    diverged: bool


Method = Callable[["Table", int], Generator[Train, Seen]]
"""Given a table, of which it may know the number of epochs, and a seed."""


@dataclass(frozen=True)
class Row:
    """A configuration: what a search sees of it, and what it is worth."""

    params: Params
    losses: tuple[float, ...]
    """Fewer than all where it diverged."""
    true_loss: float | None
    """Of a second training, on other photos; None where that diverged."""


@dataclass(frozen=True)
class Table:
    """Recorded configurations."""

    rows: tuple[Row, ...]
    epochs: int
    """Of a whole curve."""
    rest: "Table | None" = None
    """The rows that were left out."""

    @cached_property
    def scale(self) -> Scale:
        """What regrets are measured by."""
        return scale_of([row.true_loss for row in self.rows])

    @cached_property
    def _units(self) -> NDArray[np.float64]:
        return np.array([to_unit(_RANGES, row.params) for row in self.rows])

    def half(self, seed: int) -> "Table":
        """Return a random half of the rows; the other half is its `rest`."""
        order = np.random.default_rng([seed, len(self.rows)]).permutation(len(self.rows)).tolist()
        middle = len(order) // 2
        rest = Table(tuple(self.rows[each] for each in sorted(order[middle:])), self.epochs)
        return Table(tuple(self.rows[each] for each in sorted(order[:middle])), self.epochs, rest)

    def nearest(self, params: Params, trained: set[int]) -> int:
        """Return the nearest row that is not trained yet, of the same optimizer as long as there is one."""
        left = [number for number in range(len(self.rows)) if number not in trained]
        same = [number for number in left if self.rows[number].params["optimizer"] == params["optimizer"]] or left
        distances = ((self._units[same] - to_unit(_RANGES, params)) ** 2).sum(axis=1)
        return same[int(distances.argmin())]


_RANGES = SearchSpace(optimizer="sgd")
"""The default search space without its optimizers, which have no distance."""


def load(path: Path) -> Table:
    """Return a recorded table (`benchmarks/curves.py`)."""
    definition, lines = read_table(path)
    rows = []
    for line in lines:
        test = line["repetition"]["test"]
        true_loss = None if test is None else 1 - test["accuracy"]
        rows.append(Row(line["params"], tuple(1 - each for each in line["accuracy"]), true_loss))
    return Table(tuple(rows), definition["epochs"])


def replay(table: Table, method: Generator[Train, Seen], budget: int) -> list[tuple[int, float]]:
    """Return (epochs spent, regret of what is chosen) whenever the choice changes, until `budget` is spent.

    It ends, too, when the method does, or wants another row once all have been begun.

    Chosen is the row whose lowest loss is the lowest of all that were trained to the end; before there is one, nothing
    is, and nothing is in the list.
    """
    lengths: dict[int, int] = {}
    history: list[tuple[int, float]] = []
    spent, lowest = 0, math.inf
    request = next(method)
    while True:
        number = request.what if isinstance(request.what, int) else table.nearest(request.what, set(lengths))
        row = table.rows[number]
        diverges = len(row.losses) < table.epochs
        length = min(request.epochs, len(row.losses) + diverges)  # the epoch that diverges is paid for
        spent += max(0, length - lengths.get(number, 0))
        lengths[number] = max(length, lengths.get(number, 0))
        losses = row.losses[: lengths[number]]
        if spent > budget:
            return history
        if len(losses) == table.epochs and min(losses) < lowest:
            lowest = min(losses)
            history.append((spent, table.scale.regret(row.true_loss)))
        try:
            request = method.send(Seen(number, row.params, losses, diverged=length > len(row.losses)))
        except StopIteration:
            return history
        if not isinstance(request.what, int) and len(lengths) == len(table.rows):
            return history
