"""How long a job takes before it trains: preparing photos, a warm start, a suggestion, `job --help`.

    python benchmarks/startup.py CATALOGUE.zip

Each figure is of a fresh process, the median of three; peak memory is the process's resident set. The catalogue of the
recorded figures is 35,466 JPEGs of 60x80 pixels in a zip of 99 MB.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 3

PREPARE = """
import resource, sys, time
from pathlib import Path
from job.catalogue.catalogue import CatalogueSettings, load_catalogue
from job.logs import configure_logs
configure_logs()  # warnings of what is missing go where logs go, beside the figures
settings = CatalogueSettings(
    uri=sys.argv[1], cache_dir=Path(sys.argv[2]), target_column="subCategory", min_class_images=10, max_images=0,
    image_height=80, image_width=60, validation_fraction=0.15, test_fraction=0.15, seed=0, retry_seconds=10)
started = time.monotonic()
load_catalogue(settings, lambda *_: None)
print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
"""

FIRST_STEP = """
import os, time
from job.cli import main
import job.training.trial as trial
def report(_state):
    began = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    print(time.clock_gettime(time.CLOCK_BOOTTIME) - began, flush=True)
    os._exit(0)
train = trial._train_epoch
trial._train_epoch = lambda plan, equipment, state, after_step: train(plan, equipment, state, report)
main([])
"""

SUGGEST = """
import random, time
from job.search.space import parse_search_space
from job.search.suggest import Observation, suggest
space, observations = parse_search_space(None), []
common = dict(seed=0, n_initial=64)
for number in range(49):
    params = suggest(space, observations=observations, number=number, **common)
    observations.append(Observation(params, random.Random(number).random()))
common["n_initial"] = 8
started = time.monotonic()
suggest(space, observations=observations, number=49, **common)
print(time.monotonic() - started)
"""


def measure(program: str, *arguments: str, **environment: str) -> list[float]:
    """Run a program in a fresh interpreter and return the numbers that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return [float(word) for word in done.stdout.split()]


def medians(rows: list[list[float]]) -> list[float]:
    """Return the median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def main(catalogue: str) -> None:
    """Print the figures as JSON."""
    with tempfile.TemporaryDirectory() as directory:
        caches = [str(Path(directory) / f"cache{run}") for run in range(RUNS)]
        prepare = medians([measure(PREPARE, catalogue, cache) for cache in caches])
        warm = {"FASHIONTUNE_DATASET_URI": catalogue, "FASHIONTUNE_CACHE_DIR": caches[0]}
        first = medians(
            [measure(FIRST_STEP, **warm, FASHIONTUNE_OUTPUT_URI=f"{directory}/run{run}") for run in range(RUNS)]
        )
    suggestion = medians([measure(SUGGEST) for _ in range(RUNS)])
    help_program = (
        "import subprocess, sys, time; s = time.monotonic();"
        "subprocess.run([sys.executable, '-m', 'job', '--help'], stdout=subprocess.DEVNULL, check=True);"
        "print(time.monotonic() - s)"
    )
    figures = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "prepare_seconds": round(prepare[0], 2),
        "prepare_peak_megabytes": round(prepare[1]),
        "warm_start_to_first_step_seconds": round(first[0], 2),
        "suggest_trial_50_seconds": round(suggestion[0], 2),
        "help_seconds": round(medians([measure(help_program) for _ in range(RUNS)])[0], 2),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(sys.argv[1])
