"""Packing: every photo decoded as a person would see it, in order of id, and what is no photo named."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from job.catalogue.contents import Unreadable
from job.catalogue.decode import MAX_PIXELS, decode
from job.catalogue.pack import Packed, hash_pixels, pack
from job.records.dataset import QuarantineKind
from tests.tiny import photo


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pack_all(photos: list[tuple[str, bytes | Unreadable]]) -> Packed:
    return pack(photos, [name for name, _ in photos], height=32, width=24, meter=lambda *_: None)


def test_rows_are_in_order_of_id_whatever_the_order_of_arrival() -> None:
    """Photos that arrive in another order make the same array."""
    photos: list[tuple[str, bytes | Unreadable]] = [(str(number), photo(number % 3, number)) for number in range(300)]
    straight, backward = pack_all(photos), pack_all(photos[::-1])
    assert straight.ids == backward.ids == tuple(sorted(str(number) for number in range(300)))
    np.testing.assert_array_equal(straight.images, backward.images)
    for row in (0, 7, 299):
        content = dict(photos)[straight.ids[row]]
        assert isinstance(content, bytes)
        np.testing.assert_array_equal(straight.images[row], decode(content, 32, 24))
    assert straight.pixel_hashes == hash_pixels(straight.images)


def test_what_does_not_decode_is_named_and_left_out() -> None:
    """A text, a cut-off JPEG and a member that could not be read are reported; the others are unharmed."""
    good = photo(0, 1)
    packed = pack_all(
        [
            ("c", good),
            ("b", b"no photo"),
            ("d", good[: len(good) // 2]),
            ("a", Unreadable("cannot be read")),
            ("e", good),
        ]
    )
    assert packed.ids == ("c", "e")
    assert [(item.id, item.kind) for item in packed.unusable] == [
        ("a", QuarantineKind.UNREADABLE),
        ("b", QuarantineKind.UNDECODABLE),
        ("d", QuarantineKind.UNDECODABLE),
    ]
    assert packed.unusable[0].reason == "photo cannot be read"
    assert all("0x" not in item.reason for item in packed.unusable)
    np.testing.assert_array_equal(packed.images[0], decode(good, 32, 24))


def test_a_photo_of_absurd_size_is_left_out_before_it_is_decoded() -> None:
    """Headers that claim too many pixels cost their own photos alone; nothing of that size is ever allocated."""
    small = bytearray(encode(Image.new("RGB", (8, 8))))
    small[16:24] = (50_000).to_bytes(4) * 2  # the width and height of a PNG's header
    small[29:33] = zlib.crc32(small[12:29]).to_bytes(4)
    large = encode(Image.new("1", (9000, 8000)))
    packed = pack_all([("a", photo(0, 1)), ("b", bytes(small)), ("c", large)])
    assert packed.ids == ("a",)
    assert [(item.id, item.reason) for item in packed.unusable] == [
        ("b", f"photo has an absurd size (50000 x 50000); at most {MAX_PIXELS} pixels are decoded"),
        ("c", f"photo has an absurd size (9000 x 8000); at most {MAX_PIXELS} pixels are decoded"),
    ]
    assert {item.kind for item in packed.unusable} == {QuarantineKind.TOO_LARGE}


def test_greyscale_becomes_rgb() -> None:
    """A photo of one channel has it three times."""
    decoded = decode(encode(Image.new("L", (24, 32), 77)), 32, 24)
    assert decoded.shape == (32, 24, 3)
    assert (decoded == 77).all()


def test_other_sizes_are_resized() -> None:
    """A photo of any size has the size asked for."""
    assert decode(photo(1, 1, size=(480, 640)), 32, 24).shape == (32, 24, 3)
    assert decode(photo(1, 1, size=(10, 10)), 32, 24).shape == (32, 24, 3)


def test_transparency_shows_white() -> None:
    """A cut-out product stands on white, not on the black that transparent pixels happen to hold."""
    decoded = decode(encode(Image.new("RGBA", (24, 32), (0, 0, 0, 0))), 32, 24)
    assert (decoded == 255).all()


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_too_few_rows_is_left_out(mode: str) -> None:
    """A whole and sound zlib stream that lacks one byte is no photo; Pillow would make the missing rows black."""
    chunks = chunks_of(encode(Image.new(mode, (23, 31))))
    decode(png_of(chunks), 32, 24)
    rows = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    short = [(kind, zlib.compress(rows[:-1]) if kind == b"IDAT" else data) for kind, data in chunks]
    (item,) = pack_all([("a", png_of(short))]).unusable
    assert item.reason == "photo does not decode: its data end before its last row"
    assert item.kind == QuarantineKind.UNDECODABLE


def test_an_interlaced_png_is_read_whole_or_not_at_all() -> None:
    """The rows of all seven passes are counted, also those of a photo so narrow that some passes have none."""
    for width, height, needed in ((1, 1, 4), (3, 5, 4 + 4 + 8 + 7 + 12 + 20)):
        header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 1])
        for size in (needed, needed - 1):
            chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(size))), (b"IEND", b"")]
            packed = pack_all([("a", png_of(chunks))])
            assert len(packed.ids) == (size == needed), (width, height, size)


def test_colours_beyond_the_palette_are_no_colours() -> None:
    """A pixel of colour 2 where the palette has two colours costs its photo, and black is not made of it."""
    header = bytes([0, 0, 0, 24, 0, 0, 0, 32, 8, 3, 0, 0, 0])
    rows = bytearray(b"\0" + b"\1" * 24) * 32
    chunks = [(b"IHDR", header), (b"PLTE", bytes([0, 0, 0, 250, 250, 250])), (b"IDAT", zlib.compress(rows))]
    assert (decode(png_of([*chunks, (b"IEND", b"")]), 32, 24) == 250).all()
    rows[100] = 2
    chunks[2:] = [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    (item,) = pack_all([("a", png_of(chunks))]).unusable
    assert item.reason == "photo does not decode: it has pixels of colour 2, its palette 2 colours"
