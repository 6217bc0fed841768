"""The cache of packed photos: written once, checked when read, and made anew when it is not what it should be.

May be lost at any time; nothing but time is lost with it.
"""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from job.catalogue.contents import Cause
from job.catalogue.missing import Missing
from job.catalogue.pack import Packed, hash_pixels
from job.catalogue.read import Quarantined
from job.errors import SettingsError

_log = structlog.get_logger()


def prepare_cache_dir(path: Path) -> Path:
    """Make the cache folder and return it, `~` expanded; raises SettingsError where it cannot be written."""
    try:
        directory = path.expanduser()
        probe = directory / f".{uuid.uuid4().hex}"
        directory.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: `~` of a user who has no home
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"FASHIONTUNE_CACHE_DIR={path} cannot be written: {reason}; give a folder that can"
        raise SettingsError(message) from None
    return directory


@dataclass(frozen=True)
class Prepared:
    """All that is taken from a source, before any decision on classes and split."""

    packed: Packed
    labels: tuple[str, ...]
    """Of each packed photo, as written."""
    rows: int
    repaired: tuple[str, ...]
    repeated: tuple[str, ...]
    companions: int
    missing: Missing
    unread: Mapping[str, Cause] = field(default_factory=dict)
    """By id, photos that are listed and that storage did not give; what was prepared without them is not cached."""

    @property
    def passing(self) -> frozenset[str]:
        """Ids of photos that another start may find."""
        return frozenset(name for name, cause in self.unread.items() if cause is Cause.TIME)


def save_prepared(directory: Path, prepared: Prepared) -> None:
    """Write `prepared` into `directory`, which appears whole or not at all."""
    index = {
        "ids": prepared.packed.ids,
        "pixel_hashes": prepared.packed.pixel_hashes,
        "labels": prepared.labels,
        "rows": prepared.rows,
        "repaired": prepared.repaired,
        "repeated": prepared.repeated,
        "companions": prepared.companions,
        "missing": asdict(prepared.missing),
    }
    text = json.dumps(index)
    beside = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}")
    try:
        beside.mkdir(parents=True)
        np.save(beside / "images.npy", prepared.packed.images)
        (beside / "index.json").write_text(f"{_checksum(text)}\n{text}", "utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        os.rename(beside, directory)  # noqa: PTH104 -- Path.rename is the same call; here the failure is handled
    except OSError as error:
        # a full disk, or another process that was first: the photos are in memory, so the job goes on
        _log.warning("photos not cached", cache=str(directory), error=str(error))
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load_prepared(directory: Path) -> Prepared | None:
    """Return what `save_prepared` wrote, or None where nothing is there or it is damaged."""
    try:
        checksum, text = (directory / "index.json").read_text("utf-8").split("\n", 1)
        images = np.load(directory / "images.npy", allow_pickle=False)
        index = json.loads(text)
        hashes = tuple(index["pixel_hashes"])
        intact = checksum == _checksum(text) and hash_pixels(images) == hashes
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        intact = False
    if not intact:
        _log.warning("cache is damaged and made anew", cache=str(directory))
        return None
    missing = _missing(index["missing"])
    undecodable = tuple((item.id, item.reason) for item in missing.unusable_photos)
    return Prepared(
        packed=Packed(tuple(index["ids"]), images, hashes, undecodable),
        labels=tuple(index["labels"]),
        rows=index["rows"],
        repaired=tuple(index["repaired"]),
        repeated=tuple(index["repeated"]),
        companions=index["companions"],
        missing=missing,
    )


def _missing(values: dict[str, Any]) -> Missing:
    quarantined = {
        name: tuple(Quarantined(**item) for item in value) for name, value in values.items() if isinstance(value, list)
    }
    return Missing(**values | quarantined)


def _checksum(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
