"""Checkpoints: a trial that goes on from one is the trial that never stopped, to the last bit; a bad one is noticed."""

import dataclasses
from collections.abc import Sequence

import pytest
import torch

from job.training.checkpoint import BadCheckpointError, from_bytes, lay_out, seal
from job.training.data import Photos
from job.training.device import Device
from job.training.plan import Equipment, TrialOutcome, TrialPlan
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint
from job.training.trial import run_trial
from tests.training.photos import CPU, make_photos, make_plan


def equipment(photos: Photos) -> Equipment:
    return Equipment(photos, CPU, initial=None, compile_model=False)


def checkpoints_of(plan: TrialPlan, photos: Photos, steps: Sequence[int]) -> tuple[TrialOutcome, dict[int, bytes]]:
    """Train a trial to its end; return its result and a checkpoint at each of these step boundaries."""
    done = 0
    found: dict[int, bytes] = {}

    def after_step(state: TrialState) -> None:
        nonlocal done
        done += state.model.training  # between the batches of a validation no step is done
        if done in steps and done not in found:
            data = take_checkpoint(plan, state)
            seal(data)
            found[done] = bytes(data)

    gear = equipment(photos)
    return run_trial(plan, gear, fresh_state(plan, gear), after_step), found


def finish(plan: TrialPlan, photos: Photos, state: TrialState) -> TrialOutcome:
    return run_trial(plan, equipment(photos), state)


def essence(result: TrialOutcome) -> tuple[object, ...]:
    curve = [(s.epoch, s.train_loss, s.validation_loss, s.accuracy, s.macro_f1) for s in result.epochs]
    return result.status, result.value, result.best_epoch, curve


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop"])
def test_a_trial_goes_on_from_any_step_as_if_it_had_not_stopped(optimizer: str) -> None:
    """After the first step, at the end of an epoch, within one and after the last: curve and weights are bit-equal."""
    photos = make_photos()
    plan = make_plan(optimizer=optimizer, learning_rate=0.003, epochs=3)  # of 8 steps each
    whole, checkpoints = checkpoints_of(plan, photos, (1, 8, 13, 24))
    assert len(checkpoints) == 4
    for data in checkpoints.values():
        resumed = finish(plan, photos, restore_state(plan, equipment(photos), data))
        assert essence(resumed) == essence(whole)
        assert whole.weights is not None
        assert resumed.weights is not None
        assert whole.weights.keys() == resumed.weights.keys()
        assert any(name.endswith("num_batches_tracked") for name in whole.weights)
        for name, value in whole.weights.items():
            assert torch.equal(value, resumed.weights[name]), name


def test_every_flipped_bit_and_every_cut_is_noticed() -> None:
    """A checkpoint that is not what was written is refused, wherever it is damaged."""
    photos = make_photos(count=24)
    plan = make_plan(optimizer="sgd", epochs=1)
    data = checkpoints_of(plan, photos, [1])[1][1]
    restore_state(plan, equipment(photos), data)
    header = int.from_bytes(data[:8], "little")
    places = [0, 8, 8 + header // 2, 8 + header, len(data) // 2, len(data) - 1]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 4
        with pytest.raises(BadCheckpointError):
            restore_state(plan, equipment(photos), bytes(damaged))
    for length in (0, 4, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(BadCheckpointError):
            restore_state(plan, equipment(photos), data[:length])


def test_a_checkpoint_of_another_plan_is_refused() -> None:
    """Hyperparameters that differ make another trial."""
    photos = make_photos(count=24)
    plan = make_plan(epochs=1)
    data = checkpoints_of(plan, photos, [1])[1][1]
    with pytest.raises(BadCheckpointError, match="another trial"):
        restore_state(dataclasses.replace(plan, momentum=0.1), equipment(photos), data)


def test_a_checkpoint_knows_what_its_trial_was_trained_on() -> None:
    """Each device stands there once in a row, in order; a checkpoint from before devices were kept has none."""
    photos, plan = make_photos(count=24), make_plan(epochs=1)
    half = Device(torch.device("cpu"), torch.bfloat16, scale_gradients=False)

    def again(data: bytes, device: Device) -> TrialState:
        return restore_state(plan, dataclasses.replace(equipment(photos), device=device), data)

    def stored(state: TrialState) -> bytes:
        data = take_checkpoint(plan, state)
        seal(data)
        return bytes(data)

    first = stored(fresh_state(plan, equipment(photos)))
    assert again(first, CPU).outcome.devices == [CPU.used]
    second = stored(again(first, half))
    assert again(second, half).outcome.devices == [CPU.used, half.used]
    assert again(second, CPU).outcome.devices == [CPU.used, half.used, CPU.used]
    position, tensors = from_bytes(first, dataclasses.asdict(plan))
    old = lay_out(
        dataclasses.asdict(plan), {name: each for name, each in position.items() if name != "devices"}, tensors
    )
    seal(old)
    assert again(bytes(old), CPU).outcome.devices == [CPU.used]


def test_a_device_that_fails_is_no_bad_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older checkpoint would not help, and the trial would begin anew for nothing."""
    photos, plan = make_photos(count=24), make_plan(epochs=1)
    data = take_checkpoint(plan, fresh_state(plan, equipment(photos)))
    seal(data)

    def fail(*_: object, **__: object) -> None:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(torch.nn.Module, "load_state_dict", fail)
    with pytest.raises(torch.AcceleratorError):
        restore_state(plan, equipment(photos), bytes(data))
