"""What checkpoints cost: the time that a trial takes longer for one checkpoint, as a share of the default interval.

    python -m benchmarks.checkpoints

ResNet18 with Adam at its real size, photos of 80x60, batches of 128, 45 classes, checkpoints on the local disk. In one
process, trials of a few steps with one checkpoint and without take turns; the checkpoint is written in the background
and waited for at the end, so all of its cost is in the time. What it holds is that of a trial in its second epoch:
weights, Adam's two moments, and the best epoch's weights.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["GOMP_SPINCOUNT"] = "1000"  # as the job has it; read when torch is imported

import torch

from benchmarks.noise import noise
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study.checkpoints import Checkpoints
from job.study.journal import Journal
from job.training.cpus import usable_threads
from job.training.device import configure_torch
from job.training.model import copy_weights
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial

PAIRS = 6
STEPS = 5
BATCH = 128


class _EnoughError(Exception):
    """The steps are done."""


def seconds_of(gear: Equipment, journal: Journal, number: int, *, checkpoint: bool) -> tuple[float, float]:
    """Train some steps; return the seconds that they took and those that training stood still."""
    plan = TrialPlan(number, 0, 0.001, 0.9, 0.001, "adam", 10, BATCH, "accuracy")
    state = fresh_state(plan, gear)
    state.outcome.weights = copy_weights(state.model)
    checkpoints = Checkpoints(journal, plan, gear, seconds=1e9)
    started = 0.0

    def after_step(state: TrialState) -> None:
        nonlocal started
        if state.step == 1:  # the first one makes Adam's moments
            if checkpoint:
                checkpoints._every = 0.0  # noqa: SLF001 -- this once, now
                checkpoints.after_step(state)
                checkpoints._every = 1e9  # noqa: SLF001
            started = time.monotonic() - checkpoints.blocked_seconds
        if state.step == STEPS:
            raise _EnoughError

    try:
        run_trial(plan, gear, state, after_step)
    except _EnoughError:
        with checkpoints._box.changed:  # noqa: SLF001 -- what is being written is waited for
            checkpoints._box.changed.wait_for(lambda: not (checkpoints._box.waiting or checkpoints._box.writing))  # noqa: SLF001
    ended = time.monotonic()
    checkpoints.close()
    return ended - started, checkpoints.blocked_seconds


def main() -> None:
    """Print the figures as JSON."""
    configure_torch(threads=usable_threads(), deterministic=True)
    gear = noise(STEPS * BATCH, BATCH)
    interval = Settings.model_fields["checkpoint_seconds"].default
    with tempfile.TemporaryDirectory() as directory:
        journal = Journal(LocalStorage(Path(directory)))
        seconds_of(gear, journal, 9999, checkpoint=True)  # warms up
        extra, blocked, ratios = [], [], []
        for pair in range(PAIRS):
            without, _ = seconds_of(gear, journal, 2 * pair, checkpoint=False)
            with_one, stood = seconds_of(gear, journal, 2 * pair + 1, checkpoint=True)
            extra.append(with_one - without)
            blocked.append(stood)
            ratios.append((with_one - without) / interval)
            print(f"{without:.2f} s without, {with_one:.2f} s with one checkpoint", file=sys.stderr)
        size = max(entry.size for entry in journal.storage.list("checkpoints/"))
    figures = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}",
        "checkpoint_megabytes": round(size / 1e6),
        "seconds_for_a_checkpoint_median": round(statistics.median(extra), 3),
        "seconds_training_stands_still_median": round(statistics.median(blocked), 3),
        "share_of_training_at_the_default_interval": round(statistics.median(ratios), 4),
        "worst_pair": round(max(ratios), 4),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
