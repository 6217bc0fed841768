"""Trains on Ray: several tasks at a time, each on a worker of its own, on this machine or a cluster.

Workers write checkpoints and weights; records are this process's alone. A worker that is lost is replaced, and its task
goes on elsewhere from its checkpoint. What Ray knows is lost with this process, and none of it is missed.
"""

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import ray
import ray.exceptions
import structlog

from job.errors import JobError, WorkersUnavailableError
from job.preemption import Preemption
from job.records.now import AtWork
from job.records.run import RunRecord
from job.settings import Settings
from job.study.executors.base import Ended, Event, Executor, Lost, Task
from job.study.executors.room import Room
from job.study.executors.slot import Said, Slot
from job.training.failures import first_line

_TICK = 1.0
"""Seconds after which signals and drained nodes are looked for, if nothing happens."""

_ASKED_EVERY = 2.0
"""Seconds between two questions to a worker how far its task is."""

_SAID_EVERY = 60.0
"""Seconds between two lines of a job that waits for its first worker."""

_LOSSES = 3
"""A job ends if it loses so many workers in a row for each that it has, and hears nothing of any task meanwhile."""

_log = structlog.get_logger()


@dataclass
class _Seat:
    """A worker, and what it is doing."""

    number: int
    actor: Any
    beginning: Any
    """The answer to `begin`, until it has come."""
    node: str = ""
    task: Task | None = None
    events: Any = None
    """The task's events, as Ray streams them."""
    present: AtWork | None = None
    """How far its task is, as it was last told."""
    asked: Any = None
    """The answer to `at_work`, until it has come."""
    asked_at: float = 0.0


class RayExecutor(Executor):
    """Has as many workers as trials are trained at a time; those that find no place yet wait for one."""

    def __init__(self, settings: Settings, run: RunRecord, room: Room, stop: Preemption) -> None:
        self._settings, self._run, self._room, self._stop = settings, run, room, stop
        self._waiting: deque[Task] = deque()
        self._losses = 0
        self._said = time.monotonic()
        self._seats = [self._seat(number) for number in range(run.parallel_trials)]

    def is_free(self) -> bool:
        """Say whether a worker waits for a task."""
        return len(self._idle()) > len(self._waiting)

    def start(self, task: Task) -> None:
        """Give a task to a worker, at once or as soon as one is there."""
        self._waiting.append(task)
        self._assign()

    def stop(self, name: str, epoch: int) -> None:
        """Tell the worker."""
        for seat in self._seats:
            if seat.task is not None and seat.task.plan.name == name:
                seat.actor.stop.remote(name, epoch)

    def hear(self) -> Event | None:
        """Wait for the next event, a second at most."""
        if self._stop.signalled:
            self._put_down()
            self._stop.check()
        self._leave_drained_nodes()
        self._assign()
        self._ask()
        waited = {self._waited(seat): seat for seat in self._seats if self._waited(seat) is not None}
        ready, _ = ray.wait(list(waited), num_returns=1, timeout=_TICK) if waited else ([], None)
        if not ready:
            self._say_that_none_is_there()
            return None
        return self._hear(waited[ready[0]])

    def at_work(self) -> list[AtWork]:
        """Return what the workers have last told."""
        present = [seat.present for seat in list(self._seats) if seat.task is not None]
        return [each for each in present if each is not None]

    def close(self) -> None:
        """End all workers; what they were doing can be gone on with."""
        for seat in self._seats:
            ray.kill(seat.actor)
        ray.shutdown()

    def _seat(self, number: int) -> _Seat:
        actor: Any = (
            ray.remote(Slot).options(num_cpus=self._run.threads, num_gpus=self._room.gpus, max_concurrency=4).remote()
        )
        return _Seat(number, actor, actor.begin.remote(self._settings, self._run, number))

    def _idle(self) -> list[_Seat]:
        return [seat for seat in self._seats if seat.beginning is None and seat.task is None]

    def _assign(self) -> None:
        for seat in self._idle():
            if self._waiting:
                seat.task = self._waiting.popleft()
                seat.events = seat.actor.train.options(num_returns="streaming").remote(seat.task)

    def _ask(self) -> None:
        """Ask workers how far they are, and take the answers that have come."""
        for seat in self._seats:
            if seat.asked is not None and ray.wait([seat.asked], timeout=0)[0]:
                try:
                    present: AtWork | None = ray.get(seat.asked)
                except ray.exceptions.RayError:  # it is lost, which its events tell
                    present = None
                seat.present = None if present is None else present.model_copy(update={"worker": seat.number})
                seat.asked = None
            if seat.asked is None and seat.task is not None and time.monotonic() - seat.asked_at >= _ASKED_EVERY:
                seat.asked, seat.asked_at = seat.actor.at_work.remote(), time.monotonic()

    @staticmethod
    def _waited(seat: _Seat) -> Any:  # noqa: ANN401 -- Ray's references
        return seat.beginning if seat.beginning is not None else seat.events

    def _hear(self, seat: _Seat) -> Event | None:
        try:
            if seat.beginning is not None:
                seat.node = ray.get(seat.beginning)
                seat.beginning = None
                _log.info("worker", worker=seat.number, node=seat.node[:8])
                return None
            event: Event | Said = ray.get(next(seat.events))
        except StopIteration:  # after its last event
            seat.events = None
            return None
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
        except ray.exceptions.RayError as error:
            return self._lose(seat, first_line(error))
        if isinstance(event, Said):
            line = dict(event.line)
            getattr(_log, event.level)(line.pop("event"), **line, worker=seat.number)
            return None
        self._losses = 0
        if isinstance(event, Lost):
            return self._lose(seat, "put down")
        if isinstance(event, Ended):
            seat.task = seat.events = seat.present = None
        return event

    def _lose(self, seat: _Seat, why: str) -> Event | None:
        """Replace a worker; return the loss of its task."""
        lost = seat.task
        self._losses += 1
        _log.warning("worker lost", worker=seat.number, trial=lost.plan.number if lost else None, reason=why)
        if self._losses > _LOSSES * len(self._seats):
            raise WorkersUnavailableError(f"{self._losses} workers of Ray were lost in a row; the last one: {why}")
        ray.kill(seat.actor)
        self._seats[seat.number] = self._seat(seat.number)
        return Lost(lost.plan.name) if lost else None

    def _leave_drained_nodes(self) -> None:
        """Have workers on nodes that are to go put down their tasks."""
        draining = ray._private.state.state.get_draining_nodes()  # noqa: SLF001 -- there is no public way
        for seat in self._seats:
            if seat.node in draining:
                seat.node = ""
                seat.actor.put_down.remote()
                if seat.task is None:
                    self._lose(seat, "its node is drained")

    def _say_that_none_is_there(self) -> None:
        if any(seat.beginning is None for seat in self._seats) or time.monotonic() - self._said < _SAID_EVERY:
            return
        self._said = time.monotonic()
        _log.warning("no worker yet", workers=len(self._seats), cpus_each=self._run.threads, gpus_each=self._room.gpus)

    def _put_down(self) -> None:
        """Have all workers write their checkpoints, and wait for that; the grace period ends the wait."""
        working = [seat for seat in self._seats if seat.task is not None]
        for seat in working:
            seat.actor.put_down.remote()
        for seat in working:
            try:
                for event in seat.events:
                    ray.get(event)
            except ray.exceptions.RayError as error:
                _log.warning("worker lost", worker=seat.number, reason=first_line(error))


def _cause(error: ray.exceptions.RayTaskError) -> BaseException:
    """Return what a worker raised."""
    cause = error.cause
    return cause if isinstance(cause, BaseException) else JobError(first_line(error))
