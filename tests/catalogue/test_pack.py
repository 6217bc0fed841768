"""Packing: every photo decoded as a person would see it, in order of id, and what is no photo named."""

import io
import zlib

import numpy as np
from PIL import Image

from job.catalogue.contents import Unreadable
from job.catalogue.decode import MAX_PIXELS, decode
from job.catalogue.pack import Packed, hash_pixels, pack
from tests.tiny import photo


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pack_all(photos: list[tuple[str, bytes | Unreadable]]) -> Packed:
    return pack(photos, len(photos), height=32, width=24, progress=lambda *_: None)


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
    assert [name for name, _ in packed.undecodable] == ["a", "b", "d"]
    assert "cannot be read" in packed.undecodable[0][1]
    assert all("0x" not in reason for _, reason in packed.undecodable)
    np.testing.assert_array_equal(packed.images[0], decode(good, 32, 24))


def test_a_photo_of_absurd_size_is_left_out_before_it_is_decoded() -> None:
    """Headers that claim too many pixels cost their own photos alone; nothing of that size is ever allocated."""
    small = bytearray(encode(Image.new("RGB", (8, 8))))
    small[16:24] = (50_000).to_bytes(4) * 2  # the width and height of a PNG's header
    small[29:33] = zlib.crc32(small[12:29]).to_bytes(4)
    large = encode(Image.new("1", (9000, 8000)))
    packed = pack_all([("a", photo(0, 1)), ("b", bytes(small)), ("c", large)])
    assert packed.ids == ("a",)
    assert packed.undecodable == (
        ("b", f"photo has an absurd size (50000 x 50000); at most {MAX_PIXELS} pixels are decoded"),
        ("c", f"photo has an absurd size (9000 x 8000); at most {MAX_PIXELS} pixels are decoded"),
    )


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
