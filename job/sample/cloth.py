"""Patterned cloth for the sample catalogue: stripes, checks, dots, prints, washed denim."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from job.sample.studio import Colour, Ink, Pen, Point, oval, tint

FRAME = 50.0  # units; stripes reach beyond the photo's corners however the pen is turned


def weave(pen: Pen, pattern: str) -> Ink:
    """Give what `pen` shall paint with: its base colour, or a cloth in its base and accent that turns as the pen does.

    Raises `KeyError` for a pattern that is neither "Solid" nor in `PATTERNS`.
    """
    if pattern == "Solid":
        return pen.base
    loom = replace(pen, canvas=Image.new("RGB", pen.canvas.size, pen.base))
    PATTERNS[pattern](loom)
    return loom.canvas.convert("RGBA")


def _striped(loom: Pen) -> None:
    pitch, width = _thread(loom)
    for stripe in _across(pitch) if loom.chance(0.55) else _down(pitch):
        loom.line(stripe, loom.accent, width)


def _diagonal(loom: Pen) -> None:
    pitch, width = _thread(loom)
    slant = loom.at(0, 0, 1, angle=loom.pick([35, -35]))
    for stripe in _across(pitch):
        slant.line(stripe, loom.accent, width)


def _checked(loom: Pen) -> None:
    pitch, width = _thread(loom)
    for stripe in [*_across(pitch), *_down(pitch)]:
        loom.glaze(stripe, loom.accent, width)


def _dotted(loom: Pen) -> None:
    pitch, _ = _thread(loom)
    dot = oval(0, 0, pitch * 0.22, pitch * 0.22)[::2]
    for row, y in enumerate(_steps(pitch)):
        for x in _steps(pitch, 34):
            loom.at(x + pitch / 2 * (row % 2), y).fill(dot, loom.accent)


def _printed(loom: Pen) -> None:
    red, green, blue = ((one + other) // 2 for one, other in zip(loom.base, loom.accent, strict=True))
    colours: list[Colour] = [loom.accent, (red, green, blue), tint(loom.base, 0.7), tint(loom.base, 1.5)]
    for _ in range(40):
        x, y, radius = loom.between(-30, 30), loom.between(-40, 40), loom.between(1.2, 3.2)
        loom.at(x, y, radius, angle=loom.between(0, 180)).fill(_flower(loom.pick([2, 4, 5])), loom.pick(colours))


def _washed(loom: Pen) -> None:
    for _ in range(110):
        x, y = loom.between(-20, 20), loom.between(-40, 40)
        loom.line([(x, y), (x, y + loom.between(4, 14))], tint(loom.base, loom.between(0.85, 1.18)))


PATTERNS: Mapping[str, Callable[[Pen], None]] = {
    "Striped": _striped,
    "Diagonal": _diagonal,
    "Checked": _checked,
    "Dotted": _dotted,
    "Printed": _printed,
    "Washed": _washed,
}


def _thread(loom: Pen) -> tuple[float, float]:
    """Draw the distance between two stripes and the width of one, in units."""
    pitch = loom.between(3.5, 8)
    return pitch, pitch * loom.between(0.25, 0.6)


def _steps(pitch: float, reach: float = FRAME) -> list[float]:
    return [float(step) for step in np.arange(-reach, reach, pitch)]


def _across(pitch: float) -> list[list[Point]]:
    return [[(-FRAME, step), (FRAME, step)] for step in _steps(pitch)]


def _down(pitch: float) -> list[list[Point]]:
    return [[(step, -FRAME), (step, FRAME)] for step in _steps(pitch)]


def _flower(petals: int) -> list[Point]:
    turns = [turn * math.tau / 24 for turn in range(24)]
    radii = [0.55 + 0.45 * math.cos(petals * turn) for turn in turns]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for turn, radius in zip(turns, radii, strict=True)]
