"""Storage as the rest of the job sees it: objects under keys, in a folder or under an S3 prefix.

`local` and `s3` keep these promises, and one contract test holds both to them.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from job.errors import StorageError

Data: TypeAlias = bytes | bytearray
Progress: TypeAlias = Callable[[int], None]
"""Called with the number of bytes that have arrived."""

BINARY = "application/octet-stream"
FILE_BUFFER = 1 << 20
"""Buffer in bytes of a file that is read front to back."""


@dataclass(frozen=True)
class Entry:
    """An object, when it was looked at."""

    key: str
    size: int
    """In bytes."""
    tag: str
    """Changes whenever the content does."""


class Storage(Protocol):
    """Objects under keys such as `trials/0007.json`, which can be used by many threads at once.

    An object is there whole or not at all, even if its writer is killed, and a method that returned has made its
    change durable. Every method raises StorageError if storage says no, in a sentence with the object and what to check
    (ObjectUnreadableError if other objects may still be read), and StorageUnavailableError if there is no answer within
    the retry time.
    """

    uri: str
    """Of the folder or prefix; it ends in a slash, so that `uri + key` names an object."""

    def get(self, key: str) -> bytes:
        """Return an object's content; raises ObjectMissingError when nothing is there."""

    def get_listed(self, entry: Entry) -> bytes:
        """Return the content of an object from `list`; faster than `get` for many small ones.

        Raises ObjectMissingError if it is gone, and ChangedError if it is another one now.
        """

    def put(self, key: str, data: Data, *, content_type: str = BINARY) -> None:
        """Write an object, in place of any that was there."""

    def create(self, key: str, data: bytes, *, content_type: str = BINARY) -> bool:
        """Write an object unless one is there; of many that race for a key, exactly one gets True.

        False means that something was there and was left as it is. (If an answer was lost and the request made again,
        an object with exactly these bytes counts as ours.)
        """

    def stat(self, key: str) -> Entry:
        """Return an object's size and tag; raises ObjectMissingError when nothing is there."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield every object, at any depth, whose key starts with `prefix`, in the order of keys as strings.

        An object that cannot be looked at has an empty tag; reading it raises ObjectUnreadableError.
        """

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""

    def open_file(
        self, entry: Entry, folder: Path, *, progress: Progress | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an object's content as a file of this machine, whole and verified.

        A download goes to a nameless file in `folder`: nothing of it is left, however the process ends. Raises
        ObjectMissingError if nothing is there, and ChangedError if the object is not the one of this entry, at the
        beginning or (a file that is read where it lies) at the end.
        """


def check_key(key: str) -> None:
    """Raise StorageError unless `key` can name an object beneath the folder or prefix."""
    if not key or key.endswith("/"):
        message = f"{key!r} cannot be an object's key; a key is a name such as trials/0007.json"
        raise StorageError(message)
    check_prefix(key)


def check_prefix(prefix: str) -> None:
    """Raise StorageError if `prefix` would lead out of the folder, or cannot be in any key."""
    if prefix.startswith("/") or "\0" in prefix or not {".", ".."}.isdisjoint(prefix.split("/")):
        message = f"{prefix!r} leads out of its folder; allowed are keys without a leading slash, '.', '..' and NUL"
        raise StorageError(message)
