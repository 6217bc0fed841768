"""What a GPU would be made to wait for, looked for without one.

Meta tensors have a place and no content: reading a value of one raises, and so does mixing it with a CPU tensor. So
what runs on them would keep a GPU supplied without ever waiting for it.
"""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from job.training.data import Normalisation, Photos
from job.training.device import Device
from job.training.evaluate import BATCH_SIZE, evaluate
from job.training.gradients import eager
from job.training.model import build_model, copy_weights
from job.training.plan import Equipment
from job.training.state import TrialState, take_checkpoint
from job.training.trial import run_trial
from tests.training.photos import make_plan

META = Device(torch.device("meta"), None, scale_gradients=False)
BATCHES = 3


class _EnoughError(Exception):
    pass


class _Operations(TorchDispatchMode):
    """Counts operations by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def photos(count: int) -> Photos:
    return Photos(
        images=torch.empty((count, 32, 24, 3), dtype=torch.uint8, device="meta"),
        labels=torch.empty(count, dtype=torch.int64, device="meta"),
        train=torch.empty(count, dtype=torch.int64, device="meta"),
        validation=torch.empty(count, dtype=torch.int64, device="meta"),
        n_classes=4,
        normalisation=Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    )


def state_on_meta(model: nn.Module) -> TrialState:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, foreach=True)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    return TrialState(model, eager(model, META, scaler), optimizer, scaler, torch.zeros((), device="meta"))


def test_a_training_step_reads_nothing_back_and_sends_nothing() -> None:
    """All that a step needs lies on the device after the first one, and no value comes back from it."""
    model = build_model(4, 0, None).to(device="meta", memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = state_on_meta(model)
    operations = _Operations()

    def after_step(state: TrialState) -> None:
        if state.step == 1:
            operations.counts.clear()
        if state.step == 3:
            raise _EnoughError

    gear = Equipment(photos(64), META, None, compile_model=False)
    with operations, pytest.raises(_EnoughError):
        run_trial(make_plan(batch_size=8), gear, state, after_step)
    assert operations.counts["convolution"] == 2 * 20  # two steps of all layers: they were seen
    assert not {"lift_fresh", "_local_scalar_dense", "nonzero", "unique"} & operations.counts.keys()


def test_an_evaluation_reads_nothing_back_before_its_last_batch() -> None:
    """Every batch is queued before a result is waited for; a copy to the CPU is what meta tensors then refuse."""
    model = build_model(4, 0, None).to("meta")
    done = []
    everything = photos(BATCH_SIZE * BATCHES)
    with pytest.raises(NotImplementedError, match="no data"):
        evaluate(model, everything, everything.validation, META, lambda: done.append(1))
    assert len(done) == BATCHES


def test_the_best_weights_leave_a_gpu_in_one_transfer_for_each_dtype() -> None:
    """122 tensors are joined there; each transfer, which meta tensors refuse, would wait for the GPU."""
    model = build_model(4, 0, None).to(device="meta", memory_format=torch.channels_last)  # type: ignore[call-overload]
    with _Operations() as operations, pytest.raises(NotImplementedError, match="no data"):
        copy_weights(model)
    assert operations.counts["cat"] == 1
    assert operations.counts["_to_copy"] == 1
    with _Operations() as operations, pytest.raises(NotImplementedError, match="no data"):
        take_checkpoint(make_plan(), state_on_meta(model))
    assert operations.counts["cat"] == 1
    assert operations.counts["_to_copy"] == 1
