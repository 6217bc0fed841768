"""styles.csv as published: rows with too many commas and stray quotes repaired, and no row lost.

Knows nothing of photos or storage; it turns bytes into a table.
"""

import csv
import re
from dataclasses import dataclass

import pandas as pd

from job.errors import CatalogueError

NAME_COLUMN = "productDisplayName"
"""The column of free text, whose unquoted commas make a row too long."""


_LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines would also end a line at a form feed within a name


@dataclass(frozen=True)
class Quarantined:
    """A photo or row that is left out, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Styles:
    """The usable rows of styles.csv.

    `table` has the columns id and label, str without surrounding spaces (`NA` is a value), in the file's order; ids
    are unique.
    """

    table: pd.DataFrame
    rows: int
    repaired: tuple[str, ...]
    """Ids of the rows whose name was re-joined."""
    quarantined: tuple[Quarantined, ...]


def read_styles(data: bytes, target_column: str, where: str) -> Styles:
    """Parse styles.csv.

    `where` names the file in errors. Raises CatalogueError for a file without rows, without the id or the target
    column, or with an id twice. Bytes that are no UTF-8 are replaced; they can only matter in names.
    """
    lines = _LINE_END.split(data.decode("utf-8-sig", errors="replace"))
    records = list(_records(lines))
    if not records:
        message = f"{where} is empty; it must have a header line and a row for each photo"
        raise CatalogueError(message)
    header, rows = records[0][1], records[1:]
    _check_header(header, rows, target_column, where)
    id_index, target_index = header.index("id"), header.index(target_column)
    name_index = header.index(NAME_COLUMN) if NAME_COLUMN in header else None
    seen: dict[str, int] = {}
    usable: list[tuple[str, str]] = []
    repaired: list[str] = []
    quarantined: list[Quarantined] = []
    for line, fields in rows:
        extra = len(fields) - len(header)
        if extra > 0 and name_index is not None:
            end = name_index + extra + 1
            fields = [*fields[:name_index], ",".join(fields[name_index:end]), *fields[end:]]  # noqa: PLW2901
            repaired.append(fields[id_index])
        identifier = fields[id_index].strip() if id_index < len(fields) else ""
        if not identifier:
            quarantined.append(Quarantined(f"line {line}", "row without an id"))
            continue
        if identifier in seen:
            lines_of = f"lines {seen[identifier]} and {line}"
            message = f"{where} has the id {identifier} twice, in {lines_of}; ids must be unique"
            raise CatalogueError(message)
        seen[identifier] = line
        if len(fields) != len(header) and (extra > 0 or target_index >= len(fields)):
            reason = f"row of {len(fields)} fields where the header has {len(header)}"
            quarantined.append(Quarantined(identifier, reason))
        elif not fields[target_index].strip():
            quarantined.append(Quarantined(identifier, f"no value of {target_column}"))
        else:
            usable.append((identifier, fields[target_index].strip()))
    table = pd.DataFrame(usable, columns=["id", "label"], dtype="str")
    return Styles(table, len(rows), tuple(repaired), tuple(quarantined))


def _records(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Split lines into (line number, fields), honouring quoted fields but not fooled by a stray quote.

    A quote that nothing closes would make `csv` swallow every row up to the next one: such a line is read with its
    quotes as plain characters, unless the line below is no row of its own and the field really closes further down.
    """
    records: list[tuple[int, list[str]]] = []
    width = 0
    number = 0
    while number < len(lines):
        first, text = number, lines[number]
        number += 1
        if not text.strip():
            continue
        fields = _split(text)
        if text.count('"') % 2:
            literal = (text.split(","), number)
            cut_off = number < len(lines) and len(lines[number].split(",")) < width
            fields, number = (cut_off and _quoted_over_lines(lines, first, width)) or literal
        width = width or len(fields)
        records.append((first + 1, fields))
    return records


def _split(text: str) -> list[str]:
    try:
        return next(csv.reader([text]))
    except csv.Error:  # a field beyond csv's limit
        return text.split(",")


def _quoted_over_lines(lines: list[str], first: int, width: int) -> tuple[list[str], int] | None:
    """Return the fields of a row whose quoted field has line breaks, and the number of the line after it."""
    text = lines[first]
    for number in range(first + 1, len(lines)):
        text += "\n" + lines[number]
        if text.count('"') % 2 == 0:
            try:
                fields = next(csv.reader([text]))
            except csv.Error:  # the quotes are not around a field, after all
                return None
            return (fields, number + 1) if len(fields) >= width else None
    return None


def _check_header(header: list[str], rows: list[tuple[int, list[str]]], target_column: str, where: str) -> None:
    for column in ("id", target_column):
        if column not in header:
            message = f"{where} has no column {column}; its columns are {', '.join(header)}"
            raise CatalogueError(message)
    if not rows:
        message = f"{where} has a header and no row"
        raise CatalogueError(message)
