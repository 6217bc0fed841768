"""What a search is worth, so that no lucky row of a table can flatter it.

A search sees recorded curves and chooses the configuration with the best value that it has seen at the end of one. That
configuration is worth its true value: the loss of a second training, on photos that no curve was measured on. Its
regret is set against what the table has: 0 is the mean true loss of the five best rows, 1 is the median row, and
nothing is above 1. A search's score is the area under its regret over the logarithm of the epochs spent, from one whole
trial to the budget. 0 is the best score and 1 the worst.

Scores are told as the interquartile mean over all tables and seeds (Agarwal et al., Deep Reinforcement Learning at the
Edge of the Statistical Precipice, 2021), with a 95 % bootstrap interval that draws seeds within each table. Two methods
are compared on the same tables and seeds: one is ahead only if the interval of the paired difference excludes 0.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

BEST = 5
"""Rows whose mean true loss is a regret of 0."""
RESAMPLES = 2000

Scores = NDArray[np.float64]
"""Of a method: (tables, seeds)."""


@dataclass(frozen=True)
class Scale:
    """What regrets in a table are measured by."""

    best: float
    middle: float

    def regret(self, true_loss: float | None) -> float:
        """Return the regret of a row, 0 to 1; of one without a true value, whose second training diverged, it is 1."""
        if true_loss is None:
            return 1.0
        return min(1.0, max(0.0, (true_loss - self.best) / (self.middle - self.best)))


def scale_of(true_losses: Sequence[float | None]) -> Scale:
    """Return the scale of a table with these true losses; None counts as worse than any."""
    known = sorted(math.inf if loss is None else loss for loss in true_losses)
    return Scale(best=fmean(known[:BEST]), middle=median(known))


def score(history: Sequence[tuple[float, float]], *, first: float, budget: float) -> float:
    """Return the area under the regret over log(epochs), from `first` epochs to `budget`, divided by its width.

    `history` holds (epochs spent, regret of the configuration that is then chosen), in order; before it, regret is 1.
    """
    area, regret, since = 0.0, 1.0, first
    for spent, then in history:
        until = min(max(spent, first), budget)
        area += regret * math.log(until / since)
        regret, since = then, until
    area += regret * math.log(budget / since)
    return area / math.log(budget / first)


def regret_at(history: Sequence[tuple[float, float]], spent: float) -> float:
    """Return the regret of the configuration that is chosen once so many epochs are spent."""
    return next((regret for epochs, regret in reversed(history) if epochs <= spent + 1e-9), 1.0)


def interquartile_mean(scores: NDArray[np.float64]) -> float:
    """Return the mean of the middle half of all values; borders count in part."""
    ordered = np.sort(scores, axis=None)
    cut = ordered.size / 4
    # the weight of each value: the part of [cut, size - cut] that lies within [its place, its place + 1]
    places = np.arange(ordered.size)
    weights = np.clip(np.minimum(places + 1, ordered.size - cut) - np.maximum(places, cut), 0.0, 1.0)
    return float(weights @ ordered / weights.sum())


def interval(scores: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of the interquartile mean, by a bootstrap that draws seeds within each table."""
    found = [interquartile_mean(_drawn(scores, rng)) for _ in range(RESAMPLES)]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def difference(method: Scores, ours: Scores, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return by how much a method's interquartile mean is above ours, and the 95 % interval of that, paired."""
    both = np.stack([method, ours], axis=-1)  # (tables, seeds, 2)
    found = []
    for _ in range(RESAMPLES):
        drawn = _drawn(both, rng)
        found.append(interquartile_mean(drawn[..., 0]) - interquartile_mean(drawn[..., 1]))
    low, high = np.quantile(found, (0.025, 0.975))
    return interquartile_mean(method) - interquartile_mean(ours), float(low), float(high)


def ranks(scores: Mapping[str, Scores]) -> dict[str, float]:
    """Return the average rank of each method over all tables and seeds, 1 for the best; equal scores share a rank."""
    values = np.stack(list(scores.values()))  # (methods, tables, seeds)
    below = (values[:, None] > values[None]).sum(axis=1)
    equal = (values[:, None] == values[None]).sum(axis=1)
    return dict(zip(scores, (below + (equal + 1) / 2).mean(axis=(1, 2)).tolist(), strict=True))


def _drawn(scores: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return as many seeds of each table, drawn with replacement; `scores` is (tables, seeds, ...)."""
    tables, seeds = scores.shape[:2]
    drawn = rng.integers(seeds, size=(tables, seeds))
    return scores[np.arange(tables)[:, None], drawn]
