"""What training the best trials again gives, and what it costs: recorded tables, many searches that end.

    python -m benchmarks.choice

A search has trained 16 random rows of a table. Either it ends with three more, and publishes the trial with the best
value; or it trains the best three again, and publishes the repetition with the best value, which costs as much. What
counts is the accuracy of the published weights on test photos.

A table has it of repetitions alone. A trial's is estimated by what repetitions show: their test accuracy as a linear
function of their own value and of the trial's, among the better half of the rows. A trial is the other way round.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.figure import Figure, print_figures
from benchmarks.table import Line, read_table, whole_tables

SEARCHES = 4000
RESAMPLES = 400
TRIALS = 16
AGAIN = 3

_Values = npt.NDArray[np.float64]


def gain(values: _Values, rng: np.random.Generator, searches: int) -> float:
    """Return what repetitions gain in the test accuracy of what is published, a mean over searches.

    `values` are (3, rows): each trial's value, its repetition's, and its repetition's test accuracy.
    """
    trial, repetition, test = values
    better = trial >= np.median(trial)
    terms = np.column_stack([np.ones(len(trial)), repetition, trial])
    weights, *_ = np.linalg.lstsq(terms[better], test[better])
    trial_test = terms[:, [0, 2, 1]] @ weights
    gains = []
    for _ in range(searches):
        drawn = rng.permutation(len(trial))[: TRIALS + AGAIN]
        longer = drawn[trial[drawn].argmax()]
        again = drawn[:TRIALS][np.argsort(-trial[drawn[:TRIALS]])[:AGAIN]]
        gains.append(test[again[repetition[again].argmax()]] - trial_test[longer])
    return float(np.mean(gains))


def figures() -> Iterator[Figure]:
    """Yield a figure for each whole table."""
    for path in whole_tables():
        rows = read_table(path)[1]
        yield _figure(path, [row for row in rows if row["repetition"]["test"] is not None and row["accuracy"]])


def _figure(path: Path, rows: list[Line]) -> Figure:
    trial = np.array([max(row["accuracy"]) for row in rows])
    repetition = np.array([max(row["repetition"]["accuracy"]) for row in rows])
    test = np.array([row["repetition"]["test"]["accuracy"] for row in rows])
    values, rng = np.stack([trial, repetition, test]), np.random.default_rng(0)
    mean = 100 * gain(values, rng, SEARCHES)
    others = [gain(values[:, rng.integers(len(rows), size=len(rows))], rng, SEARCHES // 20) for _ in range(RESAMPLES)]
    low, high = 100 * np.quantile(others, (0.025, 0.975))
    details: dict[str, float | str] = {"95 % interval, rows drawn again": f"{low:.2f} to {high:.2f}"}
    return Figure(path.stem, round(mean, 2), None, "points of accuracy", details=details)


if __name__ == "__main__":
    print_figures(figures())
