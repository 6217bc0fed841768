"""What a trial is told, what it works with and what it comes to; the words that training and study share."""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from job.records.objective import score_name
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
    """A field of EpochScores; log_loss is minimised, the others are maximised."""
    repetition: int = 0
    """Which time the trial is trained again, with a seed of its own; 0 is the trial itself."""

    @property
    def name(self) -> str:
        """What the keys of its objects begin with."""
        return f"{self.number:04}-{self.repetition}" if self.repetition else f"{self.number:04}"


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
        return float(getattr(self, score_name(objective)))


@dataclass
class TrialResult:
    """What a trial came to; its weights are those of the best epoch, on the CPU."""

    status: Literal["complete", "diverged", "failed", "pruned"]
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

    def without_photos(self) -> "Equipment":
        """Return the same but for the photos themselves, so that their memory is free."""
        return replace(self, photos=replace(self.photos, images=torch.empty_like(self.photos.images[:0])))


def step_sizes(photos: int, batch_size: int) -> tuple[int, int]:
    """Return the batch size and the number of steps of an epoch.

    Every batch is full, so that shapes are static; the few photos that are left over are others in each epoch.
    """
    size = min(batch_size, photos)
    return size, photos // size
