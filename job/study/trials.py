"""A trial from its number to its record: suggest, train, and write down, in the order that the journal promises.

A repetition, which is a trial trained again with another seed, takes the same way but for the suggestion.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from safetensors.torch import save as save_safetensors

from job.errors import RunMismatchError
from job.records.dataset import Dataset
from job.records.objective import sense
from job.records.prior import PriorRun
from job.records.results import (
    AttemptRecord,
    EpochRecord,
    RepetitionRecord,
    RunRecord,
    StoredModel,
    TrialRecord,
    TrialTiming,
)
from job.search.process import observe
from job.search.pruning import stops
from job.search.suggest import suggest
from job.seeds import derive_seed
from job.settings import Settings
from job.study.attempt import Attempt
from job.study.checkpoints import Checkpoints, resume_state
from job.study.finals import best_of, needed
from job.study.journal import Journal
from job.study.preemption import Preemption
from job.training.checkpoint import plain_layout
from job.training.plan import EpochScores, Equipment, TrialPlan, TrialResult, better
from job.training.state import TrialState
from job.training.trial import Hooks, never, run_trial

MAX_DEATHS = 3
"""Times that a trial's process may die without a new checkpoint before the trial is given up."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Workbench:
    """What an attempt works with."""

    settings: Settings
    journal: Journal
    stop: Preemption
    equipment: Equipment
    run: RunRecord
    dataset: Dataset
    """What the catalogue holds, for those who watch."""
    attempt: Attempt


def next_trial(bench: Workbench, records: Sequence[TrialRecord]) -> TrialRecord:
    """Run the trial that follows `records` and return its record, or that of another job that was faster."""
    number = len(records)
    structlog.contextvars.bind_contextvars(trial=number)
    started = time.monotonic()
    params = _suggest(bench.settings, bench.run.warm_start, records, number)
    suggested = time.monotonic()
    with bench.stop.deferred():
        plan = trial_plan(bench.settings, number, params)
        result, blocked = _train(bench, plan, _stop(bench.settings, records))
        model = _store_best(bench, plan, result, records)
        timing = _timing(bench, result, suggest=suggested - started, checkpoint=blocked)
        record = bench.journal.record_trial(_record(plan, params, result, model, timing))
        known = [*records, record]
        best = best_of(known, bench.settings.objective)
        bench.journal.forget_checkpoints(known)
        if best is not None:
            bench.journal.forget_models(known, [best])
        _log_record("trial", record, best)
    structlog.contextvars.unbind_contextvars("trial")
    return record


def repeat_trial(
    bench: Workbench,
    trial: TrialRecord,
    repetition: int,
    records: Sequence[TrialRecord],
    repetitions: Sequence[RepetitionRecord],
) -> RepetitionRecord:
    """Train one of `records` again with another seed and return the record, or that of another job that was faster."""
    structlog.contextvars.bind_contextvars(trial=trial.number, repetition=repetition)
    with bench.stop.deferred():
        plan = trial_plan(bench.settings, trial.number, trial.params, repetition)
        result, blocked = _train(bench, plan)
        earlier = [each for each in repetitions if each.number == trial.number and each.repetition < repetition]
        model = _store_best(bench, plan, result, earlier)
        timing = _timing(bench, result, suggest=0.0, checkpoint=blocked)
        fields = _record(plan, trial.params, result, model, timing).model_dump()
        record = bench.journal.record_trial(RepetitionRecord(**fields, repetition=repetition))
        known = [*repetitions, record]
        bench.journal.forget_checkpoints([*records, *known])
        bench.journal.forget_models([*records, *known], needed(records, known, bench.settings))
        _log_record("repetition", record, best_of(records, bench.settings.objective))
    structlog.contextvars.unbind_contextvars("trial", "repetition")
    return record


def train_again(bench: Workbench, record: TrialRecord) -> bytes:
    """Train a recorded trial or repetition once more for its weights, store and return them.

    Raises RunMismatchError where they come out as others, as they may on another device or with other versions.
    """
    assert record.model is not None  # noqa: S101 -- only such a record is asked for
    structlog.contextvars.bind_contextvars(trial=record.number)
    with bench.stop.deferred():
        repetition = record.repetition if isinstance(record, RepetitionRecord) else 0
        result, _ = _train(bench, trial_plan(bench.settings, record.number, record.params, repetition))
        data = save_safetensors(plain_layout(result.weights or {}))
        model = bench.journal.store_model(record.name, data)
        if model != record.model:
            bench.journal.storage.delete(model.key)
            message = (
                f"{bench.journal.storage.uri}{record.model.key} is lost, and training trial {record.number} again gave "
                "other weights; go on with the device and versions of run.json, restore it, or start a new run"
            )
            raise RunMismatchError(message)
    structlog.contextvars.unbind_contextvars("trial")
    return data


def _suggest(
    settings: Settings, warm_start: Sequence[PriorRun], records: Sequence[TrialRecord], number: int
) -> dict[str, float | str]:
    return suggest(
        settings.space,
        seed=settings.seed,
        observations=observe(records, settings.objective),
        number=number,
        n_initial=settings.n_initial_trials,
        acquisition=settings.acquisition,
        prior=[observe(earlier.observations, settings.objective) for earlier in warm_start],
    )


