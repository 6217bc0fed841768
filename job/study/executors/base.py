"""What trains trials: the Protocol, what it is given and what it tells. Knows no records and no search."""

from dataclasses import dataclass
from typing import Protocol

from job.records.now import AtWork
from job.records.trial import StoredModel
from job.training.plan import EpochScores, TrialOutcome, TrialPlan


@dataclass(frozen=True)
class Task:
    """A trial or a repetition that is to be trained."""

    plan: TrialPlan
    beaten: float | None
    """Its weights are stored if its value is better; None: any is."""
    fits: bool
    """Whether a trial of these shapes has already fitted into memory."""


@dataclass(frozen=True)
class Result:
    """What came of a task."""

    outcome: TrialOutcome
    """Without the weights."""
    model: StoredModel | None = None
    """Where they lie, if they were stored."""


@dataclass(frozen=True)
class Trained:
    """A task's epochs: those in its checkpoint when it is taken up, then each one as it ends."""

    name: str
    epochs: list[EpochScores]
    taken_up: bool = False


@dataclass(frozen=True)
class Ended:
    """A task that has come to its end, or to where it was told to stop."""

    name: str
    result: Result


@dataclass(frozen=True)
class Lost:
    """A task whose worker is gone. Started again, it goes on from its checkpoint."""

    name: str


Event = Trained | Ended | Lost


class Executor(Protocol):
    """Trains tasks, one or several at a time.

    A signal ends it: `hear` then raises Preempted, once all checkpoints are written. It raises JobError and
    StorageUnavailableError as training in this process would.
    """

    def is_free(self) -> bool:
        """Say whether a task may be started."""
        ...

    def start(self, task: Task) -> None:
        """Begin with a task, or go on from its checkpoint."""
        ...

    def stop(self, name: str, epoch: int) -> None:
        """Have a task stop: it is pruned after `epoch` epochs. It may have trained on meanwhile, or to its end."""
        ...

    def hear(self) -> Event | None:
        """Wait for the next event; None if there is none, but perhaps a worker that is free now."""
        ...

    def at_work(self) -> list[AtWork]:
        """Say how far the tasks at work are, as far as that is known; any thread may ask."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...
