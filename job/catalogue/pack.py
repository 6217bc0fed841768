"""Packing: photos decoded once, straight into one uint8 array, with a hash of each photo's pixels.

Knows nothing of where the bytes come from, of labels or of the split.
"""

import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from job.catalogue.contents import Unreadable
from job.catalogue.decode import BadPhotoError, decode_into
from job.catalogue.fetch import Progress

_CHUNK_PHOTOS = 64
_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Packed:
    """Decoded photos: row i of `images` is the photo of `ids[i]`; ids are sorted."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    """(N, H, W, 3), RGB."""
    pixel_hashes: tuple[str, ...]
    undecodable: tuple[tuple[str, str], ...]
    """(id, reason) of the photos that could not be decoded."""


def pack(
    photos: Iterable[tuple[str, bytes | Unreadable]],
    count: int,
    *,
    height: int,
    width: int,
    progress: Progress,
) -> Packed:
    """Decode `count` (id, content) pairs, in whatever order they come, into one array of height x width photos."""
    images = np.empty((count, height, width, 3), np.uint8)  # (N, H, W, 3)
    slots: list[str] = []
    failures: dict[int, str] = {}
    hashes: dict[int, str] = {}
    pending: deque[Future[list[tuple[int, str | BadPhotoError]]]] = deque()
    workers = len(os.sched_getaffinity(0))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")

    def settle(at_most: int) -> None:
        while len(pending) > at_most:
            for slot, outcome in pending.popleft().result():
                if isinstance(outcome, BadPhotoError):
                    failures[slot] = f"photo {outcome}"
                else:
                    hashes[slot] = outcome
            progress("decode", len(slots), count)

    try:
        chunk: list[tuple[int, bytes]] = []
        chunk_bytes = 0
        for identifier, content in photos:
            slot = len(slots)
            slots.append(identifier)
            if isinstance(content, Unreadable):
                failures[slot] = f"photo {content.reason}"
                continue
            chunk.append((slot, content))
            chunk_bytes += len(content)
            if len(chunk) >= _CHUNK_PHOTOS or chunk_bytes >= _CHUNK_BYTES:
                pending.append(pool.submit(_decode_chunk, chunk, images))
                chunk, chunk_bytes = [], 0
                settle(at_most=2 * workers)
        pending.append(pool.submit(_decode_chunk, chunk, images))
        settle(at_most=0)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return _in_order_of_ids(slots, images, hashes, failures)


def hash_pixels(images: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return a hash of each photo's pixels; images is (N, H, W, 3) uint8."""
    return tuple(_hash(image) for image in images)


def _hash(image: NDArray[np.uint8]) -> str:
    return blake2b(image.data, digest_size=16).hexdigest()


def _decode_chunk(chunk: list[tuple[int, bytes]], images: NDArray[np.uint8]) -> list[tuple[int, str | BadPhotoError]]:
    """Decode (slot, bytes) pairs into `images`; return each slot's hash, or why its photo cannot be used."""
    outcomes: list[tuple[int, str | BadPhotoError]] = []
    for slot, content in chunk:
        try:
            decode_into(images[slot], content)
            outcomes.append((slot, _hash(images[slot])))
        except BadPhotoError as error:
            outcomes.append((slot, error))
    return outcomes


def _in_order_of_ids(
    slots: list[str], images: NDArray[np.uint8], hashes: dict[int, str], failures: dict[int, str]
) -> Packed:
    """Sort the rows by id within the array itself, since a second array of this size may not fit in memory."""
    order = sorted((slot for slot in range(len(slots)) if slot not in failures), key=slots.__getitem__)
    _gather_in_place(images, order)
    return Packed(
        ids=tuple(slots[slot] for slot in order),
        images=images[: len(order)],
        pixel_hashes=tuple(hashes[slot] for slot in order),
        undecodable=tuple(sorted((slots[slot], reason) for slot, reason in failures.items())),
    )


def _gather_in_place(images: NDArray[np.uint8], order: list[int]) -> None:
    """Make row i of `images` what was row `order[i]`, by walking the cycles of the permutation."""
    count = len(images)
    kept = set(order)
    source = [*order, *(row for row in range(count) if row not in kept)]
    done = [False] * count
    for start in range(count):
        if done[start]:
            continue
        first = images[start].copy()
        row = start
        while not done[row]:
            done[row] = True
            following = source[row]
            images[row] = first if following == start else images[following]
            row = following
