"""A worker of Ray: trains one task at a time, in a process of its own, on this machine or another."""

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import ray
import structlog
from structlog.typing import EventDict, WrappedLogger

from job.catalogue.cache import prepare_cache_dir
from job.errors import DeviceError, Preempted
from job.meter import silent
from job.preemption import Preemption
from job.records.now import AtWork
from job.records.run import RunRecord
from job.records.status import DeviceUsed
from job.records.tries import PUT_DOWN, TryRecord
from job.settings import Settings
from job.storage import open_storage
from job.study.attempt import this_host
from job.study.equipment import photos_of
from job.study.executors.base import Ended, Event, Lost, Task
from job.study.journal import Journal
from job.study.prepare import prepare
from job.study.worker import Worker
from job.training.device import configure_torch
from job.training.failures import device_failures
from job.training.plan import Equipment, TrialPlan


@dataclass(frozen=True)
class Said:
    """A line of the worker's log, for the driver's."""

    level: str
    line: EventDict


class Slot:
    """The actor. Ray calls `train` in one of its threads, and the others, which return at once, meanwhile."""

    def __init__(self) -> None:
        self._stop = Preemption()
        self._stop_after: dict[str, int] = {}
        self._said: list[Said] = []

    def begin(self, settings: Settings, run: RunRecord, number: int) -> str:
        """Read the catalogue and put it on the device; return the node's id. Raises what `prepare` raises."""
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._keep],
            wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        )
        configure_torch(threads=run.threads, deterministic=settings.deterministic)
        with _one_at_a_time(prepare_cache_dir(settings.cache_dir)):  # the first of a node fills the cache
            inputs = prepare(settings, run, silent)
        with device_failures(inputs.device.name):
            photos = photos_of(inputs.catalogue, inputs.device, inputs.initial)
        equipment = Equipment(photos, inputs.device, inputs.initial, settings.compile)
        journal = Journal(open_storage(settings.output_uri, retry_seconds=settings.retry_seconds))
        self._diary = TriesDiary(journal, inputs.device.used, number)
        self._worker = Worker(settings, journal, equipment, self._stop, self._diary)
        return str(ray.get_runtime_context().get_node_id())

    def train(self, task: Task) -> Iterator[Event | Said]:
        """Train a task, yielding what happens; the last event is its end, or its loss if it was put down."""
        name = task.plan.name
        try:
            with device_failures(self._worker.equipment.device.name):
                for event in self._worker.train(task, lambda: self._stop_after.get(name)):
                    if isinstance(event, Ended):
                        self._diary.end(event.result.outcome.status)
                    yield from self._kept()
                    yield event
        except Preempted:
            self._diary.end(PUT_DOWN)
            yield from self._kept()
            yield Lost(name)
        except DeviceError:
            self._diary.end(PUT_DOWN)  # no death of the trial's
            raise

    def at_work(self) -> AtWork | None:
        """Say how far the present task is."""
        return self._worker.at_work()

    def stop(self, name: str, epoch: int) -> None:
        """Have a task stop after an epoch."""
        self._stop_after[name] = epoch

    def put_down(self) -> None:
        """Have the present task write a checkpoint and end, and take up none any more."""
        self._stop.request(signal.SIGTERM)

    def _keep(self, _: WrappedLogger, level: str, line: EventDict) -> EventDict:
        self._said.append(Said(level, line))
        raise structlog.DropEvent

    def _kept(self) -> Iterator[Said]:
        while self._said:  # Ray sends something into the generator, which a list in `yield from` cannot take
            yield self._said.pop(0)


@dataclass
class TriesDiary:
    """Who works on which trial, in tries/*.json."""

    journal: Journal
    device: DeviceUsed
    worker: int
    _key: str = ""
    _work: TryRecord | None = None

    def deaths(self, plan: TrialPlan, step: int) -> int:
        """Return how many of the last workers were lost in a row while they trained this trial from this step on."""
        deaths = 0
        for work in reversed(self.journal.tries(plan.name)):
            if work.outcome is not None or work.step != step:
                break
            deaths += 1
        return deaths

    def take_up(self, plan: TrialPlan, step: int) -> None:
        """Write down that this worker trains the trial from this step on."""
        self._work = TryRecord(
            trial=plan.number,
            repetition=plan.repetition or None,
            worker=self.worker,
            host=this_host(),
            device=self.device,
            started_at=datetime.now(UTC),
            step=step,
        )
        self._key = self.journal.begin_try(plan.name, self._work)

    def end(self, outcome: str) -> None:
        """Write down how this worker's work ended, if it had begun."""
        if self._work is not None:
            ended = self._work.model_copy(update={"ended_at": datetime.now(UTC), "outcome": outcome})
            self.journal.update_try(self._key, ended)
            self._work = None


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """Let one process of this machine at a time enter the block."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
