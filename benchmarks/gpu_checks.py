"""What a GPU must do right for the job: a function for each check, which returns what it measured, or raises."""

import json
import math
import signal
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_trials import (
    Scale,
    answer,
    child,
    digest,
    equipment,
    in_precision,
    plan_of,
    precisions_here,
    save,
    scale_of,
    train,
    train_steps,
)
from job.training.device import Device, choose_device, try_step
from job.training.driver import ask_driver, kernel_module
from job.training.evaluate import evaluate
from job.training.failures import is_out_of_memory, release_memory
from job.training.gradients import eager
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint

Details = dict[str, Any]

EXPECTED = {"T4": 9_000, "L4": 11_000, "A10G": 15_000, "A100": 45_000, "H100": 80_000}
"""Photos of 80x60 a second in the automatic precision: from 1.116 GFLOP a photo, forward and backward, and the share of
their peak that FFCV (https://ffcv.io) and airbench (https://github.com/KellerJordan/cifar10-airbench) reach."""

NO_SYNC_STEPS = (2, 31)
_MB = 1 << 20
TOO_LARGE = 2.0**100
"""A scale at which every gradient of float16 overflows."""


class Skipped(Exception):  # noqa: N818 -- no error
    """The check needs a GPU."""


def need_gpu(device: str) -> None:
    """Leave a check that shows nothing on a CPU."""
    if device != "cuda":
        raise Skipped


def the_device(device: str) -> Details:
    """Show driver and architectures; run one step of a convolution in each precision."""
    for precision in precisions_here(device):
        try_step(in_precision(device, precision))
    chosen = choose_device(device, "auto")
    found: Details = {"name": chosen.name, "precision": chosen.precision, "torch": torch.__version__}
    if device == "cuda":
        driver = ask_driver()
        memory = torch.cuda.get_device_properties(0).total_memory
        found |= {"capability": chosen.used.capability, "architectures": torch.cuda.get_arch_list()}
        found |= {
            "driver": kernel_module(),
            "cuda": driver.cuda if driver else None,
            "memory_gb": round(memory / 1e9, 1),
        }
    return found


def no_waiting(device: str) -> Details:
    """Refuse every wait for the device in a step that does not read the loss, whatever the optimizer."""
    need_gpu(device)
    scale, chosen = scale_of(device), choose_device(device, "auto")
    gear = equipment(chosen, Scale(scale.height, scale.width, 128 * 48, 128, 1, 0, ()))
    names = [name for name in scale.optimizers if not (name == "rmsprop" and chosen.scale_gradients)]
    first, last = NO_SYNC_STEPS

    def at(step: int) -> None:
        torch.cuda.set_sync_debug_mode("error" if first - 1 <= step < last else "default")

    for name in names:
        try:
            train_steps(plan_of(scale, name), gear, last + 1, at)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return {"optimizers": names}


