"""Decoding: the bytes of one JPEG or PNG become upright RGB pixels, or a sentence that says why not.

The lines of the model card (job/model/card.md.j2) do the same; a test holds both to the same pixels for every kind of
file.
"""

import io
import re
import struct
import warnings
import zlib

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from job.records.dataset import QuarantineKind

MAX_PIXELS = 64_000_000
"""Largest photo that is decoded (an 8,000 x 8,000 one, 192 MB decoded); a larger one is refused by its header."""

_ORIENTATION = 0x0112  # EXIF's tag
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = re.compile(
    rb"\x01\x12\x00(?!\x03\x00{3}\x01\x00\x01)"  # EXIF's orientation, 0x0112, that is not one short of 1; big-endian
    rb"|\x12\x01(?!\x03\x00\x01\x00{3}\x01\x00).\x00",  # likewise; little-endian
    re.DOTALL,
)
_XMP_TURNED = b"tiff:Orientation"
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""(left, top, steps across, steps down) of each pass of an interlaced PNG."""
_GREYS = {"L;2": 85, "L;4": 17}  # what Pillow multiplies greys of 2 and 4 bits by, but not the transparent one
_DEEP = {"I;16B", "RGB;16B"}

# MAX_PIXELS is the stricter limit, and neither Pillow's warning of a large photo nor those of odd EXIF belong in a log
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")


class BadPhotoError(ValueError):
    """Bytes that cannot be used as a photo; the message says why and follows the photo's name."""

    def __init__(self, reason: str, kind: QuarantineKind = QuarantineKind.UNDECODABLE) -> None:
        super().__init__(reason)
        self.kind = kind


def decode(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG to (height, width, 3) RGB uint8, upright, transparency on white.

    A photo of another size is stretched. Raises BadPhotoError for bytes that are no photo, or whose pixels cannot be
    known.
    """
    image = np.empty((height, width, 3), np.uint8)
    decode_into(image, data)
    return image


def decode_into(image: NDArray[np.uint8], data: bytes) -> None:
    """Decode into an array that is there already; the rest is as `decode` says."""
    if _decode_plain(image, data):
        return
    height, width = image.shape[:2]
    try:
        image[:] = _decode(data, height, width)
    except UnidentifiedImageError:
        raise BadPhotoError("does not decode: it is no JPEG or PNG") from None
    except (BadPhotoError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 -- Pillow raises what it likes; one bad photo must not end the job
        message = f"does not decode: {str(error) or type(error).__name__}"
        raise BadPhotoError(message) from None


def _decode_plain(image: NDArray[np.uint8], data: bytes) -> bool:
    """Decode a JPEG that needs nothing but decoding; return False for any other photo, or a damaged one.

    Pillow has the same pixels from libjpeg-turbo, in three times the time.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (height, width) != image.shape[:2] or colours not in {"YCbCr", "Gray"}:
            return False
        if _XMP_TURNED in data or (b"Exif\x00\x00" in data and _TURNED.search(data)):
            return False
        simplejpeg.decode_jpeg(data, "RGB", buffer=image)
    except ValueError:
        return False
    return True


def _decode(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as photo:
        if photo.width * photo.height > MAX_PIXELS:
            message = f"has an absurd size ({photo.width} x {photo.height}); at most {MAX_PIXELS} pixels are decoded"
            raise BadPhotoError(message, QuarantineKind.TOO_LARGE)
        if photo.format == "PNG" and _is_short(data):  # Pillow would make the missing rows black
            raise BadPhotoError("does not decode: its data end before its last row")
        _mend(photo)
        photo.draft("RGB", (2 * width, 2 * height))  # a large JPEG is decoded at a fraction of its size
        _refuse_unknown_colours(photo)
        image = _to_rgb(_turn_upright(photo))
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(image)


def _refuse_unknown_colours(photo: Image.Image) -> None:
    """Raise BadPhotoError for pixels of colours beyond the palette; Pillow would make them black."""
    if photo.mode == "P" and photo.palette is not None:
        colours = len(photo.palette.palette) // len(photo.palette.mode)
        highest = int(np.max(np.asarray(photo)))
        if highest >= colours:
            raise BadPhotoError(f"does not decode: it has pixels of colour {highest}, its palette {colours} colours")


def _is_short(data: bytes) -> bool:
    """Return whether a PNG's compressed data have fewer bytes than its rows need (https://www.w3.org/TR/png-3/)."""
    width, height, depth, colour_type, _, _, interlaced = struct.unpack_from(">2I5B", data, 16)
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour_type, 1)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    needed = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        needed += rows * (1 + -(-columns * bits // 8)) if columns > 0 else 0
    stream, at, held = zlib.decompressobj(), 8, 0
    while at + 8 <= len(data) and held < needed:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            held += len(stream.decompress(data[at + 8 : at + 8 + length], needed - held))
        at += length + 12
    return held < needed


def _mend(photo: Image.Image) -> None:
    """Mend how Pillow reads a photo that is just opened; raises BadPhotoError if its colours cannot be known."""
    stored = photo.tile[0][3]  # type: ignore[attr-defined]
    if photo.mode == "CMYK" and "adobe" not in photo.info:
        reason = "is a CMYK JPEG without Adobe's mark, which tells nobody whether its inks are inverted"
        raise BadPhotoError(reason, QuarantineKind.AMBIGUOUS)
    if "transparency" in photo.info and stored in _DEEP:
        reason = "has a transparent colour (tRNS) of 16 bits, which Pillow takes for one of 8"
        raise BadPhotoError(reason, QuarantineKind.AMBIGUOUS)
    if "transparency" in photo.info and stored in _GREYS:
        photo.info["transparency"] *= _GREYS[stored]


def _turn_upright(photo: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(photo.getexif().get(_ORIENTATION))
    except Exception:  # noqa: BLE001 -- as above; a photo with broken EXIF is taken as it is
        return photo
    return photo if turn is None else photo.transpose(turn)


def _to_rgb(photo: Image.Image) -> Image.Image:
    if photo.mode.startswith("I"):  # greys of 16 bits, which Pillow would make white
        photo = Image.fromarray((np.asarray(photo) >> 8).astype(np.uint8))
    if photo.has_transparency_data:
        photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo.convert("RGBA"))
    return photo.convert("RGB")
