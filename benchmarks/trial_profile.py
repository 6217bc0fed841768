"""Where the time of a trial goes on a CPU: in the model, and in all that is outside it, by cause.

    python -m benchmarks.trial_profile

One trial of three epochs by the job's own trainer, in torch's profiler: a ResNet18 with SGD, 1,280 photos of noise of
80x60 that train and 274 that validate, batches of 128, 45 classes. The causes are functions of the trainer, each marked
as a range while it runs. (A module named `profile` would hide the standard library's from scripts that lie beside it.)
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the job has it; read when torch is imported

import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile, record_function

import job.training.data
import job.training.gradients
import job.training.trial
from benchmarks.figure import Figure, print_figures
from benchmarks.noise import noise
from job.training.cpus import usable_threads
from job.training.device import configure_torch
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial

TRAIN, VALIDATION, EPOCHS, BATCH = 1280, 274, 3, 128

MODEL = ("forward", "backward", "optimizer")
PICKING, NORMALISATION, REST = "picking, moving and flipping", "normalisation", "the rest"
_TRIAL = "trial"
_MARK = "benchmark: "  # of the ranges, beside torch's own


def shares() -> dict[str, float]:
    """Return the share of each cause in a trial's wall time, the largest first; they sum to 1."""
    configure_torch(threads=usable_threads(), deterministic=True)
    gear = noise(TRAIN, VALIDATION)
    _trial(gear, epochs=1)  # warms up
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        _trial(gear, EPOCHS)
    events = (event for event in profiler.key_averages() if event.key.startswith(_MARK))
    times = {event.key.removeprefix(_MARK): event.cpu_time_total for event in events}
    total = times.pop(_TRIAL)
    times[PICKING] -= times[NORMALISATION]  # which is within it
    times["forward"] -= times["loss"] + times["backward"]  # likewise
    times[REST] = total - sum(times.values())
    return {cause: times[cause] / total for cause in sorted(times, key=times.__getitem__, reverse=True)}


def _trial(gear: Equipment, epochs: int) -> None:
    plan = TrialPlan(0, 0, 0.01, 0.9, 0.001, "sgd", epochs, BATCH, "accuracy")
    state = fresh_state(plan, gear)
    with ExitStack() as patches:
        for cause, place, name in _places(state):
            patches.enter_context(patch.object(place, name, _marked(cause, getattr(place, name))))
        loss = SimpleNamespace(cross_entropy=_marked("loss", functional.cross_entropy))
        patches.enter_context(patch.object(job.training.gradients, "functional", loss))
        with record_function(_MARK + _TRIAL):
            run_trial(plan, gear, state)


def _places(state: TrialState) -> list[tuple[str, Any, str]]:
    """Return (cause, where the trainer looks up its function, the function's name there)."""
    trial = job.training.trial
    return [
        ("forward", state, "gradients"),
        ("backward", torch.Tensor, "backward"),
        ("optimizer", state.optimizer, "step"),
        ("freeing gradients", state.optimizer, "zero_grad"),
        ("order and moves of an epoch", trial, "plan_epoch"),
        (PICKING, trial, "training_batch"),
        (NORMALISATION, job.training.data, "normalise"),  # in training: evaluation has looked it up already
        ("learning rate", trial, "learning_rate_at"),
        ("evaluation", trial, "evaluate"),
        ("metrics", trial, "metrics_of"),
        ("copying the best weights", trial, "copy_weights"),
    ]


def _marked(cause: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def marked(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 -- whatever it is
        with record_function(_MARK + cause):
            return function(*arguments, **options)

    return marked


def measure() -> list[Figure]:
    """Return the share of a trial outside the model, and what it is made of."""
    found = shares()
    outside = sum(share for cause, share in found.items() if cause not in MODEL)
    details = {cause: round(share, 4) for cause, share in found.items()}
    return [Figure("outside the model", round(outside, 4), None, "of a trial", details=details)]


if __name__ == "__main__":
    print_figures(measure())
