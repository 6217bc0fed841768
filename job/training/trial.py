"""One trial: from hyperparameters to a learning curve and the weights of its best epoch.

Everything random comes from (seed, trial, epoch). Knows no search and no storage.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch.nn import functional

from job.metrics import metrics_of
from job.records.objective import better
from job.records.status import TrialStatus
from job.training.data import plan_epoch, training_batch
from job.training.evaluate import Evaluation, evaluate
from job.training.model import copy_weights
from job.training.optimizers import learning_rate_at
from job.training.plan import EpochScores, Equipment, TrialOutcome, TrialPlan, step_sizes
from job.training.state import TrialState

_FINITE_CHECK_STEPS = 32  # on a GPU every read of the loss waits for the device


def never(_: Sequence[EpochScores]) -> bool:
    """Prune nothing."""
    return False


@dataclass(frozen=True)
class Hooks:
    """Called while a trial trains."""

    after_step: Callable[[TrialState], None]
    """Called with the state after each step, and after each batch of a validation, which changes no state; may raise to
    interrupt."""
    after_epoch: Callable[[EpochScores], None]
    prune: Callable[[Sequence[EpochScores]], bool] = never
    """Should the trial stop, given the scores of all epochs so far? Asked after each epoch but the last. Must be a pure
    function, since a trial that goes on from a checkpoint asks again."""


def run_trial(plan: TrialPlan, equipment: Equipment, hooks: Hooks, state: TrialState) -> TrialOutcome:
    """Train and validate one configuration from `state` to its end.

    A loss that is not finite ends the trial as diverged, which is no error. Raises what torch raises.
    """
    photos, outcome = equipment.photos, state.outcome
    while state.epoch <= plan.epochs:
        train_loss = _train_epoch(plan, equipment, state, hooks.after_step)
        started = time.monotonic()
        between = partial(hooks.after_step, state)
        evaluation = evaluate(state.model, photos, photos.validation, equipment.device, between)
        if not (math.isfinite(train_loss) and math.isfinite(evaluation.loss)):
            outcome.status, outcome.error = TrialStatus.DIVERGED, f"the loss was not finite in epoch {state.epoch}"
            outcome.value = outcome.best_epoch = outcome.weights = None
            return outcome
        scores = _scores(state, train_loss, evaluation, time.monotonic() - started)
        outcome.epochs.append(scores)
        if better(scores.value(plan.objective), outcome.value, plan.objective):
            outcome.value, outcome.best_epoch = scores.value(plan.objective), state.epoch
            outcome.weights = copy_weights(state.model)
        state.epoch, state.step, state.train_seconds = state.epoch + 1, 0, 0.0
        state.loss_sum.zero_()
        hooks.after_epoch(scores)
        if state.epoch <= plan.epochs and hooks.prune(outcome.epochs):
            outcome.status, outcome.value, outcome.best_epoch, outcome.weights = TrialStatus.PRUNED, None, None, None
            return outcome
    return outcome


def _scores(state: TrialState, train_loss: float, evaluation: Evaluation, evaluate_seconds: float) -> EpochScores:
    metrics = metrics_of(evaluation.confusion)
    return EpochScores(
        epoch=state.epoch,
        train_loss=train_loss,
        validation_loss=evaluation.loss,
        accuracy=metrics.accuracy,
        macro_f1=metrics.macro_f1,
        balanced_accuracy=metrics.balanced_accuracy,
        train_seconds=state.train_seconds,
        evaluate_seconds=evaluate_seconds,
    )


def _train_epoch(
    plan: TrialPlan, equipment: Equipment, state: TrialState, after_step: Callable[[TrialState], None]
) -> float:
    """Train the rest of an epoch and return its mean loss, or nan once the loss is not finite."""
    state.model.train()
    photos, device = equipment.photos, equipment.device
    batch_size, steps = step_sizes(len(photos.train), plan.batch_size)
    order = plan_epoch(photos, plan.seed, plan.number, state.epoch)
    check_every = 1 if device.device.type == "cpu" else _FINITE_CHECK_STEPS
    while state.step < steps:
        started = time.monotonic()
        done = (state.epoch - 1) * steps + state.step
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate_at(done, plan.epochs * steps, plan.learning_rate)
        inputs, labels = training_batch(photos, order, state.step * batch_size, batch_size)
        with device.autocast():
            loss = functional.cross_entropy(state.forward(inputs), labels)
        state.scaler.scale(loss).backward()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad(set_to_none=True)  # frees memory for a checkpoint or a validation
        state.loss_sum += loss.detach()
        state.step += 1
        if state.step % check_every == 0 and not math.isfinite(float(state.loss_sum)):
            return math.nan
        state.train_seconds += time.monotonic() - started
        after_step(state)
    started = time.monotonic()
    mean_loss = float(state.loss_sum) / steps  # the one wait for the device in an epoch
    state.train_seconds += time.monotonic() - started
    return mean_loss
