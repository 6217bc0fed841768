"""Shoes, sandals and flip flops for the sample catalogue, in the studio's frame of 60 x 80 units."""

# ruff: noqa: D401 -- a drawing's docstring says what it shows

from job.sample.studio import Colour, Ink, Pen, Point, curve, is_dark, oval, rounded, tint

WHITE: Colour = (244, 244, 242)
RUBBER: Colour = (52, 48, 46)

# A foot seen from above, toes to the right, centred on the origin.
SOLE: list[Point] = [(-23, -5), (-13, -7), (4, -7), (17, -9.5), (24, -5), (24.5, 3), (17, 8.5), (4, 7.5), (-13, 6.5)]


def sneaker(pen: Pen) -> None:
    """A sports shoe from the side."""
    pen = _side_view(pen)
    sole = pen.pick([WHITE, WHITE, RUBBER, tint(pen.accent, 0.95)])
    pen.fill(rounded([(-25, 7), (25, 6), (27.5, 9), (25, 13.5), (-23, 13.5), (-26, 11)], 1), sole, seam=0.5)
    upper = [(-24.5, 8.5), (-24.5, 8.5), (-25, -3), (-24, -10), (-20, -10), (-15, -6), (-8, -9), (-6, -11), (-3, -9)]
    pen.fill(rounded([*upper, (6, -1), (15, 1), (24, 3), (27, 8.5), (27, 8.5)], 1), pen.cloth, seam=0.6)
    pen.fill(rounded([(13, 2), (19, 1.5), (25, 4), (27, 8.6), (15, 8.6)], 1), tint(pen.base, 0.88), seam=0.4)
    pen.fill(rounded([(-24.8, 8), (-25, -4), (-20, -4), (-17, 8)], 1), tint(pen.accent, 0.9))
    kind = pen.pick(["bars", "wave", "none"])
    if kind == "bars":
        for bar in (-10, -5, 0):
            pen.line([(bar, -4), (bar - 4, 7)], pen.accent, 1.8)
    elif kind == "wave":
        pen.fill(rounded([(-14, 4), (-6, 5), (8, -2), (-4, 7.5), (-13, 7)], 1), pen.accent)
    pen.line([(-22, -9), (-15, -4.5), (-9, -7)], tint(pen.base, 0.5), 1)
    for step in range(4):
        x, y = -4.5 + step * 3.2, -8.3 + step * 2.6
        pen.line([(x, y), (x - 2, y + 3.6)], WHITE if is_dark(pen.base) else RUBBER, 0.9)


def formal_shoe(pen: Pen) -> None:
    """A leather shoe from the side, laced or slipped on."""
    pen = _side_view(pen)
    pen.fill([(-25, 9), (-25, 14), (-14, 14), (-12, 11.5), (24, 12), (28, 9)], RUBBER)
    upper = [(-25, 10), (-25, 10), (-25.5, -1), (-24, -7), (-20, -6), (-12, -3.5), (-5, -7), (0, -6), (8, 1), (19, 3)]
    pen.fill(rounded([*upper, (27, 6), (29, 10), (29, 10)], 1), pen.cloth, seam=0.5)
    pen.fill(rounded([(-22, -6), (-12, -3.5), (-6, -6), (-12, -1)], 1), tint(pen.base, 0.45))
    if pen.chance(0.6):
        for step in range(3):
            pen.line([(-2 + step * 2.6, -5.5 + step * 2), (-5 + step * 2.6, -2 + step * 2)], tint(pen.base, 0.5), 0.8)
    else:
        pen.line([(0, -5), (-2, 2), (2, 6)], tint(pen.base, 0.6), 2)
    if pen.chance(0.6):
        pen.line([(15, 2.2), (13, 6), (14, 10)], tint(pen.base, 0.55), 0.7)


def boot(pen: Pen) -> None:
    """A boot, up to the ankle or to the calf."""
    pen = _side_view(pen).at(0, 4, 0.94)
    top = pen.between(-30, -18)
    pen.fill([(-21, 11), (-21, 17), (-9, 17), (-7, 13.5), (25, 14), (27, 11)], RUBBER)
    leg = [(-20.5, 12), (-20.5, 12), (-21, 0), (-20, top), (-20, top), (-2, top), (-2, top), (-1, -8), (5, -2)]
    pen.fill(rounded([*leg, (17, 1), (26, 5), (28, 12), (28, 12)], 1), pen.cloth, seam=0.6)
    pen.line([(-20, top + 2), (-2, top + 2)], tint(pen.base, 0.65), 1)
    if pen.chance(0.6):
        for y in range(round(top) + 5, -3, 4):
            pen.line([(-5, y), (0, y + 1)], tint(pen.accent, 0.9), 0.9)
    else:
        pen.line([(-18, -6), (-2, -6)], tint(pen.base, 0.5), 1.6)
        pen.fill(oval(-10, -6, 1.6, 1.6), (190, 180, 150))


def heel(pen: Pen) -> None:
    """A closed shoe on a heel, with a pointed or a round toe."""
    pen = _side_view(pen)
    _heel(pen)
    upper = [(-22, -3), (-22, -3), (-23, -10), (-20, -13), (-17, -8), (-8, -1), (5, 4), (14, 3), (22, 7)]
    toe = pen.between(25, 30)
    pen.fill(rounded([*upper, (toe, 13), (toe, 13), (12, 13.5), (0, 10), (-12, 1)], 1), pen.cloth, seam=0.5)
    pen.fill(rounded([(-20, -11), (-9, -1), (4, 4), (-8, 1.5)], 1), tint(pen.base, 0.5))
    if pen.chance(0.35):
        pen.fill(oval(15, 5.5, 2.4, 1.8), pen.accent)


