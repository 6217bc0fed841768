"""A big object in parts that are fetched concurrently into one file, and read in order on the way.

One connection does not fill a fast link. Knows no S3: it is given a function that fetches a part.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from job.errors import ResourcesError
from job.storage.files import writing

Progress = Callable[[int], None]
"""Called with the number of bytes done so far, by the thread that asked."""

PART_BYTES = 8 << 20  # as boto3's own: a request takes 2 ms of the one core that all threads share
_THREADS = 6  # fewer than boto3's ten, since what is read in order meanwhile waits for all that is under way
_COPY_BYTES = 1 << 20


@contextmanager
def starting_threads() -> Iterator[None]:
    """Raise ResourcesError for a thread that cannot be had; a reader of archives would take RuntimeError for damage."""
    try:
        yield
    except RuntimeError:
        message = "no thread more can be started"
        raise ResourcesError(message) from None


class PartFile:
    """A file of `size` bytes in `folder`, filled part by part and read meanwhile, by many threads at once.

    It has no name, so that nothing is left of it, however the process ends.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self.given_up = threading.Event()
        """Set when nobody waits for the parts any more."""
        self.replaced = False
        """Whether parts came once more after they had landed: what was read of them before was damaged."""
        self._folder = folder
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._landed: set[int] = set()
        self._failure: BaseException | None = None
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 -- closed by close()

    def begin(self) -> None:
        """Make all parts wait to be fetched, those that have landed, too."""
        starts = range(0, self.size, PART_BYTES)
        with self._changed:
            self.replaced = self.replaced or bool(self._landed)
            self._landed.clear()
            self._waiting = [*starts[-1:], *starts[:-1]]  # at its end a zip archive has its directory

    def take(self) -> tuple[int, int] | None:
        """Return start and length of the part to fetch next; None when none is left or there is no use any more."""
        with self._changed:
            if not self._waiting or self.given_up.is_set():
                return None
            start = self._waiting.pop(0)
        return start, min(PART_BYTES, self.size - start)

    def write(self, position: int, data: bytes) -> None:
        """Write into a part that has not landed; raises ValueError when the file is closed."""
        with self._changed, writing(self._folder):
            written = os.pwrite(self._file.fileno(), data, position)
        if written < len(data):  # a disk that is nearly full takes the part that fits
            self.write(position + written, data[written:])

    def land(self, start: int) -> None:
        """Let the part that begins at `start` be read."""
        with self._changed:
            self._landed.add(start)
            self._changed.notify_all()

    def read_into(self, position: int, buffer: memoryview) -> int:
        """Read from `position` on, not beyond the end of its part, and return the number of bytes.

        Waits until the part has landed, which is fetched before all others that nobody waits for yet. Raises what the
        download has failed with.
        """
        start = position - position % PART_BYTES
        with self._changed:
            if start in self._waiting:
                self._waiting.remove(start)
                self._waiting.insert(0, start)
            while start not in self._landed:
                if self._failure is not None:
                    raise self._failure
                self._changed.wait()
            view = buffer[: start + PART_BYTES - position]
            return os.preadv(self._file.fileno(), [view], position)

    def fail(self, failure: BaseException) -> None:
        """Let everyone who waits for a part have this exception."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()
        self.given_up.set()

    def close(self) -> None:
        """Give the file up, and the download into it."""
        self.given_up.set()
        with self._changed:
            self._file.close()


def fetch_ranges(
    fetch: Callable[[int, int], None],
    file: PartFile,
    digest: Callable[[memoryview], None],
    progress: Progress | None,
) -> None:
    """Fill `file`; `fetch` writes a part, given its start and length, and `digest` is given all bytes in order."""

    def work() -> None:
        try:
            while part := file.take():
                fetch(*part)
                file.land(part[0])
        except BaseException as error:  # noqa: BLE001 -- raised by those who wait
            file.fail(error)

    file.begin()
    buffer = memoryview(bytearray(_COPY_BYTES))
    position = 0
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="download")
    try:
        with starting_threads():
            for _ in range(min(_THREADS, -(-file.size // PART_BYTES))):
                pool.submit(work)
        while position < file.size:
            count = file.read_into(position, buffer)
            digest(buffer[:count])
            position += count
            if progress:
                progress(position)
    except BaseException:
        file.given_up.set()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
