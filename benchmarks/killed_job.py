"""A job in peace, and the same job killed again and again on the same machine: both must end with the same results.

    FASHIONTUNE_DATASET_URI=fashion.zip python -m benchmarks.killed_job FOLDER [--kills 8]

Other settings come from the environment, too. SIGKILL and SIGTERM take turns, each after a seeded time, so that they
come in starts, training and publishing alike. Prints what both runs came to; exit code 1 if their `results.json` differ
outside `run` and `timing`.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.jobs import comparable, results_of


def main() -> int:
    """Run both jobs in a folder, print the figures as JSON, and compare."""
    parser = argparse.ArgumentParser(description="Compare a job that is killed with one that is not.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=8)
    options = parser.parse_args()
    started = time.monotonic()
    assert run(options.folder, "whole", None) == 0
    seconds = time.monotonic() - started
    generator, codes = random.Random(0), []
    for kill in range(options.kills):
        number = (signal.SIGKILL, signal.SIGTERM)[kill % 2]
        codes.append(run(options.folder, "killed", (generator.uniform(0, 2 * seconds / options.kills), number)))
    assert run(options.folder, "killed", None) == 0
    whole, killed = (results_of(options.folder / name) for name in ("whole", "killed"))
    same = comparable(whole) == comparable(killed)
    figures = {
        "seconds": round(seconds, 1),
        "seconds_with_kills": round(time.monotonic() - started - seconds, 1),
        "exit_codes": codes,
        "attempts": len(killed["run"]["attempts"]),
        "trials": len(whole["trials"]),
        "photos_a_second": whole["run"]["images_per_second"],
        "best": {"trial": whole["best"]["trial"], "value": whole["best"]["value"]},
        "test": {name: whole["test"][name] for name in ("accuracy", "accuracy_ci95", "macro_f1")},
        "same_results": same,
    }
    print(json.dumps(figures, indent=2))
    return 0 if same else 1


def run(folder: Path, name: str, kill: tuple[float, signal.Signals] | None) -> int:
    """Start a job, kill it after some seconds if it is still there, and return its exit code; its log is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "FASHIONTUNE_OUTPUT_URI": str(folder / name),
        "FASHIONTUNE_CACHE_DIR": str(folder / "cache"),
        "FASHIONTUNE_CHECKPOINT_SECONDS": "2",
    }
    with (folder / f"{name}.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-m", "job"], env=os.environ | settings, stderr=log)
        try:
            return process.wait(timeout=kill and kill[0])
        except subprocess.TimeoutExpired:
            assert kill is not None
            process.send_signal(kill[1])
            return process.wait()


if __name__ == "__main__":
    sys.exit(main())
