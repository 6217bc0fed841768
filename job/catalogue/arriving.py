"""An object of a storage that is read while it arrives.

What is read has not been verified yet, since the checksum is that of the whole: whoever makes something of it asks
`settle` before anyone relies on it.
"""

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from job.errors import ChangedError
from job.storage.base import Entry, Storage
from job.storage.ranges import PartFile, Progress, starting_threads

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Standing(io.FileIO):
    """A file of a local storage, read where it lies."""

    def __init__(self, storage: Storage, entry: Entry, path: Path) -> None:
        super().__init__(path)
        self._storage = storage
        self._entry = entry

    def settle(self) -> bool:
        """Return True, having checked that what was read is what is there; raises ChangedError where it is not."""
        if self._storage.stat(self._entry.key) != self._entry:
            message = f"{self.name} changed while it was read; start again, and let nothing write to it meanwhile"
            raise ChangedError(message)
        return True


class Arriving(io.RawIOBase):
    """A file of the object's content; a read waits for the bytes that it needs, and raises what their download raised.

    Only one thread may read.
    """

    def __init__(self, storage: Storage, entry: Entry, folder: Path, progress: Progress) -> None:
        self._parts = PartFile(folder, entry.size)
        self._position = 0
        self._failure: BaseException | None = None

        def download() -> None:
            try:
                storage.download(entry, self._parts, progress=progress)
            except BaseException as error:  # noqa: BLE001 -- raised by the one who reads
                self._parts.fail(error)
                self._failure = error

        self._thread = threading.Thread(target=download, name="arriving", daemon=True)
        with starting_threads():
            self._thread.start()

    def settle(self) -> bool:
        """Wait until all is there and verified, and return whether what was read before is what is there now."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        is_same = not self._parts.replaced
        self._parts.replaced = False
        return is_same

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._parts.size}[whence]
        if base + offset < 0:
            message = f"{base + offset} is no position"
            raise ValueError(message)
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if self._position >= self._parts.size:
            return 0
        count = self._parts.read_into(self._position, memoryview(buffer))
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._parts.close()
        super().close()
