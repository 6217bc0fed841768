"""A worker: how far it is, as any thread may ask while it trains."""

import gc
import math
import weakref
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from job.preemption import Preemption
from job.records.now import AtWork
from job.records.status import TrialStatus
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study import worker
from job.study.checkpoints import resume_state
from job.study.executors.base import Ended, Event, Task, Trained
from job.study.executors.local import LocalExecutor
from job.study.journal import Journal
from job.study.worker import Worker
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState
from tests.training.photos import CPU, make_photos, make_plan

STEPS = 8
"""Of an epoch of the made plan with the made photos."""


class Nobody:
    """A diary in which nobody has worked on any trial."""

    def deaths(self, plan: TrialPlan, step: int) -> int:
        del plan, step
        return 0

    def take_up(self, plan: TrialPlan, step: int) -> None:
        """Note nothing."""


@dataclass
class Watched:
    """A worker that trains, and what it says after each step and after each validation."""

    worker: Worker
    seen: list[AtWork] = field(default_factory=list)

    def train(self, plan: TrialPlan, *, checkpoint_after: int = 0) -> Generator[Event]:
        """Train, with a checkpoint after so many looks."""
        yield from self.worker.train(Task(plan, beaten=None, fits=True), lambda: self._look(checkpoint_after))

    def _look(self, checkpoint_after: int) -> None:
        at_work = self.worker.at_work()
        if at_work is None:
            return
        self.seen.append(at_work)
        if len(self.seen) == checkpoint_after:
            assert self.worker._present is not None
            _, state, checkpoints = self.worker._present
            checkpoints.save_now(state)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A real worker with tiny photos and a real folder."""
    equipment = Equipment(make_photos(), CPU, initial=None, compile_model=False)
    journal = Journal(LocalStorage(tmp_path / "run"))
    return Watched(Worker(Settings(checkpoint_seconds=1000), journal, equipment, Preemption(), Nobody()))


def test_while_a_trial_trains_its_worker_says_how_far_it_is(watched: Watched) -> None:
    """Each step is told with its epoch, then that all are done, and after the trial nothing any more."""
    plan = make_plan(epochs=2)
    assert watched.worker.at_work() is None
    events = list(watched.train(plan))
    assert watched.worker.at_work() is None
    assert {(each.trial, each.repetition, each.steps) for each in watched.seen} == {(3, None, STEPS)}
    assert all(each.params == plan.params for each in watched.seen)
    places = [(each.epoch, each.step) for each in watched.seen]
    assert places == [
        (1, 0),  # before the first step
        *((1, step) for step in range(1, STEPS + 1)),
        (1, STEPS),  # validated
        (2, 0),
        *((2, step) for step in range(1, STEPS + 1)),
        (2, STEPS),
        (2, STEPS),  # after the last epoch there is no third one
    ]
    assert isinstance(events[-1], Ended)


def test_losses_speeds_and_values_are_told_as_they_are_known(watched: Watched) -> None:
    """The loss is the mean of this epoch's steps, the value the best one so far; before there are any, none is told."""
    scores = [epoch for event in watched.train(make_plan()) if isinstance(event, Trained) for epoch in event.epochs]
    first, *later = watched.seen
    assert (first.train_loss, first.images_per_second, first.value) == (None, None, None)
    losses = [each.train_loss for each in later]
    assert all(loss is not None and math.isfinite(loss) for loss in losses)
    for epoch in scores:
        done = [each for each in later if (each.epoch, each.step) == (epoch.epoch, STEPS)]
        assert [each.train_loss for each in done] == pytest.approx([epoch.train_loss] * len(done))
    trained = [each for each in watched.seen[:-1] if each.step]
    assert all(each.images_per_second is not None and each.images_per_second > 0 for each in trained)
    best = [None, *(max(each.accuracy for each in scores[:number]) for number in (1, 2, 3))]
    assert len(set(best)) > 2
    assert [each.value for each in watched.seen if each.step == 1] == best[:3]
    assert watched.seen[-1].value == best[3]


