"""Watches, glasses, belts, jewellery and small clothes, for the sample catalogue, in a frame of 60 x 80 units."""

# ruff: noqa: D401 -- a drawing's docstring says what it shows

import math

from job.sample.studio import METALS, Colour, Pen, Point, both_sides, is_dark, oval, rounded, tint

GEMS = ("drop", "round", "star", "leaf")


def watch(pen: Pen) -> None:
    """A wrist watch from the front, its strap running out above and below."""
    metal = pen.pick(METALS)
    is_steel = pen.chance(0.4)
    width, radius = pen.between(6, 9), pen.between(13, 18)
    strap = metal if is_steel else pen.base
    for side in (1, -1):
        band = pen.at(0, 0, 1, side)
        band.fill(both_sides([(width, 8), (width * 0.75, 37)]), strap, seam=0.6)
        if is_steel:
            for link in range(14, 37, 3):
                band.line([(-width, link), (width, link)], tint(metal, 0.7), 0.6)
        else:
            band.line([(width * 0.6, 14), (width * 0.5, 36)], tint(strap, 1.3), 0.4)
            band.line([(-width * 0.6, 14), (-width * 0.5, 36)], tint(strap, 1.3), 0.4)
    is_square = pen.chance(0.2)
    pen.fill([(radius - 1, -2), (radius + 2.4, -2), (radius + 2.4, 2), (radius - 1, 2)], tint(metal, 0.8))
    case = rounded(both_sides([(radius, -radius), (radius, radius)]), 1) if is_square else oval(0, 0, radius, radius)
    pen.fill(case, metal, seam=0.6)
    dial = pen.pick([(246, 246, 244), (30, 32, 38), pen.base, tint(pen.accent, 0.9)])
    pen.at(0, 0, 0.8).fill(case, dial, seam=0.5)
    ink, inset = ((236, 236, 232), tint(dial, 1.3)) if is_dark(dial) else ((40, 40, 44), tint(dial, 0.8))
    if pen.chance(0.35):
        for x, y in pen.pick([((-4.5, 0), (4.5, 0)), ((0, 4.5),), ((0, 5), (-5, -1), (5, -1))]):
            pen.fill(oval(x, y, radius * 0.2, radius * 0.2), inset)
    for hour in range(12):
        sine, cosine = math.sin(hour * math.tau / 12), math.cos(hour * math.tau / 12)
        pen.line([(radius * 0.6 * sine, radius * 0.6 * cosine), (radius * 0.72 * sine, radius * 0.72 * cosine)], ink, 1)
    for length, thickness in ((0.4, 1.3), (0.58, 0.9)):
        pen.at(0, 0, 1, 1, angle=pen.between(0, 360)).line([(0, 0), (0, -radius * length)], ink, thickness)


def sunglasses(pen: Pen) -> None:
    """Sunglasses with dark lenses."""
    _glasses(pen, is_dark=True)


def spectacles(pen: Pen) -> None:
    """A frame with clear lenses."""
    _glasses(pen, is_dark=False)


def belt(pen: Pen) -> None:
    """A belt: rolled up with the buckle in front, or hanging straight down like a tie."""
    metal = pen.pick(METALS)
    if pen.chance(0.12):
        pen = pen.at(0, 0, 1, 1, angle=pen.between(-4, 4))
        half = pen.between(2.6, 4)
        pen.fill([(-half, -33), (half, -33), (half, 30), (0, 35), (-half, 30)], pen.cloth, seam=0.5)
        for y in range(14, 30, 4):
            pen.fill(oval(0, y, 0.7, 0.7), tint(pen.base, 0.4))
        _buckle(pen.at(0, -33, 1), metal, half + 1.5, 4)
        return
    tall, width = pen.between(7, 13), pen.between(5.5, 8)
    pen = pen.at(0, 2, 1, 1, angle=pen.between(-5, 5))
    rim = oval(0, -width / 2, 26, tall)
    for layer in range(9):
        pen.at(0, width * layer / 8, 1).fill(rim, tint(pen.base, 0.9))
    front = [(x, y) for x, y in rim if y >= -width / 2]
    pen.fill([*front, *((x, y + width) for x, y in reversed(front))], pen.cloth, seam=0.5)
    pen.fill(oval(0, -width / 2, 24.6, tall - 1.2), tint(pen.base, 0.5))
    pen.cut(oval(0, -width / 2 + width * 0.5, 23.5, max(tall - 1.6 - width * 0.4, 1.5)))
    for step in range(3):
        pen.fill(oval(-13 - step * 3.2, tall - 1.6 - step * 0.8, 0.6, 0.8), tint(pen.base, 0.4))
    _buckle(pen.at(pen.between(-4, 4), tall, 1), metal, pen.between(4, 6), width / 2 + 1.3)


def necklace(pen: Pen) -> None:
    """A chain with a pendant."""
    metal = pen.base
    width, drop = pen.between(12, 19), pen.between(18, 28)
    turns = [step * math.pi / 24 for step in range(25)]
    line = [(width * math.cos(turn), -30 + (drop + 20) * math.sin(turn)) for turn in turns]
    if pen.chance(0.4):
        for x, y in line:
            pen.fill(oval(x, y, 1.7, 1.7), metal, seam=0.4)
    else:
        pen.line(line, metal, pen.between(0.8, 1.6))
    _gem(pen.at(0, drop - 8, pen.between(0.8, 1.4)), pen.pick(GEMS))


