"""A trial's plan, the equipment that it works with, and its outcome."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from job.records.objective import score_name
from job.records.status import DeviceUsed, TrialStatus, trial_name
from job.training.data import Photos
from job.training.device import Device


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
    """The validation metric that trials are compared by."""
    repetition: int = 0
    """From 1: the trial is trained again with another seed; 0: the trial itself."""

    @property
    def name(self) -> str:
        """The beginning of the keys of its objects."""
        return trial_name(self.number, self.repetition)

    @property
    def params(self) -> dict[str, float | str]:
        """The hyperparameters by name, as a record has them."""
        return {name: getattr(self, name) for name in ("learning_rate", "momentum", "weight_decay", "optimizer")}


@dataclass(frozen=True)
class EpochScores:
    """One point of the learning curve, as EpochRecord has it, and the seconds that it took."""

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
        return float(getattr(self, score_name(objective)))

    def point(self) -> dict[str, Any]:
        """Return the point without the seconds."""
        return {name: value for name, value in asdict(self).items() if not name.endswith("_seconds")}


@dataclass
class TrialOutcome:
    """What came of a trial; `weights` are those of its best epoch, on the CPU."""

    status: TrialStatus
    epochs: list[EpochScores] = field(default_factory=list)
    best_epoch: int | None = None
    value: float | None = None
    weights: dict[str, Tensor] | None = None
    error: str | None = None
    devices: list[DeviceUsed] = field(default_factory=list)
    """What it was trained on, in order."""
    checkpoint_seconds: float = 0.0
    """Time that training stood still for checkpoints."""

    def prune(self, epochs: int) -> None:
        """Make it that of a trial that was stopped after so many epochs, however far it has trained meanwhile."""
        self.status, self.epochs, self.error = TrialStatus.PRUNED, self.epochs[:epochs], None
        self.value = self.best_epoch = self.weights = None


@dataclass(frozen=True)
class Equipment:
    """What all trials of a process share."""

    photos: Photos
    device: Device
    initial: dict[str, Tensor] | None
    """Given initial weights, on the CPU; None draws them from the seed."""
    compile_model: bool

    def without_photos(self) -> "Equipment":
        """Return the same without the photos, whose memory is then free."""
        return replace(self, photos=replace(self.photos, images=torch.empty_like(self.photos.images[:0])))


def step_sizes(photos: int, batch_size: int) -> tuple[int, int]:
    """Return the batch size and the number of steps of an epoch.

    Every batch is full, so that shapes are static; each epoch leaves over other photos.
    """
    size = min(batch_size, photos)
    return size, photos // size