def trial_plan(settings: Settings, number: int, params: dict[str, float | str], repetition: int = 0) -> TrialPlan:
    """Return what a trial of a run with these settings is to do, or a repetition of one."""
    return TrialPlan(
        number=number,
        repetition=repetition,
        seed=derive_seed(settings.seed, "repetition", number, repetition) if repetition else settings.seed,
        learning_rate=float(params["learning_rate"]),
        momentum=float(params["momentum"]),
        weight_decay=float(params["weight_decay"]),
        optimizer=str(params["optimizer"]),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        objective=settings.objective,
    )


def _stop(settings: Settings, records: Sequence[TrialRecord]) -> Callable[[Sequence[EpochScores]], bool]:
    """Return the pruner's question about a trial that follows `records`, which answers by them alone."""
    sign, objective = sense(settings.objective), settings.objective
    earlier = [[sign * value for value in record.curve(objective)] for record in records]

    def stop(epochs: Sequence[EpochScores]) -> bool:
        return stops(settings.pruner, earlier, [sign * scores.value(objective) for scores in epochs], settings.epochs)

    return stop


def _train(
    bench: Workbench, plan: TrialPlan, stop: Callable[[Sequence[EpochScores]], bool] = never
) -> tuple[TrialResult, float]:
    """Train a trial from its last checkpoint; return what came of it and the seconds it stood still for checkpoints."""
    state, step = resume_state(bench.journal, plan, bench.equipment)
    earlier = [each for number, each in bench.journal.attempts().items() if number < bench.attempt.number]
    deaths = _deaths(earlier, plan, step)
    if deaths >= MAX_DEATHS:
        error = f"its process died {deaths} times without a new checkpoint"
        return TrialResult("failed", epochs=state.result.epochs, error=error), 0.0
    bench.stop.check()  # before the attempt is marked as one at work
    bench.attempt.take_up(plan.number, plan.repetition, step)
    checkpoints = Checkpoints(bench.journal, plan, bench.equipment, bench.settings.checkpoint_seconds)

    def after_step(state: TrialState) -> None:
        checkpoints.after_step(state)
        if bench.stop.signalled:
            checkpoints.save_now(state)
            bench.stop.check()

    photos = len(bench.equipment.photos.train)
    hooks = Hooks(after_step, after_epoch=lambda scores: _log_epoch(scores, photos), stop=stop)
    try:
        return run_trial(plan, bench.equipment, hooks, state), checkpoints.blocked_seconds
    finally:
        checkpoints.close()


def _deaths(attempts: Sequence[AttemptRecord], plan: TrialPlan, step: int) -> int:
    """Return how many of the last attempts died in a row while they worked on a trial, all from the same step on."""
    deaths = 0
    for attempt in reversed(attempts):
        place = (attempt.trial, attempt.repetition or 0, attempt.step)
        if attempt.outcome is not None or place != (plan.number, plan.repetition, step):
            break
        deaths += 1
    return deaths


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


def _store_best(
    bench: Workbench, plan: TrialPlan, result: TrialResult, rivals: Sequence[TrialRecord]
) -> StoredModel | None:
    """Store a trial's weights where its value beats those of its rivals."""
    if result.weights is None or result.value is None:
        return None
    best = best_of(rivals, plan.objective)
    if not better(result.value, best.value if best else None, plan.objective):
        return None
    return bench.journal.store_model(plan.name, save_safetensors(plain_layout(result.weights)))


def _record(
    plan: TrialPlan,
    params: dict[str, float | str],
    result: TrialResult,
    model: StoredModel | None,
    timing: TrialTiming,
) -> TrialRecord:
    return TrialRecord(
        number=plan.number,
        params=params,
        status=result.status,
        value=result.value,
        best_epoch=result.best_epoch,
        epochs=[_epoch_record(scores) for scores in result.epochs],
        error=result.error,
        model=model,
        timing=timing,
    )


def _log_record(event: str, record: TrialRecord, best: TrialRecord | None) -> None:
    _log.info(
        event,
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


def _epoch_record(scores: EpochScores) -> EpochRecord:
    return EpochRecord(**{name: getattr(scores, name) for name in EpochRecord.model_fields})


def _timing(bench: Workbench, result: TrialResult, *, suggest: float, checkpoint: float) -> TrialTiming:
    train = sum(scores.train_seconds for scores in result.epochs)
    evaluate = sum(scores.evaluate_seconds for scores in result.epochs)
    photos = len(bench.equipment.photos.train) * len(result.epochs)
    return TrialTiming(
        suggest=round(suggest, 3),
        train=round(train, 3),
        evaluate=round(evaluate, 3),
        checkpoint=round(checkpoint, 3),
        total=round(suggest + train + evaluate + checkpoint, 3),
        images_per_second=round(photos / train, 1) if train else None,
        attempt=bench.attempt.number,
        ended_at=datetime.now(UTC),
    )
