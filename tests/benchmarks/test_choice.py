"""What training the best again gives: positive where values mislead, negative where luck stays with the weights."""

import numpy as np
import pytest

from benchmarks.choice import gain


def test_a_second_look_helps_where_values_are_mere_noise() -> None:
    """Weights that are equally good whatever their value: the best of three is better judged with a second value.

    From order statistics of the normal distribution: 1.84 standard deviations for the best of 19, 1.35 for the mean of
    the best three of 16, and 0.85 for the best of three. So 0.0273 above the mean of the truth, against 0.0247.
    """
    seed = 2
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.7, 0.03, 8000)
    trial, repetition = (truth + rng.normal(0.0, 0.06, 8000) for _ in range(2))
    assert gain(np.stack([trial, repetition, truth]), rng, 4000) == pytest.approx(0.0026, abs=0.0012), f"seed {seed}"


def test_more_trials_help_where_luck_stays_with_the_weights() -> None:
    """What a training was lucky in shows in its own test accuracy: trying more of them is worth more than repeating."""
    seed = 2
    rng = np.random.default_rng(seed)
    luck = rng.normal(0.0, 0.03, 8000)
    trial, repetition = 0.7 + rng.normal(0.0, 0.03, 8000), 0.7 + luck
    assert gain(np.stack([trial, repetition, 0.7 + luck]), rng, 4000) < -0.02, f"seed {seed}"
