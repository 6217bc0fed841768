"""Fetching: a URI becomes a Source, a list of names and a way to read them, whatever kind of place it is.

Knows nothing of what the bytes mean.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from io import RawIOBase
from pathlib import Path
from typing import Protocol

from job.catalogue.archives import Unreadable, too_large
from job.catalogue.arriving import Arriving, Standing
from job.catalogue.objects import read_object
from job.catalogue.tars import TarSource
from job.catalogue.zips import ZipSource
from job.errors import CatalogueError, ObjectMissingError, StorageError
from job.storage import local_path, open_storage, split_uri
from job.storage.base import Entry, Storage

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
Progress = Callable[[str, int, int], None]
"""Is told (what is being done, how much of it is done, how much there is), now and then, for a progress bar."""

_CONCURRENT_GETS = 48


class Source(Protocol):
    """Where a catalogue lies."""

    content_key: str
    """Changes whenever the content does; tells a cached copy from a stale one."""

    def names(self) -> Sequence[str]:
        """Return every file's name as it is there, as often as it is there; an archive may hold a name twice."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        """Yield (name, content) once for each of `names`, in any order; the content of the last file of that name."""

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        """Return the content of each file of that name."""

    def settle(self) -> bool:
        """Wait until all of it has arrived, and return whether what was read so far is what is there.

        What a damaged archive gave before must not be relied on; from then on everything is right.
        """

    def close(self) -> None:
        """Let go of what was downloaded; nothing is read any more."""


def open_source(uri: str, cache_dir: Path, retry_seconds: float, progress: Progress) -> Source:
    """Open the catalogue at `uri`: an archive, which arrives in `cache_dir` while it is read, or a folder or prefix.

    Raises StorageError or CatalogueError, naming the URI.
    """
    if not uri.endswith("/"):
        storage, key = _holder(uri, retry_seconds)
        if key.lower().endswith(ARCHIVES):
            return _open_archive(uri, storage, key, cache_dir, progress)
        try:
            storage.stat(key)
        except StorageError:
            pass  # no such object: a folder or a prefix without the final slash
        else:
            kinds = ", ".join(ARCHIVES)
            message = f"{uri} is a file of an unknown kind; a catalogue is a {kinds}, a folder or a prefix"
            raise CatalogueError(message)
    return FolderSource(uri, open_storage(uri, retry_seconds=retry_seconds))


def _holder(uri: str, retry_seconds: float) -> tuple[Storage, str]:
    folder, key = split_uri(uri)
    return open_storage(folder, retry_seconds=retry_seconds), key


def _open_archive(uri: str, storage: Storage, key: str, cache_dir: Path, progress: Progress) -> Source:
    try:
        entry = storage.stat(key)
    except ObjectMissingError:
        message = f"DATASET_URI {uri} does not exist"
        raise StorageError(message) from None
    content_key = _digest(uri, f"{entry.tag}\n{entry.size}")

    def open_file() -> RawIOBase:
        if not uri.startswith("s3://"):
            return Standing(storage, entry, local_path(uri))
        # what a killed job had of it is not looked for: nothing tells whether the disk has kept it as it was
        return Arriving(storage, entry, cache_dir, lambda done: progress("download", done, entry.size))

    kind = ZipSource if key.lower().endswith(".zip") else TarSource
    return kind(uri, content_key, open_file)


class FolderSource:
    """A folder or an S3 prefix, fetched with many concurrent GETs."""

    def __init__(self, uri: str, storage: Storage) -> None:
        self.uri = uri
        self.storage = storage
        entries = list(storage.list())
        if not entries:
            message = f"DATASET_URI {uri} does not exist or is empty"
            raise StorageError(message)
        self._entries = {entry.key: entry for entry in entries}
        self.content_key = _digest(uri, *(f"{entry.key}\n{entry.tag}\n{entry.size}" for entry in entries))

    def names(self) -> Sequence[str]:
        return list(self._entries)

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        pending: deque[tuple[str, Future[bytes | Unreadable]]] = deque()
        pool = ThreadPoolExecutor(_CONCURRENT_GETS, thread_name_prefix="fetch")
        try:
            for name in names:
                if refusal := too_large(self._entries[name].size):
                    yield name, refusal
                    continue
                pending.append((name, pool.submit(self._read, self._entries[name])))
                if len(pending) >= 2 * _CONCURRENT_GETS:  # a bounded window: photos are not piled up in memory
                    done, future = pending.popleft()
                    yield done, future.result()
            while pending:
                done, future = pending.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, entry: Entry) -> bytes | Unreadable:
        return read_object(self.storage, entry.key, lambda: self.storage.get_listed(entry))

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        return [content for _, content in self.read([name])]

    def settle(self) -> bool:
        return True  # each object is verified before it is read

    def close(self) -> None:
        pass


def _digest(*lines: str) -> str:
    digest = blake2b(digest_size=16)
    for line in lines:
        digest.update(f"{line}\n".encode(errors="surrogateescape"))  # a name that is no UTF-8, as the bytes that it is
    return digest.hexdigest()
