"""The things in the sample catalogue's photos, each drawn by a pen in its frame of 60 x 80 units.

Some look alike on purpose, as in a real shop: a tunic and a dress, a clutch and a wallet, a sandal and a flip flop.
"""

# ruff: noqa: D103 -- each function draws what its name says

import math
from collections.abc import Sequence

import numpy as np

from job.sample.pen import PALE, RUBBER, Colour, Pen, Point, both_sides, ink_on, oval, rounded, tint

METALS: tuple[Colour, ...] = ((206, 208, 212), (222, 190, 112), (150, 152, 158))
TAN: Colour = (170, 118, 72)


def tshirt(pen: Pen) -> None:
    pen.pair([(9, -28), (16, -26), (pen.between(21, 25), -11), (17, -7), (11, -14)])
    pen.fill(both_sides([(6, -30), (13, -27), (12.5, -8), (13, pen.between(23, 29))]))
    neck = both_sides([(6, -30), (0, -20)]) if pen.chance(0.3) else oval(0, -29.5, 6, 4.5)
    pen.fill(neck, tint(pen.base, 0.6))
    if pen.chance(0.6):
        shape = pen.pick([oval(0, 0, 6, 6), both_sides([(7, -4), (7, 4)]), both_sides([(0, -7), (7, 5)])])
        pen.at(0, pen.between(-10, 0), pen.between(0.7, 1.2)).fill(shape, pen.accent)


def shirt(pen: Pen) -> None:
    if pen.chance(0.65):
        pen.pair([(10, -28), (17, -25), (22, -6), (24, 16), (19, 17), (16, -4), (12, -14)])
    else:
        pen.pair([(10, -28), (17, -25), (23, -9), (17, -6), (12, -14)])
    pen.fill(both_sides([(6, -29), (13, -26), (12, -5), (13, pen.between(23, 28))]))
    pen.line([(0, -24), (0, 24)], tint(pen.base, 0.6), 0.6)
    for y in range(-18, 23, 8):
        pen.fill(oval(1.5, y, 0.7, 0.7), ink_on(pen.base), seam=0)
    pen.pair([(0, -22), (4.5, -31), (8.5, -28), (5.5, -19)])


def top(pen: Pen) -> None:
    tunic = pen.chance(0.5)
    if pen.chance(0.5):
        pen.pair([(8, -27), (14, -25), (20, -14), (15, -11), (10, -16)])
    length, flare = (pen.between(27, 36), 15.0) if tunic else (pen.between(14, 25), pen.between(11, 17))
    waist = pen.between(8.5, 10.5)
    pen.fill(rounded(both_sides([(5, -28), (10.5, -26), (11.5, -14), (waist, 1), (flare, length), (flare, length)])))
    pen.fill(rounded(both_sides([(5.5, -29.5), (4.5, -24), (1, -20)])), tint(pen.base, 0.6))
    if pen.chance(0.4):
        pen.line([(-waist, 1), (waist, 1)], pen.accent, 1.6)


def dress(pen: Pen) -> None:
    pen = pen.at(0, -4, 0.92)
    waist, flare, length = pen.between(7, 10), pen.between(12, 21), pen.between(28, 42)
    if pen.chance(0.5):
        pen.pair([(7, -28), (13, -26), (18, -15), (14, -12), (10, -16)])
        upper: list[Point] = [(4, -28), (9, -28), (10.5, -25)]
    else:
        for side in (-7, 7):
            pen.line([(side * 0.9, -31), (side, -20)], tint(pen.base, 0.8), pen.between(1.2, 3))
        upper = [(2, -20.5), (7, -23), (9.5, -20)]
    skirt = [(waist, 1), (flare * 0.8, 14), (flare, length), (flare, length)]
    pen.fill(rounded(both_sides([*upper, (10.5, -14), *skirt])))
    if pen.chance(0.6):
        pen.line([(-waist, 1), (waist, 1)], pen.accent, 2.4)


def trousers(pen: Pen) -> None:
    waist, leg = pen.between(8.5, 10), pen.between(7, 11)
    length = pen.between(28, 36) if pen.chance(0.75) else pen.between(-4, 6)
    right = [(waist, -33), (waist + 3, -20), (waist + 2, length), (waist + 2 - leg, length), (0.5, -13)]
    pen.fill([*right, *((-x, y) for x, y in reversed(right))])
    for line in ([(-waist, -30), (waist, -30)], [(0, -30), (0, -14)]):
        pen.line(line, tint(pen.base, 0.65), 0.8)
    for side in (-1, 1):
        pen.line([(side * waist, -25), (side * 5, -22), (side * 4.5, -29)], tint(pen.base, 0.6))


