"""How fast the job trains: beside the bare loop, its limit, and beside the same search as a notebook would have it.

    python -m benchmarks.training CATALOGUE.zip

The bare loop is forward, backward and the optimizer's step, on tensors that lie in memory as the model wants them, with
the same ResNet18, optimizer, threads and torch configuration; the trainer picks, moves and normalises photos, sets the
learning rate, sums the loss, looks whether it is finite and calls its hooks. In one process both take turns. Photos are
noise of 80x60, in batches of 128, of 45 classes.

The notebook is `benchmarks/notebook.py`. Both it and the job get a folder with the first 2,000 photos of CATALOGUE,
two trials of eight epochs, none stopped early, and all cores, and are measured from the start of their process to its
end: the job with its test measurement, model files and report, and without a cache of decoded photos. They take turns.
The seeds are such that both try nag and sgd, which cost the same, in this order.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the job has it; read when torch is imported

from torch.nn import functional

from benchmarks.figure import Figure, print_figures
from benchmarks.noise import noise
from job.training.cpus import usable_threads
from job.training.data import plan_epoch, training_batch
from job.training.device import configure_torch
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial

BATCH = 128
STEPS = 5  # in a turn
TURNS = 9
PHOTOS = 2000
TRIALS = 2
EPOCHS = 8
JOBS = 3


class _EnoughError(Exception):
    """The turn's steps are done."""


def bare_loop() -> list[Figure]:
    """Return the trainer's photos a second, as such and as a share of the bare loop's."""
    configure_torch(threads=usable_threads(), deterministic=True)
    plan = TrialPlan(0, 0, 0.01, 0.9, 0.001, "sgd", 1, BATCH, "accuracy")
    gear = noise(STEPS * (TURNS + 1) * BATCH, BATCH)
    turns = (_bare_turn(plan, gear), _trainer_turn(plan, gear))
    for turn in turns:  # the first one makes the optimizer's state and warms up
        turn()
    seconds = [tuple(turn() for turn in turns) for _ in range(TURNS)]
    photos_in_turn = STEPS * BATCH
    ours = round(photos_in_turn / statistics.median(ours for _, ours in seconds), 1)
    bare = round(photos_in_turn / statistics.median(bare for bare, _ in seconds), 1)
    share = round(statistics.median(bare / ours for bare, ours in seconds), 3)
    details = {"trainer_photos_a_second": ours, "bare_loop_photos_a_second": bare}
    return [Figure("trainer", share, 0.95, "of the bare loop's photos a second", details=details)]


def _bare_turn(plan: TrialPlan, gear: Equipment) -> Callable[[], float]:
    """Return a function that trains some steps of the bare loop and returns the seconds they took."""
    order = plan_epoch(gear.photos, 0, 0, 1)
    batches = [training_batch(gear.photos, order, step * BATCH, BATCH) for step in range(STEPS)]
    state = fresh_state(plan, gear)
    model, optimizer = state.model.train(), state.optimizer

    def turn() -> float:
        started = time.perf_counter()
        for inputs, labels in batches:
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
        return time.perf_counter() - started

    return turn


def _trainer_turn(plan: TrialPlan, gear: Equipment) -> Callable[[], float]:
    """Return a function that trains some steps of one long epoch and returns the seconds they took."""
    state = fresh_state(plan, gear)

    def after_step(state: TrialState) -> None:
        if state.step % STEPS == 0:
            raise _EnoughError

    def turn() -> float:
        started = time.perf_counter()
        with contextlib.suppress(_EnoughError):
            run_trial(plan, gear, state, after_step)
        return time.perf_counter() - started

    return turn


def whole_jobs(catalogue: Path) -> list[Figure]:
    """Return the whole job's training photos a second of its wall time, as such and over the notebook's."""
    rates = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "catalogue"
        some_photos(catalogue, folder)
        for turn in range(JOBS):
            directory = Path(name) / str(turn)
            directory.mkdir()
            rates.append((_job(folder, directory), _notebook(folder, directory)))
            print(f"{rates[-1][0]:.1f} photos/s the job, {rates[-1][1]:.1f} the notebook", file=sys.stderr)
    times = round(statistics.median(job / notebook for job, notebook in rates), 3)
    details = {
        "job_photos_a_second": round(statistics.median(job for job, _ in rates), 1),
        "notebook_photos_a_second": round(statistics.median(notebook for _, notebook in rates), 1),
    }
    return [Figure("whole job", times, 1.25, "times the notebook's photos a second", details=details)]


def some_photos(catalogue: Path, folder: Path) -> None:
    """Write the table and the photos of its first rows into a folder."""
    (folder / "images").mkdir(parents=True)
    with zipfile.ZipFile(catalogue) as archive:
        lines = archive.read("styles.csv").decode("utf-8").splitlines()[: PHOTOS + 1]
        (folder / "styles.csv").write_text("\n".join(lines) + "\n", "utf-8")
        names = set(archive.namelist())
        for line in lines[1:]:
            photo = f"images/{line.split(',', 1)[0]}.jpg"
            if photo in names:
                (folder / photo).write_bytes(archive.read(photo))


def _job(folder: Path, directory: Path) -> float:
    settings = {
        "DATASET_URI": folder,
        "OUTPUT_URI": directory / "run",
        "CACHE_DIR": directory / "cache",
        "N_TRIALS": TRIALS,
        "EPOCHS": EPOCHS,
        "PRUNER": "none",
        "BATCH_SIZE": BATCH,
        "SEED": 1,
        "DEVICE": "cpu",
    }
    variables = {f"FASHIONTUNE_{name}": str(value) for name, value in settings.items()}
    seconds, _ = _timed("-m", "job", **variables)
    results = json.loads((directory / "run" / "results.json").read_bytes())
    train = sum(each["train"] for each in results["dataset"]["classes"])
    epochs = sum(len(trial["epochs"]) for trial in results["trials"])
    print([trial["params"]["optimizer"] for trial in results["trials"]], results["run"]["seconds"], file=sys.stderr)
    photos: int = epochs * (train // BATCH) * BATCH
    return photos / seconds


def _notebook(folder: Path, directory: Path) -> float:
    model = directory / "model.pt"
    seconds, output = _timed("-m", "benchmarks.notebook", str(folder), str(model), str(TRIALS), str(EPOCHS))
    done = json.loads(output)
    print(done, file=sys.stderr)
    photos: int = done["photos"]
    return photos / seconds


def _timed(*arguments: str, **variables: str) -> tuple[float, str]:
    """Run Python and return the seconds it took and what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}  # the job sets it
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment | variables,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return time.perf_counter() - started, done.stdout


def measure(catalogue: Path) -> list[Figure]:
    """Return all figures of training."""
    return bare_loop() + whole_jobs(catalogue)


if __name__ == "__main__":
    print_figures(measure(Path(sys.argv[1])))
