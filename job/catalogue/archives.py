"""What the kinds of archive have in common: a file that is opened when it is first read, and names that are safe.

Nothing is extracted: members are read one by one into memory, and no name out of an archive ever becomes a path.
Knows nothing of where the archive lies or of what the bytes mean.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from job.catalogue.arriving import Arriving, Standing
from job.errors import CatalogueError

MAX_MEMBER_BYTES = 64 * 2**20
"""Largest file of a catalogue that is read; a photo or a styles.csv beyond it is left unread."""

_BUFFER_BYTES = 1 << 20


class Cause(Enum):
    """Whose fault it is that a file's content cannot be had."""

    FILE = "its own"
    ACCESS = "the storage's, which refuses it"
    TIME = "nobody's: another start may find it"


@dataclass(frozen=True)
class Unreadable:
    """Why a file's content cannot be had."""

    reason: str
    """Follows the file's name."""
    cause: Cause = Cause.FILE


SYMBOLIC_LINK = Unreadable("is a symbolic link, which is never followed; put the file itself into the archive")


def too_large(size: int) -> Unreadable | None:
    """Return why a file of `size` bytes is not read, or None where it is."""
    if size <= MAX_MEMBER_BYTES:
        return None
    return Unreadable(f"has {size} bytes; at most {MAX_MEMBER_BYTES} are read of one file")


class Archive:
    """An archive file, which is opened when it is first read."""

    def __init__(self, uri: str, content_key: str, open_file: Callable[[], io.RawIOBase]) -> None:
        self.uri = uri
        self.content_key = content_key
        self._open_file = open_file
        self._opened: io.BufferedReader | None = None

    def file(self) -> io.BufferedReader:
        """Return the file, at its beginning."""
        if self._opened is None:
            self._opened = io.BufferedReader(self._open_file(), _BUFFER_BYTES)
        self._opened.seek(0)
        return self._opened

    def settle(self) -> bool:
        """Wait until all of it has arrived, and return whether what was read so far is what is there."""
        if self._opened is None:
            return True
        raw = self._opened.raw
        if not isinstance(raw, Arriving | Standing) or raw.settle():
            return True
        self._opened = io.BufferedReader(self._opened.detach(), _BUFFER_BYTES)  # without what it has in its buffer
        return False

    def close(self) -> None:
        """Close the file, which is then no longer there if it is a download."""
        if self._opened is not None:
            self._opened.close()

    def safe_name(self, name: str) -> str:
        """Return a member's name without a leading `./`; raises CatalogueError for one that points outside."""
        if (".." in name or ":" in name or name.startswith(("/", "\\"))) and _points_outside(name):
            message = f"{self.uri} has a member named {name!r}, which points outside of it; such an archive is not read"
            raise CatalogueError(message)
        return name.removeprefix("./")


def _points_outside(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or ":" in parts[0]
