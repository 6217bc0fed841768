"""The files of recorded tables: torn lines, other definitions, other recorders."""

import json
from pathlib import Path

import pytest

from benchmarks.table import append, open_table, read_table
from job.errors import JobError

DEFINITION = {"epochs": 8, "parts": (1, 2), "classes": {"Bags": [3, 1, 1]}}
ROWS = [{"number": number, "accuracy": [0.5, 0.25]} for number in range(3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of three rows, in a folder that it made."""
    path = tmp_path / "tables" / "tiny.jsonl"
    file, rows = open_table(path, DEFINITION)
    with file:
        assert rows == 0
        for row in ROWS:
            append(file, row)
    return path


def test_a_table_is_read_as_it_was_written(path: Path) -> None:
    """The definition is the first line, and a row each of the others."""
    assert read_table(path) == (json.loads(json.dumps(DEFINITION)), ROWS)


def test_a_line_is_on_the_disk_when_it_was_appended(tmp_path: Path) -> None:
    """Another reader sees a line while the file is still open."""
    file, _ = open_table(tmp_path / "tiny.jsonl", DEFINITION)
    with file:
        append(file, ROWS[0])
        assert read_table(tmp_path / "tiny.jsonl")[1] == ROWS[:1]


def test_a_table_that_was_cut_anywhere_is_gone_on_with(path: Path) -> None:
    """Whatever was left of it, the whole lines stay, the torn one goes, and the same rows make the same file."""
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        file, rows = open_table(path, DEFINITION)
        assert rows == max(0, whole[:length].count(b"\n") - 1)
        with file:
            for row in ROWS[rows:]:
                append(file, row)
        assert path.read_bytes() == whole


def test_a_torn_last_line_is_not_read(path: Path) -> None:
    """A reader sees the rows before it, and leaves the file as it is."""
    torn = path.read_bytes()[:-1]
    path.write_bytes(torn)
    assert read_table(path)[1] == ROWS[:2]
    assert path.read_bytes() == torn


def test_another_definition_is_refused(path: Path) -> None:
    """The error names what differs, with both values; the table stays as it was."""
    before = path.read_bytes()
    with pytest.raises(JobError, match=r"tiny\.jsonl .*: epochs is 8 there and 9 here; seed is None there and 0 here;"):
        open_table(path, DEFINITION | {"epochs": 9, "seed": 0})
    assert path.read_bytes() == before


def test_a_table_has_one_recorder(path: Path) -> None:
    """A second recorder is refused until the first has closed the file."""
    file, _ = open_table(path, DEFINITION)
    with file, pytest.raises(JobError, match="another process"):
        open_table(path, DEFINITION)
    open_table(path, DEFINITION)[0].close()


def test_a_gap_is_refused(path: Path) -> None:
    """Rows that do not count from 0 on are no table that can be gone on with."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1], lines[3]]))
    with pytest.raises(JobError, match=r"numbers \[0, 2\]"):
        open_table(path, DEFINITION)