@pytest.mark.parametrize("pruned", [False, True])
def test_a_trial_leaves_nothing_in_memory(watched: Watched, monkeypatch: pytest.MonkeyPatch, *, pruned: bool) -> None:
    """With its end the state is gone, without a collection of garbage: a GPU need not hold two trials at a time."""
    made: list[weakref.ref[TrialState]] = []

    def resume(*arguments: Any) -> tuple[TrialState, int]:
        state, step = resume_state(*arguments)
        made.append(weakref.ref(state))
        return state, step

    monkeypatch.setattr(worker, "resume_state", resume)
    executor = LocalExecutor(watched.worker)
    gc.disable()
    try:
        for number in (0, 1):
            plan = make_plan(number=number, epochs=2)
            executor.start(Task(plan, beaten=None, fits=True))
            event = executor.hear()
            if pruned:
                executor.stop(plan.name, 1)
            while not isinstance(event, Ended):
                event = executor.hear()
            assert made[number]() is None
    finally:
        gc.enable()


def test_a_checkpoint_is_told_once_it_is_written(watched: Watched) -> None:
    """Its time is told from then on, and no longer by the next trial."""
    before = datetime.now(UTC)
    list(watched.train(make_plan(epochs=1), checkpoint_after=4))
    after = datetime.now(UTC)
    assert watched.worker.journal.checkpoints("0003") == [(3, "checkpoints/0003.00000003.safetensors")]
    times = [each.checkpoint_at for each in watched.seen]
    assert times[:4] == [None] * 4
    written = times[4]
    assert written is not None
    assert before < written < after
    assert set(times[4:]) == {written}
    watched.seen.clear()
    list(watched.train(make_plan(number=4, epochs=1)))
    assert {each.checkpoint_at for each in watched.seen} == {None}


def test_a_repetition_is_told_as_one(watched: Watched) -> None:
    """People call it by its trial and its number."""
    list(watched.train(make_plan(epochs=1, repetition=2)))
    assert {(each.trial, each.repetition, each.label) for each in watched.seen} == {(3, 2, "trial 3, repetition 2")}


def test_a_trial_that_goes_on_says_so(watched: Watched) -> None:
    """What its checkpoint knows is told at once; its loss is read with the next step."""
    events = watched.train(make_plan(epochs=2), checkpoint_after=STEPS + 5)  # after step 2 of the second epoch
    while len(watched.seen) < STEPS + 5:
        next(events)
    events.close()
    assert watched.worker.at_work() is None
    value = watched.seen[-1].value
    watched.seen.clear()
    list(watched.train(make_plan(epochs=2)))
    first, second, *_ = watched.seen
    assert (first.epoch, first.step, first.value, first.train_loss) == (2, 2, value, None)
    assert (second.epoch, second.step, second.value) == (2, 3, value)
    assert value is not None
    assert first.images_per_second is not None


def test_a_trial_that_diverges_tells_no_loss_that_is_not_finite(watched: Watched) -> None:
    """JSON has no such numbers: the last finite loss stays, also while it is validated."""
    *_, end = watched.train(make_plan(learning_rate=1e30))
    assert isinstance(end, Ended)
    assert end.result.outcome.status is TrialStatus.DIVERGED
    losses = [each.train_loss for each in watched.seen]
    assert losses[0] is None
    assert len(losses) > 2
    assert all(loss is not None and math.isfinite(loss) for loss in losses[1:])
    assert [AtWork.model_validate_json(each.model_dump_json()) for each in watched.seen] == watched.seen


def test_a_worker_that_fails_is_no_longer_at_work(watched: Watched) -> None:
    """Whatever ends the training, nothing is told of it afterwards."""
    events = watched.train(make_plan())
    assert [type(next(events)) for _ in range(2)] == [Trained, Trained]  # the second one after an epoch
    assert watched.worker.at_work() is not None
    with pytest.raises(ZeroDivisionError):
        events.throw(ZeroDivisionError)
    assert watched.worker.at_work() is None
