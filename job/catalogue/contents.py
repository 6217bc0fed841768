"""The content of one file of a catalogue: its bytes, or why it cannot be read.

No single file ends a job.
"""

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from job.errors import (
    ChangedError,
    ObjectMissingError,
    ObjectUnreadableError,
    StorageError,
    StorageUnavailableError,
)
from job.storage.base import Storage

MAX_FILE_BYTES = 64 * 2**20
"""Largest file of a catalogue that is read; a larger photo or styles.csv is left unread."""


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
    """Return why a file of `size` bytes is not read; None if it is."""
    if size <= MAX_FILE_BYTES:
        return None
    return Unreadable(f"has {size} bytes; at most {MAX_FILE_BYTES} are read of one file")


def read_object(storage: Storage, key: str, read: Callable[[], bytes]) -> bytes | Unreadable:
    """Return what `read` returns, or why this object cannot be read.

    Raises StorageError if the storage refuses everything, StorageUnavailableError if it gives no answer at all, and
    ChangedError if the object is another one now.
    """
    silence = ""
    for _ in range(2):
        try:
            return read()
        except ObjectMissingError as error:
            return Unreadable(f"is gone: {error}", Cause.TIME)
        except ObjectUnreadableError as error:
            return Unreadable(f"cannot be had: {error}", Cause.ACCESS)
        except ChangedError:
            raise
        except StorageUnavailableError as error:
            silence = str(error)
            _refuse_silence(storage, key)  # an outage may have ended since: then the second time brings the object
    return Unreadable(f"cannot be had: {silence}", Cause.TIME)


def _refuse_silence(storage: Storage, key: str) -> None:
    """Raise StorageUnavailableError unless the storage answers, be it that a key is not there."""
    with contextlib.suppress(StorageError):
        storage.stat(f"{key}.{uuid.uuid4().hex}")
