"""Photos of every kind that JPEG and PNG have, drawn by code, with the pixels that a person would see."""

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 32, 24
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Kind:
    """A file, and what is to be seen in it."""

    data: bytes
    seen: Pixels | None
    """(HEIGHT, WIDTH, 3) RGB; None for a file that cannot be used."""
    tolerance: float = 0
    """Mean difference, of 255, that JPEG's losses and resampling may make."""
    reason: str = ""
    """Why the file cannot be used."""


def _smooth() -> Pixels:
    """Return a picture that is other in each corner, and smooth, so that JPEG keeps it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([20 + y * 6, 30 + x * 8, 220 - y * 3 - x * 4], axis=2).astype(np.uint8)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def png(depth: int, colour: int, rows: Iterable[bytes], *extra: tuple[bytes, bytes], after: bytes = b"") -> bytes:
    """Return a PNG of WIDTH x HEIGHT with these rows; `extra` chunks stand before its pixels, `after` behind."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks) + after + _png_chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image as Pillow writes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int, endian: str = ">") -> bytes:
    """Return EXIF with an orientation and some more."""
    made = Image.Exif()
    made.endian = endian
    made[0x0112] = orientation
    made[0x010E] = "a description"
    return made.tobytes()


def xmp(orientation: int, *, as_element: bool = False) -> bytes:
    """Return XMP with an orientation."""
    said = f'tiff:Orientation="{orientation}"/>'
    if as_element:
        said = f"><tiff:Orientation>{orientation}</tiff:Orientation></rdf:Description>"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {said}</x:xmpmeta>'.encode()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _without_segment(jpeg: bytes, marker: int) -> bytes:
    begin = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:begin] + jpeg[begin + 2 + int.from_bytes(jpeg[begin + 2 : begin + 4]) :]


