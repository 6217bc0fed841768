"""Who trained what, and when: the timeline of a run with workers, with what follows from it.

A worker that is lost writes nothing down. That it is gone, and until when it was at work at most, follows from what
came after it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from job.page.view import View
from job.records.run import AttemptRecord
from job.records.tries import PUT_DOWN, TryRecord
from job.words import duration


class Ending(StrEnum):
    """How a worker's work on a trial ended: a status of the trial, if it came to its end."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    PUT_DOWN = PUT_DOWN
    LOST = "lost"
    AT_WORK = "at work"


@dataclass(frozen=True)
class Try:
    """One worker's work on a trial or a repetition."""

    work: TryRecord
    ending: Ending
    ended_at: datetime
    """When it ended; of a lost one, when it was gone at the latest; of one at work, when the page was drawn."""
    went_on: TryRecord | None
    """Where the trial went on, in the same attempt."""

    @property
    def name(self) -> str:
        """The trial, and its repetition, in a word."""
        return f"{self.work.trial}" + (f"-{self.work.repetition}" if self.work.repetition else "")

    @property
    def lasted(self) -> str:
        """How long it was, in words."""
        seconds = (self.ended_at - self.work.started_at).total_seconds()
        return ("up to " if self.ending is Ending.LOST else "") + duration(seconds)


def tries_of(view: View) -> list[Try]:
    """Return the run's tries, in the order of their starts; empty if it had no workers."""
    timeline = view.run.run.timeline
    attempts = {id(work): _attempt_of(work, view.run.run.attempts) for work in timeline}
    heard = _last_heard(view)
    next_of_trial: dict[tuple[int, int | None], TryRecord] = {}
    next_of_worker: dict[int, TryRecord] = {}
    found = []
    for work in reversed(timeline):
        again, replaced = next_of_trial.get((work.trial, work.repetition)), next_of_worker.get(work.worker)
        attempt = attempts[id(work)]
        ending = _ending(view, work, attempt, followed=again is not None or replaced is not None)
        ended_at = work.ended_at
        if ended_at is None:
            ended_at = min([heard[attempt], *(each.started_at for each in (again, replaced) if each is not None)])
        same_attempt = again is not None and attempts[id(again)] == attempt
        found.append(Try(work, ending, max(ended_at, work.started_at), again if same_attempt else None))
        next_of_trial[work.trial, work.repetition] = next_of_worker[work.worker] = work
    return found[::-1]


def _ending(view: View, work: TryRecord, attempt: int, *, followed: bool) -> Ending:
    """Return how a try ended; `followed`: its trial or its worker has a later one."""
    attempts = view.run.run.attempts
    statuses = [trial.status for trial in view.trials if trial.number == work.trial and work.repetition is None]
    if work.outcome is None:
        over = view.results is not None or attempts[attempt:] or any(each.outcome for each in attempts[attempt - 1 :])
        return Ending.LOST if followed or statuses or over else Ending.AT_WORK
    if work.outcome == Ending.PUT_DOWN or not statuses:
        return Ending(work.outcome)
    return Ending(statuses[0])  # a trial may be pruned after its worker has gone on to the end


def _attempt_of(work: TryRecord, attempts: Sequence[AttemptRecord]) -> int:
    """Return the number of the attempt that a try belongs to."""
    return max(sum(attempt.started_at <= work.started_at for attempt in attempts), 1)


def _last_heard(view: View) -> dict[int, datetime]:
    """Return when each attempt was heard of last, by its number."""
    run, times = view.run.run, defaultdict[int, list[datetime]](list)
    for number, attempt in enumerate(run.attempts, start=1):
        times[number] += [attempt.ended_at or attempt.started_at]
    for trial in view.trials:
        times[trial.timing.attempt].append(trial.timing.ended_at)
    for work in run.timeline:
        times[_attempt_of(work, run.attempts)].append(work.ended_at or work.started_at)
    return {number: max(heard) for number, heard in times.items()}
