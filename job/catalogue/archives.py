"""Archives: the names in a zip or a tar, and the content of its members.

Nothing is extracted: members are read one by one into memory, and no name out of an archive ever becomes a path.
Knows nothing of where the archive lies or of what the bytes mean.
"""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from job.catalogue.arriving import Arriving
from job.errors import CatalogueError

MAX_MEMBER_BYTES = 64 * 2**20
"""Largest file of a catalogue that is read; a photo or a styles.csv beyond it is refused unread."""

_BUFFER_BYTES = 1 << 20
_BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError, OSError, ValueError, IndexError),
)
_BROKEN_TAR = (tarfile.TarError, zlib.error, EOFError, OSError)


class _Archive:
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
        if self._opened is None or not isinstance(self._opened.raw, Arriving) or self._opened.raw.settle():
            return True
        self._opened = io.BufferedReader(self._opened.detach(), _BUFFER_BYTES)  # without what it has in its buffer
        return False

    def close(self) -> None:
        """Close the file, which is then no longer there if it is a download."""
        if self._opened is not None:
            self._opened.close()


class ZipSource(_Archive):
    """A zip archive, read by its central directory."""

    _directory: tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]] | None = None

    def names(self) -> Sequence[str]:
        _, members = self._read_directory()
        return list(members)

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        archive, members = self._read_directory()
        # in the archive's order, so that the disk is read forwards, and a download as it comes
        for name in sorted(names, key=lambda name: members[name].header_offset):
            refuse_large(name, members[name].file_size, self.uri)
            try:
                with archive.open(members[name]) as member:
                    content = member.read(MAX_MEMBER_BYTES)
            except _BROKEN_ZIP:
                yield name, None
            else:
                yield name, content

    def settle(self) -> bool:
        """Wait until all of it has arrived, and return whether what was read so far is what is there."""
        settled = super().settle()
        if not settled:
            self._directory = None
        return settled

    def _read_directory(self) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
        if self._directory is None:
            try:
                archive = zipfile.ZipFile(self.file())
            except _BROKEN_ZIP as error:
                message = f"{self.uri} is not a whole zip archive: {error}"
                raise CatalogueError(message) from None
            members = {_safe_name(info.filename, self.uri): info for info in archive.infolist() if not info.is_dir()}
            self._directory = archive, members
        return self._directory


class TarSource(_Archive):
    """A tar archive, compressed or not, read front to back: once for the names and once for the photos."""

    def names(self) -> Sequence[str]:
        return [member.name for member, _ in self._contents()]

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        wanted = set(names)
        for member, content in self._contents():
            if member.name in wanted:
                refuse_large(member.name, member.size, self.uri)
                wanted.discard(member.name)  # a name may stand twice in a tar; the first one counts
                yield member.name, content()

    def _contents(self) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
        mode: Literal["r:", "r:gz"] = "r:" if self.uri.endswith(".tar") else "r:gz"
        try:
            with tarfile.open(fileobj=self.file(), mode=mode) as archive:
                for member in archive:
                    if member.isreg():  # links and devices are never followed
                        file = archive.extractfile(member)
                        assert file is not None  # noqa: S101 -- tells the type checker what isreg() promised
                        member.name = _safe_name(member.name, self.uri)
                        yield member, file.read
                _check_end(archive)
        except _BROKEN_TAR as error:
            message = f"{self.uri} is not a whole tar archive: {error}"
            raise CatalogueError(message) from None


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise ReadError unless the archive's end mark follows its last member.

    tarfile takes a damaged header, and the place where a file was cut off, for the end.
    """
    assert archive.fileobj is not None  # noqa: S101 -- open for reading
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it is damaged or cut off behind its last readable member")


def _safe_name(name: str, uri: str) -> str:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        message = f"{uri} has a member named {name!r}, which points outside of it; such an archive is not read"
        raise CatalogueError(message)
    return name.removeprefix("./")


def refuse_large(name: str, size: int, uri: str) -> None:
    """Raise CatalogueError for a file of more than MAX_MEMBER_BYTES."""
    if size > MAX_MEMBER_BYTES:
        message = f"{uri}: {name} has {size} bytes; at most {MAX_MEMBER_BYTES} are read of one file"
        raise CatalogueError(message)