def earrings(pen: Pen) -> None:
    """A pair of earrings: hooks with drops, or hoops."""
    is_hoop = pen.chance(0.35)
    size, kind = pen.between(1.1, 1.5), pen.pick(GEMS)
    for side in (1, -1):
        ear = pen.at(side * 14, 0, size)
        if is_hoop:
            ear.fill(oval(0, 0, 9, 11), pen.base, seam=0.4)
            ear.cut(oval(0, 0.6, 7, 9))
        else:
            ear.line([(x - 1, y - 15) for x, y in oval(0, 0, 3, 4) if y <= 1], pen.base, 0.9)
            ear.line([(2, -15), (0, -4)], pen.base, 0.9)
            _gem(ear, kind)


def bangle(pen: Pen) -> None:
    """A bangle or a ring with a stone."""
    radius, flat = pen.between(17, 24), pen.between(0.55, 1)
    thick = pen.between(2.5, 5)
    pen.fill(oval(0, thick * 0.8, radius, radius * flat), tint(pen.base, 0.7))
    pen.fill(oval(0, 0, radius, radius * flat), pen.cloth, seam=0.5)
    pen.cut(oval(0, thick * 0.4, radius - thick, radius * flat - thick))
    if pen.chance(0.45):
        _gem(pen.at(0, -radius * flat, 0.8), pen.pick(GEMS))


def socks(pen: Pen) -> None:
    """A pair of socks, or three, side by side."""
    is_ankle = pen.chance(0.35)
    count = pen.pick([1, 2, 2, 3])
    top = -8 if is_ankle else pen.between(-30, -22)
    for number in range(count):
        foot = pen.at((number - (count - 1) / 2) * pen.between(11, 13) - 3, number * 1.5, 1, 1, angle=number * 3 - 6)
        ink = foot.cloth if number != 1 or pen.chance(0.6) else tint(pen.accent, 0.9)
        outline = [(-6, top), (-6, top), (5.5, top), (5.5, top), (5, 8), (9, 16), (18, 23), (17, 30), (8, 30), (-4, 21)]
        foot.fill(rounded([*outline, (-7, 12)], 2), ink, seam=0.6)
        foot.fill([(-6.2, top), (5.7, top), (5.5, top + 5), (-6, top + 5)], tint(pen.accent, 0.9), seam=0.4)
        if pen.chance(0.7):
            foot.fill(rounded([(11.5, 18.5), (18, 23), (17, 30), (10, 30)], 2), tint(pen.accent, 0.9))
            foot.fill(rounded([(-6.5, 12), (-1, 17), (-2, 22), (-5, 20), (-7.5, 15)], 2), tint(pen.accent, 0.9))


def tie(pen: Pen) -> None:
    """A tie with its knot, hanging."""
    width = pen.between(5, 8)
    pen = pen.at(0, 0, 1, 1.04)
    if pen.chance(0.6):
        for side in (1, -1):
            pen.line([(side * 1.5, -33), (side * 6, -37), (0, -39.5)], tint(pen.base, 0.7), 2.6)
    blade: list[Point] = [(2.2, -28), (width * 0.75, 0), (width, 26), (0, 35)]
    pen.at(pen.between(1, 3), 0, 0.8, 0.84).fill(both_sides(blade), tint(pen.base, 0.7))
    pen.fill(both_sides(blade), pen.cloth, seam=0.5)
    pen.fill(rounded(both_sides([(4.2, -34.5), (4.2, -34.5), (2.2, -27), (2.2, -27)]), 1), pen.cloth, seam=0.8)


def cap(pen: Pen) -> None:
    """A cap with a peak, seen from the front or from the side."""
    pen = pen.at(0, 2, pen.pick([1, -1]), 1)
    panel = tint(pen.accent, 0.95) if pen.chance(0.3) else tint(pen.base, 0.85)
    crown = [(-21, 8), (-21, 8), (-20, -8), (-10, -18), (4, -19), (15, -12), (19, 5), (19, 5)]
    pen.fill(rounded(crown, 2), pen.cloth, seam=0.6)
    pen.line([(-3, -17.5), (1, -9), (3, 6)], tint(pen.base, 0.7), 0.6)
    pen.line([(-3, -17.5), (-12, -8), (-14, 7)], tint(pen.base, 0.7), 0.6)
    pen.fill(oval(-3, -18, 2, 1), panel)
    dip = pen.between(13, 18)
    pen.fill(rounded([(-6, 7), (10, 3), (24, 5), (29, 11), (24, dip), (8, 12), (-8, 11)], 2), panel, seam=0.6)
    pen.line([(-20.5, 6.5), (-6, 9)], tint(pen.base, 0.6), 1)
    if pen.chance(0.7):
        _badge(pen.at(9, -5, 0.55))


