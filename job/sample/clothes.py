"""Clothes for the sample catalogue, laid flat or worn, in the studio's frame of 60 x 80 units."""

# ruff: noqa: D401 -- a drawing's docstring says what it shows

from job.sample.studio import Colour, Pen, Point, both_sides, curve, is_dark, oval, rounded, tint

SKIN: tuple[Colour, ...] = ((241, 206, 178), (224, 178, 142), (198, 144, 106), (152, 104, 74), (106, 70, 50))
HAIR: tuple[Colour, ...] = ((28, 22, 20), (52, 36, 28), (92, 62, 40), (150, 112, 70))
TROUSERS: tuple[Colour, ...] = ((40, 46, 66), (30, 30, 34), (70, 88, 120), (120, 106, 88), (84, 84, 88))
PLAIN_SHIRTS: tuple[Colour, ...] = ((226, 226, 226), (150, 160, 176), (60, 62, 70), (178, 70, 66), (120, 152, 186))
ANKLE = 36.0  # units below the middle, where long legs end


def tshirt(pen: Pen) -> None:
    """A T-shirt with a round or a V neck, often with a print on the chest."""
    if pen.chance(0.5):
        pen = _dress_a_model(pen, is_woman=pen.chance(0.25))
    pen = pen.at(0, 0, pen.between(0.92, 1.08), 1)
    sleeve = tint(pen.accent, 0.95) if pen.chance(0.2) else pen.cloth
    reach = pen.between(0.92, 1.1)
    for side in (1, -1):
        arm = pen.at(0, 0, side, 1)
        arm.fill(
            rounded([(10, -28), (16.5, -25.5), (23.5 * reach, -12), (18 * reach, -8), (12, -13)], 1), sleeve, seam=0.4
        )
    _body(pen, pen.between(12, 14), pen.between(23, 28))
    neck: list[Point] = [(6, -30), (0, pen.between(-19, -16)), (-6, -30)] if pen.chance(0.3) else oval(0, -29, 6, 4.5)
    pen.fill(neck, tint(pen.base, 0.6), seam=1)
    if pen.chance(0.65):
        _chest_print(pen.at(0, pen.between(-10, -2), pen.between(0.7, 1.2)))


def shirt(pen: Pen) -> None:
    """A shirt with a collar, a row of buttons, and long or short sleeves."""
    if pen.chance(0.5):
        pen = _dress_a_model(pen, is_woman=pen.chance(0.15))
    is_long = pen.chance(0.65)
    for side in (1, -1):
        arm = pen.at(0, 0, side, 1)
        if is_long:
            outline = [(10, -28), (17, -25), (22, -6), (24, 15), (19, 16.5), (16.5, -4), (12, -14)]
            arm.fill(rounded(outline, 1), pen.cloth, seam=0.4)
            arm.fill([(24.2, 12), (24.4, 17), (18.8, 18), (18.6, 13)], pen.cloth, seam=0.5)
        else:
            arm.fill(rounded([(10, -28), (17, -25), (23, -9), (17, -6), (12, -14)], 1), pen.cloth, seam=0.5)
    hem = pen.between(24, 28)
    _body(pen, pen.between(12, 14), hem)
    pen.line([(0, -24), (0, hem)], tint(pen.base, 0.65), 0.5)
    pen.line([(1.8, -24), (1.8, hem)], tint(pen.base, 0.8), 0.3)
    button = tint(pen.base, 1.6 if is_dark(pen.base) else 0.4)
    for y in range(-20, round(hem) - 2, 7):
        pen.fill(oval(0.9, y, 0.6, 0.6), button)
    if pen.chance(0.6):
        pen.fill([(5, -12), (11, -12), (11, -5), (8, -3.5), (5, -5)], pen.cloth, seam=0.5)
    pen.fill([(0, -22), (5.5, -30), (-5.5, -30)], tint(pen.base, 0.45))
    for side in (1, -1):
        pen.at(0, 0, side, 1).fill([(0, -22), (4.5, -31), (8, -28), (5.5, -19.5)], pen.cloth, seam=0.7)


def top(pen: Pen) -> None:
    """A woman's top: fitted, sleeveless or with short sleeves; a tunic reaches as far down as a dress."""
    is_tunic = pen.chance(0.3)
    if pen.chance(0.55):
        pen = _dress_a_model(pen, is_woman=True)
    if is_tunic:
        pen = pen.at(0, -3, 0.88)
    if pen.chance(0.5):
        for side in (1, -1):
            arm = pen.at(0, 0, side, 1)
            arm.fill(rounded([(8, -27), (14, -25), (19.5, -15), (15, -12), (10, -16)], 2), pen.cloth, seam=0.4)
    length = pen.between(27, 36) if is_tunic else pen.between(16, 25)
    waist, flare = pen.between(8.5, 10.5), pen.between(12, 15 if is_tunic else 17)
    right = [(5, -28), (10.5, -26), (10.5, -20), (11.5, -14), (waist, 1), (flare, length), (flare, length)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.5)
    pen.fill(rounded(both_sides([(5.5, -29.5), (5, -24), (1, -20)])), tint(pen.base, 0.6), seam=0.6)
    if pen.chance(0.4):
        pen.line([(-waist, 1), (waist, 1)], tint(pen.accent, 0.8), 1.4)


