"""Metrics of a classifier, all from its confusion matrix."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z95 = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True)
class Metrics:
    """Scores of predictions, each from 0 to 1."""

    accuracy: float
    macro_f1: float
    balanced_accuracy: float


@dataclass(frozen=True)
class ClassMetrics:
    """Scores of one class; `support` is its number of photos."""

    precision: float
    recall: float
    f1: float
    support: int


def metrics_of(confusion: NDArray[np.int64]) -> Metrics:
    """Return the scores of a confusion matrix, (C, C), rows true classes and columns predicted ones.

    As in scikit-learn: macro F1 is the mean over classes that occur, true or predicted, and balanced accuracy the
    mean recall over classes that occur as true.
    """
    hits = np.diag(confusion).astype(float)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    occurs = support + predicted > 0
    f1 = 2 * hits[occurs] / (support + predicted)[occurs]
    recall = hits[support > 0] / support[support > 0]
    return Metrics(
        accuracy=float(hits.sum() / confusion.sum()), macro_f1=float(f1.mean()), balanced_accuracy=float(recall.mean())
    )


def class_metrics_of(confusion: NDArray[np.int64]) -> list[ClassMetrics]:
    """Return the scores of each class of a confusion matrix, (C, C); 0 where a score is not defined."""
    rows = []
    for label in range(len(confusion)):
        hits = int(confusion[label, label])
        support, predicted = int(confusion[label].sum()), int(confusion[:, label].sum())
        rows.append(
            ClassMetrics(
                precision=hits / predicted if predicted else 0.0,
                recall=hits / support if support else 0.0,
                f1=2 * hits / (support + predicted) if support + predicted else 0.0,
                support=support,
            )
        )
    return rows


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a proportion (Wilson, 1927), which stays within 0 and 1."""
    share = hits / count
    spread = _Z95 * math.sqrt(share * (1 - share) / count + _Z95**2 / (4 * count**2))
    centre = share + _Z95**2 / (2 * count)
    scale = 1 + _Z95**2 / count
    low = 0.0 if hits == 0 else (centre - spread) / scale  # exact: rounding would miss it by a hair
    high = 1.0 if hits == count else (centre + spread) / scale
    return low, high
