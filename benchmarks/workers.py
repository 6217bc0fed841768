"""How busy Ray's workers are kept: the job's own driver, with workers that sleep as long as they would train.

    python -m tests.loopback python -m benchmarks.workers

Each worker has its place on one machine, and the curves are those of one of `benchmarks/tables/`, so as many trials are
pruned as in a real search. A worker is busy while it trains an epoch that counts: not while it waits, nor in an epoch
beyond a verdict.
"""

import os
import statistics
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import ray
import ray.cluster_utils
import structlog

from benchmarks.figure import Figure, print_figures
from benchmarks.table import FOLDER, read_table
from job.preemption import Preemption
from job.records.run import RunRecord
from job.records.status import DeviceUsed, TrialStatus
from job.records.trial import TrialRecord
from job.records.tries import TryRecord
from job.settings import Settings
from job.storage import open_storage
from job.study import loop
from job.study.executors import ray as ray_executor
from job.study.executors.base import Ended, Event, Result, Task, Trained
from job.study.executors.slot import Said, Slot, TriesDiary
from job.study.journal import Journal
from job.study.start import run_job
from job.training.plan import EpochScores, TrialOutcome
from job.watch.lines import Lines

WORKERS = (2, 4, 8, 16)
TRIALS_EACH = 6
EPOCHS = 8
EPOCH_SECONDS = 1.0
CURVES = read_table(FOLDER / "subCategory-1600.jsonl")[1]


class SleepingSlot(Slot):
    """A worker that sleeps through each epoch."""

    def begin(self, settings: Settings, run: RunRecord, number: int) -> str:
        """Read no catalogue."""
        del run
        journal = Journal(open_storage(settings.output_uri, retry_seconds=settings.retry_seconds))
        self._diary = TriesDiary(journal, DeviceUsed("cpu", None, "float32"), number)
        self._stopped = threading.Event()
        return str(ray.get_runtime_context().get_node_id())

    def train(self, task: Task) -> Iterator[Event | Said]:
        """Sleep through a recorded curve."""
        plan, outcome = task.plan, TrialOutcome(TrialStatus.COMPLETE)
        self._stopped.clear()
        self._diary.take_up(plan, 0)
        yield Trained(plan.name, [], taken_up=True)
        accuracy = CURVES[plan.number % len(CURVES)]["accuracy"]
        for epoch, value in enumerate(accuracy, start=1):
            if self._stopped.wait(EPOCH_SECONDS):
                outcome.prune(self._stop_after[plan.name])
                break
            outcome.epochs.append(EpochScores(epoch, 1.0, 1.0, value, value, value, EPOCH_SECONDS, 0.0))
            yield Trained(plan.name, outcome.epochs[-1:])
        if outcome.status is TrialStatus.COMPLETE:
            outcome.value = max(accuracy)
            outcome.best_epoch = accuracy.index(outcome.value) + 1
        self._diary.end(outcome.status)
        yield Ended(plan.name, Result(outcome))

    def stop(self, name: str, epoch: int) -> None:
        """Wake it up."""
        super().stop(name, epoch)
        self._stopped.set()


class _SearchedError(Exception):
    """The search is over; there is no model to measure."""


def _leave(*_: object) -> NoReturn:
    raise _SearchedError


def measure(workers: int, folder: Path) -> Figure:
    """Return how busy so many workers are kept, and how long each waits between two trials."""
    settings = Settings(
        executor="ray",
        output_uri=str(folder / f"{workers}"),
        cache_dir=folder / "cache",
        max_images=200,
        n_trials=TRIALS_EACH * workers,
        epochs=EPOCHS,
        parallel_trials=workers,
        cpus_per_trial=1,
        tensorboard=False,
    )
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 -- as Ray spells it
    cluster = ray.cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": workers, "include_dashboard": False}
    )
    os.environ["RAY_ADDRESS"] = cluster.address
    try:
        with Lines() as watch:
            run_job(settings, Preemption(), watch)
    except _SearchedError:
        pass
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]
    journal = Journal(open_storage(settings.output_uri, retry_seconds=1))
    return _figure(workers, journal.trials(), journal.tries())


def _figure(workers: int, trials: list[TrialRecord], tries: list[TryRecord]) -> Figure:
    """Return the share of the time between the first start and the last trial's start in which workers were busy.

    Later some have nothing to do, as at the end of any run.
    """
    begin, end = min(each.started_at for each in tries), max(each.started_at for each in tries)
    span = (end - begin).total_seconds()
    curves = {trial.number: len(trial.epochs) for trial in trials}
    busy = sum(min(curves[each.trial] * EPOCH_SECONDS, (end - each.started_at).total_seconds()) for each in tries)
    lanes: dict[int, list[TryRecord]] = defaultdict(list)
    for each in tries:
        lanes[each.worker].append(each)
    waits = [
        (later.started_at - earlier.ended_at).total_seconds()
        for lane in lanes.values()
        for earlier, later in pairwise(lane)
        if earlier.ended_at is not None
    ]
    return Figure(
        f"{workers} workers",
        round(busy / (workers * span), 3),
        0.95 if workers == 8 else None,
        "of their time busy",
        details={"median wait between trials": round(statistics.median(waits), 3), "trials": len(trials)},
    )


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    setattr(ray_executor, "Slot", SleepingSlot)  # noqa: B010 -- to the type checker it is another class
    setattr(loop, "measure_winner", _leave)  # noqa: B010 -- likewise
    with tempfile.TemporaryDirectory() as directory:
        print_figures([measure(workers, Path(directory)) for workers in WORKERS])