def beanie(pen: Pen) -> None:
    """A knitted hat with its brim turned up."""
    pen.fill(rounded([(-17, 12), (-17, 12), (-17, -8), (-8, -22), (8, -22), (17, -8), (17, 12), (17, 12)]), pen.cloth)
    for x in range(-15, 16, 3):
        pen.line([(x * 0.35, -20), (x * 0.95, -6), (x, 8)], tint(pen.base, 0.75), 0.5)
    pen.fill(rounded([(-18.5, 7), (18.5, 7), (18.5, 18), (-18.5, 18)], 2), tint(pen.base, 0.85), seam=0.7)
    if pen.chance(0.5):
        pen.fill(oval(0, -23, 4.5, 4.5), pen.accent, seam=0.5)


def scarf(pen: Pen) -> None:
    """A scarf looped once, with fringes."""
    for lean in (1, -1):
        end = pen.at(0, 0, lean, 1, angle=-6 * lean)
        end.fill(both_sides([(5.5, -18), (6.5, 24)]), pen.cloth, seam=0.6)
        for x in range(-6, 7, 2):
            end.line([(x, 24), (x, 30)], tint(pen.base, 0.8), 0.7)
    pen.fill(oval(0, -20, 15, 12), pen.cloth, seam=0.8)
    pen.cut(oval(0, -23, 8, 4.5))
    pen.fill(rounded([(-6, -12), (6, -12), (7, -4), (-7, -4)], 1), pen.cloth, seam=0.8)


def _glasses(pen: Pen, *, is_dark: bool) -> None:
    pen = pen.at(0, 0, 0.93, pen.between(0.95, 1.15), angle=pen.between(-4, 7))
    across, tall = pen.between(9.5, 11.5), pen.between(6, 9)
    lean = pen.between(0.8, 1)  # seen a little from the side, the far lens is narrower
    frame = pen.base
    lens = tint(pen.pick([(46, 44, 46), (74, 52, 38), (52, 66, 58), (60, 60, 84)]), pen.between(0.8, 1.3))
    rim, is_round = pen.between(0.8, 1.8), pen.chance(0.7)
    for side, share in ((1, 1.0), (-1, lean)):
        half = pen.at(side * 13 * share, 0, side * share, 1)
        temple = [(across, -tall * 0.6), (across + 4, -tall * 0.7), (across + 5 * share, -tall * 0.2)]
        half.line([*temple, (across - 1, tall + 4)], tint(frame, 0.8), 1.5)
        drop: list[Point] = [(1.5 - across, -tall * 0.8), (across, -tall), (across * 0.9, tall * 0.7), (0, tall)]
        drop.append((-across * 0.8, tall * 0.5))
        shape = rounded(drop) if is_round else rounded([*drop[:2], drop[1], *drop[2:]], 1)
        half.fill(shape, frame)
        inner = half.at(0, 0, 1 - rim / across)
        if is_dark:
            inner.fill(shape, lens)
            inner.line([(-across * 0.4, -tall * 0.5), (0, -tall * 0.6)], tint(lens, 1.5), 1)
        else:
            inner.fill(shape, (243, 245, 246))
            inner.line([(-across * 0.3, tall * 0.3), (across * 0.3, -tall * 0.5)], (255, 255, 255), 1)
    pen.line([(-3.5, -2.5), (0, -4), (3.5, -2.5)], frame, rim + 0.5)


def _buckle(pen: Pen, metal: Colour, width: float, height: float) -> None:
    pen.fill(rounded(both_sides([(width, -height), (width, height)]), 1), metal, seam=0.4)
    pen.fill(rounded(both_sides([(width - 1.5, -height + 1.5), (width - 1.5, height - 1.5)]), 1), tint(pen.base, 0.8))
    pen.line([(-width, 0), (width - 0.5, 0)], tint(metal, 0.85), 1)


def _gem(pen: Pen, kind: str) -> None:
    stone = pen.accent
    if kind == "drop":
        pen.fill(rounded([(0, -7), (0, -7), (5, 3), (0, 7), (-5, 3)]), pen.base, seam=0.4)
        pen.fill(rounded([(0, -3), (3, 3), (0, 5), (-3, 3)]), stone)
    elif kind == "round":
        pen.fill(oval(0, 0, 6, 6), pen.base, seam=0.5)
        pen.fill(oval(0, 0, 3.8, 3.8), stone)
    elif kind == "star":
        for turn in range(0, 180, 45):
            pen.at(0, 0, 1, 1, angle=turn).fill([(-6.5, 0), (0, -1.6), (6.5, 0), (0, 1.6)], pen.base)
        pen.fill(oval(0, 0, 2.6, 2.6), stone)
    else:
        for lean in (-35, 0, 35):
            pen.at(0, -5, 1, 1, angle=lean).fill(rounded([(0, 0), (2.6, 6), (0, 12), (-2.6, 6)]), pen.base, seam=0.4)
        pen.fill(oval(0, -4, 2, 2), stone)


def _badge(pen: Pen) -> None:
    pen.fill(pen.pick([oval(0, 0, 6, 6), [(-6, -5), (6, -5), (6, 5), (-6, 5)], [(0, -7), (7, 5), (-7, 5)]]), pen.accent)
