"""Fetching: a URI becomes a Source, a list of names and a way to read them, whatever kind of place it is.

Nothing is extracted: members of an archive are read one by one into memory, and no name out of an archive ever
becomes a path. Knows nothing of what the bytes mean.
"""

import lzma
import posixpath
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Protocol

from job.errors import CatalogueError, ObjectMissingError, StorageError
from job.storage import local_path, open_storage, split_uri
from job.storage.base import Storage

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
PHOTO_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
MAX_MEMBER_BYTES = 64 * 2**20
"""Largest file of a catalogue that is read; a photo or a styles.csv beyond it is refused unread."""

Progress = Callable[[str, int, int], None]
"""Is told (what is being done, how much of it is done, how much there is), now and then, for a progress bar."""

_CONCURRENT_GETS = 48
_BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError, OSError, ValueError, IndexError),
)
_BROKEN_TAR = (tarfile.TarError, zlib.error, EOFError, OSError)


class Source(Protocol):
    """Where a catalogue lies."""

    content_key: str
    """Changes whenever the content does; tells a cached copy from a stale one."""

    def names(self) -> Sequence[str]:
        """Return every file's name, with `/` between folders."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield (name, content) once for each of `names`, in any order; None where one file cannot be read."""

    def discard(self) -> None:
        """Delete what was downloaded, once its photos are packed."""


def open_source(uri: str, cache_dir: Path, retry_seconds: float, progress: Progress) -> Source:
    """Open the catalogue at `uri`: an archive, which is downloaded into `cache_dir` first, or a folder or prefix.

    Raises StorageError or CatalogueError, naming the URI.
    """
    if not uri.endswith("/"):
        storage, key = _holder(uri, retry_seconds)
        if key.endswith(ARCHIVES):
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
    content_key = blake2b(f"{uri}\n{entry.tag}\n{entry.size}".encode(), digest_size=16).hexdigest()

    path = cache_dir / "downloads" / (content_key + (".zip" if key.endswith(".zip") else ".tar"))
    fetched = False

    def fetch() -> Path:
        # what a killed job has left is not trusted: nothing tells whether the disk has kept it as it was
        nonlocal fetched
        if not fetched or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            storage.download(key, path, progress=lambda done: progress("download", done, entry.size))
            fetched = True
        return path

    local = local_path(uri) if not uri.startswith("s3://") else None
    kind = ZipSource if key.endswith(".zip") else TarSource
    return kind(uri, content_key, (lambda: local) if local else fetch, temporary=local is None)


@dataclass
class _Archive:
    """An archive file that is fetched when it is first read."""

    uri: str
    content_key: str
    fetch: Callable[[], Path]
    temporary: bool
    """Whether the file is a download, which may go once its photos are packed."""

    def discard(self) -> None:
        """Delete the downloaded copy, if there is one."""
        if self.temporary:
            self.fetch().unlink(missing_ok=True)


