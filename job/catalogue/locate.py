"""Locating: which file of a catalogue is the table, and which are the photos, by id.

Names are compared in NFC, with Windows separators or without. Knows nothing of where files lie.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from job.errors import CatalogueError
from job.records.dataset import Quarantined, QuarantineKind
from job.text import normalised, printable

TABLE = "styles.csv"
PHOTO_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
_OF_MACOS = {"__MACOSX", ".AppleDouble"}
_MARKS = re.compile(r"\._|\.DS_Store|__MACOSX|\.AppleDouble")

_log = structlog.get_logger()


@dataclass(frozen=True)
class Located:
    """A catalogue's files, each by the name that its source gives it."""

    table: str
    photos: dict[str, str]
    """By id, in NFC; bytes that are not UTF-8 are written out (`\\xe9`), so that no row has such an id."""
    companions: int
    """Files that macOS has put beside others, which are passed over."""
    spare: tuple[Quarantined, ...]
    """Photos of an id that has another photo, and members of an archive that has a later one of their name."""


def locate(names: Sequence[str], uri: str) -> Located:
    """Return the shallowest styles.csv and, by id, the photos in the `images/` folder beside it.

    The archive as published nests a second copy of itself, which must not be counted.
    """
    own = [name for name in names if not is_companion(name)]
    counts = Counter(own)
    read_as = [(reading, name) for name in sorted(counts) for reading in _readings(name)]
    tables = sorted(
        (reading.count("/"), reading, name) for reading, name in read_as if posixpath.basename(reading) == TABLE
    )
    if not tables:
        message = f"{uri} has no {TABLE} in it"
        raise CatalogueError(message)
    _, path, table = tables[0]
    folder = posixpath.join(posixpath.dirname(path), "images")
    photos: dict[str, str] = {}
    spare: dict[str, Quarantined] = {}
    for reading, name in read_as:
        stem, extension = posixpath.splitext(posixpath.basename(reading))
        is_photo = posixpath.dirname(reading) == folder and extension.lower() in PHOTO_EXTENSIONS
        identifier = printable(stem)
        # of two files for one id the same one counts, wherever the catalogue lies
        if is_photo and (first := photos.setdefault(identifier, name)) != name:
            reason = f"id {identifier} has another photo, {printable(first)}, which counts"
            spare[name] = _spare(name, reason, QuarantineKind.SECOND_PHOTO)
        elif is_photo and (copies := counts[name]) > 1:
            reason = f"is in the archive {copies} times; the last one counts"
            spare[name] = _spare(name, reason, QuarantineKind.SECOND_MEMBER)
    if not photos and folder in (reading for reading, _ in read_as):
        message = f"{uri}: {folder} is no folder that can be read; the photos must lie in it, named after their ids"
        raise CatalogueError(message)
    if not photos:
        message = f"{uri} has no photo (.jpg, .jpeg or .png) in {folder}/, beside its {table}"
        raise CatalogueError(message)
    if spare:
        example = next(iter(spare.values()))
        _log.warning("photos are there several times", photos=len(spare), example=example.id, reason=example.reason)
    return Located(table, photos, len(names) - len(own), tuple(spare.values()))


def _spare(name: str, reason: str, kind: QuarantineKind) -> Quarantined:
    return Quarantined(id=posixpath.basename(printable(normalised(name))), reason=reason, kind=kind)


def is_companion(name: str) -> bool:
    """Return whether this is a companion of macOS: a file's attributes (`._1.jpg`), or how a folder is shown."""
    if not _MARKS.search(name):  # as of nearly all names
        return False
    parts = name.replace("\\", "/").split("/")
    return parts[-1].startswith("._") or parts[-1] == ".DS_Store" or not _OF_MACOS.isdisjoint(parts[:-1])


def _readings(name: str) -> tuple[str, ...]:
    r"""Return how a name may be read: as it is and, if it has Windows separators (`images\1.jpg`), with `/`."""
    text = normalised(name)
    return (text, text.replace("\\", "/")) if "\\" in text else (text,)