def dress(pen: Pen) -> None:
    """A dress: straps or short sleeves, a waist, and a skirt that flares more or less."""
    if pen.chance(0.55):
        _figure(pen)
        pen = pen.at(0, -7, 0.62, 0.72)
    else:
        pen = pen.at(0, -5, 0.9)
    waist, flare, length = pen.between(7, 9.5), pen.between(12, 21), pen.between(26, 40)
    has_sleeves = pen.chance(0.4)
    if has_sleeves:
        for side in (1, -1):
            pen.at(0, 0, side, 1).fill(
                rounded([(7, -28), (13, -26), (18, -16), (14, -13), (10, -16)], 2), pen.cloth, seam=0.5
            )
        top_edge: list[Point] = [(4, -28), (9, -28), (10.5, -25)]
    else:
        for side in (1, -1):
            pen.line([(side * 6.5, -30), (side * 7.5, -20)], tint(pen.base, 0.8), pen.between(1.2, 3))
        top_edge = [(2, -20.5), (7, -23), (9.5, -20)]
    right = [*top_edge, (11, -14), (waist, 0), (waist, 2), (flare * 0.8, 14), (flare, length), (flare, length)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.5)
    if has_sleeves:
        pen.fill(rounded(both_sides([(4.5, -29.5), (4, -25), (1, -21.5)])), tint(pen.base, 0.6), seam=0.6)
    if pen.chance(0.6):
        pen.fill(both_sides([(waist, -1), (waist, 2)]), tint(pen.accent, 0.85))
    if pen.chance(0.4):
        for share in (0.5, 0.75):
            edge = waist + (flare - waist) * (share + 0.05)
            pen.line([(-edge, length * share), (edge, length * share)], tint(pen.base, 0.7), 0.8)


def trousers(pen: Pen) -> None:
    """Trousers with a crease and a waistband."""
    _legwear(pen, hem=ANKLE, hem_width=pen.between(4.6, 6.5))


def jeans(pen: Pen) -> None:
    """Jeans with stitched pockets, worn pale along the thighs."""
    _legwear(pen, hem=ANKLE, hem_width=pen.between(4, 7), is_denim=True)


def shorts(pen: Pen) -> None:
    """Shorts that end above the knee."""
    _legwear(pen, hem=pen.between(-2, 9), hem_width=pen.between(10, 12), is_denim=pen.chance(0.3))


def skirt(pen: Pen) -> None:
    """A skirt, laid flat or worn."""
    if pen.chance(0.5):
        _lower_body(pen)
    length, flare = pen.between(0, 22), pen.between(14, 21)
    right = [(8.5, -32), (11.5, -22), (flare, length), (flare, length)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.5)
    pen.fill(both_sides([(8.7, -33), (9.4, -29)]), tint(pen.base, 0.8), seam=0.5)
    for fold in (-0.6, -0.2, 0.25, 0.65):
        pen.line([(fold * 9, -26), (fold * flare, length - 1)], tint(pen.base, 0.82), 0.6)


def _body(pen: Pen, waist: float, hem: float) -> None:
    right = [(5, -29), (14, -26.5), (14.5, -20), (13.5, -13), (waist, 2), (waist + 0.8, hem), (waist + 0.8, hem)]
    pen.fill(rounded(both_sides(right), 1), pen.cloth, seam=0.5)


def _chest_print(pen: Pen) -> None:
    colour = pen.accent
    kind = pen.pick(["words", "ring", "band", "sun", "mountain"])
    if kind == "words":
        for row in range(3):
            width = pen.between(3, 8)
            pen.line([(-width, row * 3.4 - 3), (width, row * 3.4 - 3)], colour, 1.8)
    elif kind == "ring":
        pen.fill(oval(0, 0, 7, 7), colour)
        pen.fill(oval(0, 0, 4.6, 4.6), tint(pen.base, 0.95))
        pen.line([(-4, 0), (4, 0)], colour, 1.5)
    elif kind == "band":
        pen.fill([(-13, -3), (13, -3), (13, 3), (-13, 3)], colour)
    elif kind == "sun":
        for turn in range(0, 180, 30):
            pen.at(0, 0, 1, 1, angle=turn).line([(-8, 0), (8, 0)], colour, 1.2)
        pen.fill(oval(0, 0, 4.5, 4.5), tint(colour, 1.3))
    else:
        pen.fill([(-9, 6), (-2, -6), (2, 0), (4, -3), (9, 6)], colour)


