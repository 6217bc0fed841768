"""The files of recorded tables: one JSON object a line, first what defines the table, then its rows in order.

A row is a configuration; its `number` is its place in the Sobol sequence. Knows nothing of training, which
`benchmarks/curves.py` does.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from job.errors import JobError

FOLDER = Path(__file__).with_name("tables")
CONFIGURATIONS = 96
"""Rows of a whole table."""

Line = dict[str, Any]


def read_table(path: Path) -> tuple[Line, list[Line]]:
    """Return what defines a table, and its rows. A torn last line is left out."""
    definition, *rows = _lines(path, path.read_bytes())
    return definition, rows


def whole_tables() -> list[Path]:
    """Return the files of recorded tables that have all their rows."""
    return [path for path in sorted(FOLDER.glob("*.jsonl")) if len(read_table(path)[1]) == CONFIGURATIONS]


def open_table(path: Path, definition: Line) -> tuple[BinaryIO, int]:
    """Open a table to append to it, and return it with its number of rows. A torn last line is cut off.

    The file is locked until it is closed. Raises JobError if another process records it, if it was recorded with
    another definition, or if its rows are not in order.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    try:
        rows = _go_on(path, file, definition)
    except BaseException:
        file.close()
        raise
    return file, rows


def append(file: BinaryIO, line: Line) -> None:
    """Append a line; it is on the disk when this returns."""
    file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _go_on(path: Path, file: BinaryIO, definition: Line) -> int:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JobError(f"{path}: another process records this table; wait for its end") from None
    file.seek(0)
    data = file.read()
    lines = _lines(path, data)
    file.truncate(data.rfind(b"\n") + 1)
    if not lines:
        append(file, definition)
        return 0
    there, here = lines[0], json.loads(json.dumps(definition))
    differing = [name for name in there | here if there.get(name) != here.get(name)]
    if differing:
        what = "; ".join(f"{name} is {there.get(name)} there and {here.get(name)} here" for name in differing)
        raise JobError(f"{path} was recorded otherwise: {what}; move it away to record it anew")
    return len(lines) - 1


def _lines(path: Path, data: bytes) -> list[Line]:
    """Return the whole lines of a table; raises JobError if its rows are not numbered from 0 on."""
    lines: list[Line] = [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
    numbers = [line.get("number") for line in lines[1:]]
    if numbers != list(range(len(numbers))):
        raise JobError(f"{path}: its rows have the numbers {numbers}; they must count from 0 on, without a gap")
    return lines
