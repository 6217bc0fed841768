"""The recorder of learning curves, on a few photos of the sample: what it records, and when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks import curves
from benchmarks.curves import ROUND, Table
from benchmarks.table import read_table

CONFIGURATIONS = 4
PROGRAM = """
import sys
from pathlib import Path
from benchmarks.curves import Table, record
small = {"max_images": 90, "image_height": 16, "image_width": 16, "epochs": int(sys.argv[3]), "batch_size": 16}
tables = [Table("one", "gender", **small), Table("two", "season", **small)]
record(tables, "sample", Path(sys.argv[1]), jobs=int(sys.argv[2]), configurations=int(sys.argv[4]))
"""


def recorder(folder: Path, *, jobs: int, epochs: int = 2) -> "subprocess.Popen[str]":
    arguments = [str(folder), str(jobs), str(epochs), str(CONFIGURATIONS)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def recorded(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of both tables, without the seconds."""
    lines = {path.stem: path.read_text("utf-8").splitlines() for path in folder.iterdir()}
    without = {name: [json.loads(line) for line in table] for name, table in lines.items()}
    for table in without.values():
        for line in table[1:]:
            assert line.pop("seconds") >= 0
    return without


def rows_in(printed: str) -> list[str]:
    """Return what a recorder has printed of rows; the catalogue's warnings are there, too."""
    return [line for line in printed.splitlines() if line.startswith(("one: ", "two: "))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a recorder of one process that nothing has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    process = recorder(folder, jobs=1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder


def test_a_killed_recorder_goes_on_to_the_same_tables(whole: Path, tmp_path: Path) -> None:
    """Two processes that are killed in the middle, and two more, record what one does. No killed process stays."""
    with recorder(tmp_path, jobs=2) as killed:
        assert killed.stdout
        of_rows = (line for line in killed.stdout if rows_in(line))
        assert len(list(islice(of_rows, 3))) == 3
        os.kill(killed.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _is_there(killed.pid):
        assert time.monotonic() < deadline, "its processes still wait for work"
        time.sleep(0.1)
    rows = sum(len(table) - 1 for table in recorded(tmp_path).values())
    assert 3 <= rows < 2 * CONFIGURATIONS
    second = recorder(tmp_path, jobs=2)
    gone_on, errors = second.communicate()
    assert second.returncode == 0, errors
    assert len(rows_in(gone_on)) == 2 * CONFIGURATIONS - rows
    assert recorded(tmp_path) == recorded(whole)


def test_other_settings_are_refused(whole: Path) -> None:
    """A recorder with another number of epochs ends before it trains, and says which number is there."""
    before = recorded(whole)
    process = recorder(whole, jobs=1, epochs=3)
    printed, errors = process.communicate()
    assert process.returncode == 1
    assert "epochs is 2 there and 3 here" in errors
    assert not rows_in(printed)
    assert recorded(whole) == before


def test_a_row_has_a_curve_and_a_true_value(whole: Path) -> None:
    """The repetition has another curve; its best epoch is the first of the highest accuracy."""
    definition, rows = read_table(whole / "one.jsonl")
    assert definition["target_column"] == "gender"
    assert [len(counts) for counts in definition["classes"].values()] == [3] * len(definition["classes"])
    for row in rows:
        again = row["repetition"]
        assert len(row["accuracy"]) == len(row["log_loss"]) == len(again["accuracy"]) == len(again["log_loss"]) == 2
        assert row["log_loss"] != again["log_loss"]
        assert again["best_epoch"] == again["accuracy"].index(max(again["accuracy"])) + 1
        assert 0 <= again["test"]["accuracy"] <= 1
        assert again["test"]["log_loss"] > 0


def test_a_configuration_is_the_same_in_every_table(whole: Path) -> None:
    """The first four points of the Sobol sequence have all four optimizers."""
    rows = read_table(whole / "one.jsonl")[1]
    assert [row["params"] for row in rows] == [row["params"] for row in read_table(whole / "two.jsonl")[1]]
    assert len({row["params"]["optimizer"] for row in rows}) == 4


def test_a_training_that_diverged_has_no_true_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its curve ends before the epoch in which a loss was not finite."""
    params = {"learning_rate": 1e30, "momentum": 0.9, "weight_decay": 1e-4, "optimizer": "sgd"}
    monkeypatch.setattr(curves, "point", lambda *_: params)
    table = Table("one", "gender", 90, image_height=16, image_width=16, epochs=2, batch_size=8)
    row = curves._row((table, 0), "sample")
    nothing: dict[str, list[float]] = {"accuracy": [], "log_loss": []}
    again = {**nothing, "best_epoch": None, "test": None}
    assert row == {"number": 0, "params": params, **nothing, "repetition": again, "seconds": 0}


def test_tables_are_recorded_in_rounds() -> None:
    """Every table gets the rows of a round that it lacks before any gets those of the next."""
    one, two = Table("one", "gender", 90), Table("two", "season", 90)
    due = curves._due({one: ROUND + 1, two: ROUND - 1}, 2 * ROUND + 1)
    first, second = [(two, ROUND - 1)], [(one, number) for number in range(ROUND + 1, 2 * ROUND)]
    third = [(two, number) for number in range(ROUND, 2 * ROUND)]
    assert due == [*first, *second, *third, (one, 2 * ROUND), (two, 2 * ROUND)]


def _is_there(group: int) -> bool:
    """Say whether a process group still has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
