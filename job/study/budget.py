"""The time budget: what a run has spent on all its attempts, and whether another trial would still end in time."""

from collections.abc import Mapping, Sequence

from job.records.run import AttemptRecord
from job.records.trial import TrialRecord


def budget_spent(
    budget: float, records: Sequence[TrialRecord], earlier: Mapping[int, AttemptRecord], elapsed: float = 0.0
) -> bool:
    """Say whether another trial, as long as the longest so far, would go beyond the budget (seconds, 0 for none).

    `elapsed` is the time of the present attempt, in seconds, and `earlier` are the attempts before it, by number. A
    killed attempt counts only the time in its records. Monotonic clocks measure all of it, so setting the wall clock
    changes nothing. The first trial always runs.
    """
    if not budget or not records:
        return False
    spent = elapsed + sum(_duration(attempt, number, records) for number, attempt in earlier.items())
    return spent + max(record.timing.total for record in records) > budget


def _duration(attempt: AttemptRecord, number: int, records: Sequence[TrialRecord]) -> float:
    recorded = sum(record.timing.total for record in records if record.timing.attempt == number)
    return attempt.seconds.get("total", sum(attempt.seconds.values()) + recorded)