def skirt(pen: Pen) -> None:
    pen = pen.at(0, pen.between(0, 6))
    length, flare = pen.between(8, 24), pen.between(13, 22)
    pen.fill(both_sides([(9, -24), (9.5, -20), (flare, length)]))
    pen.line([(-9.3, -21.5), (9.3, -21.5)], tint(pen.base, 0.6), 1)
    for share in (-0.5, 0, 0.5):
        pen.line([(share * 9, -20), (share * flare, length)], tint(pen.base, 0.72), 0.6)


def _sole(pen: Pen, colour: Colour) -> None:
    pen.fill(rounded([(-25, 8), (26, 8), (28, 11), (25, 14), (-24, 14), (-26, 11)]), colour)


def sneaker(pen: Pen) -> None:
    _sole(pen, pen.pick([PALE, PALE, RUBBER, pen.accent]))
    upper = [(-24.5, 9), (-24.5, 9), (-25, -4), (-22, -11), (-15, -6), (-8, -9), (-4, -11), (6, -1), (16, 1), (25, 4)]
    pen.fill(rounded([*upper, (27, 9), (27, 9)]))
    pen.fill(rounded([(13, 2), (19, 1.5), (25, 4), (27, 9), (15, 9)]), tint(pen.base, 0.85))
    pen.fill(rounded([(-25, 9), (-25, -5), (-20, -5), (-17, 9)]), pen.accent)
    for step in range(4):
        x, y = -4 + step * 3.2, -8 + step * 2.6
        pen.line([(x, y), (x - 2.5, y + 4)], ink_on(pen.base), 0.9)
    if pen.chance(0.6):
        pen.line(rounded([(-13, 3), (-5, 6), (8, -1)], closed=False), pen.accent, 2)


def formal_shoe(pen: Pen) -> None:
    _sole(pen, RUBBER)
    upper = [(-25, 10), (-25, 10), (-25.5, -1), (-23, -8), (-12, -3.5), (-4, -7), (8, 1), (19, 3), (28, 7)]
    pen.fill(rounded([*upper, (28, 10), (28, 10)]))
    pen.fill(rounded([(-22, -6), (-12, -3.5), (-5, -6), (-12, 0)]), tint(pen.base, 0.45))
    for step in range(3):
        pen.line([(-1 + step * 2.6, -5 + step * 2), (-4 + step * 2.6, -1 + step * 2)], tint(pen.base, 0.5), 0.9)
    pen.line([(16, 2.5), (13, 6), (14, 10)], tint(pen.base, 0.55), 0.8)


FOOT: list[Point] = [(-23, -5), (-13, -7), (4, -7), (17, -9.5), (24, -5), (24.5, 3), (17, 8.5), (4, 7.5), (-13, 6.5)]


def _footbed(pen: Pen, side: Colour, bed: Colour | None) -> None:
    for layer in (3, 2, 1):
        pen.at(0, layer).fill(rounded(FOOT), tint(side, 0.8), seam=0)
    pen.fill(rounded(FOOT), bed)


def _straps(pen: Pen, colour: Colour, *lines: Sequence[Point]) -> None:
    width = pen.between(2.2, 3.8)
    for line in lines:
        pen.line(rounded(line, closed=False), colour, width)


def sandal(pen: Pen) -> None:
    _footbed(pen, RUBBER, tint(pen.base, 0.8) if pen.chance(0.6) else TAN)
    if pen.chance(0.8):
        _straps(pen, tint(pen.base, 0.75), [(-9, 7), (-18, 2), (-26, -9), (-20, -17), (-8, -14), (-6, -6)])
    places = pen.pick([(3, 14), (0, 8, 16), (4, 15)])
    _straps(pen, tint(pen.base, 0.9), *([(x - 5, 8), (x - 3, -6), (x + 3, -15), (x + 5, -7)] for x in places))


def flip_flop(pen: Pen) -> None:
    _footbed(pen, pen.accent, None)
    colour = tint(pen.base, 0.6) if pen.chance(0.25) else pen.accent
    _straps(pen, colour, [(15, -1), (11, -11), (0, -11), (-8, -6.5)], [(15, -1), (10, -9), (2, -4), (-5, 7)])
    if pen.chance(0.4):  # around the heel, as sandals have one
        _straps(pen, colour, [(-9, 7), (-25, -9), (-8, -14)])


