"""Packing: every photo decoded as a person would see it, in order of id, and what is no photo named."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from job.catalogue.archives import Unreadable
from job.catalogue.pack import MAX_PIXELS, Packed, _decode, _decode_plain, decode, hash_pixels, pack
from job.errors import CatalogueError
from tests.tiny import photo


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pack_all(photos: list[tuple[str, bytes | Unreadable]]) -> Packed:
    return pack(photos, len(photos), height=32, width=24, uri="here", progress=lambda *_: None)


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


def test_a_photo_of_absurd_size_is_refused_before_it_is_decoded() -> None:
    """A header that claims 50,000 x 50,000 pixels ends the job; nothing of that size is ever allocated."""
    small = bytearray(encode(Image.new("RGB", (8, 8))))
    small[16:24] = (50_000).to_bytes(4) * 2  # the width and height of a PNG's header
    small[29:33] = zlib.crc32(small[12:29]).to_bytes(4)
    with pytest.raises(CatalogueError, match=f"photo b has an absurd size .* at most {MAX_PIXELS}"):
        pack_all([("a", photo(0, 1)), ("b", bytes(small))])


def test_greyscale_becomes_rgb() -> None:
    """A photo of one channel has it three times."""
    decoded = decode(encode(Image.new("L", (24, 32), 77)), 32, 24)
    assert decoded.shape == (32, 24, 3)
    assert (decoded == 77).all()


def test_other_sizes_are_resized() -> None:
    """A photo of any size has the size asked for."""
    assert decode(photo(1, 1, size=(480, 640)), 32, 24).shape == (32, 24, 3)
    assert decode(photo(1, 1, size=(10, 10)), 32, 24).shape == (32, 24, 3)


def test_photos_are_turned_upright() -> None:
    """The orientation that EXIF gives is applied, as every viewer does; other EXIF changes nothing."""
    upright = Image.fromarray(np.arange(32 * 24 * 3, dtype=np.uint8).reshape(32, 24, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees to see it upright
    turned = encode(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    np.testing.assert_array_equal(decode(turned, 32, 24), np.asarray(upright))
    exif[0x0112] = 1
    exif[0x010E] = "x" * 5000
    np.testing.assert_array_equal(decode(encode(upright, exif=exif), 32, 24), np.asarray(upright))


def exif(endian: str, orientation: int) -> bytes:
    made = Image.Exif()
    made.endian = endian
    made[0x0112] = orientation
    made[0x010E] = "x" * 5000
    return made.tobytes()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 24, 3), np.uint8))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
PLAIN = {
    "as it comes": encode(NOISE, "JPEG"),
    "full colour": encode(NOISE, "JPEG", quality=95, subsampling=0),
    "progressive": encode(NOISE, "JPEG", progressive=True),
    "grey": encode(NOISE.convert("L"), "JPEG"),
    "upright, big-endian": encode(NOISE, "JPEG", exif=exif(">", 1)),
    "upright, little-endian": encode(NOISE, "JPEG", exif=exif("<", 1)),
}
NOT_PLAIN = {
    "CMYK": encode(NOISE.convert("CMYK"), "JPEG"),
    "stored as RGB": encode(NOISE, "JPEG", keep_rgb=True),
    "another size": encode(NOISE.resize((30, 40)), "JPEG"),
    "PNG": encode(NOISE),
    "turned by XMP": encode(NOISE, "JPEG", exif=exif(">", 1).replace(b"\x01\x12", b"\x01\x11"), xmp=XMP),
    **{f"turned {n}, big-endian": encode(NOISE, "JPEG", exif=exif(">", n)) for n in range(2, 9)},
    **{f"turned {n}, little-endian": encode(NOISE, "JPEG", exif=exif("<", n)) for n in range(2, 9)},
}


@pytest.mark.parametrize("name", [*PLAIN, *NOT_PLAIN])
def test_the_short_way_leads_to_the_same_pixels(name: str) -> None:
    """What libjpeg-turbo decodes without Pillow is what Pillow makes of it; whatever needs more goes to Pillow."""
    data = (PLAIN | NOT_PLAIN)[name]
    assert _decode_plain(np.empty((32, 24, 3), np.uint8), data) == (name in PLAIN)
    np.testing.assert_array_equal(decode(data, 32, 24), _decode(data, 32, 24))


def test_a_photo_turned_by_xmp_is_turned_upright() -> None:
    """The case above is one: XMP's orientation counts where EXIF has none."""
    upright = NOISE.transpose(Image.Transpose.ROTATE_180)
    decoded = decode(NOT_PLAIN["turned by XMP"], 32, 24).astype(int)
    assert np.abs(decoded - np.asarray(upright)).mean() < np.abs(decoded - np.asarray(NOISE)).mean()


def test_transparency_shows_white() -> None:
    """A cut-out product stands on white, not on the black that transparent pixels happen to hold."""
    decoded = decode(encode(Image.new("RGBA", (24, 32), (0, 0, 0, 0))), 32, 24)
    assert (decoded == 255).all()
