"""A trial, or a repetition of one: its task, and its record once it has been trained.

A repetition is a trial trained again with another seed; its parameters are those of the trial.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from job.errors import RunMismatchError
from job.records.run import AttemptRecord
from job.records.status import TrialStatus
from job.records.trial import EpochRecord, TrialRecord, TrialTiming
from job.search.cube import Params
from job.seeds import derive_seed
from job.settings import Settings
from job.study.attempt import Workbench
from job.study.executors.base import Ended, Executor, Lost, Result, Task
from job.study.flights import Suggestion
from job.study.ledger import Due, Ledger
from job.training.plan import TrialPlan

_log = structlog.get_logger()


def named(due: Due) -> AbstractContextManager[None]:
    """Let the log's lines name the trial."""
    names = {"trial": due.number} | ({"repetition": due.repetition} if due.repetition else {})
    return structlog.contextvars.bound_contextvars(**names)


def task_of(ledger: Ledger, suggestion: Suggestion) -> Task:
    """Return the task of what was suggested."""
    rival = ledger.rival(suggestion.due, suggestion.known)
    return Task(
        trial_plan(ledger.settings, suggestion.due, suggestion.params),
        beaten=rival.value if rival else None,
        fits=not all(known.status is TrialStatus.FAILED for known in ledger.records),
    )


def record(bench: Workbench, ledger: Ledger, suggestion: Suggestion, result: Result) -> Ledger:
    """Write the record, then delete checkpoints and weights that are no longer needed.

    Returns the ledger with the new record, or with that of another job that was faster.
    """
    due = suggestion.due
    written = bench.journal.record_trial(_record(bench, suggestion, result))
    ledger = ledger.plus(written)
    bench.journal.forget(ledger)
    best = ledger.best
    _log.info(
        "repetition" if due.repetition else "trial",
        status=written.status,
        value=written.value,
        best_epoch=written.best_epoch,
        **written.params,
        error=written.error,
        seconds=written.timing.total,
        images_per_second=written.timing.images_per_second,
        best_trial=best.number if best else None,
        best_value=best.value if best else None,
    )
    return ledger


def train_again(bench: Workbench, executor: Executor, recorded: TrialRecord) -> bytes:
    """Train a recorded trial or repetition once more for its weights; store and return them.

    Raises RunMismatchError if they differ, as they may on another device or with other versions.
    """
    assert recorded.model is not None  # noqa: S101 -- only such a record is asked for
    due = Due(recorded.number, recorded.repetition)
    task = Task(trial_plan(bench.settings, due, recorded.params), beaten=None, fits=True)
    event, started = None, False
    with named(due), bench.stop.deferred():
        while not isinstance(event, Ended):
            if not started and executor.is_free():
                executor.start(task)
                started = True
            event = executor.hear()
            started = started and not isinstance(event, Lost)
        model = event.result.model
        if model != recorded.model:
            if model is not None:
                bench.journal.storage.delete(model.key)
            message = (
                f"{bench.journal.storage.uri}{recorded.model.key} is lost, and training trial {recorded.number} again "
                "gave other weights; go on with the device and versions of run.json, restore it, or start a new run"
            )
            raise RunMismatchError(message)
    return bench.journal.load_model(recorded.model)


def trial_plan(settings: Settings, due: Due, params: Params) -> TrialPlan:
    """Return the plan of a trial or a repetition of a run with these settings."""
    repeated = derive_seed(settings.seed, "repetition", due.number, due.repetition)
    return TrialPlan(
        number=due.number,
        repetition=due.repetition,
        seed=repeated if due.repetition else settings.seed,
        learning_rate=float(params["learning_rate"]),
        momentum=float(params["momentum"]),
        weight_decay=float(params["weight_decay"]),
        optimizer=str(params["optimizer"]),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        objective=settings.objective,
    )


@dataclass(frozen=True)
class AttemptDiary:
    """The attempts' records as a worker's diary, where each attempt trains one trial at a time."""

    bench: Workbench

    def deaths(self, plan: TrialPlan, step: int) -> int:
        """Return how many of the last attempts died while they trained this trial from this step on."""
        return _deaths(list(self.bench.earlier_attempts().values()), plan, step)

    def take_up(self, plan: TrialPlan, step: int) -> None:
        """Note it in the attempt's record."""
        self.bench.attempt.take_up(plan.number, plan.repetition, step)


def _deaths(attempts: Sequence[AttemptRecord], plan: TrialPlan, step: int) -> int:
    """Return how many of the last attempts died in a row while they trained this trial, all from the same step on."""
    deaths = 0
    for attempt in reversed(attempts):
        place = (attempt.trial, attempt.repetition or 0, attempt.step)
        if attempt.outcome is not None or place != (plan.number, plan.repetition, step):
            break
        deaths += 1
    return deaths


def _record(bench: Workbench, suggestion: Suggestion, result: Result) -> TrialRecord:
    outcome = result.outcome
    trained = sum(scores.train_seconds for scores in outcome.epochs)
    evaluated = sum(scores.evaluate_seconds for scores in outcome.epochs)
    photos = len(bench.equipment.photos.train) * len(outcome.epochs)
    return TrialRecord(
        number=suggestion.due.number,
        repetition=suggestion.due.repetition,
        params=suggestion.params,
        status=outcome.status,
        value=outcome.value,
        best_epoch=outcome.best_epoch,
        epochs=[EpochRecord(**scores.point()) for scores in outcome.epochs],
        error=outcome.error,
        model=result.model if outcome.status is TrialStatus.COMPLETE else None,  # a verdict may have come late
        devices=outcome.devices,
        timing=TrialTiming(
            suggest=round(suggestion.seconds, 3),
            train=round(trained, 3),
            evaluate=round(evaluated, 3),
            checkpoint=round(outcome.checkpoint_seconds, 3),
            total=round(suggestion.seconds + trained + evaluated + outcome.checkpoint_seconds, 3),
            images_per_second=round(photos / trained, 1) if trained else None,
            attempt=bench.attempt.number,
            ended_at=datetime.now(UTC),
        ),
    )
