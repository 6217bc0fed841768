"""Storage in a folder of this machine, or of one that is mounted."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from job.errors import ChangedError, ObjectMissingError, ObjectUnreadableError, StorageError
from job.storage.base import BINARY, FILE_BUFFER, Data, Entry, Progress, check_key, check_prefix
from job.storage.files import create_file, delete_file, is_part, reading, replace_file, writing

Entries: TypeAlias = list[Entry]  # within the class, `list` is a method


class LocalStorage:
    """Objects are files, with the permissions that the umask gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.uri = f"{self.folder}/".replace("//", "/")

    def get(self, key: str) -> bytes:
        return self._get_with_tag(key)[0]

    def get_listed(self, entry: Entry) -> bytes:
        data, tag = self._get_with_tag(entry.key)
        self._refuse_changed(entry, tag)
        return data

    def _get_with_tag(self, key: str) -> tuple[bytes, str]:
        path = self._path(key)
        with reading(path):
            _refuse_special(path, path.stat().st_mode)  # before it is opened: a pipe would wait for a writer
            with path.open("rb") as file:
                return file.read(), _tag(os.fstat(file.fileno()))

    def put(self, key: str, data: Data, *, content_type: str = BINARY) -> None:  # noqa: ARG002 -- files have no type
        path = self._path(key)
        with writing(path):
            replace_file(path, data)

    def create(self, key: str, data: bytes, *, content_type: str = BINARY) -> bool:  # noqa: ARG002 -- likewise
        path = self._path(key)
        with writing(path):
            return create_file(path, data)

    def stat(self, key: str) -> Entry:
        path = self._path(key)
        with reading(path):
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError
            _refuse_special(path, status.st_mode)
        return Entry(key, status.st_size, _tag(status))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        top = self.folder / prefix.rpartition("/")[0]
        found = [entry for entry in self._walk(top, frozenset()) if entry.key.startswith(prefix)]
        return iter(sorted(found, key=lambda entry: entry.key))

    def delete(self, key: str) -> None:
        path = self._path(key)
        with writing(path):
            delete_file(path)

    @contextmanager
    def open_file(
        self,
        entry: Entry,
        folder: Path,  # noqa: ARG002 -- the file is read where it lies
        *,
        progress: Progress | None = None,  # noqa: ARG002 -- likewise
    ) -> Iterator[BinaryIO]:
        path = self._path(entry.key)
        self._refuse_changed(entry, self.stat(entry.key).tag)
        with reading(path):
            file = path.open("rb", FILE_BUFFER)
        with file:
            try:
                yield file
            except Exception:
                self._refuse_changed(entry, self.stat(entry.key).tag)  # which explains whatever the reader found wrong
                raise
        self._refuse_changed(entry, self.stat(entry.key).tag)

    def _refuse_changed(self, entry: Entry, tag: str) -> None:
        if tag != entry.tag:
            message = f"{self._path(entry.key)} changed while it was read; start again, and let nothing write to it"
            raise ChangedError(f"{message} meanwhile")

    def _path(self, key: str) -> Path:
        check_key(key)
        if "//" in key or is_part(key.rpartition("/")[2]):
            message = f"{key!r} cannot be the name of a file in {self.folder}"
            raise StorageError(message)
        return self.folder / key

    def _walk(self, folder: Path, above: frozenset[tuple[int, int]]) -> Entries:
        """Return what lies beneath `folder`; `above` holds the folders that lead to it, against circles of links."""
        try:
            with reading(folder), os.scandir(folder) as scanned:
                status = folder.stat()
                entries = list(scanned)
        except ObjectMissingError:
            return []
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return []
        found: Entries = []
        for entry in entries:
            path = Path(entry.path)
            key = path.relative_to(self.folder).as_posix()
            try:
                with reading(path):
                    if entry.is_dir():
                        found += self._walk(path, above | {identity})
                    elif not is_part(entry.name):
                        status = entry.stat()
                        found.append(Entry(key, status.st_size, _tag(status)))
            except ObjectMissingError:
                pass  # a dangling link, or deleted meanwhile
            except ObjectUnreadableError:  # one folder of somebody else must not hide what lies beside it
                found.append(Entry(key, 0, ""))
        return found


def _refuse_special(path: Path, mode: int) -> None:
    """Raise ObjectUnreadableError for a pipe, a socket or a device."""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
        message = f"cannot read {path}: it is a {kind} and no file"
        raise ObjectUnreadableError(message)


def _tag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}"
