"""Numbers, times and lists as a person reads them."""

import pytest

from job.words import deviation, duration, listed, score, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00123456, "0.00123"),
        (0.1, "0.1"),
        (123456.0, "123456"),
        (1e-7, "10⁻⁷"),
        (2.5e12, "2.5\xa0·\xa010¹²"),
        (0, "0"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    """Three digits tell enough, and many zeros become a power of ten."""
    assert significant(value) == text


def test_times_and_lists_are_read_aloud_easily() -> None:
    """A time has its two largest units."""
    assert [duration(seconds) for seconds in (2.04, 59.6, 3661, 90000)] == [
        *("2.0\xa0s", "1\xa0min", "1\xa0h 1\xa0min", "1\xa0d 1\xa0h")
    ]
    assert [listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b and c"]


def test_an_objective_has_its_own_form() -> None:
    """Accuracies are percentages, other scores numbers; a deviation has two digits."""
    assert (score(0.8767, "accuracy"), deviation(0.0123, "accuracy")) == ("87.7\xa0%", "1.2\xa0%")
    assert (score(0.8767, "log_loss"), deviation(0.01234, "macro_f1")) == ("0.877", "0.012")
