"""A pen that draws shapes for the sample catalogue, and the colours and outlines it draws them with.

A drawing is made in a frame of 60 x 80 units, x to the right in -30..30, y downwards in -40..40, on a canvas four times
as large as the photo. The pen knows no garment and no catalogue.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 60, 80
SUPERSAMPLING = 4

Colour: TypeAlias = tuple[int, int, int]
Ink: TypeAlias = Colour | Image.Image  # an image is a patterned cloth: RGBA, as large as the canvas
Point: TypeAlias = tuple[float, float]
Choice = TypeVar("Choice")

METALS: tuple[Colour, ...] = ((206, 208, 212), (222, 190, 112), (150, 152, 158), (206, 156, 132))

_CIRCLE = tuple((math.cos(turn * math.tau / 32), math.sin(turn * math.tau / 32)) for turn in range(32))


def tint(colour: Colour, factor: float) -> Colour:
    """Make a colour darker (factor < 1) or lighter (factor > 1, 2 being white)."""
    if factor <= 1:
        red, green, blue = (round(channel * factor) for channel in colour)
    else:
        red, green, blue = (round(channel + (255 - channel) * min(factor - 1, 1.0)) for channel in colour)
    return red, green, blue


def is_dark(colour: Colour) -> bool:
    """Whether light ink is read better on the colour than dark ink."""
    return sum(colour) < 3 * 124


def rounded(points: Sequence[Point], times: int = 2) -> list[Point]:
    """Cut a closed outline's corners `times` times (Chaikin's algorithm); a point given twice stays sharper."""
    line = list(points)
    for _ in range(times):
        ahead = [*line[1:], line[0]]
        line = [point for one, other in zip(line, ahead, strict=True) for point in _cut_corner(one, other)]
    return line


def curve(points: Sequence[Point], times: int = 2) -> list[Point]:
    """Do the same to an open line, whose ends stay where they are."""
    line = list(points)
    for _ in range(times):
        inner = [point for one, other in pairwise(line) for point in _cut_corner(one, other)]
        line = [line[0], *inner[1:-1], line[-1]]
    return line


def _cut_corner(one: Point, other: Point) -> tuple[Point, Point]:
    (x, y), (u, v) = one, other
    return (0.75 * x + 0.25 * u, 0.75 * y + 0.25 * v), (0.25 * x + 0.75 * u, 0.25 * y + 0.75 * v)


def oval(x: float, y: float, radius_x: float, radius_y: float) -> list[Point]:
    """Give the outline of an ellipse around (x, y)."""
    return [(x + radius_x * cosine, y + radius_y * sine) for cosine, sine in _CIRCLE]


def both_sides(right: Sequence[Point]) -> list[Point]:
    """Close the outline of a thing that is symmetrical about x = 0, from its right half, top to bottom."""
    return [*right, *((-x, y) for x, y in reversed(right))]


@dataclass(frozen=True)
class Pen:
    """Draws on one photo's canvas; every choice of a drawing is made by its `rng`."""

    rng: np.random.Generator
    canvas: Image.Image  # RGBA, SUPERSAMPLING times the photo
    base: Colour
    accent: Colour
    cloth: Ink  # the base colour with its pattern
    matrix: tuple[float, float, float, float, float, float]  # a, b, c, d, e, f: (ax + by + c, dx + ey + f)

    def at(self, x: float, y: float, scale_x: float = 1, scale_y: float | None = None, angle: float = 0) -> "Pen":
        """Give a pen with its origin at (x, y), scaled and turned clockwise by `angle` degrees; scale_x < 0 mirrors."""
        a, b, c, d, e, f = self.matrix
        scale_y = abs(scale_x) if scale_y is None else scale_y
        cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        p, q, r, s = cosine * scale_x, -sine * scale_y, sine * scale_x, cosine * scale_y
        matrix = (a * p + b * r, a * q + b * s, a * x + b * y + c, d * p + e * r, d * q + e * s, d * x + e * y + f)
        return replace(self, matrix=matrix)

    def between(self, low: float, high: float) -> float:
        """Draw a number uniformly."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return bool(self.rng.random() < probability)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of the choices, all equally likely."""
        return choices[int(self.rng.integers(len(choices)))]

    def fill(self, points: Sequence[Point], ink: Ink, *, seam: float = 0) -> None:
        """Fill an outline with a colour or a cloth; `seam` is the width in units of a darker line around it."""
        outline = self._on_canvas(points)
        draw = ImageDraw.Draw(self.canvas)
        if isinstance(ink, Image.Image):
            mask = Image.new("L", self.canvas.size)
            ImageDraw.Draw(mask).polygon(outline, fill=255)
            self.canvas.paste(ink, mask=mask)
            darker = tint(self.base, 0.72)
        else:
            draw.polygon(outline, fill=ink)
            darker = tint(ink, 0.72)
        if seam:
            draw.line([*outline, outline[0]], fill=darker, width=max(1, round(seam * SUPERSAMPLING)))

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.6) -> None:
        """Draw a line of `width` units, which is scaled with the pen."""
        ImageDraw.Draw(self.canvas).line(
            self._on_canvas(points), fill=colour, width=max(1, round(width * self._scale)), joint="curve"
        )

    def glaze(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a half transparent line on a canvas that is RGB."""
        ImageDraw.Draw(self.canvas, "RGBA").line(
            self._on_canvas(points), fill=(*colour, 128), width=max(1, round(width * self._scale))
        )

    def cut(self, points: Sequence[Point]) -> None:
        """Cut a hole through which the background is seen."""
        ImageDraw.Draw(self.canvas).polygon(self._on_canvas(points), fill=(*self.base, 0))

    @property
    def _scale(self) -> float:
        a, b, _, d, e, _ = self.matrix
        return math.sqrt(abs(a * e - b * d))

    def _on_canvas(self, points: Sequence[Point]) -> list[Point]:
        a, b, c, d, e, f = self.matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]


def pick_up_pen(rng: np.random.Generator, base: Colour, accent: Colour) -> Pen:
    """Take a pen over an empty canvas, and decide the thing's size, place and turn in the photo."""
    size = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
    empty = Image.new("RGBA", size, (*base, 0))
    origin = (SUPERSAMPLING, 0.0, size[0] / 2, 0.0, SUPERSAMPLING, size[1] / 2)
    pen = Pen(rng, empty, base, accent, base, origin)
    scale = pen.between(0.93, 1.08)
    x, y, stretch = pen.between(-2, 2), pen.between(-2, 2), pen.between(0.94, 1.06)
    return pen.at(x, y, scale * stretch, scale, angle=float(rng.normal(0, 2.5)))
