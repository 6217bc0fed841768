"""Records the learning curves that search methods are compared on: real ones, made by the job's own trainer.

    python -m benchmarks.curves CATALOGUE

CATALOGUE is the small Fashion Product Images as a zip. The configurations are the first points of a scrambled Sobol
design over the default search space, trained on 2,000 of its photos at 40x30 for 8 epochs each; some two hours on two
cores. `benchmarks/curves.jsonl` gets a line each, in the order of the design, and recording goes on after what it has.
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # one process a core, which together train faster than one process on all


from job.catalogue.catalogue import load_catalogue
from job.progress import progress_bar
from job.search.suggest import suggest
from job.settings import Settings
from job.study.ledger import Due
from job.study.loop import photos_of
from job.study.prepare import catalogue_settings
from job.study.trials import trial_plan
from job.training.device import choose_device, configure_torch
from job.training.plan import Equipment
from job.training.state import fresh_state
from job.training.trial import Hooks, run_trial

TABLE = Path(__file__).with_name("curves.jsonl")
CONFIGURATIONS = 122
DIGITS = 5

_equipment: Equipment
_settings: Settings


def settings_of(catalogue: str) -> Settings:
    """Return the settings that the curves are recorded with.

    Nobody looks at the test part, so nearly all of it validates: 600 photos tell configurations apart better than 300.
    """
    return Settings(
        dataset_uri=catalogue,
        max_images=2000,
        image_height=40,
        image_width=30,
        validation_fraction=0.3,
        test_fraction=0.001,
        epochs=8,
        batch_size=32,
        seed=0,
    )


def record(catalogue: str) -> None:
    """Train every configuration that the table lacks, as many at once as there are cores."""
    done = len(TABLE.read_text().splitlines()) if TABLE.exists() else 0
    with progress_bar() as progress:
        load_catalogue(catalogue_settings(settings_of(catalogue)), progress)  # into the cache, once
    spawn = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, initializer=_prepare, initargs=(catalogue,)) as pool:
        for line in pool.map(_train, range(done, CONFIGURATIONS)):
            with TABLE.open("a") as table:
                table.write(json.dumps(line) + "\n")


def _prepare(catalogue: str) -> None:
    global _equipment, _settings  # noqa: PLW0603 -- a process has one of each
    _settings = settings_of(catalogue)
    configure_torch(threads=1, deterministic=True)
    with progress_bar() as progress:
        loaded = load_catalogue(catalogue_settings(_settings), progress)
    device = choose_device("cpu", "float32")
    _equipment = Equipment(photos_of(loaded, device, None), device, None, compile_model=False)


def _train(number: int) -> dict[str, Any]:
    params = suggest(
        _settings.space, seed=0, observations=[], number=number, n_initial=CONFIGURATIONS, acquisition="EI"
    )
    plan = trial_plan(_settings, Due(number), params)
    hooks = Hooks(after_step=lambda _: None, after_epoch=lambda _: None)
    epochs = run_trial(plan, _equipment, hooks, fresh_state(plan, _equipment)).epochs
    return {
        "params": params,
        "accuracy": [round(scores.accuracy, DIGITS) for scores in epochs],
        "log_loss": [round(scores.validation_loss, DIGITS) for scores in epochs],
        "seconds": round(sum(scores.train_seconds + scores.evaluate_seconds for scores in epochs), 1),
    }


if __name__ == "__main__":
    record(sys.argv[1])
