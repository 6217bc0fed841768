"""A job in peace, and the same job killed again and again on the same machine: both must end with the same results.

    FASHIONTUNE_DATASET_URI=fashion.zip python -m benchmarks.killed_job FOLDER [--kills 8]

Other settings come from the environment, too. SIGKILL and SIGTERM take turns, each after a seeded time that begins in
the middle of a start. Prints what both runs came to; exit code 1 if their `results.json` differ outside `run` and
`timing`, or if the killed one never went on within a trial.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.jobs import comparable, results_of


def main() -> int:
    """Run both jobs in a folder, print the figures as JSON, and compare."""
    parser = argparse.ArgumentParser(description="Compare a job that is killed with one that is not.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=8)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    began = datetime.now(UTC)
    assert run(options.folder, "whole", None) == 0
    whole = results_of(options.folder / "whole")
    seconds = (datetime.now(UTC) - began).total_seconds()
    start = (datetime.fromisoformat(whole["run"]["attempts"][0]["started_at"]) - began).total_seconds()
    generator, codes = random.Random(0), []
    again = datetime.now(UTC)
    for kill in range(options.kills):
        number = (signal.SIGKILL, signal.SIGTERM)[kill % 2]
        latest = start + 2 * (seconds - start) / options.kills
        codes.append(run(options.folder, "killed", (generator.uniform(start / 2, latest), number)))
        if codes[-1] == 0:
            break
        assert codes[-1] in {-signal.SIGKILL, 128 + signal.SIGTERM}, codes
    assert run(options.folder, "killed", None) == 0
    killed = results_of(options.folder / "killed")
    same = comparable(whole) == comparable(killed)
    attempts = [(each["trial"], each["step"], each["outcome"]) for each in killed["run"]["attempts"]]
    figures = {
        "seconds": round(seconds, 1),
        "seconds_with_kills": round((datetime.now(UTC) - again).total_seconds(), 1),
        "exit_codes": codes,
        "attempts": attempts,
        "trials": len(whole["trials"]),
        "photos_a_second": whole["run"]["images_per_second"],
        "best": {"trial": whole["best"]["trial"], "value": whole["best"]["value"]},
        "test": {name: whole["test"][name] for name in ("accuracy", "accuracy_ci95", "macro_f1")},
        "same_results": same,
    }
    print(json.dumps(figures, indent=2))
    return 0 if same and any(step for _, step, _ in attempts) else 1


def run(folder: Path, name: str, kill: tuple[float, signal.Signals] | None) -> int:
    """Start a job, kill it after some seconds if it is still there, and return its exit code; its log is kept."""
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
