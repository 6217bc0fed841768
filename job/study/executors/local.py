"""Trains in this process, one task after another."""

from collections.abc import Iterator
from dataclasses import dataclass

from job.records.now import AtWork
from job.study.executors.base import Ended, Event, Executor, Task
from job.study.worker import Worker


@dataclass
class LocalExecutor(Executor):
    """Has a single worker: while it hears, it trains."""

    worker: Worker
    _events: Iterator[Event] | None = None
    _stop_after: int | None = None

    def is_free(self) -> bool:
        """Say whether the last task has come to its end."""
        return self._events is None

    def start(self, task: Task) -> None:
        """Begin with a task when `hear` is called next."""
        self._stop_after = None
        self._events = self.worker.train(task, lambda: self._stop_after)

    def stop(self, name: str, epoch: int) -> None:
        """Have the task stop before its next step."""
        del name  # there is only one
        self._stop_after = epoch

    def hear(self) -> Event | None:
        """Train to the next event."""
        if self._events is None:
            return None
        event = next(self._events)
        if isinstance(event, Ended):
            self._events = None
        return event

    def at_work(self) -> list[AtWork]:
        """Ask the worker."""
        present = self.worker.at_work()
        return [] if present is None else [present]

    def close(self) -> None:
        """Hold nothing."""