def _legwear(pen: Pen, *, hem: float, hem_width: float, is_denim: bool = False) -> None:
    if pen.chance(0.6):
        _lower_body(pen)
    centre = 6.2 if hem == ANKLE else 7
    outer, inner = centre + hem_width / 2, max(centre - hem_width / 2, 0.8)
    crotch = -10
    for side in (1, -1):
        leg = pen.at(0, 0, side, 1)
        outline = [(0, -33), (8.6, -33), (11.6, -22), (max(outer, 9.8), (hem - 10) / 2), (outer, hem), (inner, hem)]
        leg.fill([*outline, (0.6, crotch), (0, crotch)], pen.cloth, seam=0.5)
        if is_denim:
            pale = tint(pen.base, 1.18)
            leg.at(6.3, min(hem - 6, 0) - 2, 1).fill(oval(0, 0, 1.6, min(9, (hem + 14) / 3)), pale)
            leg.line([(4, -29.5), (5.5, -25), (10.5, -24)], (196, 150, 84), 0.5)
            leg.line([(outer - 0.6, hem - 1.2), (inner, hem - 1.2)], (196, 150, 84), 0.4)
        else:
            leg.line([(5.8, -22), ((outer + inner) / 2, hem)], tint(pen.base, 0.8), 0.5)
            leg.line([(6.5, -29), (9.8, -23)], tint(pen.base, 0.65), 0.6)
    pen.fill(both_sides([(8.6, -33.5), (9.2, -30)]), tint(pen.base, 0.85), seam=0.5)
    pen.line([(0, -30), (0.8, -20), (0, crotch)], tint(pen.base, 0.65), 0.5)
    pen.fill(oval(0, -31.7, 0.8, 0.8), (190, 170, 120))


def _lower_body(pen: Pen) -> None:
    """What a model shows below and around the waist: the hem of a shirt, hands, bare legs and shoes."""
    skin, shoe = pen.pick(SKIN), pen.pick(TROUSERS)
    for side in (1, -1):
        half = pen.at(0, 0, side, 1)
        half.line(curve([(13, -60), (14.5, -36), (15.5, -26), (13, -17)]), skin, 3.4)
        half.fill(rounded([(3, -12), (9.5, -12), (8.5, 12), (7.8, 36), (4.6, 36), (3.8, 12)], 1), skin)
        half.fill(rounded([(3.5, 35), (8.5, 35), (11.5, 40), (4, 40.5)], 1), shoe)
    pen.fill(both_sides([(12, -60), (9.8, -29)]), pen.pick(PLAIN_SHIRTS), seam=0.4)


def _dress_a_model(pen: Pen, *, is_woman: bool) -> Pen:
    """Draw a model from head to hip; returns the pen to draw the garment on it with."""
    skin, hair, legs = pen.pick(SKIN), pen.pick(HAIR), pen.pick(TROUSERS)
    if is_woman:
        pen.fill(rounded(both_sides([(2, -41), (6.5, -37), (8, -24), (5, -18)])), hair)
    for side in (1, -1):
        half = pen.at(0, 0, side, 1)
        half.line(curve([(13, -17), (17.5, -6), (20, 4), (15.5, 18)]), skin, 4)
        half.fill([(0, 17), (11, 17), (13, 60), (1, 60), (0, 32)], legs, seam=0.5)
    pen.fill(both_sides([(2.6, -30), (3.2, -23), (9, -19)]), tint(skin, 0.9))
    pen.fill(oval(0, -33.5, 4.6, 6), skin)
    pen.fill(rounded([(-5, -34), (-4.8, -39), (0, -41.5), (4.8, -39), (5, -34), (2.5, -37.5), (-2.5, -37)]), hair)
    return pen.at(0, 2, 0.86)


def _figure(pen: Pen) -> None:
    """A woman from head to foot."""
    skin, hair = pen.pick(SKIN), pen.pick(HAIR)
    pen.fill(rounded(both_sides([(1.5, -40), (4.6, -37), (5.6, -28), (3.6, -23)])), hair)
    for side in (1, -1):
        half = pen.at(0, 0, side, 1)
        half.line(curve([(6, -25), (8.6, -14), (9.8, -6), (7.5, 4)]), skin, 2.4)
        half.fill(rounded([(0.6, 0), (5.5, 0), (4.6, 20), (3.6, 37), (1.6, 37), (1, 18)], 1), skin)
        half.fill([(1.4, 36), (3.8, 36), (5.2, 40), (1.6, 40)], tint(pen.accent, 0.6))
    pen.fill(rounded(both_sides([(1.8, -32), (2, -28), (7.2, -26), (6.2, -18), (5, -8)]), 1), tint(skin, 0.95))
    pen.fill(oval(0, -34, 3.1, 4.1), skin)
    pen.fill(rounded([(-3.5, -34), (-3.2, -38), (0, -39.5), (3.2, -38), (3.5, -34), (1.6, -36.6), (-1.8, -36.3)]), hair)