class ZipSource(_Archive):
    """A zip archive, read by its central directory."""

    def names(self) -> Sequence[str]:
        with self._open() as archive:
            return list(self._members(archive))

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        with self._open() as archive:
            members = self._members(archive)
            # in the archive's order, so that the disk is read forwards
            for name in sorted(names, key=lambda name: members[name].header_offset):
                _refuse_large(name, members[name].file_size, self.uri)
                try:
                    with archive.open(members[name]) as member:
                        content = member.read(MAX_MEMBER_BYTES)
                except _BROKEN_ZIP:
                    yield name, None
                else:
                    yield name, content

    def _open(self) -> zipfile.ZipFile:
        path = self.fetch()
        try:
            return zipfile.ZipFile(path)
        except _BROKEN_ZIP as error:
            message = f"{self.uri} is not a whole zip archive: {error}"
            raise CatalogueError(message) from None

    def _members(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        return {_safe_name(info.filename, self.uri): info for info in archive.infolist() if not info.is_dir()}


class TarSource(_Archive):
    """A tar archive, compressed or not, read front to back: once for the names and once for the photos."""

    def names(self) -> Sequence[str]:
        return [member.name for member, _ in self._contents()]

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        wanted = set(names)
        for member, content in self._contents():
            if member.name in wanted:
                _refuse_large(member.name, member.size, self.uri)
                wanted.discard(member.name)  # a name may stand twice in a tar; the first one counts
                yield member.name, content()

    def _contents(self) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
        mode: Literal["r:", "r:gz"] = "r:" if self.uri.endswith(".tar") else "r:gz"
        try:
            with tarfile.open(self.fetch(), mode) as archive:
                for member in archive:
                    if member.isreg():  # links and devices are never followed
                        file = archive.extractfile(member)
                        assert file is not None  # noqa: S101 -- tells the type checker what isreg() promised
                        member.name = _safe_name(member.name, self.uri)
                        yield member, file.read
                self._check_end(archive)
        except _BROKEN_TAR as error:
            message = f"{self.uri} is not a whole tar archive: {error}"
            raise CatalogueError(message) from None

    def _check_end(self, archive: tarfile.TarFile) -> None:
        """Raise ReadError unless the archive's end mark follows its last member.

        tarfile takes a damaged header, and the place where a file was cut off, for the end.
        """
        assert archive.fileobj is not None  # noqa: S101 -- open for reading
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it is damaged or cut off behind its last readable member")


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
        digest = blake2b(uri.encode(), digest_size=16)
        for entry in entries:
            digest.update(f"{entry.key}\n{entry.tag}\n{entry.size}\n".encode())
        self.content_key = digest.hexdigest()

    def names(self) -> Sequence[str]:
        return list(self._entries)

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        for name in names:
            _refuse_large(name, self._entries[name].size, self.uri)
        pending: deque[tuple[str, Future[bytes]]] = deque()
        waiting = iter(names)
        pool = ThreadPoolExecutor(_CONCURRENT_GETS, thread_name_prefix="fetch")
        try:
            for name in waiting:
                pending.append((name, pool.submit(self.storage.get_listed, self._entries[name])))
                if len(pending) >= 2 * _CONCURRENT_GETS:  # a bounded window: photos are not piled up in memory
                    done, future = pending.popleft()
                    yield done, future.result()
            while pending:
                done, future = pending.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def discard(self) -> None:
        pass  # fetched into memory


def locate(names: Sequence[str], uri: str) -> tuple[str, dict[str, str]]:
    """Return the shallowest styles.csv and, by id, the photos in the `images/` folder beside it.

    The archive as published nests a second copy of itself, which must not be counted.
    """
    tables = sorted((name for name in names if posixpath.basename(name) == "styles.csv"), key=_depth)
    if not tables:
        message = f"{uri} has no styles.csv in it"
        raise CatalogueError(message)
    folder = posixpath.join(posixpath.dirname(tables[0]), "images")
    photos: dict[str, str] = {}
    for name in sorted(names):  # of two files for one id the same one counts, wherever the catalogue lies
        stem, extension = posixpath.splitext(posixpath.basename(name))
        if posixpath.dirname(name) == folder and extension.lower() in PHOTO_EXTENSIONS:
            photos.setdefault(stem, name)
    if not photos:
        message = f"{uri} has no photo (.jpg, .jpeg or .png) in {folder}/, beside its {tables[0]}"
        raise CatalogueError(message)
    return tables[0], photos


def _depth(name: str) -> tuple[int, str]:
    return name.count("/"), name


def _safe_name(name: str, uri: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        message = f"{uri} has a member named {name!r}, which points outside of it; such an archive is not read"
        raise CatalogueError(message)
    return name.removeprefix("./")


def _refuse_large(name: str, size: int, uri: str) -> None:
    if size > MAX_MEMBER_BYTES:
        message = f"{uri}: {name} has {size} bytes; at most {MAX_MEMBER_BYTES} are read of one file"
        raise CatalogueError(message)
