"""Packing: photos decoded once, straight into one uint8 array, with a hash of each photo's pixels.

Knows nothing of where the bytes come from, of labels or of the split.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from job.catalogue.contents import Unreadable
from job.catalogue.decode import BadPhotoError, decode_into
from job.meter import Meter
from job.records.dataset import Quarantined
from job.storage.ahead import map_ahead

_CHUNK_PHOTOS = 64
_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Packed:
    """Decoded photos: row i of `images` is the photo of `ids[i]`; ids are sorted."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    """(N, H, W, 3), RGB."""
    pixel_hashes: tuple[str, ...]
    unusable: tuple[Quarantined, ...]


def pack(
    photos: Iterable[tuple[str, bytes | Unreadable]], ids: Sequence[str], *, height: int, width: int, meter: Meter
) -> Packed:
    """Decode (id, content) pairs, which come in any order and once for each of `ids`, to height x width."""
    ids = sorted(ids)
    rows = {identifier: row for row, identifier in enumerate(ids)}
    images = np.empty((len(ids), height, width, 3), np.uint8)  # (N, H, W, 3)
    hashes: dict[str, str] = {}
    unusable: list[Quarantined] = []

    def decode_chunk(chunk: list[tuple[str, bytes | Unreadable]]) -> list[tuple[str, str | Unreadable]]:
        return [(identifier, _decode(images[rows[identifier]], content)) for identifier, content in chunk]

    threads = len(os.sched_getaffinity(0))
    for chunk in map_ahead(decode_chunk, _chunks(photos), threads=threads, ahead=2 * threads + 1, name="decode"):
        for identifier, outcome in chunk:
            if isinstance(outcome, Unreadable):
                unusable.append(Quarantined(id=identifier, reason=f"photo {outcome.reason}", kind=outcome.kind))
            else:
                hashes[identifier] = outcome
        meter("decoding", len(hashes) + len(unusable), len(ids))
    kept = [identifier for identifier in ids if identifier in hashes]
    if unusable:
        for row, identifier in enumerate(kept):  # in place: a second array of this size may not fit in memory
            images[row] = images[rows[identifier]]
    return Packed(
        ids=tuple(kept),
        images=images[: len(kept)],
        pixel_hashes=tuple(hashes[identifier] for identifier in kept),
        unusable=tuple(sorted(unusable, key=lambda item: item.id)),
    )


def hash_pixels(images: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return a hash of each photo's pixels; images is (N, H, W, 3) uint8."""
    return tuple(_hash(image) for image in images)


def _hash(image: NDArray[np.uint8]) -> str:
    return blake2b(image.data, digest_size=16).hexdigest()


def _chunks(photos: Iterable[tuple[str, bytes | Unreadable]]) -> Iterator[list[tuple[str, bytes | Unreadable]]]:
    """Yield the photos in lists that are worth a thread's while, of so many bytes that they don't fill the memory."""
    chunk: list[tuple[str, bytes | Unreadable]] = []
    size = 0
    for identifier, content in photos:
        chunk.append((identifier, content))
        size += len(content) if isinstance(content, bytes) else 0
        if len(chunk) >= _CHUNK_PHOTOS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _decode(image: NDArray[np.uint8], content: bytes | Unreadable) -> str | Unreadable:
    """Decode a photo into `image` and return the hash of its pixels, or why it cannot be used."""
    if isinstance(content, Unreadable):
        return content
    try:
        decode_into(image, content)
    except BadPhotoError as error:
        return Unreadable(str(error), error.kind)
    return _hash(image)