def no_warning(device: str) -> Details:
    """Expect no warning in twenty steps and an evaluation."""
    scale, chosen = scale_of(device), choose_device(device, "auto")
    gear = equipment(chosen, scale)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        state = train_steps(plan_of(scale), gear, min(20, len(gear.photos.train) // scale.batch_size))
        evaluate(state.model, gear.photos, gear.photos.validation, chosen)
    assert not caught, [str(warning.message) for warning in caught]
    return {}


def repeats(device: str) -> Details:
    """Compare the weights of two processes, with each optimizer in each precision."""
    first, second = (json.loads(answer(child(device, "repeat"))) for _ in range(2))
    different = [name for name in first if first[name] != second[name]]
    assert not different, different
    return {"equal": len(first)}


def goes_on(device: str) -> Details:
    """Go on in another process from a checkpoint in an epoch, between two, within a validation: to equal bits."""
    scale, found = scale_of(device), {}
    for precision in precisions_here(device):
        gear = equipment(in_precision(device, precision), scale)
        with tempfile.TemporaryDirectory() as name:
            whole = _with_checkpoints(gear, scale, Path(name))
            paths = sorted(map(str, Path(name).iterdir()))
            assert len(paths) == 3, paths
            found[precision] = json.loads(answer(child(device, "go_on", precision, *paths)))
        assert found[precision] == [whole] * 3, (precision, found[precision], whole)
    return {"checkpoints": 3 * len(found)}


def _with_checkpoints(gear: Equipment, scale: Scale, folder: Path) -> str:
    """Train, leaving three checkpoints in a folder; return the digest of what came of it."""
    plan = plan_of(scale, "adam")
    steps = len(gear.photos.train) // plan.batch_size

    def after_step(state: TrialState) -> None:
        places = {(1, min(7, steps - 1), True): "step", (2, 1, True): "epoch", (1, steps, False): "validation"}
        place = places.get((state.epoch, state.step, state.model.training))
        if place:
            save(plan, state, folder / place)

    return digest(train(plan, gear, after_step))


def overflow(device: str) -> Details:
    """Let a gradient of float16 overflow in step 1 or 5: it costs that step and nothing else."""
    scale = scale_of(device)
    small = scale if device == "cuda" else Scale(32, 24, 16, 2, 1, 0, ())
    gear = equipment(in_precision(device, "fp16"), small)
    optimizers, steps = (scale.optimizers, (1, 5)) if device == "cuda" else (("sgd",), (1,))
    largest = 0.0
    for optimizer in optimizers:
        for step in steps:
            plan = plan_of(small, optimizer, epochs=1)
            state = fresh_state(plan, gear)
            skipped: list[float] = []
            if step == 1:
                _overflow(state)
            outcome = train(plan, gear, _overflowing(step, skipped), state)
            assert outcome.status == "complete", (optimizer, step, outcome.error)
            assert skipped == [TOO_LARGE / 2], (optimizer, step, skipped)
            largest = max(largest, *(float(each.detach().abs().max()) for each in state.model.parameters()))
            assert largest < 100, (optimizer, step, largest)
            del state  # and its memory, before the next graph is made
    return {"largest_weight": round(largest, 2)}


def _overflow(state: TrialState) -> None:
    state.scaler.scale(torch.zeros((), device=state.loss_sum.device))  # which makes the scale, if nothing has yet
    state.scaler.update(TOO_LARGE)


def _overflowing(step: int, skipped: list[float]) -> Callable[[TrialState], None]:
    """Let a step overflow; keep the scale after it, which is halved if the step was skipped, and mend it."""

    def after_step(state: TrialState) -> None:
        if state.model.training and state.step == step - 1:
            _overflow(state)
        elif state.model.training and state.step == step:
            skipped.append(state.scaler.get_scale())
            state.scaler.update(2.0**10)

    return after_step


def losses(device: str) -> Details:
    """Compare the mean loss of 50 steps with that of float32 on a CPU: within 2 %, bf16 within 5 %."""
    need_gpu(device)
    scale = Scale(40, 30, 1024, 12, 1, 0, ())
    plan = plan_of(scale, learning_rate=0.001)
    steps = 50
    expected = float(train_steps(plan, equipment(in_precision("cpu", "float32"), scale), steps).loss_sum) / steps
    found = {}
    for precision in precisions_here(device):
        mean = float(train_steps(plan, equipment(in_precision(device, precision), scale), steps).loss_sum) / steps
        found[precision] = round(mean / expected - 1, 4)
        assert abs(found[precision]) < (0.05 if precision == "bf16" else 0.02), found
    return found


def train_evaluate_train(device: str) -> Details:
    """Train, evaluate and train: a validation leaves the model and its memory layout as they were."""
    scale, chosen = scale_of(device), choose_device(device, "auto")
    gear = equipment(chosen, scale)
    plan = plan_of(scale)
    state = fresh_state(plan, gear)
    outcome = train(plan, gear, state=state)
    assert outcome.status == "complete", outcome.error
    assert state.model.training is False
    convolutions = [value for value in state.model.parameters() if value.dim() == 4 and value.shape[-1] > 1]
    assert all(value.is_contiguous(memory_format=torch.channels_last) for value in convolutions)
    return {"train_loss": [round(each.train_loss, 3) for each in outcome.epochs]}


def graphs(device: str) -> Details:
    """Compare weights that were trained with CUDA graphs and without, in each precision: equal bits."""
    need_gpu(device)
    scale = scale_of(device)
    equal: list[str] = []
    different: list[str] = []
    for precision in precisions_here(device):
        gear = equipment(in_precision(device, precision), scale)
        for optimizer in scale.optimizers:
            plan = plan_of(scale, optimizer)
            state = fresh_state(plan, gear)
            state.gradients = eager(state.model, gear.device, state.scaler)
            same = digest(train(plan, gear, state=state)) == digest(train(plan, gear))
            (equal if same else different).append(f"{optimizer} {precision}")
            del state  # and its memory, before the next graph is made
    assert not different, different
    return {"equal": len(equal)}


def images_on_host(device: str) -> Details:
    """Compare weights that were trained with images copied ahead from the host."""
    need_gpu(device)
    scale, chosen = scale_of(device), choose_device(device, "auto")
    found = [digest(train(plan_of(scale), equipment(chosen, scale, on_host=host))) for host in (False, True)]
    assert found[0] == found[1]
    return {}


def out_of_memory(device: str) -> Details:
    """Leave too little memory in a step and in an evaluation: it is known, and the next trial succeeds.

    Comes before the other checks: what a trial leaves behind could hide in what theirs have left.
    """
    need_gpu(device)
    scale, chosen = scale_of(device), choose_device(device, "auto")
    gear = equipment(chosen, scale)
    plan = plan_of(scale, epochs=1)
    train(plan, gear)  # makes what stays: handles, workspaces
    release_memory()
    before = torch.cuda.memory_allocated()
    _run_short(plan, gear)
    release_memory()
    assert train(plan, gear).status == "complete"
    release_memory()
    left = torch.cuda.memory_allocated() - before
    assert abs(left) <= _MB, left
    return {"left_bytes": left}


def _run_short(plan: TrialPlan, gear: Equipment) -> None:
    """Run out of memory in each phase; an evaluation may come through, photo by photo."""
    total = torch.cuda.get_device_properties(0).total_memory
    state = train_steps(plan, gear, 1)

    def step() -> None:
        train(plan, gear)

    def evaluation() -> None:
        evaluate(state.model, gear.photos, gear.photos.validation, gear.device)

    for work, room, fits in ((step, 150, False), (evaluation, 1, True)):
        release_memory()
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + room * _MB) / total)
        missing = False
        try:
            work()
        except RuntimeError as error:
            missing = is_out_of_memory(error)
            if not missing:
                raise
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        assert missing or fits, f"{work.__name__} fitted into {room} MB"