def handbag(pen: Pen) -> None:
    width, height, rise = pen.between(15, 23), pen.between(9, 14), pen.between(14, 26)
    pen = pen.at(0, 8)
    for shift in (3, 0):
        left, right, top = -width * 0.5 + shift, width * 0.5, -height - rise
        pen.line(rounded([(left, -height), (left, top), (right, top), (right, -height)], closed=False), pen.accent, 2)
    pen.fill(rounded(both_sides([(width * 0.85, -height), (width * 0.85, -height), (width, height), (width, height)])))
    pen.line([(-width * 0.85, -height + 3), (width * 0.85, -height + 3)], tint(pen.base, 0.6), 0.8)
    pen.fill(oval(0, -height + 4, 2, 2), pen.pick(METALS))


def purse(pen: Pen) -> None:
    width, height = pen.between(18, 25), pen.between(9, 14)
    pen.fill(rounded(both_sides([(width, -height), (width, -height), (width, height), (width, height)])))
    flap = pen.between(-0.1, 0.45) * height
    pen.line([(-width, flap), (width, flap)], tint(pen.base, 0.6), 0.9)
    pen.fill(oval(0, flap, 2, 2), pen.pick(METALS))


def bifold(pen: Pen) -> None:
    width, height = pen.between(14, 19), pen.between(12, 16)
    pen.at(1.5, 1.5).fill(both_sides([(width, -height), (width, height)]), tint(pen.base, 0.6))
    pen.fill(both_sides([(width, -height), (width, height)]))
    pen.fill(both_sides([(width - 2, -height + 2), (width - 2, height - 2)]))
    pen.fill(both_sides([(3.5, height - 6), (3.5, height - 4)]), pen.pick(METALS))


def watch(pen: Pen) -> None:
    metal, steel, radius, width = pen.pick(METALS), pen.chance(0.4), pen.between(13, 18), pen.between(6, 9)
    pen.fill(both_sides([(width * 0.7, -37), (width, -8), (width, 8), (width * 0.7, 37)]), metal if steel else None)
    for link in range(-36, 37, 3) if steel else ():
        pen.line([(-width, link), (width, link)], tint(metal, 0.7), 0.5)
    pen.fill([(radius, -2), (radius + 3, -2), (radius + 3, 2), (radius, 2)], tint(metal, 0.8))
    pen.fill(oval(0, 0, radius, radius), metal)
    dial = pen.pick([PALE, RUBBER, pen.base, pen.accent])
    pen.fill(oval(0, 0, radius * 0.8, radius * 0.8), dial)
    ink = ink_on(dial)
    for turn in np.arange(12) * math.tau / 12:
        x, y = radius * math.sin(turn), radius * math.cos(turn)
        pen.line([(x * 0.62, y * 0.62), (x * 0.72, y * 0.72)], ink, 1)
    for length, turn in ((0.4, pen.between(0, 7)), (0.58, pen.between(0, 7))):
        pen.line([(0, 0), (radius * length * math.sin(turn), radius * length * math.cos(turn))], ink, 1.1)


def glasses(pen: Pen) -> None:
    lens = pen.pick([(46, 44, 46), (74, 52, 38), (52, 66, 58), (60, 60, 84), (240, 243, 245)])
    across, tall, rim = pen.between(9.5, 11.5), pen.between(6, 9), pen.between(0.8, 1.8)
    shape: list[Point] = [
        (1, -tall * 0.8),
        (2 * across, -tall),
        (2 * across, tall * 0.6),
        (across, tall),
        (2, tall * 0.5),
    ]
    for side in (-1, 1):
        temple = [(2 * across + 2, -tall * 0.7), (2 * across + 6, -tall * 0.5), (2 * across + 3, tall + 5)]
        pen.line([(side * x, y) for x, y in temple], tint(pen.base, 0.8), 1.5)
        half = rounded([(side * x, y) for x, y in shape])
        pen.fill(half, lens, seam=0)
        pen.line([*half, half[0]], pen.base, rim)
        pen.line([(side * 8, -tall * 0.4), (side * 12, -tall * 0.5)], tint(lens, 1.5), 1)
    pen.line([(-3.5, -2.5), (0, -4), (3.5, -2.5)], pen.base, rim + 0.5)


