"""Earlier runs that a run was begun from, as run.json and results.json tell of them."""

from typing import Literal

from pydantic import Field

from job.records.record import Record
from job.records.status import TrialStatus


class PriorObservation(Record):
    """What a trial of an earlier run tells."""

    params: dict[str, float | str]
    status: Literal[TrialStatus.COMPLETE, TrialStatus.DIVERGED, TrialStatus.PRUNED]
    value: float | None = Field(description="This run's objective at the best epoch; null unless complete.")
    scores: list[float] = Field(description="This run's objective after each epoch.")

    def curve(self, _: str) -> list[float]:
        """Return this run's objective after each epoch."""
        return self.scores


class PriorRun(Record):
    """What an earlier run tells, as it was when this run began."""

    uri: str
    dataset_fingerprint: str
    differs: list[str] = Field(description="Settings that differ there, but for those that only steer the search.")
    left_out: int = Field(description="Trials that failed or lie outside this run's search space.")
    observations: list[PriorObservation]


class WarmStart(Record):
    """An earlier run that the search has learned from."""

    uri: str
    same_data: bool = Field(description="Its photos and labels are those of this run.")
    differs: list[str] = Field(description="Settings that differ there, but for those that only steer the search.")
    trials: int = Field(description="Trials that were taken.")
    left_out: int = Field(description="Trials that failed or lie outside this run's search space.")
