"""A trial in flight: built from its plan or from a checkpoint, and turned into a checkpoint between any two steps."""

from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn

from job.records.status import DeviceUsed, TrialStatus
from job.seeds import derive_seed
from job.training.checkpoint import BadCheckpointError, from_bytes, lay_out
from job.training.failures import is_broken_device, is_out_of_memory
from job.training.gradients import Gradients, eager, graphed
from job.training.model import build_model, gather
from job.training.optimizers import build_optimizer, optimizer_tensors, restore_optimizer
from job.training.plan import EpochScores, Equipment, TrialOutcome, TrialPlan

_MODEL, _BEST, _OPTIMIZER, _LOSS_SUM = "model.", "best.", "optimizer.", "loss_sum"


@dataclass
class TrialState:
    """All that a trial in flight consists of; everything random in it is a function of (seed, trial, epoch)."""

    model: nn.Module
    gradients: Gradients
    """Computes a training step's, and shares the model's weights."""
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    loss_sum: Tensor
    """Of this epoch's steps; on the device."""
    epoch: int = 1
    step: int = 0
    """Steps done in this epoch."""
    train_seconds: float = 0.0
    """Of this epoch's steps."""
    train_loss: float | None = None
    """Mean over this epoch's steps, as it was last read from the device; for those who watch."""
    outcome: TrialOutcome = field(default_factory=lambda: TrialOutcome(TrialStatus.COMPLETE))


def fresh_state(plan: TrialPlan, equipment: Equipment) -> TrialState:
    """Return the state of a trial before its first step, a pure function of its plan."""
    device = equipment.device.device
    model = build_model(equipment.photos.n_classes, derive_seed(plan.seed, "weights", plan.number), equipment.initial)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(
        plan.optimizer,
        model.parameters(),
        learning_rate=plan.learning_rate,
        momentum=plan.momentum,
        weight_decay=plan.weight_decay,
    )
    scaler = torch.amp.GradScaler(device.type, enabled=equipment.device.scale_gradients)
    gradients = _gradients(equipment, model, scaler)
    state = TrialState(model, gradients, optimizer, scaler, torch.zeros((), device=device))
    state.outcome.devices.append(equipment.device.used)
    return state


def _gradients(equipment: Equipment, model: nn.Module, scaler: torch.amp.GradScaler) -> Gradients:
    """Return what computes a step's gradients; training batches have one shape."""
    device = equipment.device
    if equipment.compile_model:
        # For any shape it would be slower and, if a trial goes on from within a validation, another program. The next
        # trial's model has the same code and shapes and is not compiled again.
        return eager(torch.compile(model, dynamic=False), device, scaler)
    return graphed(model, device, scaler) if device.device.type == "cuda" else eager(model, device, scaler)


def take_checkpoint(plan: TrialPlan, state: TrialState) -> bytearray:
    """Return a checkpoint without its checksum; training may go on while it is sealed and written."""
    outcome = state.outcome
    tensors = {_LOSS_SUM: state.loss_sum}
    for prefix, found in (
        (_MODEL, state.model.state_dict()),
        (_OPTIMIZER, optimizer_tensors(state.optimizer)),
        (_BEST, outcome.weights or {}),
    ):
        tensors |= {prefix + name: value for name, value in found.items()}
    elsewhere = {name: value for name, value in tensors.items() if value.device.type != "cpu"}
    tensors |= gather(elsewhere) if elsewhere else {}
    position = {
        "epoch": state.epoch,
        "step": state.step,
        "train_seconds": state.train_seconds,
        "scaler": state.scaler.state_dict(),
        "epochs": [asdict(scores) for scores in outcome.epochs],
        "devices": [asdict(used) for used in outcome.devices],
        "best_epoch": outcome.best_epoch,
        "value": outcome.value,
    }
    return lay_out(asdict(plan), position, tensors)


def restore_state(plan: TrialPlan, equipment: Equipment, data: bytes) -> TrialState:
    """Return the state in a checkpoint's bytes; raises BadCheckpointError unless they are whole and of this plan."""
    position, tensors = from_bytes(data, asdict(plan))

    def part(prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

    state = fresh_state(plan, equipment)
    try:
        state.model.load_state_dict(part(_MODEL))
    except RuntimeError as error:  # a run with other classes
        if is_out_of_memory(error) or is_broken_device(error):
            raise
        raise BadCheckpointError(str(error).splitlines()[0]) from None
    restore_optimizer(state.optimizer, part(_OPTIMIZER))
    if position["scaler"]:
        state.scaler.load_state_dict(position["scaler"])
    state.loss_sum.copy_(tensors[_LOSS_SUM])
    state.epoch, state.step = position["epoch"], position["step"]
    state.train_seconds = position["train_seconds"]
    state.outcome.epochs = [EpochScores(**scores) for scores in position["epochs"]]
    here = equipment.device.used
    before = [DeviceUsed(**used) for used in position.get("devices", [])]  # older checkpoints have none
    state.outcome.devices = before if before[-1:] == [here] else [*before, here]
    state.outcome.best_epoch, state.outcome.value = position["best_epoch"], position["value"]
    state.outcome.weights = part(_BEST) or None
    return state
