"""Records the tables that search methods are compared on: real learning curves, made by the job's own trainer.

    nice -n 19 python -m benchmarks.curves --jobs 2 [TABLE ...]

Each table predicts one column of the small Fashion Product Images, in its classes with a hundredth of the photos or
more. Its configurations are the first points of a scrambled Sobol sequence over the default search space, the same ones
in every table. Each is trained twice:

* The trial gives the learning curve, as a search would see it: accuracy and log loss on the validation part.
* The repetition, with other weights, order and moves, gives the true value: accuracy and log loss on the test part. It
  is measured with the weights of the epoch that is best in validation by accuracy, since a job publishes those.

A training that diverged has fewer epochs, and a repetition that did has no true value (null).

`benchmarks/tables/TABLE.jsonl` gets a line each. A recorder that was killed goes on after the last whole line. All
tables get their first 16 configurations, then the next 16, so that they are equally far whenever it stops.

On two cores with nothing else to do, a row of a table of 1,600 photos takes 43 s of one process, so 96 rows by two
processes take 34 minutes. The six tables are as much work as seven of these: four hours.
"""

import argparse
import math
import multiprocessing
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # one process a core, which together train faster than one process on all

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import qmc

from benchmarks.table import CONFIGURATIONS, FOLDER, Line, append, open_table
from job import __version__
from job.catalogue.catalogue import Catalogue, load_catalogue
from job.catalogue.split import Part
from job.errors import JobError
from job.meter import silent
from job.metrics import metrics_of
from job.search.cube import point
from job.seeds import derive_seed
from job.settings import Settings
from job.study.equipment import photos_of
from job.study.ledger import Due
from job.study.prepare import catalogue_settings
from job.study.trials import trial_plan
from job.training.device import choose_device, configure_torch
from job.training.evaluate import evaluate
from job.training.plan import EpochScores, Equipment, TrialOutcome
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial

CATALOGUE = Path(__file__).parents[2] / "shared" / "data" / "fashion-product-images-small.zip"
ROUND = 16
"""A power of two: so many points of a Sobol sequence cover the space evenly."""
DIGITS = 5
_VERSIONED = ("torch", "torchvision", "numpy", "scipy")


@dataclass(frozen=True)
class Table:
    """A table's name, and its settings under their names in Settings."""

    name: str
    target_column: str
    max_images: int
    image_height: int = 32
    image_width: int = 24
    validation_fraction: float = 0.25
    test_fraction: float = 0.45
    epochs: int = 8
    batch_size: int = 32
    seed: int = 0

    def settings(self, catalogue: str) -> Settings:
        """Return the settings of a job on this catalogue whose trials are all points of the initial design."""
        named = {name: value for name, value in asdict(self).items() if name != "name"}
        least = max(1, self.max_images // 100)
        return Settings(dataset_uri=catalogue, min_class_images=least, n_initial_trials=1024, pruner="none", **named)


TABLES = (
    Table("subCategory-1600", "subCategory", 1600),
    Table("subCategory-3200", "subCategory", 3200),
    Table("masterCategory", "masterCategory", 1600),
    Table("articleType", "articleType", 1600),
    Table("gender", "gender", 1600),
    Table("season", "season", 1600),
)


def record(tables: Sequence[Table], catalogue: str, folder: Path, *, jobs: int, configurations: int) -> None:
    """Train what the tables in a folder lack, in so many processes, and append it.

    Raises JobError for a table that cannot be gone on with.
    """
    files, done = {}, {}
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        for table in tables:
            definition = _definition(table.settings(catalogue))
            files[table], done[table] = open_table(folder / f"{table.name}.jsonl", definition)
            stack.enter_context(files[table])
        due = _due(done, configurations)
        pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin))
        for (table, number), row in zip(due, pool.map(_row, due, repeat(catalogue)), strict=True):
            append(files[table], row)
            print(f"{table.name}: {number + 1} of {configurations}, {row['seconds']} s", flush=True)


def _due(done: dict[Table, int], configurations: int) -> list[tuple[Table, int]]:
    """Return what is to be trained, in rounds, given how many rows each table has."""
    return [
        (table, number)
        for start in range(0, configurations, ROUND)
        for table, rows in done.items()
        for number in range(max(start, rows), min(start + ROUND, configurations))
    ]


