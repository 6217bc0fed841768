"""A pen that draws one product for the sample catalogue, and the camera that makes a photo of the drawing.

A drawing has 60 x 80 units, x to the right in -30..30, y downwards in -40..40, on a canvas four times the photo's size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 60, 80
SUPERSAMPLING = 4
WHITE_WALLS = 0.85  # share of the photos; the others stand before a light colour
OUT_OF_FOCUS = 0.3  # share of the photos

Colour: TypeAlias = tuple[int, int, int]
Floats: TypeAlias = NDArray[np.floating[Any]]
Point: TypeAlias = tuple[float, float]
Choice = TypeVar("Choice")

PALE: Colour = (244, 244, 242)
RUBBER: Colour = (52, 48, 46)
_SIZE = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)


def tint(colour: Colour, factor: float) -> Colour:
    """Make a colour darker (factor < 1) or lighter (factor > 1, 2 being white)."""
    red, green, blue = (
        round(channel * factor if factor <= 1 else channel + (255 - channel) * (factor - 1)) for channel in colour
    )
    return red, green, blue


def ink_on(colour: Colour) -> Colour:
    """Return the ink that is read best on the colour."""
    return PALE if sum(colour) < 380 else RUBBER  # noqa: PLR2004 -- half of white


def oval(x: float, y: float, radius_x: float, radius_y: float) -> list[Point]:
    """Return the outline of an ellipse around (x, y)."""
    turns = [turn * math.tau / 32 for turn in range(32)]
    return [(x + radius_x * math.cos(turn), y + radius_y * math.sin(turn)) for turn in turns]


def both_sides(right: Sequence[Point]) -> list[Point]:
    """Return the outline of a thing that is symmetrical about x = 0, from its right half, top to bottom."""
    return [*right, *((-x, y) for x, y in reversed(right))]


def rounded(points: Sequence[Point], *, closed: bool = True) -> list[Point]:
    """Cut an outline's corners twice (Chaikin's algorithm); a point given twice stays sharp."""
    line = np.array(points if closed else [points[0], *points, points[-1]], float)  # (n, 2)
    for _ in range(2):
        ahead = np.roll(line, -1, axis=0)
        line = np.stack([0.75 * line + 0.25 * ahead, 0.25 * line + 0.75 * ahead], axis=1).reshape(-1, 2)
        if not closed:
            line = line[:-2]
    return [(x, y) for x, y in line.tolist()]


@dataclass(frozen=True)
class Pen:
    """Draws on one photo's canvas. Every choice of a drawing is made by its `rng`."""

    rng: np.random.Generator
    base: Colour
    accent: Colour
    cloth: Image.Image  # RGB, the base colour with its pattern
    canvas: Image.Image  # RGBA
    matrix: Floats  # (2, 3), from units to the canvas
    scale: float = 1

    def at(self, x: float, y: float, scale: float = 1) -> "Pen":
        """Return a pen with its origin at (x, y)."""
        matrix = np.column_stack([self.matrix[:, :2] * scale, self.matrix @ (x, y, 1)])
        return replace(self, matrix=matrix, scale=self.scale * scale)

    def between(self, low: float, high: float) -> float:
        """Draw a number uniformly."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self.rng.random() < probability)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of the choices, all equally likely."""
        return choices[int(self.rng.integers(len(choices)))]

    def fill(self, points: Sequence[Point], ink: Colour | None = None, *, seam: float = 0.5) -> None:
        """Fill an outline with a colour, or with the cloth; `seam` is the width of a darker line around it."""
        outline = self._on_canvas(points)
        if ink is None:
            mask = Image.new("L", _SIZE)
            ImageDraw.Draw(mask).polygon(outline, fill=255)
            self.canvas.paste(self.cloth, mask=mask)
        else:
            ImageDraw.Draw(self.canvas).polygon(outline, fill=ink)
        if seam:
            self.line([*points, points[0]], tint(ink or self.base, 0.72), seam)

    def pair(self, points: Sequence[Point], ink: Colour | None = None, *, seam: float = 0.5) -> None:
        """Fill an outline and its mirror image."""
        self.fill(points, ink, seam=seam)
        self.fill([(-x, y) for x, y in points], ink, seam=seam)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.6) -> None:
        """Draw a line of `width` units."""
        thick = max(1, round(width * self.scale * SUPERSAMPLING))
        ImageDraw.Draw(self.canvas).line(self._on_canvas(points), colour, thick, joint="curve")

    def cut(self, points: Sequence[Point]) -> None:
        """Cut a hole through which the background is seen."""
        ImageDraw.Draw(self.canvas).polygon(self._on_canvas(points), fill=(*self.base, 0))

    def _on_canvas(self, points: Sequence[Point]) -> list[Point]:
        return [(x, y) for x, y in (np.array(points) @ self.matrix[:, :2].T + self.matrix[:, 2]).tolist()]


