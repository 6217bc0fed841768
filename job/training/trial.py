"""One trial: from hyperparameters to a learning curve and the weights of its best epoch.

Knows no search, no storage and no layout of the run. All that is random comes from (seed, trial, epoch).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from job.metrics import metrics_of
from job.seeds import derive_seed
from job.training.data import Photos, plan_epoch, training_batch
from job.training.device import Device
from job.training.evaluate import evaluate
from job.training.model import build_model
from job.training.optimizers import build_optimizer, learning_rate_at

_FINITE_CHECK_STEPS = 32  # on a GPU each look at the loss waits for the device


@dataclass(frozen=True)
class TrialPlan:
    """What one trial is to do."""

    number: int
    seed: int
    learning_rate: float
    momentum: float
    weight_decay: float
    optimizer: str
    epochs: int
    batch_size: int
    objective: str
    """A field of EpochScores; log_loss is minimised, the others are maximised."""


@dataclass(frozen=True)
class EpochScores:
    """One point of the learning curve; all but the training loss are measured on the validation part."""

    epoch: int
    train_loss: float
    validation_loss: float
    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    train_seconds: float
    evaluate_seconds: float

    def value(self, objective: str) -> float:
        """Return the score that the objective names."""
        return self.validation_loss if objective == "log_loss" else float(getattr(self, objective))


@dataclass
class TrialResult:
    """What a trial came to; its weights are those of the best epoch, on the CPU."""

    status: Literal["complete", "diverged", "failed"]
    epochs: list[EpochScores] = field(default_factory=list)
    best_epoch: int | None = None
    value: float | None = None
    weights: dict[str, Tensor] | None = None
    error: str | None = None


def better(value: float, than: float | None, objective: str) -> bool:
    """Return whether a value of the objective beats another; any value beats None, and equal ones do not."""
    if than is None:
        return True
    return value < than if objective == "log_loss" else value > than


@dataclass(frozen=True)
class Equipment:
    """What every trial of a process shares."""

    photos: Photos
    device: Device
    initial: dict[str, Tensor] | None
    """Given initial weights, on the CPU; None draws them from the seed."""
    compile_model: bool


@dataclass(frozen=True)
class Hooks:
    """What is called while a trial trains."""

    after_step: Callable[[], None]
    """May raise to put the trial down at a step boundary."""
    after_epoch: Callable[[EpochScores], None]


@dataclass(frozen=True)
class _Learner:
    model: nn.Module
    forward: nn.Module
    """The model, or its compiled form, which shares its weights."""
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler


def run_trial(plan: TrialPlan, equipment: Equipment, hooks: Hooks) -> TrialResult:
    """Train and validate one configuration.

    A loss that is not finite ends the trial as diverged, too little memory as failed; neither is an error of the job.
    """
    result = TrialResult("complete")
    try:
        _train(plan, equipment, hooks, result)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _failed(result, f"out of memory: {error}")
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # the CPU allocator has no exception of its own
            raise
        return _failed(result, f"out of memory: {error}")
    return result


def _failed(result: TrialResult, error: str) -> TrialResult:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return TrialResult("failed", epochs=result.epochs, error=error.splitlines()[0])


def _build(plan: TrialPlan, equipment: Equipment) -> _Learner:
    device = equipment.device.device
    seed = derive_seed(plan.seed, "weights", plan.number)
    model = build_model(equipment.photos.n_classes, seed, equipment.initial)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(
        plan.optimizer,
        model.parameters(),
        learning_rate=plan.learning_rate,
        momentum=plan.momentum,
        weight_decay=plan.weight_decay,
    )
    forward = torch.compile(model) if equipment.compile_model else model
    scaler = torch.amp.GradScaler(device.type, enabled=equipment.device.scale_gradients)
    return _Learner(model, forward, optimizer, scaler)  # type: ignore[arg-type]


def _train(plan: TrialPlan, equipment: Equipment, hooks: Hooks, result: TrialResult) -> None:
    photos = equipment.photos
    learner = _build(plan, equipment)
    for epoch in range(1, plan.epochs + 1):
        started = time.monotonic()
        train_loss = _train_epoch(plan, equipment, learner, epoch, hooks.after_step)
        trained = time.monotonic()
        evaluation = evaluate(learner.forward, photos, photos.validation, equipment.device)
        if not (math.isfinite(train_loss) and math.isfinite(evaluation.loss)):
            result.status, result.error = "diverged", f"the loss was not finite in epoch {epoch}"
            result.value = result.best_epoch = result.weights = None
            return
        metrics = metrics_of(evaluation.confusion)
        scores = EpochScores(
            epoch=epoch,
            train_loss=train_loss,
            validation_loss=evaluation.loss,
            accuracy=metrics.accuracy,
            macro_f1=metrics.macro_f1,
            balanced_accuracy=metrics.balanced_accuracy,
            train_seconds=trained - started,
            evaluate_seconds=time.monotonic() - trained,
        )
        result.epochs.append(scores)
        if better(scores.value(plan.objective), result.value, plan.objective):
            result.value, result.best_epoch = scores.value(plan.objective), epoch
            result.weights = _copy_weights(learner.model)
        hooks.after_epoch(scores)


def _copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights on the CPU, in the plain memory layout that safetensors asks for."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, value in model.state_dict().items()
    }


def _train_epoch(
    plan: TrialPlan, equipment: Equipment, learner: _Learner, epoch: int, after_step: Callable[[], None]
) -> float:
    """Train one epoch and return its mean loss, or a non-finite number as soon as the loss is seen to be one."""
    learner.forward.train()
    photos, device = equipment.photos, equipment.device
    batch_size, steps = step_sizes(len(photos.train), plan.batch_size)
    order = plan_epoch(photos, plan.seed, plan.number, epoch)
    loss_sum = torch.zeros((), device=device.device)
    check_every = 1 if device.device.type == "cpu" else _FINITE_CHECK_STEPS
    for step in range(steps):
        learning_rate = learning_rate_at((epoch - 1) * steps + step, plan.epochs * steps, plan.learning_rate)
        for group in learner.optimizer.param_groups:
            group["lr"] = learning_rate
        inputs, labels = training_batch(photos, order, step * batch_size, batch_size)
        with device.autocast():
            loss = functional.cross_entropy(learner.forward(inputs), labels)
        learner.optimizer.zero_grad(set_to_none=True)
        learner.scaler.scale(loss).backward()
        learner.scaler.step(learner.optimizer)
        learner.scaler.update()
        loss_sum += loss.detach()
        if step % check_every == check_every - 1 and not math.isfinite(float(loss_sum)):
            return math.nan
        after_step()
    return float(loss_sum) / steps  # the one wait for the device in an epoch


def step_sizes(photos: int, batch_size: int) -> tuple[int, int]:
    """Return the batch size and the number of steps of an epoch.

    Every batch is full, so that shapes are static; the few photos that are left over are others in each epoch.
    """
    size = min(batch_size, photos)
    return size, photos // size
