"""The cache of packed photos: written once, checked when read, and made anew if it is damaged.

May be lost at any time; nothing but time is lost with it.
"""

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from job.catalogue.contents import NOT_GIVEN
from job.catalogue.missing import Missing
from job.catalogue.pack import hash_pixels
from job.errors import SettingsError
from job.records.dataset import Quarantined
from job.records.record import Record, checksum_field

_log = structlog.get_logger()


def prepare_cache_dir(path: Path) -> Path:
    """Make the cache folder and return it, `~` expanded; raises SettingsError if it cannot be written."""
    try:
        directory = path.expanduser()
        probe = directory / f".{uuid.uuid4().hex}"
        directory.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user who has no home
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"{path} cannot be written: {reason}; give a folder that can"
        raise SettingsError(message, setting="cache_dir") from None
    return directory


@dataclass(frozen=True)
class Cache:
    """The cache folder, and how many bytes it may take; 0 is no limit."""

    directory: Path
    limit: int = 0

    def room(self) -> int:
        """Return how many bytes can still be written."""
        free = shutil.disk_usage(self.directory).free
        if not self.limit:
            return free
        taken = sum(map(_size, self.directory.rglob("*")))
        return max(0, min(free, self.limit - taken))

    def refuse_too_large(self, size: int, uri: str) -> None:
        """Raise SettingsError unless an archive of `size` bytes can be downloaded."""
        room = self.room()
        if size <= room:
            return
        limited = bool(self.limit) and room < shutil.disk_usage(self.directory).free
        message = (
            f"{uri} has {size:,} bytes, and {self.directory} has room for {room:,}"
            f"{f' of the {self.limit:,} that it may take' if limited else ''}; give it more"
        )
        raise SettingsError(message, setting="cache_limit" if limited else "cache_dir")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size if path.is_file() else 0
    except FileNotFoundError:  # another job has deleted it meanwhile
        return 0


class Index(Record):
    """All that is taken from a source but the pixels, before any decision on classes and split."""

    ids: tuple[str, ...]
    """Sorted; of each packed photo, as are `pixel_hashes` and `labels`."""
    pixel_hashes: tuple[str, ...]
    labels: tuple[str, ...]
    rows: int
    repaired: tuple[str, ...]
    repeated: tuple[str, ...]
    companions: int
    spare: tuple[Quarantined, ...]
    missing: Missing
    checksum: str = checksum_field()


@dataclass(frozen=True)
class Prepared:
    """All that is taken from a source."""

    images: NDArray[np.uint8]
    """(N, H, W, 3), RGB; row i is the photo of `index.ids[i]`."""
    index: Index


def save_prepared(directory: Path, prepared: Prepared, cache: Cache) -> None:
    """Write `prepared` into `directory`, which appears whole or not at all.

    Nothing is written if storage may give a missing photo another time, or if there is no room, which is logged.
    """
    if any(item.kind in NOT_GIVEN for item in prepared.index.missing.unusable_photos):
        return
    if (room := cache.room()) < prepared.images.nbytes:
        error = f"no room: they have {prepared.images.nbytes:,} bytes, and {room:,} are left"
        _log.warning("photos not cached", cache=str(directory), error=error)
        return
    beside = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}")
    try:
        beside.mkdir(parents=True)
        np.save(beside / "images.npy", prepared.images)
        (beside / "index.json").write_bytes(prepared.index.to_json())
        shutil.rmtree(directory, ignore_errors=True)
        os.rename(beside, directory)  # noqa: PTH104 -- Path.rename is the same call; here the failure is handled
    except OSError as error:
        # a full disk, or another process that was first: the photos are in memory, so the job goes on
        _log.warning("photos not cached", cache=str(directory), error=str(error))
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_prepared(directory: Path) -> Prepared | None:
    """Return what `save_prepared` wrote; None if nothing is there, or if it is damaged, which is logged."""
    try:
        index = Index.from_json((directory / "index.json").read_bytes())
        images = np.load(directory / "images.npy", allow_pickle=False)
        if hash_pixels(images) == index.pixel_hashes:
            return Prepared(images, index)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):  # BadRecordError is a ValueError
        pass
    _log.warning("cache is damaged and made anew", cache=str(directory))
    return None
