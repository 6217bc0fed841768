"""Photos by name: files, folders and URIs become decoded photos, as those of a catalogue do.

Knows no labels and no model. A few dozen photos are in memory at a time, however many there are.
"""

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from job.catalogue.contents import Unreadable, read_object, too_large
from job.catalogue.decode import BadPhotoError, decode
from job.catalogue.locate import PHOTO_EXTENSIONS, is_companion
from job.errors import ObjectMissingError, StorageError
from job.storage import open_storage, split_uri
from job.storage.ahead import map_ahead
from job.storage.base import Entry, Storage

_THREADS = 16


@dataclass(frozen=True)
class Photo:
    """A photo that was asked for."""

    name: str
    """The path or URI that leads to it."""
    pixels: NDArray[np.uint8] | None
    """(H, W, 3) RGB; None if it cannot be read."""
    error: str | None
    """Why it cannot be read."""


_Place: TypeAlias = tuple[str, Storage, Entry]
"""A photo's name and where it lies."""


def read_photos(names: Sequence[str], *, height: int, width: int, retry_seconds: float) -> Iterator[Photo]:
    """Yield the photos that `names` lead to, in their order, decoded to height x width.

    A name is that of a file or object, or of a folder or prefix, whose photos (.jpg, .jpeg, .png, at any depth) come in
    the order of their keys. What cannot be read is yielded with its error. Raises StorageUnavailableError.
    """

    def read(place: _Place | Photo) -> Photo:
        return place if isinstance(place, Photo) else _read(*place, height, width)

    yield from map_ahead(read, _places(names, retry_seconds), threads=_THREADS, ahead=4 * _THREADS, name="photo")


def _places(names: Sequence[str], retry_seconds: float) -> Iterator[_Place | Photo]:
    """Yield a place for each photo, and a Photo with an error for each name that leads to none."""

    @cache  # a client for each photo would cost more than the photos
    def opened(uri: str) -> Storage:
        return open_storage(uri, retry_seconds=retry_seconds)

    for name in names:
        try:
            yield from _find(name, opened)
        except StorageError as error:
            yield Photo(name, None, str(error))


def _find(name: str, opened: Callable[[str], Storage]) -> Iterator[_Place]:
    """Yield the places of the photos that a name leads to; raises StorageError if there are none."""
    folder, key = _split(name)
    if key:
        storage = opened(folder)
        try:
            yield name, storage, storage.stat(key)
        except ObjectMissingError:
            pass  # a folder or prefix may be meant
        else:
            return
    storage = opened(name)
    entries = [entry for entry in storage.list() if not is_companion(entry.key)]
    photos = [entry for entry in entries if posixpath.splitext(entry.key)[1].lower() in PHOTO_EXTENSIONS]
    if not photos:
        what = f"no photo ({', '.join(sorted(PHOTO_EXTENSIONS))}) in" if entries else "nothing at"
        message = f"there is {what} {name}"
        raise StorageError(message)
    for entry in photos:
        path = quote(entry.key, errors="surrogateescape") if name.startswith("file://") else entry.key
        yield f"{name.removesuffix('/')}/{path}", storage, entry


def _split(name: str) -> tuple[str, str]:
    """Split a name into its folder and key; all objects of a bucket have one folder, and what must be one no key."""
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        return f"s3://{bucket}/", "" if key.endswith("/") else key
    folder, key = split_uri(name)
    return folder, "" if key in {".", ".."} else key


def _read(name: str, storage: Storage, entry: Entry, height: int, width: int) -> Photo:
    try:
        content = too_large(entry.size) or read_object(storage, entry.key, lambda: storage.get(entry.key))
        if isinstance(content, Unreadable):
            return Photo(name, None, f"photo {content.reason}")
        return Photo(name, decode(content, height, width), None)
    except BadPhotoError as error:
        return Photo(name, None, f"photo {error}")
    except StorageError as error:
        return Photo(name, None, str(error))
