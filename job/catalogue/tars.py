"""Tar archives, compressed or not, read front to back: once for the names and once for the photos."""

import gzip
import io
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from job.catalogue.archives import SYMBOLIC_LINK, Archive, Unreadable, too_large
from job.errors import CatalogueError

_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError)
_NO_TARGET = Unreadable("is a hard link to a file that is not before it in the archive")


class TarSource(Archive):
    """A tar archive, or several joined; of members with one name the last counts, as it does to those who unpack it."""

    _places: Mapping[str, Sequence[int | Unreadable]] | None = None
    """By name, where in the tar the member begins that has the content; a hard link's is that of its target."""

    def names(self) -> Sequence[str]:
        places: dict[str, list[int | Unreadable]] = defaultdict(list)
        names = []
        for member, _ in self._members():
            if member.isreg():
                place: int | Unreadable = member.offset
            elif member.islnk():
                target = places.get(member.linkname.removeprefix("./"))
                place = target[-1] if target else _NO_TARGET
            else:
                place = SYMBOLIC_LINK
            places[member.name].append(place)
            names.append(member.name)
        self._places = places
        return names

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        yield from self._contents([(name, self._places_of(name)[-1]) for name in names])

    def read_every(self, name: str) -> list[bytes | Unreadable]:
        return [content for _, content in self._contents([(name, place) for place in self._places_of(name)])]

    def _places_of(self, name: str) -> Sequence[int | Unreadable]:
        if self._places is None:
            self.names()
        assert self._places is not None  # noqa: S101 -- tells the type checker what names() does
        return self._places[name]

    def _contents(self, wanted: Sequence[tuple[str, int | Unreadable]]) -> Iterator[tuple[str, bytes | Unreadable]]:
        """Yield the content at each of the places, in the order of the archive, without ever going back."""
        names: dict[int, list[str]] = defaultdict(list)
        for name, place in wanted:
            if isinstance(place, Unreadable):
                yield name, place
            else:
                names[place].append(name)
        for member, read in self._members():
            if member.offset in names:
                content = too_large(member.size) or read()
                for name in names[member.offset]:
                    yield name, content

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, Callable[[], bytes]]]:
        """Yield each file and link with the way to read it, which must be done before the next one."""
        try:
            packed = self.file()
            file = packed if self.uri.lower().endswith(".tar") else gzip.GzipFile(fileobj=packed)
            begin: int | None = 0
            while begin is not None:
                file.seek(begin)
                with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
                    for member in archive:
                        if member.isreg() or member.islnk() or member.issym():  # and no folder or device
                            member.name = self.safe_name(member.name)
                            yield member, partial(_read, archive, member)
                    begin = _find_next(file, archive.offset)
        except _BROKEN as error:
            message = f"{self.uri} is not a whole tar archive: {error}"
            raise CatalogueError(message) from None


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # noqa: S101 -- only of regular files is the content asked for
    return file.read()


def _find_next(file: io.BufferedIOBase, end: int) -> int | None:
    """Return where the next archive begins behind one that ends at `end`; None where there is none.

    Raises ReadError unless there is an end mark: tarfile takes a damaged header, and the place where a file was cut
    off, for the end.
    """
    file.seek(end)
    zeros = bytes(tarfile.BLOCKSIZE)
    if file.read(tarfile.BLOCKSIZE) != zeros:
        raise tarfile.ReadError("it is damaged or cut off behind its last readable member")
    while block := file.read(tarfile.BLOCKSIZE):
        if block != zeros[: len(block)]:
            return file.tell() - len(block)
    return None
