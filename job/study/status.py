"""The status of a run, from its objects alone: how far it is, who works on it, and how that ended.

Reads and never writes; knows no torch.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from job.errors import ExitCode, JobError
from job.records.outside import Status
from job.records.results import Progress, Results
from job.records.run import AttemptRecord, RunRecord
from job.records.status import RunState, RunStatus, trial_label
from job.storage import open_storage
from job.study.journal import Journal
from job.words import NBSP, count, duration, moment, percent

SILENT_SECONDS = 120.0
"""A process that works on a run writes progress.json four times as often."""

PUBLISHING_SECONDS = 600.0
"""Model, page and figures take less, over a slow link, too."""

RETRY_SECONDS = 30.0

_LOST = "it was killed, or it is cut off from storage; start the job again, and it goes on"


def find_status(uri: str) -> Callable[[], Status]:
    """Return a function that reads the status of the run at `uri`.

    It raises JobError if there is no run, or what there is cannot be read, and StorageUnavailableError.
    """
    return partial(_read_status, Journal(open_storage(uri, retry_seconds=RETRY_SECONDS)))


def _read_status(journal: Journal) -> Status:
    results, run = journal.results(), journal.run()
    if run is None:
        message = f"there is no run at {journal.storage.uri}; give the OUTPUT_URI of one that has begun"
        raise JobError(message)
    attempts = journal.attempts()
    if results is not None and len(attempts) <= len(results.run.attempts):
        state = RunState.COMPLETE if results.status is RunStatus.COMPLETE else RunState.BUDGET_SPENT
        return _status(journal, state, _result(results), results, _present(None, attempts))
    progress = journal.progress()
    present = _present(progress, attempts)
    if present is None:
        state, sentence = _begun(run)
    else:
        state, sentence = _state(*present, _sign(progress, *present))
    return _status(journal, state, sentence, progress or results, present)


def _status(
    journal: Journal,
    state: RunState,
    sentence: str,
    details: Progress | Results | None,
    present: tuple[int, AttemptRecord] | None,
) -> Status:
    number, attempt = present or (0, None)
    progress = details if isinstance(details, Progress) else None
    return Status(
        run=journal.storage.uri,
        state=state,
        sentence=sentence.replace(NBSP, " "),
        trials_done=len(details.trials) if details else 0,
        trials=details.settings["n_trials"] if details else None,
        best=details.best if details else None,
        test_accuracy=details.test.accuracy if isinstance(details, Results) else None,
        attempt=attempt,
        sign_of_life=None if attempt is None else attempt.ended_at or _sign(progress, number, attempt),
        now=progress.now if progress and state is RunState.WORKING else None,
        details=details,
    )


def _present(progress: Progress | None, attempts: Mapping[int, AttemptRecord]) -> tuple[int, AttemptRecord] | None:
    """Return the attempt that the status is about: the last one, or an earlier one that is still at work."""
    if not attempts:
        return None
    last = max(attempts)
    now = progress.now if progress else None
    if now is not None and _age(now.at) <= SILENT_SECONDS:
        writes = attempts.get(now.attempt)
        follows = attempts[last].outcome is None and attempts[last].started_at > now.at
        if writes is not None and writes.outcome is None and not follows:
            return now.attempt, writes
    return last, attempts[last]


def _sign(progress: Progress | None, number: int | None, attempt: AttemptRecord) -> datetime:
    """Return when an attempt last wrote something."""
    now = progress.now if progress else None
    return now.at if now is not None and now.attempt == number else attempt.started_at


def _begun(run: RunRecord) -> tuple[RunState, str]:
    """Return the state of a run without an attempt, and the sentence that says so."""
    began = f"it began {_since(run.created_at)}"
    if _age(run.created_at) > SILENT_SECONDS:
        return RunState.SILENT, f"{began}, and no process has taken it up; start the job again, and it goes on"
    return RunState.WORKING, f"{began}, and nothing is trained yet"


def _state(number: int, attempt: AttemptRecord, sign: datetime) -> tuple[RunState, str]:
    """Return the state of a run by its present attempt, and the sentence that says so."""
    name = f"attempt {number} on {attempt.host or 'a machine without a name'}"
    if attempt.outcome is not None:
        return _ended(name, attempt, attempt.outcome, attempt.ended_at or sign)
    silence = duration(_age(sign))
    if _age(sign) > SILENT_SECONDS:
        return RunState.SILENT, f"{name} has given no sign of life for {silence}, since {moment(sign)}: {_LOST}"
    began = "" if attempt.trial is None else f", the last on {trial_label(attempt.trial, attempt.repetition or 0)}"
    since = f"{name}, with {attempt.device}, has been at work since {moment(attempt.started_at)}{began}"
    return RunState.WORKING, f"{since}; it last wrote {silence} ago"


def _ended(name: str, attempt: AttemptRecord, outcome: str, ended_at: datetime) -> tuple[RunState, str]:
    """Return the same for an attempt that has ended, or that has trained all."""
    ended = _since(ended_at)
    if attempt.exit_code == ExitCode.DONE or (attempt.exit_code is None and outcome in set(RunStatus)):
        published = f"{name} has trained all and began to publish {ended}"
        if _age(ended_at) <= PUBLISHING_SECONDS:
            return RunState.PUBLISHING, published
        return RunState.SILENT, f"{published}, and has not finished: {_LOST}"
    if attempt.exit_code == ExitCode.PERMANENT:
        return RunState.FAILED, f"{name} failed for good {ended}: {outcome}"
    if outcome.startswith("signal"):
        return RunState.INTERRUPTED, f"{name} was interrupted by {outcome} {ended}; started again, it goes on"
    return RunState.STOPPED, f"{name} ended {ended}: {outcome}; started again, it goes on"


def _since(time: datetime) -> str:
    return f"{duration(_age(time))} ago ({moment(time)})"


def _age(time: datetime) -> float:
    """Return the seconds since then; 0 where the clock of who wrote it is ahead."""
    return max(0.0, (datetime.now(UTC) - time).total_seconds())


def _result(results: Results) -> str:
    low, high = results.test.accuracy_ci95
    spent = "the time budget is spent, " if results.status is RunStatus.BUDGET_SPENT else ""
    return (
        f"{spent}after {count(len(results.trials), 'trial')}; trial {results.best.trial} won, with a test accuracy of "
        f"{percent(results.test.accuracy)} (95 % interval {percent(low)} to {percent(high)})"
    )
