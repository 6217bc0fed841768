"""What a job must survive: kills at every named write and at random instants, storage that fails, two jobs on one run.

All of it really happens, to real processes, and each time the run must end as one that nothing disturbed: the same
results, no record lost.

    python -m tests.torture    prints what was done; exit 1 if anything differed, or nothing was disturbed

Runs train with one thread and with two in turn, each compared with a baseline of as many, since sums depend on it.

`tests/study/test_torture.py` does a seeded sample of it.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from job.storage.base import Storage
from job.storage.local import LocalStorage
from job.storage.s3 import S3Storage
from tests.faulty_proxy import LOST_ANSWER, RESET, Fault, Request, in_bursts, running_proxy
from tests.jobs import comparable, run_job, tiny_settings
from tests.seaweed import Seaweed, running_seaweed
from tests.tiny import tiny_files, write_folder

OCCURRENCES = 3
INSTANTS = 150
"""Runs that are killed at random instants: some 220 kills."""
FAULTS = (
    RESET,
    LOST_ANSWER,
    Fault(status=500, code="InternalError"),
    Fault(status=503, code="SlowDown"),
    Fault(status=429, code="TooManyRequests"),
    Fault(keep=0.5),
    Fault(flip=0.5),
    Fault(delay=0.3),
)
EACH_STEP = {"CHECKPOINTS": "each-step"}
"""A job that is slow to write still has the checkpoint that it is to be killed at."""

Store = Literal["local", "s3"]
_MEMORY_BYTES = 8 << 30
STORES: tuple[Store, Store] = ("local", "s3")


@dataclass(frozen=True)
class Point:
    """A write to be killed at."""

    operation: str
    place: str
    occurrence: int
    when: Literal["before", "after"]
    signal: int


@dataclass(frozen=True)
class Outcome:
    """What became of one disturbed run."""

    name: str
    disturbed: int
    """Kills or faults that really happened."""
    difference: str | None
    """What differs from the baseline, or None."""


@dataclass
class Ground:
    """A place to run jobs in, and the baseline that they are compared with."""

    folder: Path
    threads: int
    """That each run trains with."""
    baseline: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    """That the baseline took."""

    def settings(self, name: str, **changes: str) -> dict[str, str]:
        """Return the settings of a job with a cache and an output of its own, and the one catalogue of all."""
        (self.folder / name).mkdir(exist_ok=True)
        same = {
            "DATASET_URI": str(self.folder / "catalogue"),
            "CHECKPOINT_SECONDS": "0.01",
            "RETRY_SECONDS": "60",
            "FINAL_TRIALS": "2",
            "FINAL_SEEDS": "1",
            "SEED": "6",  # of which the trials have three optimizers
        }
        return tiny_settings(self.folder / name, **same, **changes) | {"OMP_NUM_THREADS": str(self.threads)}


@contextmanager
def prepared_ground(threads: int) -> Iterator[Ground]:
    """Run the baseline: a job that nothing disturbs."""
    with tempfile.TemporaryDirectory(prefix="torture-", dir=_memory()) as name:
        ground = Ground(Path(name), threads)
        write_folder(ground.folder / "catalogue", tiny_files())
        run_job({}, "schema")  # the first job waits until a process has imported torch
        started = time.monotonic()
        done = run_job(ground.settings("baseline"))
        ground.seconds = time.monotonic() - started
        assert done.returncode == 0, done.stderr
        ground.baseline = state_of(LocalStorage(ground.folder / "baseline" / "run"))
        yield ground


def _memory() -> str | None:
    """Return a folder in memory if there is a large one.

    A kill loses nothing that was written, synced or not, and to sync a checkpoint takes longer than a tiny trial.
    """
    folder = "/dev/shm"  # noqa: S108 -- the folder in it is made by tempfile
    return folder if Path(folder).is_dir() and shutil.disk_usage(folder).free > _MEMORY_BYTES else None


def state_of(storage: Storage) -> dict[str, Any]:
    """Return all that a run has left that must not depend on what disturbed it."""
    keys = [entry.key for entry in storage.list()]
    records = {key: json.loads(storage.get(key)) for key in keys if key.endswith(".json")}
    state: dict[str, Any] = {"keys": [key for key in keys if not key.startswith("attempts/")]}
    for key, record in records.items():
        if key == "results.json":
            state[key] = comparable(record)
        elif key.startswith(("trials/", "finals/")):
            state[key] = {name: value for name, value in record.items() if name not in {"timing", "checksum"}}
        elif key == "run.json":
            state[key] = {name: value for name, value in record.items() if name not in {"created_at", "checksum"}}
    return state


def difference(state: dict[str, Any], baseline: dict[str, Any]) -> str | None:
    """Return the parts in which a run's state differs from the baseline's."""
    parts = [part for part in baseline | state if baseline.get(part) != state.get(part)]
    return ", ".join(parts) or None


@dataclass(frozen=True)
class Place:
    """Where one disturbed run lies."""

    storage: Storage
    settings: dict[str, str]


@contextmanager
def place_for(ground: Ground, store: Store, server: Seaweed, name: str, endpoint: str = "") -> Iterator[Place]:
    """Make room for one run in a store, and clear it away afterwards."""
    settings = ground.settings(name)
    if store == "local":
        yield Place(LocalStorage(ground.folder / name / "run"), settings)
    else:
        bucket = server.new_bucket()
        output = {"FASHIONTUNE_OUTPUT_URI": f"s3://{bucket}/run/"}
        with server.client() as client:
            storage = S3Storage(client, bucket, "run/", retry_seconds=30)
            yield Place(storage, settings | output | server.environment(endpoint=endpoint or None))
            for entry in storage.list():
                storage.delete(entry.key)
    shutil.rmtree(ground.folder / name)


def kill_points(ground: Ground, store: Store, server: Seaweed) -> list[Point]:
    """Return every named write of an undisturbed run, its first occurrences, before and after, with both signals."""
    name = f"notes-{store}"
    with place_for(ground, store, server, name) as place:
        notes = ground.folder / name / "writes"
        done = run_job(place.settings | EACH_STEP | {"NOTE_WRITES": str(notes)}, program="tests.killing")
        assert done.returncode == 0, done.stderr
        found = [tuple(line.split()) for line in notes.read_text("utf-8").splitlines()]
    return [
        Point(operation, where, occurrence, when, int(number))
        for operation, where in sorted(set(found))
        for occurrence in range(1, min(OCCURRENCES, found.count((operation, where))) + 1)
        for when in ("before", "after")
        for number in (signal.SIGKILL, signal.SIGTERM)
    ]


def survive_kill(ground: Ground, store: Store, point: Point, server: Seaweed, name: str) -> Outcome:
    """Kill a job at a write, start it again, and compare."""
    title = f"{store} {json.dumps(asdict(point))}"
    with place_for(ground, store, server, name) as place:
        checkpoints = EACH_STEP if point.place.startswith("checkpoints/") else {}
        killed = run_job(place.settings | checkpoints | {"KILL_AT": json.dumps(asdict(point))}, program="tests.killing")
        if killed.returncode != (-point.signal if point.signal == signal.SIGKILL else 128 + point.signal):
            return Outcome(title, 0, f"was not killed but ended with {killed.returncode}: {killed.stderr[-2000:]}")
        again = run_job(place.settings)
        if again.returncode != 0:
            return Outcome(title, 1, f"ended with {again.returncode}: {again.stderr[-2000:]}")
        return Outcome(title, 1, difference(state_of(place.storage), ground.baseline))


def survive_instants(ground: Ground, store: Store, seed: int, server: Seaweed, name: str) -> Outcome:
    """Kill a job once or twice at random instants (a third time in one step, and its trial would be given up)."""
    generator = random.Random(seed)
    title, kills = f"{store} instants of seed {seed}", 0
    with place_for(ground, store, server, name) as place:
        for _ in range(generator.choice((1, 2))):
            number = generator.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
            killed = run_job(place.settings, kill=(generator.uniform(0, 0.9 * ground.seconds), int(number)))
            if killed.returncode not in {0, -number, 128 + number}:
                return Outcome(title, kills, f"ended with {killed.returncode}: {killed.stderr[-2000:]}")
            kills += killed.returncode != 0
        again = run_job(place.settings)
        if again.returncode != 0:
            return Outcome(title, kills, f"ended with {again.returncode}: {again.stderr[-2000:]}")
        return Outcome(title, kills, difference(state_of(place.storage), ground.baseline))


def survive_faults(ground: Ground, seed: int, server: Seaweed, name: str) -> Outcome:
    """Run a job over a storage of which up to one request in five meets with a fault, alone or in a burst."""
    rate = random.Random(seed).uniform(0.05, 0.2)
    plan, faults = in_bursts(rate, seed, FAULTS), 0

    def counting(request: Request) -> Fault | None:
        nonlocal faults
        fault = plan(request)
        faults += fault is not None
        return fault

    with (
        running_proxy(server.endpoint, counting) as proxy,
        place_for(ground, "s3", server, name, proxy.endpoint) as place,
    ):
        done = run_job(place.settings)
        title = f"faults of seed {seed}, at a rate of {rate:.2f}: {faults} of {len(proxy.requests)} requests"
        if done.returncode != 0:
            return Outcome(title, faults, f"ended with {done.returncode}: {done.stderr[-2000:]}")
        return Outcome(title, faults, difference(state_of(place.storage), ground.baseline))


def survive_company(ground: Ground, store: Store, seed: int, server: Seaweed, name: str) -> Outcome:
    """Run two jobs on one run, the second one begun at a random instant of the first."""
    delay = random.Random(seed).uniform(0, ground.seconds)
    title = f"{store} two jobs, {delay:.1f} s apart"
    with place_for(ground, store, server, name) as place, ThreadPoolExecutor(2) as pool:
        first = pool.submit(run_job, place.settings)
        if delay < 0.3 * ground.seconds:  # some of them at once
            delay = 0.0
        threading.Event().wait(delay)
        cache = {"FASHIONTUNE_CACHE_DIR": place.settings["FASHIONTUNE_CACHE_DIR"] + "-2"}
        second = run_job(place.settings | cache)
        for done in (first.result(), second):
            if done.returncode != 0:
                return Outcome(title, 1, f"ended with {done.returncode}: {done.stderr[-2000:]}")
        return Outcome(title, 1, difference(state_of(place.storage), ground.baseline))


Task = Callable[[Seaweed, str], Outcome]


def run_all(tasks: Sequence[Task], *, jobs: int, per_server: int = 16) -> Iterator[Outcome]:
    """Run tasks, several at a time; a server is used for a few of them, since it keeps what is deleted on its disk."""
    names = (f"run-{number}" for number in itertools.count())
    with ThreadPoolExecutor(jobs) as pool:
        for start in range(0, len(tasks), per_server):
            with tempfile.TemporaryDirectory(prefix="seaweed-") as folder, running_seaweed(Path(folder)) as server:
                futures = [pool.submit(task, server, next(names)) for task in tasks[start : start + per_server]]
                for future in futures:
                    yield future.result()


def kill_tasks(grounds: Sequence[Ground]) -> list[Task]:
    """Return a task for every kill point of both stores, on the grounds in turn."""
    with tempfile.TemporaryDirectory(prefix="seaweed-") as folder, running_seaweed(Path(folder)) as server:
        points = [(store, point) for store in STORES for point in kill_points(grounds[0], store, server)]
    return [  # points come in fours: before and after, SIGKILL and SIGTERM; each of them meets every ground
        partial(survive_kill, grounds[(number + number // 4) % len(grounds)], store, point)
        for number, (store, point) in enumerate(points)
    ]


def main() -> int:
    """Run everything, or a sample; print what was done, and return 1 if anything differed or nothing was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time")
    parser.add_argument("--runs", type=int, default=None, help="at most so many of each kind")
    parser.add_argument("--skip", type=int, default=0, help="the first so many of each kind, which were done before")
    parser.add_argument("--only", choices=("kills", "instants", "faults", "company"))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="that runs train with, in turn")
    options = parser.parse_args()
    failures = 0
    with ExitStack() as stack:
        grounds = [stack.enter_context(prepared_ground(threads)) for threads in options.threads]
        for ground in grounds:
            print(f"baseline, threads {ground.threads}: {ground.seconds:.1f} s", flush=True)
        turns = itertools.cycle(grounds)
        seeds = range(options.seed, options.seed + INSTANTS)
        suites: dict[str, list[Task]] = {
            "kills": kill_tasks(grounds) if options.only in {None, "kills"} else [],
            "instants": [partial(survive_instants, next(turns), STORES[seed // 2 % 2], seed) for seed in seeds],
            "faults": [partial(survive_faults, next(turns), seed) for seed in seeds[:50]],
            "company": [partial(survive_company, next(turns), STORES[seed // 2 % 2], seed) for seed in seeds[:20]],
        }
        for suite, tasks in suites.items():
            if options.only in {None, suite}:
                chosen = tasks[options.skip :][: options.runs]
                failures += _report(suite, run_all(chosen, jobs=options.jobs), len(chosen))
    return 1 if failures else 0


def _report(suite: str, outcomes: Iterator[Outcome], count: int) -> int:
    started = time.monotonic()
    done: list[Outcome] = []
    print(f"{suite}: {count} runs begin", flush=True)
    for outcome in outcomes:
        done.append(outcome)
        if outcome.difference is not None:
            print(f"DIFFERS: {outcome.name}: {outcome.difference}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{suite} {len(done)} of {count}", end="", file=sys.stderr, flush=True)
        elif len(done) % 50 == 0:
            print(f"{suite}: {len(done)} of {count}", flush=True)
    disturbed = sum(outcome.disturbed for outcome in done)
    different = sum(outcome.difference is not None for outcome in done)
    what = {"kills": "kills", "instants": "kills", "faults": "faults", "company": "second jobs"}[suite]
    seconds = time.monotonic() - started
    print(f"{suite}: {len(done)} runs, {disturbed} {what}, {different} different ({seconds:.0f} s)", flush=True)
    return different + (disturbed == 0)


if __name__ == "__main__":
    sys.exit(main())
