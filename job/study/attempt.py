"""The attempt: one process's work on the run, with its record, and all that it works with."""

import os
import platform
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from job.meter import Meter
from job.preemption import Preemption
from job.records.dataset import Dataset
from job.records.run import AttemptRecord, Replay, RunRecord
from job.records.status import DeviceUsed
from job.settings import Settings
from job.study.journal import Journal
from job.text import printable
from job.training.plan import Equipment


def this_host() -> str:
    """Return the name of the Pod, or of the machine, that this process runs on."""
    return printable(os.environ.get("POD_NAME") or platform.node())


class Attempt:
    """Writes its record whenever it changes, and never loses what the record has gained."""

    def __init__(
        self,
        journal: Journal,
        began: float,
        seconds: dict[str, float],
        device: DeviceUsed,
        replay: Replay | None = None,
    ) -> None:
        """Begin an attempt: `began` is the monotonic time of its start, `seconds` the time spent since, by purpose."""
        self._journal = journal
        self._began = began
        self._changing = threading.Lock()  # another thread notes a signal
        self._record = AttemptRecord(
            started_at=datetime.now(UTC), host=this_host(), seconds=seconds, device=device, replay=replay
        )
        self.number = journal.begin_attempt(self._record)

    @property
    def elapsed(self) -> float:
        """Seconds since the attempt began."""
        return time.monotonic() - self._began

    def take_up(self, trial: int, repetition: int, step: int) -> None:
        """Note which trial is being trained (repetition 0 is the trial itself), and from which step."""
        self._write(trial=trial, repetition=repetition or None, step=step)

    def end(self, outcome: str, exit_code: int, **seconds: float) -> None:
        """Note how the attempt ended, and what else it spent time on."""
        known = self._record.seconds | seconds | {"total": self.elapsed}
        self._write(ended_at=datetime.now(UTC), outcome=outcome, exit_code=exit_code, seconds=known)

    def _write(self, **changes: Any) -> None:  # noqa: ANN401 -- the record's fields
        with self._changing:
            self._record = self._record.model_copy(update=changes)
            self._journal.update_attempt(self.number, self._record)


@dataclass(frozen=True)
class Workbench:
    """What an attempt works with."""

    settings: Settings
    journal: Journal
    stop: Preemption
    equipment: Equipment
    run: RunRecord
    dataset: Dataset
    attempt: Attempt
    meter: Meter

    def earlier_attempts(self) -> dict[int, AttemptRecord]:
        """Return the attempts before this one by number, in order."""
        return {number: each for number, each in self.journal.attempts().items() if number < self.attempt.number}
