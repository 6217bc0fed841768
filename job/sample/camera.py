"""Lamps, a wall and a camera: how a drawing for the sample catalogue becomes a photo."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from job.sample.studio import HEIGHT, SUPERSAMPLING, WIDTH, Pen

Floats: TypeAlias = NDArray[np.floating[Any]]

WHITE_WALLS = 0.85  # share of the photos; the others stand before a light colour
OUT_OF_FOCUS = 0.2  # likewise
ROWS, COLUMNS = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]  # (HEIGHT, WIDTH) each


def photograph(pen: Pen, *, gloss: float, folds: float) -> Image.Image:
    """Light what the pen has drawn and take its picture: (WIDTH, HEIGHT) RGB.

    `gloss` (0 to 1) is how far edges catch the light, `folds` (0 to 1) how deep a fabric creases.
    """
    rng = pen.rng
    small = pen.canvas.reduce(SUPERSAMPLING)
    paint = np.asarray(small, dtype=np.float32)  # (HEIGHT, WIDTH, 4)
    alpha = paint[:, :, 3:] / 255  # (HEIGHT, WIDTH, 1)
    mask = small.getchannel("A")

    angle = rng.uniform(-2.6, -0.5)  # the lamp is above, somewhere between left and right
    lamp = (math.cos(angle), math.sin(angle))
    shade = np.ones((HEIGHT, WIDTH), dtype=np.float32)
    for radius, strength in ((1, 0.22 + 0.25 * gloss), (3, 0.6)):
        down, across = np.gradient(_blurred(mask, radius))
        shade -= strength * (across * lamp[0] + down * lamp[1])
    if folds:
        shade += folds * _creases(rng)
    lit = paint[:, :, :3] * shade[:, :, None]
    if gloss:
        lit += 255 * gloss * np.clip(alpha * (shade - 1.02)[:, :, None], 0, 1)

    is_plain = rng.random() < WHITE_WALLS
    wall = np.array([255.0, 255.0, 255.0]) if is_plain else 236 * rng.uniform(0.88, 1.05) + rng.normal(0, 2.5, 3)
    fall_off = 1 - rng.uniform(0, 0.05) * (ROWS**2 + COLUMNS**2) + rng.uniform(-0.03, 0.03) * ROWS
    shadow = rng.uniform(0.1, 0.45) * _shadow(rng, mask, lamp)
    scene = wall * (fall_off * (1 - shadow))[:, :, None] * (1 - alpha) + lit * alpha

    scene *= rng.uniform(0.94, 1.06) * (1 + rng.normal(0, 0.01, 3))
    scene += rng.normal(0, rng.uniform(0.4, 3), (HEIGHT, WIDTH, 1)) + rng.normal(0, 0.8, (HEIGHT, WIDTH, 3))
    film = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    return film.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.7))) if rng.random() < OUT_OF_FOCUS else film


def _blurred(mask: Image.Image, radius: float) -> Floats:
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255


def _creases(rng: np.random.Generator) -> Floats:
    """Draw soft light and dark streaks; (HEIGHT, WIDTH) around 0."""
    sheet = Image.new("L", (WIDTH, HEIGHT), 128)
    draw = ImageDraw.Draw(sheet)
    for _ in range(9):
        x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        lean, length = rng.normal(0, 4.5), rng.uniform(7, 22)
        draw.line([(x, y), (x + lean, y + length)], fill=int(rng.choice([40, 90, 200])), width=int(rng.integers(2, 5)))
    return _blurred(sheet, 1.5) - 0.5


def _shadow(rng: np.random.Generator, mask: Image.Image, lamp: tuple[float, float]) -> Floats:
    """Darken the background behind the thing and where it stands; (HEIGHT, WIDTH), 0 to 1."""
    left, _, right, bottom = mask.getbbox() or (0, 0, 1, 1)
    cast = Image.new("L", mask.size)
    away = rng.uniform(0.5, 2)
    cast.paste(mask, (round(-lamp[0] * away), round(-lamp[1] * away)))
    ground = Image.new("L", mask.size)
    inset = (right - left) * 0.08
    ImageDraw.Draw(ground).ellipse((left + inset, bottom - 3.5, right - inset, bottom + 2.5), fill=255)
    darkness: Floats = np.maximum(_blurred(cast, 2) * 0.6, _blurred(ground, 1.5) * rng.uniform(0.2, 1))
    return darkness
