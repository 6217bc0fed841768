"""What is going on in a run at this moment; the part of progress.json that is rewritten while trials train."""

from datetime import datetime

from pydantic import Field

from job.records.record import Record
from job.records.status import trial_label


class AtWork(Record):
    """How far a trial, or a repetition, in flight is."""

    trial: int
    repetition: int | None = Field(None, description="Of that trial; null: the trial itself.")
    worker: int | None = Field(None, description="With Ray: its worker's place among all, from 0.")
    params: dict[str, float | str]
    epoch: int = Field(description="That is being trained, or validated if all its steps are done; from 1.")
    step: int = Field(description="Steps done in this epoch.")
    steps: int = Field(description="Of an epoch.")
    train_loss: float | None = Field(None, description="Mean over this epoch's steps, as it was last read.")
    images_per_second: float | None = Field(None, description="Training photos a second, in this epoch.")
    value: float | None = Field(None, description="The objective's best value so far.")
    bar: float | None = Field(None, description="Its best value has to reach this after this epoch, or it is pruned.")
    checkpoint_at: datetime | None = Field(None, description="When its last checkpoint was written by this process.")

    @property
    def label(self) -> str:
        """What people call it."""
        return trial_label(self.trial, self.repetition or 0)


class Now(Record):
    """A run at one moment."""

    at: datetime
    attempt: int
    at_work: list[AtWork]
    seconds_left: float | None = Field(description="At the speed so far, within the time budget; null: unknown yet.")
    seconds_spent: float = Field(description="By all attempts together, as the time budget counts them.")
    seconds_allowed: float | None = Field(None, description="The time budget; null: there is none.")
