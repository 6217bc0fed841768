"""Packing: photos decoded once, straight into one uint8 array, with a hash of each photo's pixels.

Knows nothing of where the bytes come from, of labels or of the split.
"""

import io
import os
import re
import struct
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from job.catalogue.archives import Unreadable
from job.catalogue.fetch import Progress
from job.errors import CatalogueError

MAX_PIXELS = 64_000_000
"""Largest photo that is decoded (an 8,000 x 8,000 one, 192 MB decoded); a larger one is refused by its header."""

_CHUNK_PHOTOS = 64
_CHUNK_BYTES = 8 * 2**20
_TURNED = re.compile(
    rb"\x01\x12\x00(?!\x03\x00{3}\x01\x00\x01)"  # EXIF's orientation, 0x0112, that is not one short of 1; big-endian
    rb"|\x12\x01(?!\x03\x00\x01\x00{3}\x01\x00).\x00"  # likewise; little-endian
    rb"|tiff:Orientation",  # XMP's
    re.DOTALL,
)
_UNDECODABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError)


@dataclass(frozen=True)
class Packed:
    """Decoded photos: row i of `images` is the photo of `ids[i]`; ids are sorted."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    """(N, H, W, 3), RGB."""
    pixel_hashes: tuple[str, ...]
    undecodable: tuple[tuple[str, str], ...]
    """(id, reason) of the photos that could not be decoded."""


class BadPhotoError(ValueError):
    """Bytes that cannot be used as a photo; the message says why and follows the photo's name."""


class AbsurdSizeError(BadPhotoError):
    """A photo of more than MAX_PIXELS."""

    def __init__(self, size: str) -> None:
        super().__init__(f"has an absurd size ({size}); at most {MAX_PIXELS} pixels are decoded")


def pack(
    photos: Iterable[tuple[str, bytes | Unreadable]],
    count: int,
    *,
    height: int,
    width: int,
    uri: str,
    progress: Progress,
) -> Packed:
    """Decode `count` (id, content) pairs, in whatever order they come, into one array of height x width photos.

    Raises CatalogueError for a photo of absurd dimensions, which no honest catalogue has.
    """
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
                if isinstance(outcome, AbsurdSizeError):
                    message = f"{uri}: photo {slots[slot]} {outcome}"
                    raise CatalogueError(message)
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


def decode(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG to (height, width, 3) RGB uint8, upright, transparency on white.

    A photo of another size is stretched to this one. Raises BadPhotoError for what is no photo.
    """
    image = np.empty((height, width, 3), np.uint8)
    _decode_into(image, data)
    return image


def _decode_into(image: NDArray[np.uint8], data: bytes) -> None:
    """Do what `decode` does, in an array that is there already, so that nothing is copied."""
    if _decode_plain(image, data):
        return
    height, width = image.shape[:2]
    try:
        image[:] = _decode(data, height, width)
    except Image.DecompressionBombError as error:
        raise AbsurdSizeError(str(error).rstrip(".")) from None
    except UnidentifiedImageError:
        raise BadPhotoError("does not decode: it is no JPEG or PNG") from None
    except BadPhotoError:
        raise
    except _UNDECODABLE as error:
        message = f"does not decode: {error}"
        raise BadPhotoError(message) from None


def _decode_plain(image: NDArray[np.uint8], data: bytes) -> bool:
    """Decode a JPEG that needs nothing but decoding; return False for any other photo, and for one that is damaged.

    The pixels are those that Pillow has from libjpeg-turbo, too, in a third of the time.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (height, width) != image.shape[:2] or colours not in {"YCbCr", "Gray"}:
            return False
        if b"Exif\x00\x00" in data and _TURNED.search(data):
            return False
        simplejpeg.decode_jpeg(data, "RGB", buffer=image)
    except ValueError:
        return False
    return True


def _decode(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise AbsurdSizeError(f"{opened.width} x {opened.height}")
        opened.draft("RGB", (2 * width, 2 * height))  # a large JPEG is decoded at a fraction of its size
        image: Image.Image = opened
        if "exif" in image.info:
            image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(image)


def _decode_chunk(chunk: list[tuple[int, bytes]], images: NDArray[np.uint8]) -> list[tuple[int, str | BadPhotoError]]:
    """Decode (slot, bytes) pairs into `images`; return each slot's hash, or why its photo cannot be used."""
    outcomes: list[tuple[int, str | BadPhotoError]] = []
    for slot, content in chunk:
        try:
            _decode_into(images[slot], content)
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
