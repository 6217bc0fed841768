"""Zip archives, read by their central directory."""

import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from job.catalogue.archives.names import safe_name
from job.catalogue.contents import MAX_FILE_BYTES, SYMBOLIC_LINK, Unreadable, too_large
from job.errors import CatalogueError
from job.text import is_text

_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, RuntimeError, OSError, ValueError, IndexError),
)
_READ_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 93: "zstd", 95: "xz", 96: "JPEG", 98: "PPMd", 99: "AES"}
_ENCRYPTED = 0x1 | 0x40  # of the flags: by a password, and by one strongly
_IN_UTF8 = 0x800  # of the flags: the name is UTF-8
_END_MARK = b"PK\x05\x06"
_END_BYTES = 22
_END_COMMENT = slice(20, 22)
_MAX_COMMENT = 0xFFFF
_GZIP_MARK = b"\x1f\x8b"
_TAR_MARK = slice(257, 262)
_ENTRY_MARK = b"PK\x01\x02"
_ENTRY_BYTES = 46
_FLAGS_AT, _LENGTHS_AT = 8, 28


class ZipSource:
    """A zip archive. Of members with one name the last counts, as it does to those who unpack it."""

    def __init__(self, uri: str, file: BinaryIO) -> None:
        """Read the archive's directory; raises CatalogueError if it is damaged."""
        try:
            self._archive = _open(file)
        except _BROKEN as error:
            message = f"{uri} is not a whole zip archive: {error}"
            raise CatalogueError(message) from None
        _refuse_joined(self._archive, file, uri)
        self._members: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        for info in self._archive.infolist():
            if not info.is_dir():
                self._members[safe_name(_name(info), uri)].append(info)

    def names(self) -> Sequence[str]:
        return [name for name, copies in self._members.items() for _ in copies]

    def read(self, names: Sequence[str]) -> Iterator[tuple[str, bytes | Unreadable]]:
        last = {name: self._members[name][-1] for name in names}
        for name in sorted(names, key=lambda name: last[name].header_offset):  # so that the disk is read forwards
            yield name, _content(self._archive, last[name])

    def read_every(self, name: str) -> Sequence[bytes | Unreadable]:
        return [_content(self._archive, info) for info in self._members[name]]


def _open(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except UnicodeDecodeError:  # a name is marked as UTF-8 and is not; that must not cost all other files
        file.seek(0)
        return zipfile.ZipFile(_Unmarking(file))  # type: ignore[arg-type]


def _refuse_joined(archive: zipfile.ZipFile, file: BinaryIO, uri: str) -> None:
    """Raise CatalogueError if another archive ends where this one begins: readers of zips see the last one only."""
    begin = min((info.header_offset for info in archive.infolist()), default=0)
    if begin and _has_archive_before(file, begin):
        message = (
            f"{uri} is several archives joined into one, of which only the last, a zip, can be read; unpack them, and "
            "make one archive of all files"
        )
        raise CatalogueError(message)


def _has_archive_before(file: BinaryIO, begin: int) -> bool:
    """Return whether there is another archive before the first member, and not a program that unpacks this one."""
    file.seek(0)
    head = file.read(min(begin, _TAR_MARK.stop))
    if head.startswith(_GZIP_MARK) or head[_TAR_MARK] == b"ustar":
        return True
    file.seek(max(0, begin - _END_BYTES - _MAX_COMMENT))
    before = file.read(begin - file.tell())
    found = before.rfind(_END_MARK)
    if found < 0:
        return False
    comment = int.from_bytes(before[found : found + _END_BYTES][_END_COMMENT], "little")
    return found + _END_BYTES + comment == len(before)


class _Unmarking(io.BufferedReader):
    """A zip file whose central directory does not mark names as UTF-8 that are not."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data.startswith(_ENTRY_MARK):
            return data
        unmarked, at = bytearray(data), 0
        while data.startswith(_ENTRY_MARK, at):
            lengths = struct.unpack_from("<3H", data, at + _LENGTHS_AT)  # of name, extra field and comment
            name = data[at + _ENTRY_BYTES : at + _ENTRY_BYTES + lengths[0]]
            if not is_text(name.decode(errors="surrogateescape")):
                unmarked[at + _FLAGS_AT + 1] &= ~(_IN_UTF8 >> 8)
            at += _ENTRY_BYTES + sum(lengths)
        return bytes(unmarked)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | Unreadable:
    if stat.S_ISLNK(info.external_attr >> 16):
        return SYMBOLIC_LINK
    if refusal := too_large(info.file_size):
        return refusal
    try:
        with archive.open(info) as member:
            return member.read(MAX_FILE_BYTES)
    except _BROKEN:
        return _why(info)


def _why(info: zipfile.ZipInfo) -> Unreadable:
    """Return why zipfile has refused a member."""
    if info.flag_bits & _ENCRYPTED:
        return Unreadable("is encrypted, and no password is asked for; make the archive without a password")
    if info.compress_type not in _READ_METHODS:
        method = f"{info.compress_type} ({_METHODS.get(info.compress_type, 'unknown')})"
        return Unreadable(
            f"is compressed by zip's method {method}, which is not read; make the archive with deflate, the usual one"
        )
    return Unreadable("cannot be read from the archive")


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name. macOS writes UTF-8 without marking it, which zipfile reads as cp437."""
    if info.filename.isascii() or info.flag_bits & _IN_UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename
