"""Objects of a storage, read one by one, so that no single one of them ends a job."""

import contextlib
import uuid
from collections.abc import Callable

from job.catalogue.archives import Cause, Unreadable
from job.errors import (
    ChangedError,
    ObjectMissingError,
    ObjectUnreadableError,
    StorageError,
    StorageUnavailableError,
)
from job.storage.base import Storage


def read_object(storage: Storage, key: str, read: Callable[[], bytes]) -> bytes | Unreadable:
    """Return what `read` returns, or why this object cannot be had.

    Raises StorageError where the storage refuses everything, StorageUnavailableError where it does not answer at all,
    and ChangedError where the object is another one now.
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