def broken_device(device: str) -> Details:
    """Break the device in a process, which ends with a sentence and exit code 1."""
    need_gpu(device)
    words = answer(child(device, "break_device"), code=1)
    assert choose_device(device, "auto").name in words, words
    return {"words": words}


def speed(device: str) -> Details:
    """Measure photos a second, beside what the card should do, and how busy the device is; fails at no figure."""
    scale, chosen = scale_of(device), choose_device(device, "auto")
    steps = scale.speed_steps
    large = Scale(scale.height, scale.width, (steps + 20) * scale.batch_size * 4 // 3, scale.batch_size, 1, 0, ())
    gear = equipment(chosen, large)
    rates = []
    for _ in range(3):
        times: dict[int, float] = {}

        def at(step: int, times: dict[int, float] = times) -> None:
            if step in {10, steps + 10}:
                _wait(chosen)
                times[step] = time.perf_counter()

        train_steps(plan_of(large), gear, steps + 10, at)
        rates.append(steps * scale.batch_size / (times[steps + 10] - times[10]))
    names = chosen.name.replace("-", " ").split()  # NVIDIA A100-SXM4-40GB
    expected = next((rate for name, rate in EXPECTED.items() if name in names), None)
    found: Details = {"photos_a_second": round(max(rates)), "expected": expected}
    return found | (_busy(chosen, large) if device == "cuda" else {})


def _busy(device: Device, scale: Scale) -> Details:
    """Return the share of the time that a GPU computes, and the launches a step."""
    gear, steps, times = equipment(device, scale), 20, {}
    profiler = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])

    def at(step: int) -> None:
        if step in {10, 10 + steps}:
            _wait(device)
            times[step] = time.perf_counter()
            profiler.start() if step == 10 else profiler.stop()

    train_steps(plan_of(scale), gear, 10 + steps, at)
    wall = times[10 + steps] - times[10]
    kernels = [event for event in profiler.events() if str(event.device_type).endswith("CUDA")]
    launching = ("cudaLaunchKernel", "cudaGraphLaunch")
    launches = sum(event.count for event in profiler.key_averages() if event.key.startswith(launching))
    busy = sum(event.time_range.elapsed_us() for event in kernels) / 1e6
    return {"busy": round(busy / wall, 3), "launches_a_step": round(launches / steps)}


