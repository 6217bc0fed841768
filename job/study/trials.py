"""A trial, or a repetition of one, from its suggestion to its record.

A repetition is a trial trained again with another seed; its parameters are those of the trial.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from safetensors.torch import save as save_safetensors

from job.errors import JobError, RunMismatchError
from job.records.objective import better, sense
from job.records.run import AttemptRecord
from job.records.status import TrialStatus
from job.records.trial import EpochRecord, StoredModel, TrialRecord, TrialTiming
from job.search.process import Params
from job.search.pruning import stops
from job.seeds import derive_seed
from job.settings import Settings
from job.study.attempt import Workbench
from job.study.checkpoints import Checkpoints, resume_state
from job.study.ledger import Due, Ledger
from job.study.suggestions import Suggestion
from job.training.failures import first_line, is_out_of_memory, release_memory
from job.training.plan import EpochScores, TrialOutcome, TrialPlan
from job.training.state import TrialState
from job.training.trial import Hooks, never, run_trial

MAX_DEATHS = 3
"""Times that a trial's process may die without a new checkpoint before the trial is given up."""

OUT_OF_MEMORY = "out of memory"

_log = structlog.get_logger()


def train(bench: Workbench, ledger: Ledger, suggestion: Suggestion) -> TrialOutcome:
    """Train what was suggested, from its last checkpoint on; a repetition is never pruned.

    What does not fit into memory is tried once more, then failed. All trials have the same shapes, so JobError is
    raised where none has fitted before.
    """
    prune = never if suggestion.due.repetition else _pruner(bench.settings, ledger.trials)
    plan = trial_plan(bench.settings, suggestion.due, suggestion.params)
    for _ in range(2):
        try:
            return _train(bench, plan, prune)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = first_line(error)
        release_memory()  # here the error, which holds the trial's memory, is gone
        _log.warning("out of memory", detail=reason)
        if all(known.status is TrialStatus.FAILED for known in ledger.records):
            raise JobError(_too_large(bench, reason), setting="batch_size")
    # the reason differs between machines, and a record must not
    return TrialOutcome(TrialStatus.FAILED, error=OUT_OF_MEMORY, devices=[bench.equipment.device.used])


def record(bench: Workbench, ledger: Ledger, suggestion: Suggestion, outcome: TrialOutcome) -> Ledger:
    """Write the weights, if needed, then the record; then delete checkpoints and weights that are no longer needed.

    Returns the ledger with the new record, or with that of another job that was faster.
    """
    due = suggestion.due
    rival = ledger.rival(due)
    beaten = rival.value if rival else None
    model = None
    if outcome.weights and outcome.value is not None and better(outcome.value, beaten, bench.settings.objective):
        model = bench.journal.store_model(due.name, save_safetensors(outcome.weights))
    written = bench.journal.record_trial(_record(bench, suggestion, outcome, model))
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
        seconds=round(written.timing.total, 3),
        images_per_second=written.timing.images_per_second,
        best_trial=best.number if best else None,
        best_value=best.value if best else None,
    )
    structlog.contextvars.unbind_contextvars("trial", "repetition")
    return ledger


def train_again(bench: Workbench, recorded: TrialRecord) -> bytes:
    """Train a recorded trial or repetition once more for its weights; store and return them.

    Raises RunMismatchError if they differ, as they may on another device or with other versions.
    """
    assert recorded.model is not None  # noqa: S101 -- only such a record is asked for
    structlog.contextvars.bind_contextvars(trial=recorded.number)
    with bench.stop.deferred():
        due = Due(recorded.number, recorded.repetition)
        outcome = _train(bench, trial_plan(bench.settings, due, recorded.params), never)
        data = save_safetensors(outcome.weights or {})
        model = bench.journal.store_model(due.name, data)
        if model != recorded.model:
            bench.journal.storage.delete(model.key)
            message = (
                f"{bench.journal.storage.uri}{recorded.model.key} is lost, and training trial {recorded.number} again "
                "gave other weights; go on with the device and versions of run.json, restore it, or start a new run"
            )
            raise RunMismatchError(message)
    structlog.contextvars.unbind_contextvars("trial")
    return data


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


def _pruner(settings: Settings, trials: Sequence[TrialRecord]) -> Callable[[Sequence[EpochScores]], bool]:
    """Return a predicate that says, of the epochs so far, whether a trial is to be pruned."""
    sign, objective = sense(settings.objective), settings.objective
    earlier = [[sign * value for value in trial.curve(objective)] for trial in trials]

    def prune(epochs: Sequence[EpochScores]) -> bool:
        return stops(settings.pruner, earlier, [sign * scores.value(objective) for scores in epochs], settings.epochs)

    return prune


def _train(bench: Workbench, plan: TrialPlan, prune: Callable[[Sequence[EpochScores]], bool]) -> TrialOutcome:
    state, step = resume_state(bench.journal, plan, bench.equipment)
    deaths = _deaths(list(bench.earlier_attempts().values()), plan, step)
    if deaths >= MAX_DEATHS:
        error = f"its process died {deaths} times without a new checkpoint"
        return TrialOutcome(TrialStatus.FAILED, epochs=state.outcome.epochs, error=error, devices=state.outcome.devices)
    bench.stop.check()  # before the attempt is marked as one at work
    bench.attempt.take_up(plan.number, plan.repetition, step)
    checkpoints = Checkpoints(bench.journal, plan, bench.equipment, bench.settings.checkpoint_seconds)

    def after_step(state: TrialState) -> None:
        checkpoints.after_step(state)
        if bench.stop.signalled:
            checkpoints.save_now(state)
            bench.stop.check()

    photos = len(bench.equipment.photos.train)
    hooks = Hooks(after_step, after_epoch=lambda scores: _log_epoch(scores, photos), prune=prune)
    try:
        outcome = run_trial(plan, bench.equipment, hooks, state)
    finally:
        checkpoints.close()
    outcome.checkpoint_seconds = checkpoints.blocked_seconds
    return outcome


def _too_large(bench: Workbench, reason: str) -> str:
    settings = bench.settings
    size = f"{settings.image_height}x{settings.image_width}"
    helps = f"a batch of {settings.batch_size} photos of {size} does not fit into memory; set a smaller one"
    if bench.equipment.device.autocast_dtype is None and bench.equipment.device.device.type == "cuda":
        helps += ", or PRECISION to fp16 or bf16, which take half"
    return f"{helps} ({bench.equipment.device.name}: {reason})"


def _deaths(attempts: Sequence[AttemptRecord], plan: TrialPlan, step: int) -> int:
    """Return how many of the last attempts died in a row while they trained this trial, all from the same step on."""
    deaths = 0
    for attempt in reversed(attempts):
        place = (attempt.trial, attempt.repetition or 0, attempt.step)
        if attempt.outcome is not None or place != (plan.number, plan.repetition, step):
            break
        deaths += 1
    return deaths


def _log_epoch(scores: EpochScores, photos: int) -> None:
    measured = scores.point()
    _log.info(
        "epoch",
        epoch=measured.pop("epoch"),
        **{name: round(value, 4) for name, value in measured.items()},
        seconds=round(scores.train_seconds + scores.evaluate_seconds, 3),
        images_per_second=round(photos / scores.train_seconds, 1),
    )


def _record(bench: Workbench, suggestion: Suggestion, outcome: TrialOutcome, model: StoredModel | None) -> TrialRecord:
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
        model=model,
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
