"""Bags, wallets and what else is carried, for the sample catalogue, in the studio's frame of 60 x 80 units."""

# ruff: noqa: D401 -- a drawing's docstring says what it shows

from job.sample.studio import METALS, Pen, Point, both_sides, curve, oval, rounded, tint


def handbag(pen: Pen) -> None:
    """A handbag with two handles, from a slim one to a wide tote."""
    top, bottom, height = pen.between(15, 21), pen.between(18, 24), pen.between(14, 19)
    rise = pen.between(12, 26)
    for lift, colour in ((0.0, tint(pen.base, 0.55)), (2.5, tint(pen.base, 0.75))):
        arch = [(x, y - 6 + lift) for x, y in oval(0, 0, top * 0.55, rise) if y <= 0]
        pen.line(arch, tint(pen.accent, 0.7) if pen.chance(0.2) else colour, 2)
    right: list[Point] = [(top, -6), (top, -6), (bottom, height), (bottom - 1, height + 6), (bottom - 6, height + 7)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.7)
    pen.line([(-top, -3), (top, -3)], tint(pen.base, 0.65), 0.7)
    if pen.chance(0.5):
        pen.fill(rounded(both_sides([(top * 0.6, 3), (top * 0.65, 17)]), 1), tint(pen.base, 0.88), seam=0.6)
    metal = pen.pick(METALS)
    for side in (1, -1):
        pen.fill(oval(side * top * 0.55, -4.5, 1.4, 1.4), metal)
    if pen.chance(0.5):
        pen.fill(oval(0, 2, 1.8, 1.8), metal)


def backpack(pen: Pen) -> None:
    """A backpack with a front pocket, side straps and a loop."""
    pen.line([(x, y - 27) for x, y in oval(0, 0, 5, 6) if y <= 0], tint(pen.base, 0.5), 1.8)
    for side in (1, -1):
        pen.at(0, 0, side, 1).line(curve([(14, -18), (21, -6), (21, 14), (15, 24)]), tint(pen.base, 0.55), 2.6)
    right = [(5, -30), (13, -26), (17, -12), (18, 12), (17, 27), (17, 27), (8, 29)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.7)
    pen.line([(x, y - 8) for x, y in oval(0, 0, 14, 14) if y <= 0], tint(pen.base, 0.5), 0.8)
    pen.fill(rounded(both_sides([(8, 2), (14.5, 4), (14.5, 23), (9, 25)]), 1), tint(pen.accent, 0.9), seam=0.7)
    pen.line([(-13, 8), (13, 8)], tint(pen.accent, 0.55), 0.8)
    pen.fill([(-2.4, -12), (2.4, -12), (2.4, -8), (-2.4, -8)], pen.pick(METALS))


def clutch(pen: Pen) -> None:
    """A clutch: a bag without handles, as flat as a wallet."""
    _purse(pen, pen.between(20, 25), pen.between(10, 14))
    if pen.chance(0.5):
        strap = [(22 + x, -4 + y) for x, y in oval(0, 0, 5, 15) if x >= 0]
        pen.line(strap, tint(pen.base, 0.7), 1.2)


def long_wallet(pen: Pen) -> None:
    """A long wallet with a flap and a snap."""
    _purse(pen, pen.between(20, 25), pen.between(9, 13))


def bifold(pen: Pen) -> None:
    """A folded wallet, its edge stitched."""
    width, height = pen.between(15, 21), pen.between(11, 16)
    back = pen.at(1.6, 1.2, 1)
    back.fill(rounded(both_sides([(width, -height), (width, height)]), 1), tint(pen.base, 0.6))
    outline: list[Point] = [(width, -height), (width, -height), (width, height), (width, height)]
    pen.fill(rounded(both_sides(outline), 1), pen.cloth, seam=0.6)
    thread = tint(pen.base, 1.35) if pen.chance(0.5) else tint(pen.base, 0.6)
    inner = both_sides([(width - 1.8, -height + 1.8), (width - 1.8, height - 1.8)])
    pen.line([*inner, inner[0]], thread, 0.4)
    pen.line([(-width + 2.5, -height), (-width + 2.5, height)], tint(pen.base, 0.7), 0.8)
    if pen.chance(0.5):
        pen.fill(both_sides([(3.5, height - 6), (3.5, height - 4)]), pen.pick([*METALS, tint(pen.base, 0.6)]))


def umbrella(pen: Pen) -> None:
    """An open umbrella from the side."""
    pen.line(curve([(0, -24), (0, 20), (1, 29), (7, 29), (7, 22)]), (82, 54, 38), 1.8)
    right = [(0, -24), (12, -21), (22, -10), (26, 4), (26, 4), (18, 0), (9, 4), (9, 4)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.6)
    for x in (-9, 0, 9):
        pen.line([(0, -23), (x * 0.8, -8), (x, 3)], tint(pen.base, 0.65), 0.6)


def bottle(pen: Pen) -> None:
    """A water bottle with a screw cap."""
    right: list[Point] = [(4, -24), (4, -20), (9, -14), (9, 32), (9, 32)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.6)
    pen.fill(both_sides([(5.5, -32), (5.5, -22)]), tint(pen.accent, 0.8), seam=0.6)
    _label(pen, 9)


def _purse(pen: Pen, width: float, height: float) -> None:
    outline: list[Point] = [(width, -height), (width, -height), (width, height), (width, height)]
    pen.fill(rounded(both_sides(outline), 1), pen.cloth, seam=0.6)
    flap = pen.between(-0.1, 0.45) * height
    pen.line([(-width, flap), (width, flap)], tint(pen.base, 0.6), 0.9)
    pen.fill(oval(0, flap, 2, 2), pen.pick(METALS), seam=0.4)
    if pen.chance(0.4):
        pen.line([(-width, height - 2), (width, height - 2)], tint(pen.base, 1.3), 0.4)


def _label(pen: Pen, width: float) -> None:
    pen.fill(both_sides([(width, 6), (width, 17)]), tint(pen.accent, 1.5))
    pen.line([(-width * 0.6, 10), (width * 0.6, 10)], tint(pen.base, 0.5), 1)
    pen.line([(-width * 0.4, 13.5), (width * 0.4, 13.5)], tint(pen.base, 0.5), 0.6)
