"""Trials of noise on a device, in this process and in children, for benchmarks.gpu."""

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from job.errors import DeviceError
from job.training.checkpoint import seal
from job.training.data import Normalisation, Photos
from job.training.device import Device, choose_device, configure_torch
from job.training.failures import device_failures
from job.training.plan import Equipment, TrialOutcome, TrialPlan
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint
from job.training.trial import run_trial

OPTIMIZERS = ("sgd", "nag", "adam", "rmsprop")
CLASSES = 15
_DTYPES = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Scale:
    """How much a device can do in a few seconds."""

    height: int
    width: int
    photos: int
    """Three quarters of them train."""
    batch_size: int
    epochs: int
    speed_steps: int
    precisions: tuple[str, ...]
    optimizers: tuple[str, ...] = OPTIMIZERS


GPU = Scale(80, 60, 2048, 128, 3, 200, ("float32", "bf16", "fp16"))
CPU = Scale(32, 24, 64, 8, 2, 4, ("float32",))


class EnoughError(Exception):
    """The steps that were asked for are done."""


class AskedToStopError(Exception):
    """SIGTERM came."""


def scale_of(device: str) -> Scale:
    """Return the scale of a device, cuda or cpu."""
    return GPU if device == "cuda" else CPU


def precisions_here(device: str) -> list[str]:
    """Return the precisions that the device has."""
    has_bf16 = device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
    return [name for name in scale_of(device).precisions if name != "bf16" or has_bf16]


def in_precision(device: str, precision: str) -> Device:
    """Return a device, cuda or cpu, in a precision."""
    capability = torch.cuda.get_device_capability() if device == "cuda" else None
    return Device(torch.device(device), _DTYPES[precision], precision == "fp16", capability)


def equipment(device: Device, scale: Scale, *, on_host: bool = False) -> Equipment:
    """Return photos of noise on the device, or with their images on the host."""
    generator = torch.Generator().manual_seed(0)
    size = (scale.photos, scale.height, scale.width, 3)
    images = torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (scale.photos,), generator=generator)
    train = torch.arange(scale.photos * 3 // 4)
    place = device.device
    photos = Photos(
        images=images if on_host else images.to(place),
        labels=labels.to(place),
        train=train.to(place),
        validation=torch.arange(len(train), scale.photos).to(place),
        n_classes=CLASSES,
        normalisation=Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    )
    return Equipment(photos, device, None, compile_model=False)


def plan_of(scale: Scale, optimizer: str = "sgd", **changes: Any) -> TrialPlan:  # noqa: ANN401 -- the plan's fields
    """Return the plan of a trial at rates that keep noise from diverging."""
    rate = 0.01 if optimizer in {"sgd", "nag"} else 0.0005
    plan = TrialPlan(0, 0, rate, 0.8, 1e-4, optimizer, scale.epochs, scale.batch_size, "accuracy")
    return replace(plan, **changes)


def train(
    plan: TrialPlan,
    gear: Equipment,
    after_step: Callable[[TrialState], None] = lambda _: None,
    state: TrialState | None = None,
) -> TrialOutcome:
    """Train a trial, from a state on, to its end."""
    return run_trial(plan, gear, state or fresh_state(plan, gear), after_step)


def train_steps(plan: TrialPlan, gear: Equipment, steps: int, at: Callable[[int], None] = lambda _: None) -> TrialState:
    """Train some steps of one long epoch, call `at` after each with its number, and return the state."""
    state = fresh_state(plan, gear)

    def after_step(now: TrialState) -> None:
        at(now.step)
        if now.step == steps:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        train(plan, gear, after_step, state)
    return state


def digest(outcome: TrialOutcome) -> str:
    """Return a checksum of a trial's weights and losses: what must be equal to the last bit."""
    assert outcome.status == "complete", outcome.error  # two that diverged would be equal
    found = hashlib.sha256(json.dumps([[each.train_loss, each.validation_loss] for each in outcome.epochs]).encode())
    for name, value in sorted((outcome.weights or {}).items()):
        found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()


def child(device: str, role: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a process that does one of `ROLES` on the device."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", device, "--role", role, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Wait for a child's end, check its exit code, and return what it printed last."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, f"exit {process.returncode}, not {code}: {err[-600:]}"
    return out.strip().splitlines()[-1] if out.strip() else err


def _repeat(device: str, _arguments: Sequence[str]) -> int:
    """Print the digest of a trial with each optimizer in each precision."""
    scale = scale_of(device)
    found = {}
    for precision in precisions_here(device):
        gear = equipment(in_precision(device, precision), scale)
        for optimizer in scale.optimizers:
            found[f"{optimizer} {precision}"] = digest(train(plan_of(scale, optimizer), gear))
    print(json.dumps(found))
    return 0


def _go_on(device: str, arguments: Sequence[str]) -> int:
    """Print the digest of a trial that goes on, in a precision, from each checkpoint."""
    precision, *paths = arguments
    scale = scale_of(device)
    gear = equipment(choose_device(device, precision), scale)
    plan, found = plan_of(scale, "adam"), []
    for path in paths:
        state = restore_state(plan, gear, Path(path).read_bytes())
        found.append(digest(train(plan, gear, state=state)))
        del state  # and its memory, before the next graph is made
    print(json.dumps(found))
    return 0


def _stop_at_signal(device: str, arguments: Sequence[str]) -> int:
    """Train until SIGTERM comes; leave a checkpoint of that step and exit with 143."""
    scale = scale_of(device)
    gear = equipment(choose_device(device, "auto"), scale)
    plan = plan_of(scale, "adam")
    signalled: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: signalled.append(number))

    def after_step(state: TrialState) -> None:
        if (state.epoch, state.step) == (1, 2):
            print("training", flush=True)
        if signalled:
            save(plan, state, Path(arguments[0]))
            raise AskedToStopError

    try:
        while True:
            train(plan, gear, after_step)  # again and again, until the signal comes
    except AskedToStopError:
        return 128 + signal.SIGTERM


def _break_device(device: str, _arguments: Sequence[str]) -> int:
    """Trigger an assertion on the device, as the job would meet one."""
    try:
        with device_failures(choose_device(device, "auto").name):
            torch.zeros(4, device=device)[torch.tensor([9], device=device)].cpu()
    except DeviceError as error:
        print(error)
        return 1
    return 0


ROLES = {each.__name__.strip("_"): each for each in (_repeat, _go_on, _stop_at_signal, _break_device)}


def play(device: str, role: str, arguments: Sequence[str]) -> int:
    """Be a child: do what the role says, and return the exit code."""
    configure_torch(threads=torch.get_num_threads(), deterministic=True)
    return ROLES[role](device, arguments)


def save(plan: TrialPlan, state: TrialState, path: Path) -> None:
    """Write a checkpoint."""
    data = take_checkpoint(plan, state)
    seal(data)
    path.write_bytes(data)
