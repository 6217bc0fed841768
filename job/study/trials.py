"""A trial from its number to its record: suggest, train, and write down, in the order that the journal promises."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from safetensors.torch import save as save_safetensors

from job.report.results import AttemptRecord, EpochRecord, RunRecord, TrialRecord, TrialTiming
from job.search.suggest import Observation, suggest
from job.settings import Settings
from job.study.journal import Journal
from job.study.preemption import Preemption
from job.training.trial import EpochScores, Equipment, Hooks, TrialPlan, TrialResult, better, run_trial

_log = structlog.get_logger()


@dataclass(frozen=True)
class Workbench:
    """What an attempt works with."""

    settings: Settings
    journal: Journal
    stop: Preemption
    equipment: Equipment
    run: RunRecord
    attempt_number: int
    attempt: AttemptRecord


def best_of(records: Sequence[TrialRecord], objective: str) -> TrialRecord | None:
    """Return the record with the best value, the earliest of equal ones; None where no trial is complete."""
    best: TrialRecord | None = None
    for record in records:
        if record.value is not None and better(record.value, best.value if best else None, objective):
            best = record
    return best


def next_trial(bench: Workbench, records: Sequence[TrialRecord]) -> TrialRecord:
    """Run the trial that follows `records` and return its record, or that of another job that was faster."""
    number = len(records)
    structlog.contextvars.bind_contextvars(trial=number)
    started = time.monotonic()
    params = _suggest(bench.settings, records, number)
    suggested = time.monotonic()
    with bench.stop.deferred():
        result = _train(bench, number, params)
        model = None
        if result.weights is not None and _beats(result, records, bench.settings.objective):
            model = bench.journal.store_model(number, save_safetensors(result.weights))
        record = TrialRecord(
            number=number,
            params=params,
            status=result.status,
            value=result.value,
            best_epoch=result.best_epoch,
            epochs=[_epoch_record(scores) for scores in result.epochs],
            error=result.error,
            model=model,
            timing=_timing(bench, result, suggested - started, time.monotonic() - started),
        )
        record = bench.journal.record_trial(record)
        best = best_of([*records, record], bench.settings.objective)
        if best is not None:
            bench.journal.forget_models(best, number)
        _log.info(
            "trial",
            status=record.status,
            value=record.value,
            best_epoch=record.best_epoch,
            **record.params,
            error=record.error,
            seconds=round(record.timing.total, 3),
            images_per_second=record.timing.images_per_second,
            best_trial=best.number if best else None,
            best_value=best.value if best else None,
        )
    structlog.contextvars.unbind_contextvars("trial")
    return record


def _suggest(settings: Settings, records: Sequence[TrialRecord], number: int) -> dict[str, float | str]:
    sign = 1 if settings.objective == "log_loss" else -1
    observations = [
        Observation(record.params, None if record.value is None else sign * record.value) for record in records
    ]
    return suggest(
        settings.space,
        seed=settings.seed,
        observations=observations,
        number=number,
        n_initial=settings.n_initial_trials,
        acquisition=settings.acquisition,
    )


def _train(bench: Workbench, number: int, params: dict[str, float | str]) -> TrialResult:
    settings = bench.settings
    plan = TrialPlan(
        number=number,
        seed=settings.seed,
        learning_rate=float(params["learning_rate"]),
        momentum=float(params["momentum"]),
        weight_decay=float(params["weight_decay"]),
        optimizer=str(params["optimizer"]),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        objective=settings.objective,
    )
    photos = len(bench.equipment.photos.train)
    hooks = Hooks(after_step=bench.stop.check, after_epoch=lambda scores: _log_epoch(scores, photos))
    return run_trial(plan, bench.equipment, hooks)


def _log_epoch(scores: EpochScores, photos: int) -> None:
    _log.info(
        "epoch",
        epoch=scores.epoch,
        train_loss=round(scores.train_loss, 4),
        validation_loss=round(scores.validation_loss, 4),
        accuracy=round(scores.accuracy, 4),
        macro_f1=round(scores.macro_f1, 4),
        balanced_accuracy=round(scores.balanced_accuracy, 4),
        seconds=round(scores.train_seconds + scores.evaluate_seconds, 3),
        images_per_second=round(photos / scores.train_seconds, 1),
    )


def _beats(result: TrialResult, records: Sequence[TrialRecord], objective: str) -> bool:
    best = best_of(records, objective)
    return result.value is not None and better(result.value, best.value if best else None, objective)


def _epoch_record(scores: EpochScores) -> EpochRecord:
    return EpochRecord(**{name: getattr(scores, name) for name in EpochRecord.model_fields})


def _timing(bench: Workbench, result: TrialResult, suggest_seconds: float, total: float) -> TrialTiming:
    train = sum(scores.train_seconds for scores in result.epochs)
    photos = len(bench.equipment.photos.train) * len(result.epochs)
    return TrialTiming(
        suggest=round(suggest_seconds, 3),
        train=round(train, 3),
        evaluate=round(sum(scores.evaluate_seconds for scores in result.epochs), 3),
        total=round(total, 3),
        images_per_second=round(photos / train, 1) if train else None,
        attempt=bench.attempt_number,
        ended_at=datetime.now(UTC),
    )