def _definition(settings: Settings) -> Line:
    """Return the settings, and photos, classes with their counts in each part, and versions."""
    catalogue = _load(settings)
    parts = [part.name.lower() for part in Part]
    return settings.defining() | {
        "fingerprint": catalogue.fingerprint,
        "classes": {each.name: [getattr(each, part) for part in parts] for each in catalogue.dataset.classes},
        "versions": {"fashiontune-job": __version__} | {name: version(name) for name in _VERSIONED},
    }


def _load(settings: Settings) -> Catalogue:
    return load_catalogue(catalogue_settings(settings), silent)


def _begin() -> None:
    """Set this process up, and have it end when the recorder was killed, rather than wait for work for ever."""
    recorder = multiprocessing.parent_process()
    assert recorder is not None

    def end_with_recorder() -> None:
        recorder.join()
        os._exit(1)

    threading.Thread(target=end_with_recorder, daemon=True).start()
    configure_torch(threads=1, deterministic=True)


@cache
def _equipment(settings: Settings) -> tuple[Equipment, torch.Tensor]:
    """Return a table's photos, loaded once a process, and the rows of the test part, (m,) int64."""
    loaded, device = _load(settings), choose_device("cpu", "float32")
    equipment = Equipment(photos_of(loaded, device, None), device, None, compile_model=False)
    return equipment, torch.from_numpy(loaded.indices(Part.TEST))


@cache
def _configurations(settings: Settings) -> npt.NDArray[np.float64]:
    """Return a Sobol design over the whole search space, (at least CONFIGURATIONS, dimensions).

    A job's own begins at usual learning rates, and a table needs those that do not work, too.
    """
    rng = np.random.default_rng(derive_seed(settings.seed, "design"))
    sobol = qmc.Sobol(len(settings.space.searched), scramble=True, rng=rng)
    return np.asarray(sobol.random_base2(10))


def _row(due: tuple[Table, int], catalogue: str) -> Line:
    table, number = due
    settings = table.settings(catalogue)
    params = point(settings.space, _configurations(settings)[number])
    equipment, test = _equipment(settings)
    trial, _ = _train(settings, Due(number), params, equipment)
    repetition, state = _train(settings, Due(number, repetition=1), params, equipment)
    true_value = None
    if repetition.weights is not None:
        state.model.load_state_dict(repetition.weights)
        measured = evaluate(state.model, equipment.photos, test, equipment.device)
        accuracy = metrics_of(measured.confusion).accuracy
        true_value = {"accuracy": _rounded(accuracy), "log_loss": _rounded(measured.loss)}
    again = {**_curves(repetition.epochs), "best_epoch": repetition.best_epoch, "test": true_value}
    seconds = sum(each.train_seconds + each.evaluate_seconds for each in trial.epochs + repetition.epochs)
    row = {"number": number, "params": params, **_curves(trial.epochs), "repetition": again}
    return row | {"seconds": round(seconds, 1)}


def _train(
    settings: Settings, due: Due, params: dict[str, float | str], equipment: Equipment
) -> tuple[TrialOutcome, TrialState]:
    plan = trial_plan(settings, due, params)
    state = fresh_state(plan, equipment)
    return run_trial(plan, equipment, state), state


def _curves(epochs: Sequence[EpochScores]) -> Line:
    accuracy, losses = [each.accuracy for each in epochs], [each.validation_loss for each in epochs]
    return {"accuracy": [_rounded(each) for each in accuracy], "log_loss": [_rounded(each) for each in losses]}


def _rounded(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None  # JSON has no infinity


def main() -> None:
    """Record the tables that are named, or all."""
    known = {table.name: table for table in TABLES}
    parser = argparse.ArgumentParser(description="Record tables of learning curves.")
    parser.add_argument("--jobs", type=int, default=1, help="processes that train, with one thread each")
    parser.add_argument("--catalogue", default=str(CATALOGUE), help="the small Fashion Product Images, as a zip")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(known))
    options = parser.parse_args()
    unknown = [name for name in options.tables if name not in known]
    if unknown:
        parser.error(f"there is no table {unknown[0]}; allowed are {', '.join(known)}")
    tables = [known[name] for name in options.tables or known]
    try:
        record(tables, options.catalogue, FOLDER, jobs=options.jobs, configurations=CONFIGURATIONS)
    except JobError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
