"""Fetching: a URI becomes a Source, which lists and reads files. Knows nothing of what the bytes mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

from job.catalogue.archives.tars import TarSource
from job.catalogue.archives.zips import ZipSource
from job.catalogue.cache import Cache
from job.catalogue.contents import Unreadable, read_object, too_large
from job.errors import CatalogueError, ObjectMissingError, StorageError
from job.meter import Meter
from job.storage import open_storage, split_uri
from job.storage.ahead import map_ahead
from job.storage.base import Entry, Storage

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")

_CONCURRENT_GETS = 48


class Source(Protocol):
    """An open catalogue."""

    def names(self) -> Sequence[str]:
        """Return every file's name, unchanged; twice if an archive holds it twice."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        """Yield (name, content) of the last file of each name, in any order."""

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        """Return the content of each file of that name."""


@dataclass(frozen=True)
class Place:
    """Where a catalogue lies; nothing of it has been read."""

    content_key: str
    """Changes whenever the content does; tells a cached copy from a stale one."""
    open: Callable[[], AbstractContextManager[Source]]
    """Downloads an archive. Raises ChangedError, also at the end, if the archive was written to meanwhile."""


def find_catalogue(uri: str, cache: Cache, retry_seconds: float, meter: Meter) -> Place:
    """Find the catalogue at `uri`: an archive, a folder or a prefix; an archive in S3 is downloaded to the cache.

    Raises StorageError or CatalogueError, naming the URI.
    """
    if not uri.endswith("/"):
        folder, key = split_uri(uri)
        storage = open_storage(folder, retry_seconds=retry_seconds)
        if key.lower().endswith(ARCHIVES):
            return _find_archive(uri, storage, key, cache, meter)
        try:
            storage.stat(key)
        except StorageError:
            pass  # no such object: a folder or a prefix without the final slash
        else:
            kinds = ", ".join(ARCHIVES)
            message = f"{uri} is a file of an unknown kind; a catalogue is a {kinds}, a folder or a prefix"
            raise CatalogueError(message)
    return _find_folder(uri, open_storage(uri, retry_seconds=retry_seconds))


def _find_archive(uri: str, storage: Storage, key: str, cache: Cache, meter: Meter) -> Place:
    try:
        entry = storage.stat(key)
    except ObjectMissingError:
        message = f"{uri} does not exist"
        raise StorageError(message, setting="dataset_uri") from None

    @contextmanager
    def open_archive() -> Iterator[Source]:
        if uri.startswith("s3://"):  # a local one is read where it lies
            cache.refuse_too_large(entry.size, uri)
        kind = ZipSource if key.lower().endswith(".zip") else TarSource
        with storage.open_file(
            entry, cache.directory, progress=lambda done: meter("downloading", done, entry.size)
        ) as file:
            yield kind(uri, file)

    return Place(_digest(uri, f"{entry.tag}\n{entry.size}"), open_archive)


def _find_folder(uri: str, storage: Storage) -> Place:
    entries = list(storage.list())
    if not entries:
        message = f"{uri} does not exist or is empty"
        raise StorageError(message, setting="dataset_uri")
    content_key = _digest(uri, *(f"{entry.key}\n{entry.tag}\n{entry.size}" for entry in entries))
    return Place(content_key, lambda: nullcontext(FolderSource(storage, entries)))


class FolderSource:
    """A folder or an S3 prefix, fetched with many concurrent GETs."""

    def __init__(self, storage: Storage, entries: Sequence[Entry]) -> None:
        self._storage = storage
        self._entries = {entry.key: entry for entry in entries}

    def names(self) -> Sequence[str]:
        return list(self._entries)

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        yield from map_ahead(self._read, names, threads=_CONCURRENT_GETS, ahead=2 * _CONCURRENT_GETS, name="fetch")

    def _read(self, name: str) -> tuple[str, bytes | Unreadable]:
        entry = self._entries[name]
        refusal = too_large(entry.size)
        return name, refusal or read_object(self._storage, name, lambda: self._storage.get_listed(entry))

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        return [self._read(name)[1]]


def _digest(*lines: str) -> str:
    digest = blake2b(digest_size=16)
    for line in lines:
        digest.update(f"{line}\n".encode(errors="surrogateescape"))  # for names that are not UTF-8
    return digest.hexdigest()
