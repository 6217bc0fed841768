"""How trials and runs end, what a trial is named, and what it ran on; plain Python, which training imports."""

from dataclasses import dataclass
from enum import StrEnum


class TrialStatus(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    DIVERGED = "diverged"
    FAILED = "failed"
    PRUNED = "pruned"


class RunStatus(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    COMPLETE = "complete"
    BUDGET_SPENT = "budget_spent"


@dataclass(frozen=True)
class DeviceUsed:
    """A device as it was used."""

    name: str
    capability: str | None
    """Of a GPU, like 8.0."""
    precision: str
    """Arithmetic of training: float32, float32 with TF32, bf16 or fp16."""

    def __str__(self) -> str:
        return f"{self.name}, {self.precision}"


class RunState(StrEnum):
    """What can be told of a run from outside."""

    WORKING = "working"
    PUBLISHING = "publishing"
    SILENT = "silent"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    FAILED = "failed"
    COMPLETE = "complete"
    BUDGET_SPENT = "budget_spent"


def trial_name(number: int, repetition: int) -> str:
    """Return the beginning of the keys of a trial's objects, or of a repetition's."""
    return f"{number:04}-{repetition}" if repetition else f"{number:04}"


def trial_label(number: int, repetition: int) -> str:
    """Return what people call a trial, or a repetition of one."""
    return f"trial {number}, repetition {repetition}" if repetition else f"trial {number}"
