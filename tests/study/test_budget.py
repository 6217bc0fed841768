"""The time budget: summed over attempts, those that were killed too."""

from datetime import UTC, datetime, timedelta

import pytest

from job.records.run import AttemptRecord
from job.records.trial import TrialRecord, TrialTiming
from job.study.ledger import budget_spent

START = datetime(2026, 1, 1, tzinfo=UTC)


def trial(attempt: int, seconds: float, ended: float) -> TrialRecord:
    timing = TrialTiming(
        suggest=0,
        train=seconds,
        evaluate=0,
        checkpoint=0,
        total=seconds,
        images_per_second=None,
        attempt=attempt,
        ended_at=START + timedelta(seconds=ended),
    )
    return TrialRecord(
        number=0, params={}, status="complete", value=0, best_epoch=1, epochs=[], error=None, model=None, timing=timing
    )


def attempt(seconds: float | None, *, clock: float = 0) -> AttemptRecord:
    return AttemptRecord(
        started_at=START, ended_at=START + timedelta(seconds=clock), seconds={"total": seconds} if seconds else {}
    )


@pytest.mark.parametrize(
    ("budget", "earlier", "elapsed", "spent"),
    [
        (0, [], 1e9, False),  # no budget
        (100, [], 80, False),  # 80 + 20 are just within it
        (100, [], 81, True),
        (100, [attempt(30)], 50, False),  # waiting between attempts costs nothing
        (100, [attempt(30)], 51, True),
        (100, [attempt(30, clock=1e6)], 50, False),  # the wall clock was set meanwhile
        (100, [attempt(30, clock=-1e6)], 51, True),
        (100, [attempt(None)], 55, False),  # killed; its records account for 25 seconds
        (100, [attempt(None)], 56, True),
    ],
)
def test_a_trial_must_end_within_the_budget(
    budget: float,
    earlier: list[AttemptRecord],
    elapsed: float,
    spent: bool,  # noqa: FBT001
) -> None:
    """What all attempts have spent, and one more trial as long as the longest, must fit."""
    records = [trial(1, 20, 20), trial(1, 5, 20)]
    assert budget_spent(budget, records, dict(enumerate(earlier, start=1)), elapsed) is spent


def test_the_first_trial_always_runs() -> None:
    """Nothing is known of how long a trial takes before one has ended."""
    assert not budget_spent(1, [], {}, 100)
