"""With Ray: who has trained which steps of a trial; tries/*.json."""

from datetime import datetime

from pydantic import Field

from job.records.record import Record, checksum_field
from job.records.status import DeviceUsed

PUT_DOWN = "put down"
"""The outcome of a worker that left the trial to another: it wrote a checkpoint, or its device failed."""


class TryRecord(Record):
    """One worker's work on a trial or a repetition; ended_at and outcome stay null if it was lost."""

    trial: int
    repetition: int | None = Field(None, description="Of that trial; null: the trial itself.")
    worker: int = Field(description="Its place among the workers, from 0; a lost one's place is taken by the next.")
    host: str = Field(description="The machine or Pod that it ran on.")
    device: DeviceUsed
    started_at: datetime
    step: int = Field(description="The step that it went on from.")
    ended_at: datetime | None = None
    outcome: str | None = Field(None, description="A trial's status, or `put down`; null: lost or at work.")


class TryFile(Record):
    """A try as it is stored."""

    work: TryRecord
    checksum: str = checksum_field()
