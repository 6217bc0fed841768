"""One trial: from hyperparameters to a learning curve and the weights of its best epoch.

Everything random comes from (seed, trial, epoch). Knows no search and no storage.
"""

import math
import time
from collections.abc import Callable, Generator
from functools import partial

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


def nothing(_: TrialState) -> None:
    """Do nothing after a step."""


def run_trial(
    plan: TrialPlan, equipment: Equipment, state: TrialState, after_step: Callable[[TrialState], None] = nothing
) -> TrialOutcome:
    """Train one configuration from `state` to its end, as `train_epochs` does, and return its outcome."""
    for _ in train_epochs(plan, equipment, state, after_step):
        pass
    return state.outcome


def train_epochs(
    plan: TrialPlan, equipment: Equipment, state: TrialState, after_step: Callable[[TrialState], None] = nothing
) -> Generator[EpochScores]:
    """Train and validate one configuration from `state` on; yield the scores after each epoch.

    What comes of it is `state.outcome`. A loss that is not finite ends the trial as diverged, which is no error.
    `after_step` is called with the state after each step, and after each batch of a validation, which changes no
    state; it may raise to interrupt. Raises what torch raises.
    """
    photos, outcome = equipment.photos, state.outcome
    while state.epoch <= plan.epochs:
        train_loss = _train_epoch(plan, equipment, state, after_step)
        started = time.monotonic()
        between = partial(after_step, state)
        evaluation = evaluate(state.model, photos, photos.validation, equipment.device, between)
        if not (math.isfinite(train_loss) and math.isfinite(evaluation.loss)):
            outcome.status, outcome.error = TrialStatus.DIVERGED, f"the loss was not finite in epoch {state.epoch}"
            outcome.value = outcome.best_epoch = outcome.weights = None
            return
        scores = _scores(state, train_loss, evaluation, time.monotonic() - started)
        outcome.epochs.append(scores)
        if better(scores.value(plan.objective), outcome.value, plan.objective):
            outcome.value, outcome.best_epoch = scores.value(plan.objective), state.epoch
            outcome.weights = copy_weights(state.model)
        state.epoch, state.step, state.train_seconds = state.epoch + 1, 0, 0.0
        state.loss_sum.zero_()
        yield scores


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
        loss = state.gradients(inputs, labels)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad(set_to_none=True)  # frees their memory, unless a graph keeps it
        state.loss_sum += loss
        state.step += 1
        if state.step % check_every == 0:
            mean_loss = float(state.loss_sum) / state.step
            if not math.isfinite(mean_loss):
                return math.nan
            state.train_loss = mean_loss
        state.train_seconds += time.monotonic() - started
        after_step(state)
    started = time.monotonic()
    mean_loss = float(state.loss_sum) / steps  # the one wait for the device in an epoch
    state.train_seconds += time.monotonic() - started
    return mean_loss
