"""Photos by name: files, folders and URIs become decoded photos, one after the other, as those of a catalogue do.

Knows no labels and no model. A few dozen photos are in memory at a time, however many there are.
"""

import posixpath
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from job.catalogue.contents import Unreadable, read_object, too_large
from job.catalogue.decode import BadPhotoError, decode
from job.catalogue.locate import PHOTO_EXTENSIONS, is_companion
from job.errors import ObjectMissingError, StorageError
from job.storage import open_storage, split_uri
from job.storage.base import Storage

_WORKERS = 16
_AHEAD = 4 * _WORKERS


@dataclass(frozen=True)
class Photo:
    """A photo that was asked for."""

    name: str
    """The path or URI that leads to it."""
    pixels: NDArray[np.uint8] | None
    """(H, W, 3) RGB; None where it cannot be had."""
    error: str | None
    """Why it cannot be had."""


@dataclass(frozen=True)
class _Place:
    """Where a photo lies, or why there is none."""

    name: str
    storage: Storage | None = None
    key: str = ""
    size: int = 0
    error: str | None = None


def read_photos(names: Sequence[str], *, height: int, width: int, retry_seconds: float) -> Iterator[Photo]:
    """Yield the photos that `names` lead to, in their order, decoded to height x width.

    A name is that of a file or object, or of a folder or prefix, whose photos (.jpg, .jpeg, .png, at any depth) come in
    the order of their keys. What cannot be read is yielded with its error. Raises StorageUnavailableError.
    """
    pending: deque[Future[Photo]] = deque()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="photo")
    try:
        for place in _places(names, retry_seconds):
            pending.append(pool.submit(_read, place, height, width))
            if len(pending) >= _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _places(names: Sequence[str], retry_seconds: float) -> Iterator[_Place]:
    """Yield a place for each photo, and one for each name that leads to none."""
    opened: dict[str, Storage] = {}

    def storage_of(uri: str) -> Storage:
        if uri not in opened:  # a client each would cost more than the photos
            opened[uri] = open_storage(uri, retry_seconds=retry_seconds)
        return opened[uri]

    for name in names:
        folder, key = _split(name)
        try:
            single = _single(storage_of(folder), name, key) if key else None
            if single:
                yield single
            else:
                yield from _beneath(storage_of(name), name)
        except StorageError as error:
            yield _Place(name, error=str(error))


def _split(name: str) -> tuple[str, str]:
    """Split a name into its folder and key; all objects of a bucket have one folder, and what must be one no key."""
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        return f"s3://{bucket}/", "" if key.endswith("/") else key
    folder, key = split_uri(name)
    return folder, "" if key in {".", ".."} else key


def _single(storage: Storage, name: str, key: str) -> _Place | None:
    """Return the place of one file or object; None where there is none, so that a folder or prefix may be meant."""
    try:
        return _Place(name, storage, key, storage.stat(key).size)
    except ObjectMissingError:
        return None


def _beneath(storage: Storage, name: str) -> Iterator[_Place]:
    """Yield the places of the photos in a folder or beneath a prefix, whose names begin with its name."""
    entries = [entry for entry in storage.list() if not is_companion(entry.key)]
    photos = [entry for entry in entries if posixpath.splitext(entry.key)[1].lower() in PHOTO_EXTENSIONS]
    if not entries:
        yield _Place(name, error=f"there is nothing at {name}")
    elif not photos:
        yield _Place(name, error=f"there is no photo ({', '.join(sorted(PHOTO_EXTENSIONS))}) in {name}")
    top = name if name.endswith("/") else f"{name}/"
    for entry in photos:
        key = quote(entry.key, errors="surrogateescape") if name.startswith("file://") else entry.key
        yield _Place(top + key, storage, entry.key, entry.size)


def _read(place: _Place, height: int, width: int) -> Photo:
    if place.storage is None:
        return Photo(place.name, None, place.error)
    try:
        if refusal := too_large(place.size):
            return Photo(place.name, None, f"photo {refusal.reason}")
        content = read_object(place.storage, place.key, partial(place.storage.get, place.key))
        if isinstance(content, Unreadable):
            return Photo(place.name, None, f"photo {content.reason}")
        return Photo(place.name, decode(content, height, width), None)
    except BadPhotoError as error:
        return Photo(place.name, None, f"photo {error}")
    except StorageError as error:
        return Photo(place.name, None, str(error))