def checkpoint(device: str) -> Details:
    """Measure how long training stands still for a checkpoint, and how long going on from one takes."""
    scale, chosen = scale_of(device), choose_device(device, "auto")
    gear = equipment(chosen, scale)
    plan = plan_of(scale, "adam")
    state = train_steps(plan, gear, 2)
    _wait(chosen)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        data = take_checkpoint(plan, state)
        times.append(time.perf_counter() - started)
    with tempfile.TemporaryDirectory() as name:
        save(plan, state, Path(name) / "checkpoint")
        content = (Path(name) / "checkpoint").read_bytes()
    started = time.perf_counter()
    restore_state(plan, gear, content)
    _wait(chosen)
    restored = time.perf_counter() - started
    return {
        "mb": round(len(data) / 1e6),
        "snapshot_s": round(statistics.median(times), 3),
        "restore_s": round(restored, 3),
    }


def sigterm(device: str) -> Details:
    """Send SIGTERM within a step: a checkpoint and an end within 8 s, and another process comes to equal bits."""
    scale, chosen = scale_of(device), choose_device(device, "auto")
    whole = digest(train(plan_of(scale, "adam"), equipment(chosen, scale)))
    with tempfile.TemporaryDirectory() as name:
        path = str(Path(name) / "checkpoint")
        process = child(device, "stop_at_signal", path)
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answer(process, code=143)
        seconds = time.monotonic() - sent
        assert seconds < 8, seconds
        assert json.loads(answer(child(device, "go_on", "auto", path))) == [whole]
    return {"exit_s": round(seconds, 2)}


def large_photos(device: str) -> Details:
    """Evaluate at 1024x1024, as many photos at a time as fit."""
    chosen = choose_device(device, "auto")
    scale = Scale(1024, 1024, 32 if device == "cuda" else 4, 2, 1, 0, ())
    gear = equipment(chosen, scale)
    started = time.perf_counter()
    state = fresh_state(plan_of(scale), gear)
    found = evaluate(state.model, gear.photos, gear.photos.validation, chosen)
    assert math.isfinite(found.loss)
    return {"photos_a_second": round(len(gear.photos.validation) / (time.perf_counter() - started), 1)}


def _wait(device: Device) -> None:
    if device.device.type == "cuda":
        torch.cuda.synchronize()


CHECKS: tuple[Callable[[str], Details], ...] = (
    *(the_device, out_of_memory, no_waiting, no_warning, speed, checkpoint, overflow, losses, graphs),
    *(train_evaluate_train, images_on_host, goes_on, sigterm, repeats, large_photos, broken_device),
)
