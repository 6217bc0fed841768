"""styles.csv: bytes become labels by id. Rows with too many commas or stray quotes are repaired, and no row is lost.

Knows nothing of photos or storage.
"""

import csv
import re
from dataclasses import dataclass, field

from job.errors import CatalogueError
from job.records.dataset import Quarantined, QuarantineKind
from job.text import READ_ENCODINGS, bytes_of, cleaned, decode_table, is_text, likeness, printable

NAME_COLUMN = "productDisplayName"
"""The column of free text, whose unquoted commas make a row too long."""

_NO_TABLES = {
    b"PK\x03\x04": "a workbook of a spreadsheet program, or another zip,",
    b"\xd0\xcf\x11\xe0": "a workbook of an old spreadsheet program",
    b"\x1f\x8b": "compressed by gzip",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LINE_END = re.compile(r"\r\n|\r|\n")  # str.splitlines would also end a line at a form feed within a name


@dataclass
class Styles:
    """The usable rows of styles.csv."""

    labels: dict[str, str] = field(default_factory=dict)
    """By id, in the file's order; in NFC, without blanks around them. `NA` is a value."""
    rows: int = 0
    repaired: list[str] = field(default_factory=list)
    """Ids of the rows whose name was re-joined."""
    repeated: list[str] = field(default_factory=list)
    """Ids of the rows that are there more than once, each time the same."""
    quarantined: list[Quarantined] = field(default_factory=list)


def read_styles(data: bytes, target_column: str, where: str) -> Styles:
    """Parse styles.csv.

    `where` names the file in errors. Raises CatalogueError for a file without rows, without the id or the target
    column, for two rows with one id, and for bytes that are no text in an id or a label.
    """
    records = _records(_LINE_END.split(_decode(data, where)))
    if not records:
        message = f"{where} is empty; it must have a header line and a row for each photo"
        raise CatalogueError(message)
    header, rows = [cleaned(name) for name in records[0][1]], records[1:]
    target_column = cleaned(target_column)
    _check_header(header, rows, target_column, where)
    id_index, target_index = header.index("id"), header.index(target_column)
    first: dict[str, tuple[int, list[str]]] = {}
    styles = Styles()

    def quarantine(identifier: str, reason: str, kind: QuarantineKind) -> None:
        styles.quarantined.append(Quarantined(id=identifier, reason=reason, kind=kind))

    for line, written in rows:
        fields = _rejoined(written, header)
        identifier = _value(fields, id_index, header, f"{where}, line {line}")
        if identifier in first:
            first_line, others = first[identifier]
            if list(map(cleaned, others)) != list(map(cleaned, fields)):
                lines = f"lines {first_line} and {line}"
                message = f"{where} has the id {identifier} twice, in {lines}, with other values; ids must be unique"
                raise CatalogueError(message)
            styles.repeated.append(identifier)
            continue
        styles.rows += 1
        if not identifier:
            quarantine(f"line {line}", "row without an id", QuarantineKind.ROW_WITHOUT_ID)
            continue
        first[identifier] = line, fields
        if fields is not written:
            styles.repaired.append(identifier)
        if len(fields) > len(header) or target_index >= len(fields):
            reason = f"row of {len(fields)} fields where the header has {len(header)}"
            quarantine(identifier, reason, QuarantineKind.ROW_LENGTH)
        elif label := _value(fields, target_index, header, f"{where}, line {line}"):
            styles.labels[identifier] = label
        else:
            quarantine(identifier, f"no value of {target_column}", QuarantineKind.NO_LABEL)
    return styles


def _rejoined(fields: list[str], header: list[str]) -> list[str]:
    """Return the fields of a row; commas in its name have made too many, which are joined again."""
    extra = len(fields) - len(header)
    if extra <= 0 or NAME_COLUMN not in header:  # as nearly all rows
        return fields
    begin = header.index(NAME_COLUMN)
    end = begin + extra + 1
    return [*fields[:begin], ",".join(fields[begin:end]), *fields[end:]]


def _value(fields: list[str], index: int, header: list[str], place: str) -> str:
    """Return a field of a row; empty if the row has no such field. Raises CatalogueError for bytes that are no text."""
    value = fields[index] if index < len(fields) else ""
    if is_text(value):
        return cleaned(value)
    shown, data = printable(value.strip()), bytes_of(value.strip()).hex(" ")
    what = f"{header[index]} is {shown} (bytes {data}), which is no text"
    message = f"{place}: {what}; save the table as {READ_ENCODINGS}"
    raise CatalogueError(message)


def _decode(data: bytes, where: str) -> str:
    for mark, kind in _NO_TABLES.items():
        if data.startswith(mark):
            message = f"{where} is {kind} and no CSV; save it as CSV in {READ_ENCODINGS}"
            raise CatalogueError(message)
    try:
        return decode_table(data)
    except ValueError as error:
        message = f"{where} is {error}; save it as {READ_ENCODINGS}"
        raise CatalogueError(message) from None


def _records(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Split lines into (line number, fields), honouring quoted fields but not fooled by a stray quote.

    A quote that nothing closes would make `csv` swallow every row up to the next quote. In such a line quotes are plain
    characters, unless the line below is no row of its own and the field really closes further down.
    """
    records: list[tuple[int, list[str]]] = []
    width = 0
    number = 0
    while number < len(lines):
        first, text = number, lines[number]
        number += 1
        if not text.strip(", \t"):  # a spreadsheet writes rows of nothing but commas
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
            names = printable(", ".join(header)).replace("\0", "")
            cause = _cause(header, column)
            message = f"{where} has no column {column}; its columns are {names}" + (f"; {cause}" if cause else "")
            raise CatalogueError(message)
        if header.count(column) > 1:
            message = f"{where} has the column {column} {header.count(column)} times; keep one"
            raise CatalogueError(message)
    if not rows:
        message = f"{where} has a header and no row"
        raise CatalogueError(message)


def _cause(header: list[str], column: str) -> str:
    """Return the likely reason why a column is not found; empty if there is none."""
    line = ",".join(header)
    if "\0" in line:
        return f"it seems to be UTF-16 without a byte order mark: save it as {READ_ENCODINGS}"
    if not is_text(line):
        return f"there are bytes in its header that are no text: save it as {READ_ENCODINGS}"
    if line.lower().startswith("sep="):
        return "its first line is for a spreadsheet program alone: delete it"
    for separator, name in _SEPARATORS.items():
        if likeness(column) in [likeness(field.strip('"')) for field in line.split(separator)]:
            return f"its fields are separated by {name}: save it with commas between them"
    similar = [field for field in header if likeness(field) == likeness(column)]
    return f"rename {similar[0]} to {column}, for upper and lower case matter" if similar else ""
