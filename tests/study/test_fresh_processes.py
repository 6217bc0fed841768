"""The same run, begun again and again in processes of its own: every record is the same, to the last digit."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import environment, tiny_settings

PROCESSES = 10

pytestmark = pytest.mark.timeout(1800)  # imports of torch, ten times


def test_ten_fresh_processes_with_two_threads_write_the_same_records(tmp_path: Path) -> None:
    """With as many threads as most machines have at least, at rates that make a last bit visible, nothing differs.

    The processes share no memory layout, as jobs that are forked from one process do.
    """
    space = {"learning_rate": {"low": 0.05, "high": 0.1}, "optimizer": ["rmsprop", "adam", "sgd", "nag"]}
    size = {
        "IMAGE_HEIGHT": "40",
        "IMAGE_WIDTH": "30",
        "N_TRIALS": "4",
        "N_INITIAL_TRIALS": "4",
        "EPOCHS": "1",
        "TENSORBOARD": "false",
    }
    settings = tiny_settings(tmp_path, **size, CHECKPOINT_SECONDS="0.2", SEARCH_SPACE=json.dumps(space), SEED="2")
    variables = environment(settings | {"OMP_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)})
    found = []
    for number in range(PROCESSES):
        run = tmp_path / f"run-{number}"
        place = {"FASHIONTUNE_OUTPUT_URI": str(run)}
        subprocess.run([sys.executable, "-m", "job"], env=variables | place, check=True, capture_output=True)
        found.append(records_of(run))
    optimizers = {record["params"]["optimizer"] for record in found[0].values()}
    assert optimizers == {"rmsprop", "adam", "sgd", "nag"}
    assert found == [found[0]] * PROCESSES


def records_of(run: Path) -> dict[str, Any]:
    """Return a run's trials by name, without what tells of time."""
    records = {path.name: json.loads(path.read_bytes()) for path in (run / "trials").iterdir()}
    return {
        name: {key: value for key, value in record.items() if key not in {"timing", "checksum"}}
        for name, record in records.items()
    }
