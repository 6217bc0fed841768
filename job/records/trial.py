"""A trial as it is stored: its learning curve, what came of it, and where its weights lie."""

from datetime import datetime

from pydantic import Field

from job.records.objective import score_name
from job.records.record import Record, checksum_field
from job.records.status import DeviceUsed, TrialStatus, trial_name


class StoredModel(Record):
    """Where a trial's weights lie."""

    key: str = Field(description="Key of the safetensors object, relative to the run.")
    sha256: str


class EpochRecord(Record):
    """One point of a learning curve; all but train_loss are measured on the validation part."""

    epoch: int
    train_loss: float
    validation_loss: float
    accuracy: float
    macro_f1: float
    balanced_accuracy: float

    def value(self, objective: str) -> float:
        """Return the score that the objective names."""
        return float(getattr(self, score_name(objective)))


class TrialTiming(Record):
    """Where a trial's time went, in seconds, and its speed."""

    suggest: float
    train: float
    evaluate: float
    checkpoint: float = Field(description="Time that training stood still for checkpoints.")
    total: float
    images_per_second: float | None = Field(description="Training photos a second.")
    attempt: int = Field(description="Number of the attempt that ended the trial.")
    ended_at: datetime


class TrialRecord(Record):
    """A finished trial, or a repetition of one: immutable, and all that later trials depend on."""

    number: int
    params: dict[str, float | str]
    status: TrialStatus
    value: float | None = Field(description="The objective at best_epoch; null unless complete.")
    best_epoch: int | None
    epochs: list[EpochRecord]
    error: str | None
    timing: TrialTiming
    model: StoredModel | None = Field(None, description="Weights of best_epoch, if the trial was the best by its end.")
    repetition: int = Field(
        0, description="From 1: the trial was trained again with another seed; 0: the trial itself."
    )
    devices: list[DeviceUsed] = Field(
        default_factory=list, description="What it was trained on, in order; several if it went on elsewhere."
    )
    checksum: str = checksum_field()

    @property
    def name(self) -> str:
        """The beginning of the keys of its objects."""
        return trial_name(self.number, self.repetition)

    def curve(self, objective: str) -> list[float]:
        """Return the objective after each epoch."""
        return [epoch.value(objective) for epoch in self.epochs]
