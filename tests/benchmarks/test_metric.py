"""The score of a search: what it counts, and what it tells apart."""

import math

import numpy as np
import pytest

from benchmarks.metric import difference, interquartile_mean, interval, ranks, regret_at, scale_of, score


def test_regret_is_set_against_the_best_five_and_the_median() -> None:
    """One lucky row moves the best by a fifth of its lead alone; what is beyond either end is clipped."""
    scale = scale_of([0.1, 0.2, 0.2, 0.2, 0.3, 0.5, 0.7, 0.8, None])
    assert scale.best == pytest.approx(0.2)
    assert scale.middle == 0.3
    assert [scale.regret(loss) for loss in (0.1, 0.2, 0.25, 0.9, None)] == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])


def test_a_second_training_that_diverged_is_worse_than_any() -> None:
    """Otherwise a table in which many diverge would have a low median."""
    assert scale_of([0.1] * 5 + [0.4] + [None] * 5).middle == 0.4


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], 1.0),
        ([(8, 0.0)], 0.0),
        ([(4, 0.0)], 0.0),  # sooner than a whole trial is no better
        ([(32, 0.0)], 0.5),  # half of the doublings from 8 to 128
        ([(8, 0.6), (32, 0.2)], 0.4),
        ([(8, 0.6), (32, 0.2), (200, 0.0)], 0.4),  # beyond the budget nothing counts
    ],
)
def test_the_score_is_the_area_over_the_logarithm_of_the_epochs(
    history: list[tuple[float, float]], expected: float
) -> None:
    """Each doubling of the epochs weighs the same."""
    assert score(history, first=8, budget=128) == pytest.approx(expected)


def test_the_regret_is_that_of_the_last_choice() -> None:
    """Before the first choice it is 1."""
    history = [(8.0, 0.6), (32.0, 0.2)]
    assert [regret_at(history, spent) for spent in (7, 8, 31, 32, 99)] == [1.0, 0.6, 0.6, 0.2, 0.2]


def test_the_interquartile_mean_leaves_a_quarter_out_on_either_side() -> None:
    """As scipy's trimmed mean does where a quarter is a whole number, and in part where it is none."""
    assert interquartile_mean(np.array([[-99.0, 1.0], [2.0, 99.0]])) == 1.5
    assert interquartile_mean(np.array([0.0, 1.0, 5.0])) == pytest.approx((0.25 * 0 + 1 + 0.25 * 5) / 1.5)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """95 % of intervals hold the interquartile mean of the distribution that scores are drawn from."""
    seed = 5
    rng = np.random.default_rng(seed)
    draws = [rng.normal(0.3, 0.1, (2, 40)) for _ in range(60)]
    held = sum(low <= 0.3 <= high for low, high in (interval(scores, rng) for scores in draws))
    assert held >= 52, f"seed {seed}"


def test_a_paired_difference_tells_apart_what_two_intervals_would_not() -> None:
    """Two methods that are lucky and unlucky on the same seeds differ by what is left."""
    rng = np.random.default_rng(3)
    ours = rng.uniform(0.0, 1.0, (3, 50))
    method = ours + 0.03 + rng.normal(0.0, 0.01, ours.shape)
    assert interval(method, rng)[0] < interval(ours, rng)[1]
    middle, low, high = difference(method, ours, rng)
    assert 0 < low < middle < high < 0.06
    assert difference(ours, ours, rng) == (0.0, 0.0, 0.0)


def test_ranks_are_shared() -> None:
    """1 is the best; equal scores have the mean of their ranks, and ranks add up."""
    scores = {
        "a": np.array([[0.1, 0.2]]),
        "b": np.array([[0.1, 0.3]]),
        "c": np.array([[0.5, 0.1]]),
    }
    found = ranks(scores)
    assert found == {"a": 1.75, "b": 2.25, "c": 2.0}
    assert math.isclose(sum(found.values()), 6)
