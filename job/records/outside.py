"""A run as it is seen from outside: what `job status` tells."""

from datetime import datetime

from pydantic import Field

from job.records.now import Now
from job.records.record import Record
from job.records.results import Best, Progress, Results
from job.records.run import AttemptRecord
from job.records.status import RunState


class Status(Record):
    """What `job status` tells of a run, from what lies in its storage."""

    run: str = Field(description="Its URI.")
    state: RunState
    sentence: str = Field(description="The state in words.")
    trials_done: int
    trials: int | None = Field(description="That are asked for; null where no progress has been written yet.")
    best: Best | None
    test_accuracy: float | None = Field(description="Of a finished run.")
    attempt: AttemptRecord | None = Field(description="The last process that has worked on the run.")
    sign_of_life: datetime | None = Field(description="When a process that works on the run last wrote something.")
    now: Now | None = Field(description="What is going on, while a process works on the run.")
    details: Progress | Results | None = Field(description="All that is known.", exclude=True)
