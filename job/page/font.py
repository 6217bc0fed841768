"""Roboto: how wide a text is, and the letters that a page needs as a font within the page.

So a page looks the same on every machine, whatever fonts it has, and labels that were measured do not overlap. Reads
the font files of the package font-roboto; formats: https://learn.microsoft.com/typography/opentype/spec/ and
https://www.w3.org/TR/WOFF/.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import font_roboto

Weight = Literal["Regular", "Medium"]

WEIGHTS: dict[Weight, int] = {"Regular": 400, "Medium": 500}
"""The weights that are used, as CSS counts them."""

_KEPT = ("OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post")  # no kerning: sums are exact
_UNKNOWN_EM = 1.0  # of a letter that Roboto has not; most such are as wide as they are high
_MORE_COMPONENTS, _WORDS, _SCALE, _XY_SCALE, _TWO_BY_TWO = 0x20, 0x01, 0x08, 0x40, 0x80


def font_path(weight: Weight) -> Path:
    """Return where the font file of a weight lies."""
    return Path(font_roboto.font_directory) / f"Roboto-{weight}.ttf"


def text_width(text: str, size: float, weight: Weight = "Regular") -> float:
    """Return the width of a text in the unit of `size`."""
    font = _font(weight)
    ems = sum(font.advances[glyph] if (glyph := font.glyphs.get(ord(char))) else _UNKNOWN_EM for char in text)
    return ems * size


def shortened(text: str, size: float, width: float) -> str:
    """Return a text, cut with an ellipsis where it is wider than `width`."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def woff(weight: Weight, characters: frozenset[str]) -> bytes:
    """Return a WOFF font that has the outlines of these characters alone."""
    font = _font(weight)
    kept = {0} | {font.glyphs[ord(char)] for char in characters if ord(char) in font.glyphs}
    outlines, offsets = bytearray(), [0]
    glyphs = [font.outline(glyph) for glyph in range(len(font.advances))]
    waiting = sorted(kept)
    while waiting:
        parts = set(_components(glyphs[waiting.pop()])) - kept
        kept |= parts
        waiting += parts
    for glyph, outline in enumerate(glyphs):
        outlines += outline if glyph in kept else b""
        offsets.append(len(outlines))
    loca = struct.pack(f">{len(offsets)}L", *offsets)
    # the offsets are long ones, whatever they were
    head = font.tables["head"][:50] + struct.pack(">h", 1) + font.tables["head"][52:]
    return _packed(font.tables | {"glyf": bytes(outlines), "loca": loca, "head": head})


@dataclass(frozen=True)
class _Font:
    tables: dict[str, bytes]
    glyphs: dict[int, int]
    """Glyph by code point."""
    advances: tuple[float, ...]
    """In ems, by glyph."""
    offsets: tuple[int, ...]

    def outline(self, glyph: int) -> bytes:
        return self.tables["glyf"][self.offsets[glyph] : self.offsets[glyph + 1]]


@cache
def _font(weight: Weight) -> _Font:
    data = font_path(weight).read_bytes()
    (count,) = struct.unpack_from(">H", data, 4)
    tables = {}
    for index in range(count):
        name, _, offset, length = struct.unpack_from(">4sLLL", data, 12 + 16 * index)
        tables[name.decode()] = data[offset : offset + length]
    (em,) = struct.unpack_from(">H", tables["head"], 18)
    (n_glyphs,) = struct.unpack_from(">H", tables["maxp"], 4)
    (n_metrics,) = struct.unpack_from(">H", tables["hhea"], 34)
    metrics = struct.unpack_from(">" + "Hh" * n_metrics, tables["hmtx"])[::2]
    advances = [metrics[min(glyph, n_metrics - 1)] / em for glyph in range(n_glyphs)]
    (long_offsets,) = struct.unpack_from(">h", tables["head"], 50)
    offsets = struct.unpack_from(f">{n_glyphs + 1}{'L' if long_offsets else 'H'}", tables["loca"])
    return _Font(
        tables={name: tables[name] for name in _KEPT},
        glyphs=_glyphs(tables["cmap"]),
        advances=tuple(advances),
        offsets=offsets if long_offsets else tuple(2 * offset for offset in offsets),
    )


def _glyphs(cmap: bytes) -> dict[int, int]:
    """Return the glyph of each code point of the Basic Multilingual Plane, from a subtable of format 4."""
    (count,) = struct.unpack_from(">H", cmap, 2)
    starts = (struct.unpack_from(">HHL", cmap, 4 + 8 * index)[2] for index in range(count))
    table = next(cmap[start:] for start in starts if struct.unpack_from(">H", cmap, start) == (4,))
    (twice,) = struct.unpack_from(">H", table, 6)
    n = twice // 2
    ends = struct.unpack_from(f">{n}H", table, 14)
    firsts = struct.unpack_from(f">{n}H", table, 16 + twice)
    deltas = struct.unpack_from(f">{n}H", table, 16 + 2 * twice)
    ranges = struct.unpack_from(f">{n}H", table, 16 + 3 * twice)
    found = {}
    for segment in range(n):
        for code in range(firsts[segment], ends[segment] + 1):
            glyph = code
            if ranges[segment]:
                place = 16 + 3 * twice + 2 * segment + ranges[segment] + 2 * (code - firsts[segment])
                (glyph,) = struct.unpack_from(">H", table, place) if place + 2 <= len(table) else (0,)
            if not ranges[segment] or glyph:
                glyph = (glyph + deltas[segment]) % 2**16
            if glyph:
                found[code] = glyph
    return found


def _components(outline: bytes) -> list[int]:
    """Return the glyphs that a composite glyph is made of; none for a simple one."""
    if not outline or struct.unpack_from(">h", outline) >= (0,):
        return []
    parts, place, flags = [], 10, _MORE_COMPONENTS
    while flags & _MORE_COMPONENTS:
        flags, glyph = struct.unpack_from(">HH", outline, place)
        parts.append(glyph)
        place += 8 if flags & _WORDS else 6
        place += 2 if flags & _SCALE else 4 if flags & _XY_SCALE else 8 if flags & _TWO_BY_TWO else 0
    return parts


def _packed(tables: dict[str, bytes]) -> bytes:
    directory, body = bytearray(), bytearray()
    start = 44 + 20 * len(tables)
    for name, table in sorted(tables.items()):
        padded = table + bytes(-len(table) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}L", padded)) % 2**32
        packed = zlib.compress(table, 9)
        stored = packed if len(packed) < len(table) else table
        directory += struct.pack(">4sLLLL", name.encode(), start + len(body), len(stored), len(table), checksum)
        body += stored + bytes(-len(stored) % 4)
    unpacked = 12 + 16 * len(tables) + sum(len(table) + -len(table) % 4 for table in tables.values())
    length = start + len(body)
    header = struct.pack(">4sLLHHLHHLLLLL", b"wOFF", 0x00010000, length, len(tables), 0, unpacked, 1, 0, 0, 0, 0, 0, 0)
    return header + bytes(directory) + bytes(body)
