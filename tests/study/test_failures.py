"""What counts as a failed trial, and as a death of the process that works on one."""

from datetime import UTC, datetime

import pytest

from job.errors import JobError
from job.records.run import AttemptRecord
from job.records.status import TrialStatus
from job.settings import Settings
from job.study.ledger import Ledger
from job.study.loop import _refuse_failures
from job.study.trials import _deaths
from tests.study.test_journal import trial
from tests.training.photos import make_plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_trials_that_failed_end_the_job_and_those_that_diverged_or_were_pruned_do_not() -> None:
    """As many as MAX_FAILED_TRIALS are too many, and the last one's error is in the sentence."""
    records = tuple(
        trial(number, None).model_copy(update={"status": TrialStatus(status), "error": f"error {number}"})
        for number, status in enumerate(("failed", "diverged", "pruned", "failed", "diverged"))
    )
    _refuse_failures(Ledger(Settings(max_failed_trials=3), records))
    with pytest.raises(JobError, match="2 end the job; the last one, trial 3: error 3") as caught:
        _refuse_failures(Ledger(Settings(max_failed_trials=2), records))
    assert caught.value.setting == "max_failed_trials"


def attempt(number: int | None, step: int, outcome: str | None = None, repetition: int | None = None) -> AttemptRecord:
    return AttemptRecord(started_at=NOW, trial=number, step=step, outcome=outcome, repetition=repetition)


@pytest.mark.parametrize(
    ("attempts", "deaths"),
    [
        ([], 0),
        ([attempt(3, 16)] * 2, 2),
        ([attempt(3, 8), attempt(3, 16), attempt(3, 16)], 2),  # there was a new checkpoint after the first
        ([attempt(3, 16), attempt(3, 8)], 0),  # the last one had less
        ([attempt(2, 16), attempt(3, 16)], 1),  # the trial before
        ([attempt(3, 16), attempt(3, 16, "signal 15"), attempt(3, 16)], 1),  # a preemption is no death
        ([attempt(3, 16, repetition=1), attempt(3, 16)], 1),  # nor is that of a repetition the trial's
    ],
)
def test_deaths_are_those_in_a_row_without_a_new_checkpoint(attempts: list[AttemptRecord], deaths: int) -> None:
    """From the last attempt back, as long as each died at the same step of the same trial."""
    assert _deaths(attempts, make_plan(number=3), 16) == deaths
