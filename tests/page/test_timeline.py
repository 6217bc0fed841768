"""The timeline: how each worker's work ended, and when, also of workers that could not say so."""

from datetime import timedelta
from typing import Any

import pytest

from job.page.timeline import Ending, Try, tries_of
from job.page.view import View
from job.records.results import Progress, Results
from job.records.run import AttemptRecord
from job.records.status import DeviceUsed
from job.records.tries import TryRecord
from tests.page.made import START, made_progress, made_results

DONE = made_results(3, 2, 2, statuses={1: "pruned"})
"""Trials 0 and 2 are complete."""
GOING_ON = made_progress(3, statuses={})


def seconds(number: float) -> Any:
    return START + timedelta(seconds=number)


def work(
    trial: int, worker: int, start: float, end: float | None, outcome: str | None = None, **more: Any
) -> TryRecord:
    device = DeviceUsed("cpu", None, "float32")
    return TryRecord(
        trial=trial,
        worker=worker,
        host="a",
        device=device,
        started_at=seconds(start),
        step=0,
        ended_at=None if end is None else seconds(end),
        outcome=outcome,
        **more,
    )


def attempt(start: float, end: float | None, outcome: str | None) -> AttemptRecord:
    return AttemptRecord(started_at=seconds(start), ended_at=None if end is None else seconds(end), outcome=outcome)


def tries(run: Results | Progress, timeline: list[TryRecord], attempts: list[AttemptRecord]) -> list[Try]:
    early = [  # so that trials tell nothing of when the attempts were at work
        trial.model_copy(update={"timing": trial.timing.model_copy(update={"ended_at": START, "attempt": 1})})
        for trial in run.trials
    ]
    how = run.run.model_copy(update={"timeline": timeline, "attempts": attempts})
    return tries_of(View(run.model_copy(update={"run": how, "trials": early})))


def ends(found: list[Try]) -> list[tuple[Ending, float]]:
    return [(each.ending, (each.ended_at - START).total_seconds()) for each in found]


WHOLE = [attempt(0, 100, "complete")]


def test_a_try_that_ended_tells_how_and_when() -> None:
    """Its outcome and its end are as it wrote them down."""
    timeline = [work(0, 0, 1, 9, "complete"), work(2, 1, 2, 30, "put down"), work(2, 0, 40, 50, "complete")]
    found = tries(DONE, timeline, WHOLE)
    assert ends(found) == [(Ending.COMPLETE, 9), (Ending.PUT_DOWN, 30), (Ending.COMPLETE, 50)]
    assert [each.went_on for each in found] == [None, timeline[2], None]


def test_a_trial_that_was_pruned_after_its_last_epoch_is_pruned() -> None:
    """The worker had trained it to the end before the verdict came; a repetition of it has its own outcome."""
    timeline = [work(1, 0, 1, 9, "complete"), work(1, 0, 10, 20, "complete", repetition=1)]
    assert [each.ending for each in tries(DONE, timeline, WHOLE)] == [Ending.PRUNED, Ending.COMPLETE]


@pytest.mark.parametrize(
    ("later", "end"),
    [
        ([work(0, 1, 20, 30, "complete"), work(2, 0, 25, 40, "complete")], 20),
        ([work(2, 0, 15, 40, "complete"), work(0, 1, 20, 30, "complete")], 15),
        ([], 100),
    ],
    ids=["its trial went on", "its place was taken", "its attempt ended"],
)
def test_a_lost_worker_was_gone_by_what_came_next(later: list[TryRecord], end: float) -> None:
    """It was at work until its trial went on, its place was taken, or its attempt ended, whichever came first."""
    first, *_ = tries(DONE, [work(0, 0, 10, None), *later], WHOLE)
    assert ends([first]) == [(Ending.LOST, end)]


def test_a_killed_attempt_takes_its_workers_with_it() -> None:
    """They are lost from when the attempt was heard of last, and no line leads to the next attempt."""
    attempts = [attempt(0, None, None), attempt(1000, 2000, "complete")]
    timeline = [work(0, 0, 1, None), work(1, 1, 2, 50, "pruned"), work(0, 1, 1010, 1100, "complete")]
    lost, *_ = tries(DONE, timeline, attempts)
    assert ends([lost]) == [(Ending.LOST, 50)]
    assert lost.went_on is None


def test_who_is_at_work_is_not_taken_for_lost() -> None:
    """In a run that goes on, the last try of a worker and of a trial that is not recorded is at work until now."""
    going_on = [attempt(0, None, None)]
    timeline = [work(6, 0, 1, None), work(3, 0, 2, None), work(4, 1, 3, None), work(5, 2, 4, 60, "complete")]
    found = tries(GOING_ON, timeline, going_on)
    assert ends(found) == [(Ending.LOST, 2), (Ending.AT_WORK, 60), (Ending.AT_WORK, 60), (Ending.COMPLETE, 60)]
    interrupted = tries(GOING_ON, timeline[2:], [attempt(0, 70, "signal 15")])
    assert ends(interrupted)[0] == (Ending.LOST, 70)
    assert tries(GOING_ON, [work(1, 0, 1, None)], going_on)[0].ending is Ending.LOST, "its trial is recorded"
    next_attempt = tries(GOING_ON, timeline[2:], [*going_on, attempt(80, None, None)])
    assert ends(next_attempt)[0] == (Ending.LOST, 60)


def test_a_worker_whose_clock_is_behind_belongs_to_the_first_attempt() -> None:
    """It is at work, though it began before the attempt did by its own clock."""
    assert tries(GOING_ON, [work(3, 0, -5, None)], [attempt(0, None, None)])[0].ending is Ending.AT_WORK


def test_attempts_that_are_missing_keep_no_timeline_from_being_told() -> None:
    """Damaged records of attempts are left out of the results."""
    assert ends(tries(DONE, [work(0, 0, 1, None, repetition=1), work(2, 1, 2, 9, "complete")], [])) == [
        (Ending.LOST, 9),
        (Ending.COMPLETE, 9),
    ]


def test_words_say_what_is_not_known() -> None:
    """How long a lost worker was at work is known as an upper limit; a repetition is named after its trial."""
    lost, repeated = tries(DONE, [work(0, 0, 0, None), work(2, 0, 60, 90, "failed", repetition=3)], WHOLE)
    assert (lost.name, lost.lasted) == ("0", "up to 1\xa0min")
    assert (repeated.name, repeated.lasted) == ("2-3", "30\xa0s")
