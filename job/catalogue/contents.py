"""The content of one file of a catalogue: its bytes, or why they cannot be read. No single file ends a job."""

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from job.errors import (
    ChangedError,
    ObjectMissingError,
    ObjectUnreadableError,
    StorageError,
    StorageUnavailableError,
)
from job.records.dataset import QuarantineKind
from job.storage.base import Storage

MAX_FILE_BYTES = 64 * 2**20
"""Largest file of a catalogue that is read; a larger photo or styles.csv is left unread."""

PASSING = {QuarantineKind.GONE, QuarantineKind.NO_ANSWER}
"""Another start may find such a file."""
NOT_GIVEN = PASSING | {QuarantineKind.REFUSED}
"""Storage did not give such a file, and may give it later although the list is the same."""


@dataclass(frozen=True)
class Unreadable:
    """Why a file's content cannot be read."""

    reason: str
    """Follows the file's name."""
    kind: QuarantineKind = QuarantineKind.UNREADABLE


SYMBOLIC_LINK = Unreadable("is a symbolic link, which is never followed; put the file itself into the archive")


def too_large(size: int) -> Unreadable | None:
    """Return why a file of `size` bytes is not read; None if it is."""
    reason = f"has {size} bytes; at most {MAX_FILE_BYTES} are read of one file"
    return Unreadable(reason, QuarantineKind.TOO_LARGE) if size > MAX_FILE_BYTES else None


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
            return Unreadable(f"is gone: {error}", QuarantineKind.GONE)
        except ObjectUnreadableError as error:
            return Unreadable(f"cannot be read: {error}", QuarantineKind.REFUSED)
        except StorageUnavailableError as error:
            if isinstance(error, ChangedError):
                raise
            silence = str(error)
            # an outage ends the job: this raises if the storage answers nothing at all
            with contextlib.suppress(StorageError):
                storage.stat(f"{key}.{uuid.uuid4().hex}")
    return Unreadable(f"cannot be read: {silence}", QuarantineKind.NO_ANSWER)