def heeled_sandal(pen: Pen) -> None:
    """A sandal on a heel or a wedge: a bare sole and a few straps."""
    pen = _side_view(pen)
    if pen.chance(0.4):
        pen.fill([(-23, -3), (-22, 14), (24, 14), (27, 11), (8, 9), (-10, 0)], tint(pen.accent, 0.8), seam=0.5)
    else:
        _heel(pen)
    pen.fill(rounded([(-24, -6), (-12, -1), (2, 8), (14, 10), (28, 9.5), (28, 13), (10, 13.5), (-8, 4)], 1), pen.base)
    width = pen.between(1.4, 2.6)
    pen.line(curve([(-22, -4), (-24, -16), (-15, -17), (-8, -12), (-9, 0)]), tint(pen.base, 0.85), width)
    for x in pen.pick([(13, 19), (11, 16, 21), (15,)]):
        pen.line(curve([(x - 4, 11), (x - 3, 3), (x + 2, 2.5), (x + 5, 10)]), tint(pen.base, 0.92), width)
    if pen.chance(0.4):
        pen.line(curve([(-14, -13), (0, -6), (10, 7)]), tint(pen.base, 0.85), width)


def flat_sandal(pen: Pen) -> None:
    """A flat sandal from above and aside: straps across the foot, one around the heel."""
    pen = _aside(pen)
    _footbed(pen, tint(pen.base, 0.8) if pen.chance(0.6) else (176, 134, 92), pen.between(2, 4), RUBBER)
    width = pen.between(2.2, 3.6)
    if pen.chance(0.85):
        strap = curve([(-9, 7), (-18, 2), (-26, -9), (-20, -17), (-8, -14), (-6, -6)])
        pen.line(strap, tint(pen.base, 0.75), width * 0.8)
    if pen.chance(0.2):
        _thong(pen, tint(pen.base, 0.9), width)
        return
    for x in pen.pick([(3, 14), (0, 8, 16), (4, 15)]):
        strap = curve([(x - 5, 8), (x - 4, -3), (x + 1, -14), (x + 6, -13), (x + 5, -7)])
        pen.line(strap, tint(pen.base, 0.9), width * 1.3)
    if pen.chance(0.5):
        pen.line([(0, -7), (14, 3)], tint(pen.base, 0.7), width * 0.8)
    pen.fill(oval(-6, -1, 1.4, 1.8), (190, 180, 150))


def slipper(pen: Pen) -> None:
    """A flip flop from above and aside; some in plain leather, like a sandal without its heel strap."""
    pen = _aside(pen)
    _footbed(pen, pen.cloth, pen.between(1.5, 3.6), tint(pen.accent, 0.8))
    colour = tint(pen.base, 0.6) if pen.chance(0.2) else pen.accent
    if pen.chance(0.08):
        pen.fill(rounded([(0, 8), (0, -12), (12, -15), (14, 6)], 1), colour, seam=0.6)
    else:
        _thong(pen, colour, pen.between(2, 3.4))


def slipper_pair(pen: Pen) -> None:
    """A pair of flip flops from above."""
    for side in (1, -1):
        foot = pen.at(side * 12, 0, 1.05, side * 1.05, angle=-90 + side * pen.between(0, 9))
        foot.fill(rounded(SOLE), pen.cloth, seam=1)
        width = pen.between(1.6, 2.6)
        foot.line(curve([(14, -2), (6, 5.5), (-4, 7)]), pen.accent, width)
        foot.line(curve([(14, -2), (6, -6), (-4, -7)]), pen.accent, width)
        foot.fill(oval(14, -2, 1.5, 1.5), tint(pen.accent, 0.7))


def _side_view(pen: Pen) -> Pen:
    return pen.at(0, 4, pen.pick([1, -1]) * pen.between(0.96, 1.04), pen.between(1, 1.2), angle=pen.between(-6, 6))


def _aside(pen: Pen) -> Pen:
    turned = pen.at(0, 3, pen.pick([1, -1]) * 1.08, pen.between(0.95, 1.2), angle=pen.between(-4, 8))
    return turned.at(0, 0, 1, 1, angle=pen.between(4, 16))


def _heel(pen: Pen) -> None:
    pen.fill([(-23, -5), (-14, -1), (-19 + pen.between(0, 3), 14), (-22, 14)], tint(pen.base, 0.6))


def _footbed(pen: Pen, ink: Ink, thickness: float, side: Colour) -> None:
    outline = rounded(SOLE)
    for layer in range(8, 0, -1):
        pen.at(0, thickness * layer / 8, 1).fill(outline, tint(side, 0.8))
    pen.fill(outline, ink, seam=0.5)


def _thong(pen: Pen, colour: Colour, width: float) -> None:
    pen.line(curve([(15, -1), (11, -11), (0, -11), (-8, -6.5)]), tint(colour, 0.85), width)
    pen.line(curve([(15, -1), (10, -9), (2, -4), (-5, 7)]), colour, width * 1.1)
    pen.fill(oval(15, -1, 1.2, 1.6), tint(colour, 0.7))
