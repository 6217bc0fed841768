"""Tar archives, compressed or not, read front to back: once for the names and once for the photos."""

import gzip
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from job.catalogue.archives.names import safe_name
from job.catalogue.contents import SYMBOLIC_LINK, Unreadable, too_large
from job.errors import CatalogueError

_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError)
_NO_TARGET = Unreadable("is a hard link to a file that is not before it in the archive")


class TarSource:
    """A tar archive, or several joined. Of members with one name the last counts, as it does to those who unpack it."""

    def __init__(self, uri: str, file: BinaryIO) -> None:
        """Read the names; raises CatalogueError if the archive is damaged."""
        self._uri = uri
        self._file = file if uri.lower().endswith(".tar") else gzip.GzipFile(fileobj=file)
        self._places: dict[str, list[int | Unreadable]] = defaultdict(list)
        """By name, where in the tar the member begins that has the content; a hard link's is that of its target."""
        for member, _ in self._members():
            place: int | Unreadable = member.offset
            if member.issym():
                place = SYMBOLIC_LINK
            elif member.islnk():
                target = self._places.get(member.linkname.removeprefix("./"))
                place = target[-1] if target else _NO_TARGET
            self._places[member.name].append(place)

    def names(self) -> Sequence[str]:
        return [name for name, places in self._places.items() for _ in places]

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        yield from self._contents([(name, self._places[name][-1]) for name in names])

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        return [content for _, content in self._contents([(name, place) for place in self._places[name]])]

    def _contents(self, wanted: Sequence[tuple[str, int | Unreadable]]) -> Iterator[tuple[str, bytes | Unreadable]]:
        """Yield the content at each of the places, in the order of the archive, which is read front to back."""
        names: dict[int, list[str]] = defaultdict(list)
        for name, place in wanted:
            if isinstance(place, Unreadable):
                yield name, place
            else:
                names[place].append(name)
        for member, archive in self._members():
            if member.offset in names:
                content = too_large(member.size) or _read(archive, member)
                for name in names[member.offset]:
                    yield name, content

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
        """Yield each file and link with the archive that it is in, and must be read from before the next one."""
        begin: int | None = 0
        try:
            while begin is not None:
                self._file.seek(begin)
                with tarfile.open(fileobj=self._file, mode="r:", encoding="utf-8") as archive:
                    for member in archive:
                        if member.isreg() or member.islnk() or member.issym():  # and no folder or device
                            member.name = safe_name(member.name, self._uri)
                            yield member, archive
                    begin = _find_next(self._file, archive.offset)
        except _BROKEN as error:
            message = f"{self._uri} is not a whole tar archive: {error}"
            raise CatalogueError(message) from None


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # noqa: S101 -- only of regular files is the content asked for
    return file.read()


def _find_next(file: BinaryIO | gzip.GzipFile, end: int) -> int | None:
    """Return where the next archive begins behind one that ends at `end`; None if there is none.

    Raises ReadError unless there is an end mark: to tarfile a damaged header or a cut-off file is an end like any.
    """
    file.seek(end)
    zeros = bytes(tarfile.BLOCKSIZE)
    if file.read(tarfile.BLOCKSIZE) != zeros:
        raise tarfile.ReadError("it is damaged or cut off behind its last readable member")
    while block := file.read(tarfile.BLOCKSIZE):
        if block != zeros[: len(block)]:
            return file.tell() - len(block)
    return None
