"""The best guess: what a search trains first."""

import pytest

from job.search.space import DEFAULT_OPTIMIZERS, OPTIMIZERS, SearchSpace, parse_search_space
from job.search.suggest import suggest
from job.search.usual import STEPS, best_guess


def test_the_first_trial_is_the_best_guess_whatever_the_seed() -> None:
    """Later trials of the design depend on the seed; an older run has a point of the design first, too."""

    def asked(seed: int, number: int, *, guess_first: bool = True) -> object:
        space = SearchSpace()
        return suggest(
            space,
            seed=seed,
            observations=[],
            number=number,
            n_initial=8,
            guess_first=guess_first,
        )

    assert asked(0, 0) == asked(1, 0) == best_guess(SearchSpace())
    assert asked(0, 1) != asked(1, 1)
    assert asked(0, 0, guess_first=False) != asked(1, 0, guess_first=False)
    assert asked(0, 1, guess_first=False) == asked(0, 1)


def test_it_is_adam_at_its_usual_rate_in_the_middle_of_everything_else() -> None:
    """Each in its prior."""
    guess = best_guess(SearchSpace())
    assert guess["optimizer"] == "adam"
    assert guess["learning_rate"] == 0.002
    assert guess["momentum"] == pytest.approx(0.5)
    assert guess["weight_decay"] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("space", "optimizer", "rate"),
    [
        ('{"optimizer": ["sgd", "nag"], "momentum": 0.9}', "nag", 0.01),
        ('{"optimizer": "sgd", "momentum": 0.8}', "sgd", 0.02),
        ('{"optimizer": "rmsprop", "momentum": 0.5}', "rmsprop", 0.001),
        ('{"learning_rate": {"low": 0.01}}', "adam", 0.01),
        ('{"learning_rate": {"low": 1e-5, "high": 1e-4, "prior": "uniform"}}', "adam", 1e-4),
        ('{"learning_rate": 0.03}', "adam", 0.03),
    ],
)
def test_it_keeps_to_the_search_space(space: str, optimizer: str, rate: float) -> None:
    """What the momentum adds steps up to counts, a range cuts rates off, and what is fixed stays."""
    parsed = parse_search_space(space)
    guess = best_guess(parsed)
    assert guess["optimizer"] == optimizer
    assert guess["learning_rate"] == pytest.approx(rate)
    assert parsed.holds(guess)


def test_every_optimizer_has_a_usual_step() -> None:
    """One that is added must be given one."""
    assert set(STEPS) == set(OPTIMIZERS) >= set(DEFAULT_OPTIMIZERS)
