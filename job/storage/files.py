"""Files that are there whole or not at all, and the sentence for each refusal of a file system.

A file is written under a passing name beside its target, synced, and only then renamed. Knows no keys.
"""

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from job.errors import ObjectMissingError, ObjectUnreadableError, StorageError, StorageUnavailableError

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_STALE_SECONDS = 3600.0  # writing never pauses for longer than the retry time, so an older part has lost its writer

_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH}
_ADVICE = {
    errno.EACCES: "check its owner and permissions",
    errno.EPERM: "check its owner and permissions",
    errno.EROFS: "choose a folder on a writable file system",
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "raise the quota or choose another folder",
    errno.ENOTDIR: "a part of this path is a file where a folder is needed",
    errno.EEXIST: "a part of this path is a file where a folder is needed",
    errno.EISDIR: "a folder has this name already",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def is_part(name: str) -> bool:
    """Return whether this is the passing name of a file that is being written, or was when its writer was killed."""
    return _PART.fullmatch(name) is not None


def replace_file(target: Path, data: bytes | bytearray) -> None:
    """Put a new file in place of `target`."""
    with _filled_part(target, data) as part:
        part.replace(target)


def create_file(target: Path, data: bytes | bytearray) -> bool:
    """Put a new file at `target` and return True, or return False and leave what is there."""
    with _filled_part(target, data) as part:
        try:
            os.link(part, target)
        except FileExistsError:
            return target.is_file() and part.samefile(target)  # NFS repeats a link whose answer was lost
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}:
                raise
            message = f"the file system of {target} has no hard links, which objects are created with; choose another"
            raise StorageError(message) from error
    return True


def delete_file(target: Path) -> None:
    """Delete a file, if there is one."""
    with contextlib.suppress(*_MISSING):
        target.unlink()
        _sync_folder(target.parent)


@contextmanager
def _filled_part(target: Path, data: bytes | bytearray) -> Iterator[Path]:
    _make_folder(target.parent)
    _sweep(target.parent)
    part = target.parent / f".{secrets.token_hex(8)}.part"
    try:
        with part.open("xb") as file:  # not tempfile, whose files nobody else may read
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield part
        _sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Delete the parts whose writers were killed long ago."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_part(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                        Path(entry.path).unlink()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn a reader's OSError into ObjectMissingError, ObjectUnreadableError or StorageUnavailableError."""
    try:
        yield
    except _MISSING:
        message = f"there is nothing at {path}"
        raise ObjectMissingError(message) from None
    except OSError as error:
        raise _refusal("read", path, error, ObjectUnreadableError) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a writer's OSError into StorageError or StorageUnavailableError."""
    try:
        yield
    except OSError as error:
        raise _refusal("write", path, error, StorageError) from error


def _refusal(verb: str, path: Path, error: OSError, kind: type[StorageError]) -> Exception:
    reason = (error.strerror or str(error)).lower()
    if error.errno in _PASSING:
        return StorageUnavailableError(f"cannot {verb} {path} now: {reason}")
    advice = _ADVICE.get(error.errno or 0)
    return kind(f"cannot {verb} {path}: {reason}" + (f"; {advice}" if advice else ""))