def _with_segment(jpeg: bytes, marker: int, content: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content + jpeg[2:]


SEEN = _smooth()
GREY = np.repeat(SEEN[:, :, :1], 3, axis=2)
PICTURE = Image.fromarray(SEEN)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
# the transposition that hides what EXIF's orientation then shows
HIDDEN = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _lying(orientation: int, size: int = 1) -> Image.Image:
    picture = PICTURE.resize((WIDTH * size, HEIGHT * size), Image.Resampling.BICUBIC) if size > 1 else PICTURE
    turn = HIDDEN[orientation]
    return picture if turn is None else picture.transpose(turn)


def _deep(values: NDArray[np.int64]) -> list[bytes]:
    return [row.astype(">u2").tobytes() for row in values.reshape(HEIGHT, -1)]


def _packed_rows(values: Pixels, depth: int) -> list[bytes]:
    """Return rows of WIDTH values of 1, 2 or 4 bits."""
    bits = (values[:, :, None] >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
    return [np.packbits(row.reshape(-1)).tobytes() for row in bits]


def _jpegs() -> dict[str, Kind]:
    kinds = {
        "jpeg": Kind(saved(PICTURE, "JPEG", quality=95), SEEN, 3),
        "jpeg, full colour": Kind(saved(PICTURE, "JPEG", quality=95, subsampling=0), SEEN, 3),
        "jpeg, progressive": Kind(saved(PICTURE, "JPEG", quality=95, progressive=True), SEEN, 3),
        "jpeg, grey": Kind(saved(Image.fromarray(GREY[:, :, 0]), "JPEG", quality=95), GREY, 3),
        "jpeg, stored as RGB": Kind(saved(PICTURE, "JPEG", quality=95, keep_rgb=True), SEEN, 3),
        "jpeg, CMYK as Adobe inverts it": Kind(saved(PICTURE.convert("CMYK"), "JPEG", quality=95), SEEN, 3),
        "jpeg, large": Kind(saved(_lying(1, 11), "JPEG", quality=95), SEEN, 4),
        "jpeg, large and lying": Kind(saved(_lying(6, 11), "JPEG", quality=95, exif=exif(6)), SEEN, 4),
        "jpeg, damaged EXIF": Kind(
            _with_segment(saved(PICTURE, "JPEG", quality=95), 0xE1, b"Exif\0\0XX\0\x2anothing of use here"), SEEN, 3
        ),
        "jpeg, damaged EXIF of an orientation": Kind(
            _with_segment(saved(PICTURE, "JPEG", quality=95), 0xE1, b"Exif\0\0XX" + exif(6)[8:]), SEEN, 3
        ),
        "jpeg, several pictures": Kind(
            saved(PICTURE, "MPO", save_all=True, append_images=[Image.new("RGB", PICTURE.size)], quality=95), SEEN, 3
        ),
        "jpeg, with a profile": Kind(saved(PICTURE, "JPEG", quality=95, icc_profile=b"any profile"), SEEN, 3),
        "jpeg, cut off": Kind(_half(saved(NOISE, "JPEG", quality=95)), None, reason="truncated"),
    }
    bare = _without_segment(saved(PICTURE.convert("CMYK"), "JPEG", quality=95), 0xEE)
    kinds["jpeg, CMYK without a mark"] = Kind(bare, None, reason="CMYK")
    # YCCK stores inks as YCbCr, which are those of the negative; Adobe's mark says 2, and Pillow inverts what it writes
    inks = 255 - np.asarray(Image.fromarray(255 - SEEN).convert("YCbCr"))
    ycck = Image.fromarray(np.dstack([inks, np.zeros((HEIGHT, WIDTH), np.uint8)]), "CMYK")
    data = bytearray(saved(ycck, "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    kinds["jpeg, YCCK"] = Kind(bytes(data), SEEN, 4)
    for n in range(1, 9):
        for endian, name in ((">", "big-endian"), ("<", "little-endian")):
            lying = saved(_lying(n), "JPEG", quality=95, exif=exif(n, endian))
            kinds[f"jpeg, turned by EXIF to {n}, {name}"] = Kind(lying, SEEN, 3)
        kinds[f"jpeg, turned by XMP alone to {n}"] = Kind(
            saved(_lying(n), "JPEG", quality=95, xmp=xmp(n, as_element=n % 2 == 0)), SEEN, 3
        )
    kinds["jpeg, EXIF without a turn and XMP with one"] = Kind(
        saved(_lying(8), "JPEG", quality=95, exif=exif(1).replace(b"\x01\x12", b"\x01\x11"), xmp=xmp(8)), SEEN, 3
    )
    return kinds


def _pngs() -> dict[str, Kind]:
    rgb = [row.tobytes() for row in SEEN]
    grey = GREY[:, :, 0]
    black = grey < 100
    on_white = np.where(black[:, :, None], 255, SEEN).astype(np.uint8)
    shade = np.where(black, 0, 128).astype(np.uint8)[:, :, None]
    half = (shade / 255.0) * SEEN + (255 - shade)
    levels = {depth: (grey.astype(int) * (2**depth - 1) // 255).astype(np.uint8) for depth in (1, 2, 4)}
    greys = {d: np.repeat((levels[d].astype(int) * (255 // (2**d - 1)))[:, :, None], 3, 2) for d in levels}
    deep_grey = grey.astype(np.int64) * 256 + 77
    deep = SEEN.astype(np.int64) * 256 + 200
    kinds = {
        "png": Kind(saved(PICTURE), SEEN),
        "png, interlaced": Kind(_interlaced(), SEEN),
        "png, grey of 8 bits": Kind(saved(Image.fromarray(grey)), GREY),
        "png, grey of 16 bits": Kind(png(16, 0, _deep(deep_grey)), GREY),
        "png, grey of 16 bits, turned": Kind(
            saved(Image.fromarray(deep_grey.astype(np.uint16)).transpose(Image.Transpose.ROTATE_90), exif=exif(6)), GREY
        ),
        "png, grey of 16 bits with alpha": Kind(
            png(16, 4, _deep(np.dstack([deep_grey, np.where(black, 0, 65535)]))),
            np.where(black[:, :, None], 255, GREY).astype(np.uint8),
        ),
        "png, RGB of 16 bits": Kind(png(16, 2, _deep(deep)), SEEN),
        "png, RGBA of 16 bits": Kind(png(16, 6, _deep(np.dstack([deep, np.where(black, 0, 65535)]))), on_white),
        "png, grey with alpha": Kind(
            saved(Image.fromarray(np.dstack([grey, np.where(black, 0, 255).astype(np.uint8)]), "LA")),
            np.where(black[:, :, None], 255, GREY).astype(np.uint8),
        ),
        "png, RGBA": Kind(saved(Image.fromarray(np.dstack([SEEN, shade[:, :, 0]]), "RGBA")), half.astype(np.uint8), 1),
        "png, palette": Kind(*_palette()),
        "png, palette with transparency": Kind(*_palette(transparent=True)),
        "png, palette that is missing": Kind(
            png(8, 3, [row.tobytes() for row in grey]), None, reason="does not decode"
        ),
        "png, transparent grey": Kind(
            png(8, 0, [np.where(row < 100, 7, row).astype(np.uint8).tobytes() for row in grey], (b"tRNS", b"\0\7")),
            np.where(black[:, :, None], 255, GREY).astype(np.uint8),
        ),
        "png, transparent colour": Kind(
            png(
                8,
                2,
                [np.where(b[:, None], 9, r).astype(np.uint8).tobytes() for r, b in zip(SEEN, black, strict=True)],
                (b"tRNS", b"\0\11\0\11\0\11"),
            ),
            on_white,
        ),
        "png, transparent grey of 16 bits": Kind(
            png(16, 0, _deep(deep_grey), (b"tRNS", b"\x40\x4d")), None, reason="16 bits"
        ),
        "png, transparent colour of 16 bits": Kind(
            png(16, 2, _deep(deep), (b"tRNS", b"\0\xc8" * 3)), None, reason="16 bits"
        ),
        "png, several pictures": Kind(
            saved(PICTURE, save_all=True, append_images=[Image.new("RGB", PICTURE.size)]), SEEN
        ),
        "png, large": Kind(saved(_lying(1, 5)), SEEN, 3),
        "png, turned by XMP alone": Kind(
            png(
                8,
                2,
                [row.tobytes() for row in np.asarray(PICTURE.transpose(Image.Transpose.ROTATE_180))],
                (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3)),
            ),
            SEEN,
        ),
        "png, turned by EXIF behind its pixels": Kind(
            png(
                8,
                2,
                [row.tobytes() for row in np.asarray(PICTURE.transpose(Image.Transpose.ROTATE_180))],
                after=_png_chunk(b"eXIf", exif(3)[6:]),
            ),
            SEEN,
        ),
        "png, damaged EXIF": Kind(png(8, 2, rgb, (b"eXIf", b"XX")), SEEN),
        "png, damaged EXIF in a text": Kind(
            png(8, 2, rgb, (b"tEXt", b"Raw profile type exif\0\nexif\n 3\nzz\n")), SEEN
        ),
        "png, with gamma": Kind(png(8, 2, rgb, (b"gAMA", (100_000).to_bytes(4))), SEEN),
        "png, cut off": Kind(_half(saved(NOISE)), None, reason="its data end before its last row"),
        "gif": Kind(saved(PICTURE, "GIF"), None, reason="no JPEG or PNG"),
        "text": Kind(b"this is no photo", None, reason="no JPEG or PNG"),
        "nothing": Kind(b"", None, reason="no JPEG or PNG"),
    }
    for n in range(2, 9):
        kinds[f"png, turned by EXIF to {n}"] = Kind(saved(_lying(n), exif=exif(n)), SEEN)
    for depth, values in levels.items():
        rows = _packed_rows(values, depth)
        kinds[f"png, grey of {depth} bits"] = Kind(png(depth, 0, rows), greys[depth].astype(np.uint8))
        lowest = np.where((values == 1)[:, :, None], 255, greys[depth]).astype(np.uint8)
        kinds[f"png, transparent grey of {depth} bits"] = Kind(png(depth, 0, rows, (b"tRNS", b"\0\1")), lowest)
    return kinds


def _palette(*, transparent: bool = False) -> tuple[bytes, Pixels]:
    colours = np.array([[200, 30, 40], [10, 160, 90], [250, 220, 20], [30, 40, 210]], np.uint8)
    indices = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) // 50 % 4).astype(np.uint8)
    extra = [(b"PLTE", colours.tobytes()), *([(b"tRNS", b"\xff\0")] if transparent else [])]
    seen = colours.copy()
    if transparent:
        seen[1] = 255
    return png(2, 3, _packed_rows(indices, 2), *extra), seen[indices]


def _interlaced() -> bytes:
    """Return a PNG in the seven passes of Adam7, which Pillow reads and does not write."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    raw = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in SEEN[y::dy, x::dx])
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


KINDS = _jpegs() | _pngs()
