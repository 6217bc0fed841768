"""A run and the attempts at it: run.json and attempts/*.json."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from job.records.prior import PriorRun
from job.records.record import SCHEMA_VERSION, Record, checksum_field
from job.records.status import DeviceUsed


class RunRecord(Record):
    """run.json: what a run is, fixed when it begins."""

    schema_version: Literal[1] = SCHEMA_VERSION
    settings: dict[str, Any] = Field(description="The settings that define the search.")
    dataset_uri: str
    dataset_fingerprint: str
    initial_weights_sha256: str | None
    threads: int = Field(description="CPU threads of every attempt, since sums depend on their number.")
    parallel_trials: int = Field(1, description="Trials that are trained at a time; each knows only those that ended.")
    guess_first: bool = Field(
        default=False, description="Its first trial is the best guess, not a point of the design."
    )
    versions: dict[str, str]
    created_at: datetime
    warm_start: list[PriorRun] = Field(default_factory=list, description="What the earlier runs tell, one each.")
    checksum: str = checksum_field()


class Replay(Record):
    """A recorded trial that this attempt would suggest otherwise, as other versions or another CPU may."""

    trial: int
    recorded: dict[str, float | str]
    suggested: dict[str, float | str]


class AttemptRecord(Record):
    """One process's work on the run; ended_at and outcome stay null if it was killed."""

    started_at: datetime
    host: str | None = Field(None, description="The machine or Pod that it ran on.")
    ended_at: datetime | None = None
    device: DeviceUsed | None = None
    trial: int | None = Field(None, description="The last trial that it began or went on with.")
    repetition: int | None = Field(None, description="Of that trial; null: the trial itself.")
    step: int | None = Field(None, description="The step that it went on from in that trial.")
    outcome: str | None = Field(None, description="complete, budget_spent, or what ended it; null: killed or at work.")
    exit_code: int | None = Field(None, description="Of the process, as `outcome`.")
    seconds: dict[str, float] = Field(default_factory=dict)
    replay: Replay | None = Field(None, description="The newest recorded trial that is not suggested again as it was.")


class AttemptFile(Record):
    """An attempt as it is stored."""

    attempt: AttemptRecord
    checksum: str = checksum_field()


class Environment(Record):
    """What the last attempt ran on."""

    device: str
    precision: str
    threads: int
    versions: dict[str, str]
    source_revision: str | None
    image: str | None
