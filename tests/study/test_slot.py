"""A worker of Ray, in this process: what it writes down of its work."""

from pathlib import Path

import pytest

from job.errors import DeviceError
from job.preemption import Preemption
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study import worker
from job.study.executors.base import Task
from job.study.executors.slot import Slot, TriesDiary
from job.study.journal import Journal
from job.study.worker import Worker
from job.training.plan import Equipment
from tests.training.photos import CPU, make_photos, make_plan


def test_a_device_that_breaks_is_no_death_of_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it does: the trial is not given up."""

    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: STATUS_EXECUTION_FAILED")

    monkeypatch.setattr(worker, "train_epochs", broken)
    journal, plan = Journal(LocalStorage(tmp_path / "run")), make_plan()
    equipment = Equipment(make_photos(), CPU, initial=None, compile_model=False)
    diary = TriesDiary(journal, CPU.used, 0)
    slot = Slot()
    slot._diary, slot._worker = diary, Worker(Settings(), journal, equipment, Preemption(), diary)
    for _ in range(worker.MAX_DEATHS):
        with pytest.raises(DeviceError, match="cpu does not work"):
            list(slot.train(Task(plan, beaten=None, fits=True)))
    assert diary.deaths(plan, 0) == 0
    assert [work.outcome for work in journal.tries(plan.name)] == ["put down"] * worker.MAX_DEATHS
