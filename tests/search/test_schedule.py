"""The clock of trials that are trained at the same time: each takes the place of the earlier one that ends next."""

import random
from collections.abc import Sequence

import pytest

from job.search.schedule import Length, Start, starts


def lengths(*epochs: int, at_work: Sequence[int] = ()) -> list[Length]:
    """Return the lengths of trials, some of which have not ended."""
    return [Length(each, final=number not in at_work) for number, each in enumerate(epochs)]


def test_one_trial_at_a_time_knows_all_earlier_ones() -> None:
    """Each starts when the last one ends."""
    assert starts(lengths(8, 1, 3), 1) == [Start(0, ()), Start(8, (0,)), Start(9, (0, 1)), Start(12, (0, 1, 2))]


def test_the_first_trials_start_at_once_and_know_none() -> None:
    """As many as are trained at a time; none of them waits for a length."""
    assert starts([], 4) == [Start(0, ())]
    assert starts(lengths(1, 1, 1, at_work=[0, 1, 2]), 4) == [Start(0, ())] * 4


def test_a_trial_takes_the_place_that_is_free_first() -> None:
    """So it knows the trials that ended until then, by number, whichever numbers they have."""
    found = starts(lengths(8, 2, 8, 3, 4), 3)
    assert found[3:] == [Start(2, (1,)), Start(5, (1, 3)), Start(8, (0, 1, 3))]


def test_of_two_trials_that_end_at_once_the_lower_number_goes_first() -> None:
    """The other one's place is taken next, at the same time, by a trial that knows both."""
    assert starts(lengths(3, 8, 3, 5), 3)[3:] == [Start(3, (0,)), Start(3, (0, 2))]


def test_an_end_that_is_sure_to_come_later_is_not_waited_for() -> None:
    """A trial at work that goes on beyond epoch 4 cannot end before one that has ended after 4."""
    assert starts(lengths(8, 4, at_work=[0]), 2)[2:] == [Start(4, (1,))]
    assert starts(lengths(5, 4, at_work=[0]), 2)[2:] == [Start(4, (1,))]


@pytest.mark.parametrize("least", [1, 3, 4])
def test_no_start_is_certain_while_a_trial_at_work_may_end_before(least: int) -> None:
    """Nor while it may end at the same time and has the lower number."""
    assert len(starts(lengths(least, 4, at_work=[0]), 2)) == 2
    assert len(starts(lengths(4, least, at_work=[1]), 2)) == (3 if least == 4 else 2)


def test_what_comes_after_an_uncertain_start_is_uncertain() -> None:
    """Even if lengths of later trials are known, as after a restart."""
    assert len(starts(lengths(1, 4, 2, 2, at_work=[0]), 2)) == 2


@pytest.mark.parametrize("seed", range(50))
def test_certain_starts_stay_whatever_becomes_of_the_trials_at_work(seed: int) -> None:
    """While lengths are known in part, starts are the beginning of those with all lengths known."""
    print(f"{seed=}")  # noqa: T201 -- pytest shows it where the test fails
    rng = random.Random(seed)
    parallel, whole = rng.randint(1, 16), [rng.randint(1, 8) for _ in range(40)]
    expected = starts([Length(each) for each in whole], parallel)
    assert len(expected) == 41
    for share in (0.1, 0.5, 0.9):
        known = [Length(each) if rng.random() < share else Length(rng.randint(1, each), final=False) for each in whole]
        found = starts(known, parallel)
        assert found == expected[: len(found)]
    assert all(len(start.known) == max(0, number - parallel + 1) for number, start in enumerate(expected))
