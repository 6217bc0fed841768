"""Checkpoints of the trial in flight: when to take one, writing it in the background, and resuming from one.

At most one is being written. Of those taken meanwhile, only the newest waits. A failed write is logged; training goes
on.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from job.errors import ObjectMissingError, StorageError, StorageUnavailableError
from job.study.journal import Journal
from job.training.checkpoint import BadCheckpointError, seal
from job.training.plan import Equipment, TrialPlan, step_sizes
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint

GENERATIONS = 2
"""Checkpoints to keep: if the newest is damaged, the older one is used."""

_log = structlog.get_logger()


def resume_state(journal: Journal, plan: TrialPlan, equipment: Equipment) -> tuple[TrialState, int]:
    """Return the state in the newest whole checkpoint, or a fresh one, and the number of steps done."""
    for step, key in reversed(journal.checkpoints(plan.name)):
        try:
            state = restore_state(plan, equipment, journal.storage.get(key))
        except (BadCheckpointError, ObjectMissingError) as error:
            _log.warning("checkpoint is bad, and an older one is tried", key=key, error=str(error))
            continue
        _log.info("trial goes on", epoch=state.epoch, step=state.step, key=key)
        if len(state.outcome.devices) > 1:
            _log.warning("trial was begun on another device", devices=[str(used) for used in state.outcome.devices])
        return state, step
    return fresh_state(plan, equipment), 0


@dataclass
class _Mailbox:
    """What the training thread and the writing thread share, guarded by `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: tuple[int, bytearray] | None = None
    writing: bool = False
    closed: bool = False


class Checkpoints:
    """Writes the checkpoints of one trial, every `seconds` at a step boundary and on `save_now`."""

    def __init__(self, journal: Journal, plan: TrialPlan, equipment: Equipment, seconds: float) -> None:
        self.blocked_seconds = 0.0
        """Time that training stood still for checkpoints."""
        self.written_at: datetime | None = None
        """When the last one was written."""
        self._journal = journal
        self._plan = plan
        _, self._steps = step_sizes(len(equipment.photos.train), plan.batch_size)
        self._every = seconds
        self._last = time.monotonic()
        self._write_seconds = 0.0
        self._box = _Mailbox()
        self._thread = threading.Thread(target=self._write_all, name="checkpoints", daemon=True)
        self._thread.start()

    def after_step(self, state: TrialState) -> None:
        """Take a checkpoint if one is due: the last one written is then seldom older than `seconds`."""
        if time.monotonic() - self._last >= max(self._every - self._write_seconds, self._every / 2):
            self._submit(state)

    def save_now(self, state: TrialState) -> None:
        """Take a checkpoint and wait until it is written, or cannot be."""
        self._submit(state)
        with self._box.changed:
            self._box.changed.wait_for(lambda: self._box.waiting is None and not self._box.writing)

    def close(self) -> None:
        """Drop what waits, and wait until nothing is being written."""
        with self._box.changed:
            self._box.waiting, self._box.closed = None, True
            self._box.changed.notify_all()
        self._thread.join()

    def _submit(self, state: TrialState) -> None:
        started = time.monotonic()
        data = take_checkpoint(self._plan, state)
        with self._box.changed:
            self._box.waiting = ((state.epoch - 1) * self._steps + state.step, data)
            self._box.changed.notify_all()
        self._last = time.monotonic()
        self.blocked_seconds += self._last - started

    def _write_all(self) -> None:
        box = self._box
        while True:
            with box.changed:
                box.changed.wait_for(lambda: box.waiting is not None or box.closed)
                if box.waiting is None:
                    return
                (step, data), box.waiting, box.writing = box.waiting, None, True
            started = time.monotonic()
            try:
                seal(data)
                self._journal.store_checkpoint(self._plan.name, step, data, keep=GENERATIONS)
                self.written_at = datetime.now(UTC)
            except (StorageError, StorageUnavailableError) as error:
                _log.warning("checkpoint not written", trial=self._plan.number, error=str(error))
            finally:
                del data  # frees its memory before the next checkpoint takes more
                self._write_seconds = time.monotonic() - started
                with box.changed:
                    box.writing = False
                    box.changed.notify_all()
