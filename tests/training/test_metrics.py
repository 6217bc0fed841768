"""Metrics: equal to scikit-learn's, and right where a class does not occur."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from job.metrics import class_metrics_of, metrics_of, wilson_interval


@pytest.mark.parametrize("seed", range(10))
def test_scores_equal_those_of_scikit_learn(seed: int) -> None:
    """Accuracy, macro F1, balanced accuracy and the scores of each class agree with scikit-learn."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 7, 300)
    predicted = np.where(random.random(300) < 0.6, truth, random.integers(0, 7, 300))
    confusion = sklearn_metrics.confusion_matrix(truth, predicted, labels=range(7))
    scores = metrics_of(confusion)
    assert scores.accuracy == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    assert scores.macro_f1 == pytest.approx(sklearn_metrics.f1_score(truth, predicted, average="macro"))
    assert scores.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, predicted))
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(truth, predicted)
    rows = class_metrics_of(confusion)
    assert [row.precision for row in rows] == pytest.approx(precision)
    assert [row.recall for row in rows] == pytest.approx(recall)
    assert [row.f1 for row in rows] == pytest.approx(f1)
    assert [row.support for row in rows] == support.tolist()


def test_classes_that_do_not_occur_do_not_count() -> None:
    """A class with neither a photo nor a prediction changes no mean; one that is only predicted lowers macro F1."""
    confusion = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert metrics_of(confusion).balanced_accuracy == pytest.approx(0.75)
    assert metrics_of(confusion).macro_f1 == pytest.approx((6 / 7 + 0) / 2)


def test_wilson_interval_of_a_known_case() -> None:
    """8 of 10 has the interval (0.490, 0.943), as tables give it, and no interval leaves 0 to 1."""
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(10, 10)[1] == 1.0
    assert wilson_interval(0, 10)[0] == 0.0
