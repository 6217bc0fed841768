"""The time budget: what a run has spent on all its attempts, and whether another trial would still end in time."""

from collections.abc import Sequence

from job.report.results import AttemptRecord, TrialRecord


def budget_spent(
    budget: float, records: Sequence[TrialRecord], earlier: Sequence[AttemptRecord], elapsed: float = 0.0
) -> bool:
    """Say whether another trial, as long as the longest so far, would go beyond the budget (seconds, 0 for none).

    `elapsed` is what the attempt at work has spent, and `earlier` are those before it, numbered from 1. An attempt that
    was killed counts until its last record, since nothing tells how much longer it lived. The first trial always runs.
    """
    if not budget or not records:
        return False
    spent = elapsed + sum(_duration(attempt, number, records) for number, attempt in enumerate(earlier, start=1))
    return spent + max(record.timing.total for record in records) > budget


def _duration(attempt: AttemptRecord, number: int, records: Sequence[TrialRecord]) -> float:
    recorded = [record.timing.ended_at for record in records if record.timing.attempt == number]
    ended = attempt.ended_at or max(recorded, default=attempt.started_at)
    return max(0.0, (ended - attempt.started_at).total_seconds())