def belt(pen: Pen) -> None:
    if pen.chance(0.2):  # it hangs like a tie
        half = pen.between(2.6, 4)
        pen.fill([(-half, -33), (half, -33), (half, 30), (0, 35), (-half, 30)])
        buckle = pen.at(0, -33)
    else:
        tall, width = pen.between(7, 13), pen.between(5, 7)
        for layer in range(9):
            pen.at(0, width * (layer / 8 - 0.5)).fill(oval(0, 0, 26, tall), seam=0)
        pen.fill(oval(0, -width / 2, 25, tall - 1), tint(pen.base, 0.5))
        pen.cut(oval(0, width / 4, 24, tall - 2 - width * 0.4))
        buckle = pen.at(pen.between(-4, 4), tall)
    for size, ink in ((1, pen.pick(METALS)), (0.6, tint(pen.base, 0.7))):
        buckle.fill(both_sides([(5 * size, -4.5 * size), (5 * size, 4.5 * size)]), ink)


def earrings(pen: Pen) -> None:
    shape, size = pen.pick(["hoop", "round", "drop", "leaf"]), pen.between(1, 1.4)
    drop = rounded([(0, -8), (0, -8), (5, 3), (0, 7), (-5, 3)])
    for side in (-13, 13):
        ear = pen.at(side, 0, size)
        if shape == "hoop":
            ear.fill(oval(0, 0, 9, 11))
            ear.cut(oval(0, 0.6, 7, 9))
        else:
            ear.line(rounded([(-3, -12), (-3, -19), (3, -19), (0, -6)], closed=False), pen.base, 0.9)
            ear.fill({"round": oval(0, 0, 6, 6), "leaf": oval(0, 0, 4, 8)}.get(shape, drop))
            ear.fill(oval(0, 1, 2.6, 2.6), pen.accent)


def socks(pen: Pen) -> None:
    top = pen.between(-30, -6)
    for x in pen.pick([(0,), (-7, 6), (-7, 6), (-12, 0, 12)]):
        foot = pen.at(x - 4, x / 6)
        leg: list[Point] = [(-6, top), (-6, top), (5.5, top), (5.5, top), (5, 8), (9, 16), (18, 23), (17, 30), (8, 30)]
        foot.fill(rounded([*leg, (-4, 21), (-7, 12)]))
        foot.fill([(-6.2, top), (5.7, top), (5.5, top + 5), (-6, top + 5)], pen.accent)
        foot.fill(rounded([(11, 18), (18, 23), (17, 30), (9, 30)]), pen.accent, seam=0)


def cap(pen: Pen) -> None:
    crown: list[Point] = [(-21, 8), (-21, 8), (-20, -8), (-10, -18), (4, -19), (15, -12), (19, 5), (19, 5)]
    pen.fill(rounded(crown))
    for end in (3, -14):
        pen.line(rounded([(-3, -18), (end * 0.6, -9), (end, 7)], closed=False), tint(pen.base, 0.7))
    peak: list[Point] = [(-6, 7), (10, 3), (24, 5), (29, 11), (24, pen.between(13, 18)), (8, 12), (-8, 11)]
    pen.fill(rounded(peak), pen.accent if pen.chance(0.3) else tint(pen.base, 0.85))
    if pen.chance(0.7):
        pen.fill(oval(9, -5, 3.5, 3.5), pen.accent)


def tie(pen: Pen) -> None:
    width = pen.between(5, 8)
    pen.at(2, -3, 0.85).fill(both_sides([(2.2, -28), (width, 26), (0, 35)]), tint(pen.base, 0.7))
    pen.fill(both_sides([(2.2, -28), (width * 0.75, 0), (width, 26), (0, 35)]))
    pen.fill(both_sides([(4.2, -34.5), (2.2, -27)]), seam=0.8)


def scarf(pen: Pen) -> None:
    for x in (-4, 4):
        pen.fill([(x - 5, -18), (x + 5, -18), (x + 6, 24), (x - 6, 24)])
        for fringe in range(-5, 6, 2):
            pen.line([(x + fringe, 24), (x + fringe, 30)], tint(pen.base, 0.8), 0.7)
    pen.fill(oval(0, -20, 15, 12), seam=0.8)
    pen.cut(oval(0, -23, 8, 4.5))


def bottle(pen: Pen) -> None:
    pen.fill(rounded(both_sides([(4, -24), (9, -14), (9, 32), (9, 32)])))
    pen.fill(both_sides([(5.5, -32), (5.5, -22)]), tint(pen.accent, 0.8))
    pen.fill(both_sides([(9, 4), (9, 17)]), tint(pen.accent, 1.5))
