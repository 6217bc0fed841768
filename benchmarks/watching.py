"""What watching costs: training with the live view against training without, and progress.json.

    python -m benchmarks.watching

ResNet18 with Adam at its real size, photos of 80x60, batches of 128, 45 classes; a run of 30 trials, 25 of them done.
Trials of a few steps with the live view and without take turns in one process; the view is drawn for a terminal that
throws it away. progress.json is written to the local disk, and counts as if training stood still meanwhile.
"""

import os
import statistics
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

os.environ["GOMP_SPINCOUNT"] = "1000"  # as the job has it; read when torch is imported

from benchmarks.figure import Figure, print_figures
from benchmarks.noise import noise
from job.records.results import Progress
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study.checkpoints import Checkpoints
from job.study.journal import Journal
from job.study.ledger import Ledger
from job.study.outlook import outlook
from job.study.show import PULSE_SECONDS
from job.study.worker import Worker
from job.training.cpus import usable_threads
from job.training.device import configure_torch
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial
from job.watch.terminal import Terminal
from tests.page.made import made_progress

PAIRS = 16
FIRST = 2
STEPS = 9
BATCH = 128
WRITES = 50


class _EnoughError(Exception):
    """The steps are done."""


class Watched:
    """A run whose trial 25 is being trained."""

    def __init__(self, gear: Equipment, journal: Journal) -> None:
        self.gear, self.journal = gear, journal
        self.progress = made_progress(25)
        self.ledger = Ledger(Settings(), tuple(self.progress.trials))
        self.worker = Worker(Settings(), journal, gear, None, None)  # type: ignore[arg-type]

    def look(self) -> Progress:
        """Return the progress, as a job's own `Show` does."""
        present = self.worker.at_work()
        now = outlook(self.ledger, [present] if present else [], attempt=1, earlier={}, elapsed=60.0)
        return self.progress.model_copy(update={"now": now})

    def seconds_of(self, number: int, around: AbstractContextManager[object]) -> float:
        """Train some steps within a block; return the seconds that they took."""
        plan = TrialPlan(number, 0, 0.001, 0.9, 0.001, "adam", 10, BATCH, "accuracy")
        state = fresh_state(plan, self.gear)
        checkpoints = Checkpoints(self.journal, plan, self.gear, seconds=1e9)
        self.worker._present = plan, state, checkpoints  # noqa: SLF001
        started = 0.0

        def after_step(state: TrialState) -> None:
            nonlocal started
            if state.step == FIRST:  # Adam's moments are made, and the rows of earlier trials are printed
                started = time.monotonic()
            if state.step == STEPS:
                raise _EnoughError

        with around:
            try:
                run_trial(plan, self.gear, state, after_step)
            except _EnoughError:
                seconds = time.monotonic() - started
        checkpoints.close()
        return seconds


def main() -> None:
    """Print the figures as JSON."""
    configure_torch(threads=usable_threads(), deterministic=True)
    with tempfile.TemporaryDirectory() as directory, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        watched = Watched(noise(STEPS * BATCH, BATCH), Journal(LocalStorage(Path(directory))))
        watched.seconds_of(99, nullcontext())  # warms up
        ratios = []
        for pair in range(PAIRS):
            seconds: dict[bool, float] = {}
            for live in (False, True) if pair % 2 else (True, False):
                if live:
                    with Terminal(nowhere, "s3://shop/runs/42/") as terminal:
                        seconds[live] = watched.seconds_of(pair, terminal.follow(watched.look))
                else:
                    seconds[live] = watched.seconds_of(pair, nullcontext())
            ratios.append(seconds[False] / seconds[True])
            print(f"{seconds[False]:.2f} s without, {seconds[True]:.2f} s with the live view", file=sys.stderr)
        writes = []
        for _ in range(WRITES):
            started = time.monotonic()
            watched.journal.show_progress(watched.look())
            writes.append(time.monotonic() - started)
        size = watched.journal.storage.stat("progress.json").size
    share = 100 * statistics.median(writes) / PULSE_SECONDS
    spread: dict[str, float] = {
        "pairs": PAIRS,
        "lowest": round(min(ratios), 4),
        "highest": round(max(ratios), 4),
    }
    print_figures(
        [
            Figure("speed with the live view", round(statistics.median(ratios), 4), 0.99, "of without", details=spread),
            Figure(
                "progress.json",
                round(share, 3),
                0.2,
                "% of training",
                less_is_better=True,
                details={
                    "milliseconds": round(1000 * statistics.median(writes), 1),
                    "worst": round(1000 * max(writes), 1),
                    "kilobytes": size // 1000,
                },
            ),
        ]
    )


if __name__ == "__main__":
    main()