def pick_up_pen(rng: np.random.Generator, base: Colour, accent: Colour, pattern: str) -> Pen:
    """Return a pen over an empty canvas; the thing's size, place and turn in the photo are decided."""
    cloth = Image.new("RGB", _SIZE, base)
    if pattern != "Solid":
        cloth.paste(accent, mask=Image.fromarray((255 * weave(rng, pattern)).astype(np.uint8)))
    scale, turn, side = SUPERSAMPLING * rng.uniform(0.85, 1.08), math.radians(rng.normal(0, 4)), rng.choice((-1, 1))
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    x, y = (length / 2 + SUPERSAMPLING * rng.uniform(-3, 3) for length in _SIZE)
    canvas = Image.new("RGBA", _SIZE, (*base, 0))
    return Pen(rng, base, accent, cloth, canvas, np.array([[side * a, -b, x], [side * b, a, y]]))


def weave(rng: np.random.Generator, pattern: str) -> Floats:
    """Return how much of the accent is in the cloth, (canvas height, canvas width), 0 to 1."""
    if pattern == "Printed":
        return np.where(_clouds(rng, (20, 15), _SIZE) > 0.62, 1, 0)  # noqa: PLR2004 -- a third of it
    y, x = np.ogrid[: _SIZE[1], : _SIZE[0]]  # (H, 1), (1, W)
    pitch = float(rng.uniform(3.5, 8)) * SUPERSAMPLING
    width = pitch * rng.uniform(0.25, 0.6)
    if pattern == "Dotted":
        return np.where(np.hypot(x % pitch - pitch / 2, y % pitch - pitch / 2) < pitch * 0.24, 1, 0)
    if pattern == "Diagonal":
        return np.where((x + y) % pitch < width, 1, 0)
    across, down = np.where(y % pitch < width, 1, 0 * x), np.where(x % pitch < width, 1, 0 * y)
    if pattern == "Checked":
        return np.add(across, down) / 2
    return across if rng.random() < 0.5 else down  # noqa: PLR2004 -- half of them


def photograph(pen: Pen, *, gloss: float) -> Image.Image:
    """Put what the pen has drawn before a wall, light it, and take its picture: (WIDTH, HEIGHT) RGB.

    `gloss`, 0 to 1, is how far edges catch the light; what has none has folds.
    """
    rng = pen.rng
    small = pen.canvas.reduce(SUPERSAMPLING)
    paint = np.asarray(small, np.float32)  # (HEIGHT, WIDTH, 4)
    alpha = paint[:, :, 3:] / 255  # (HEIGHT, WIDTH, 1)
    mask = small.getchannel("A")

    lamp = rng.uniform(-2.6, -0.5)  # above, somewhere between left and right
    light = 1 - (0 if gloss else 0.25) * (_clouds(rng, (9, 12), (WIDTH, HEIGHT)) - np.float32(0.5))
    for radius, strength in ((1, 0.22 + 0.25 * gloss), (3, 0.6)):
        down, across = np.gradient(_blurred(mask, radius))
        light -= strength * (across * math.cos(lamp) + down * math.sin(lamp))
    thing = paint[:, :, :3] * light[:, :, None] + 255 * gloss * np.clip(light - 1.02, 0, 1)[:, :, None]

    shadow = Image.new("L", mask.size)
    shadow.paste(mask, (round(-1.5 * math.cos(lamp)), 2))
    wall = 255.0 if rng.random() < WHITE_WALLS else rng.uniform(205, 248) + rng.normal(0, 3, 3)
    ground = wall * (1 - rng.uniform(0.1, 0.4) * _blurred(shadow, 2))[:, :, None]
    scene = (ground * (1 - alpha) + thing * alpha) * rng.uniform(0.94, 1.05) * (1 + rng.normal(0, 0.01, 3))
    scene += rng.normal(0, rng.uniform(0.4, 3), (HEIGHT, WIDTH, 1))
    film = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    return film.filter(ImageFilter.GaussianBlur(0.6)) if rng.random() < OUT_OF_FOCUS else film


def _blurred(mask: Image.Image, radius: float) -> Floats:
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def _clouds(rng: np.random.Generator, cells: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Return soft noise of so many cells across and down, (height, width), 0 to 1."""
    noise = Image.fromarray(rng.integers(0, 256, cells[::-1], np.uint8))
    return np.asarray(noise.resize(size, Image.Resampling.BICUBIC), np.float32) / 255
