"""Trains one task at a time in this process: from its last checkpoint on, with new checkpoints, to its result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from safetensors.torch import save as save_safetensors

from job.errors import JobError
from job.preemption import Preemption
from job.records.now import AtWork
from job.records.objective import better
from job.records.status import TrialStatus
from job.settings import Settings
from job.study.checkpoints import Checkpoints, resume_state
from job.study.executors.base import Ended, Event, Result, Task, Trained
from job.study.journal import Journal
from job.study.ledger import Due
from job.study.trials import named
from job.training.failures import first_line, is_out_of_memory, release_memory
from job.training.plan import Equipment, TrialOutcome, TrialPlan, step_sizes
from job.training.state import TrialState
from job.training.trial import train_epochs

MAX_DEATHS = 3
"""Times that a trial's process may die without a new checkpoint before the trial is given up."""

OUT_OF_MEMORY = "out of memory"

_log = structlog.get_logger()


class Diary(Protocol):
    """Who has worked on which trial, as far as it is needed to count deaths."""

    def deaths(self, plan: TrialPlan, step: int) -> int:
        """Return how many processes in a row have died while they trained this trial from this step on."""
        ...

    def take_up(self, plan: TrialPlan, step: int) -> None:
        """Note that this process trains the trial from this step on."""
        ...


class _StoppedError(Exception):
    """The task was told to stop."""


@dataclass
class Worker:
    """Trains tasks, one at a time."""

    settings: Settings
    journal: Journal
    equipment: Equipment
    stop: Preemption
    diary: Diary
    _present: tuple[TrialPlan, TrialState, Checkpoints] | None = field(default=None, init=False)
    """What is being trained."""

    def at_work(self) -> AtWork | None:
        """Say how far the present task is; any thread may ask, and training does not notice."""
        present = self._present  # another thread may set it to None meanwhile
        if present is None:
            return None
        plan, state, checkpoints = present
        size, steps = step_sizes(len(self.equipment.photos.train), plan.batch_size)
        step, seconds = state.step, state.train_seconds
        return AtWork(
            trial=plan.number,
            repetition=plan.repetition or None,
            params=plan.params,
            epoch=min(state.epoch, plan.epochs),  # for a moment after the last one, there is another
            step=step if state.epoch <= plan.epochs else steps,
            steps=steps,
            train_loss=state.train_loss,
            images_per_second=round(step * size / seconds, 1) if seconds else None,
            value=state.outcome.value,
            checkpoint_at=checkpoints.written_at,
        )

    def train(self, task: Task, stop_after: Callable[[], int | None]) -> Iterator[Event]:
        """Train a task; yield what happens, its end last.

        `stop_after` is asked at each step: the number of epochs after which the task is pruned, None while it goes on.
        A task that does not fit into memory is tried once more, then failed. All have the same shapes, so JobError is
        raised where none has fitted before. Raises Preempted after a signal, when a checkpoint is written.
        """
        with named(Due(task.plan.number, task.plan.repetition)):
            yield from self._train_twice(task, stop_after)

    def _train_twice(self, task: Task, stop_after: Callable[[], int | None]) -> Iterator[Event]:
        for _ in range(2):
            try:
                yield from self._train(task, stop_after)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = first_line(error)
            else:
                return
            release_memory()  # here the error, which holds the trial's memory, is gone
            _log.warning("out of memory", detail=reason)
            if not task.fits:
                raise JobError(self._too_large(reason), setting="batch_size")
        # the reason differs between machines, and a record must not
        devices = [self.equipment.device.used]
        yield Ended(task.plan.name, Result(TrialOutcome(TrialStatus.FAILED, error=OUT_OF_MEMORY, devices=devices)))

    def _train(self, task: Task, stop_after: Callable[[], int | None]) -> Iterator[Event]:
        plan = task.plan
        state, step = resume_state(self.journal, plan, self.equipment)
        outcome = state.outcome
        deaths = self.diary.deaths(plan, step)
        if deaths >= MAX_DEATHS:
            outcome.status, outcome.value, outcome.best_epoch, outcome.weights = TrialStatus.FAILED, None, None, None
            outcome.error = f"its process died {deaths} times without a new checkpoint"
            yield Ended(plan.name, Result(outcome))
            return
        self.stop.check()  # before this process is noted as one at work
        self.diary.take_up(plan, step)
        yield Trained(plan.name, list(outcome.epochs), taken_up=True)
        checkpoints = Checkpoints(self.journal, plan, self.equipment, self.settings.checkpoint_seconds)
        self._present = plan, state, checkpoints

        def after_step(state: TrialState) -> None:
            checkpoints.after_step(state)
            if self.stop.signalled:
                checkpoints.save_now(state)
                self.stop.check()
            if stop_after() is not None:
                raise _StoppedError

        try:
            if stop_after() is None:
                for scores in train_epochs(plan, self.equipment, state, after_step):
                    yield Trained(plan.name, [scores])
                    if stop_after() is not None:
                        break
        except _StoppedError:
            pass
        finally:
            self._present = None
            checkpoints.close()
        outcome.checkpoint_seconds = checkpoints.blocked_seconds
        epoch = stop_after()
        if epoch is not None:
            outcome.prune(epoch)
        yield Ended(plan.name, self._result(task, outcome))

    def _result(self, task: Task, outcome: TrialOutcome) -> Result:
        """Return the result without its weights, which are stored if needed."""
        model = None
        if outcome.weights and outcome.value is not None and better(outcome.value, task.beaten, task.plan.objective):
            model = self.journal.store_model(task.plan.name, save_safetensors(outcome.weights))
        outcome.weights = None
        return Result(outcome, model)

    def _too_large(self, reason: str) -> str:
        settings, device = self.settings, self.equipment.device
        size = f"{settings.image_height}x{settings.image_width}"
        helps = f"a batch of {settings.batch_size} photos of {size} does not fit into memory; set a smaller one"
        if device.autocast_dtype is None and device.device.type == "cuda":
            helps += ", or PRECISION to fp16 or bf16, which take half"
        return f"{helps} ({device.name}: {reason})"
