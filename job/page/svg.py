"""SVG: drawings of a fixed size, how they are put together, and the marks, texts and axes they are made of.

Coordinates are pixels from the top left corner. Colours are classes of `palette`; what a mark stands for is in its
`<title>`, which browsers show to who points at it. Knows no results.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from job.page.font import text_width
from job.page.markup import Markup, decimals, join, tag
from job.page.scales import Band, Scale

Anchor = Literal["start", "middle", "end"]

GAP = 28.0  # between panels
_APART = 8.0  # pixels between two labels of an axis
_NAMES = 20.0  # the height of a row of names
_ARM = 3.6  # half the size of a sign


@dataclass(frozen=True)
class Drawing:
    """Something drawn, and the room that it takes."""

    width: float
    height: float
    body: Markup


Panel = Callable[[float], Drawing]
"""What is drawn to a width."""


def inline(drawing: Drawing, label: str, class_: str) -> Markup:
    """Return a drawing as an element of a page; `label` tells its content to those who cannot see it."""
    return _svg(drawing, drawing.body, class_=f"fig {class_}", role="img", aria_label=label)


def standalone(drawing: Drawing, label: str, style: str) -> Markup:
    """Return a drawing as a document of its own, under its title and on a sheet with some room around it."""
    margin, head = 24.0, 44.0
    sheet = Drawing(drawing.width + 2 * margin, drawing.height + 2 * margin + head, Markup())
    parts = (
        tag("title", label),
        tag("style", Markup(style)),
        rect(0, 0, sheet.width, sheet.height, "sheet"),
        text(margin, margin + 16, label, "headline"),
        placed(drawing, margin, margin + head),
    )
    return _svg(sheet, join(parts), class_="fig", xmlns="http://www.w3.org/2000/svg")


def _svg(drawing: Drawing, body: Markup, **attributes: str) -> Markup:
    size = {"width": drawing.width, "height": drawing.height}
    view = f"0 0 {decimals(drawing.width)} {decimals(drawing.height)}"
    return tag("svg", body, viewBox=view, **size, **attributes)


def placed(drawing: Drawing, x: float, y: float) -> Markup:
    """Return a drawing as a part of another, with its corner at (x, y)."""
    return tag("g", drawing.body, transform=f"translate({decimals(x)} {decimals(y)})")


def tiled(panels: Sequence[Panel], width: float, least: float) -> Drawing:
    """Return panels side by side, as many in a row as fit with a width of `least`; each is drawn to its width."""
    columns = min(len(panels), max(1, int((width + GAP) // (least + GAP))))
    columns = math.ceil(len(panels) / math.ceil(len(panels) / columns))  # rows of equal length, where that can be
    each = (width - GAP * (columns - 1)) / columns
    drawings = [panel(each) for panel in panels]
    parts, y = [], 0.0
    for first in range(0, len(drawings), columns):
        row = drawings[first : first + columns]
        parts += [placed(drawing, index * (each + GAP), y) for index, drawing in enumerate(row)]
        y += max(drawing.height for drawing in row) + GAP
    return Drawing(width, max(y - GAP, 0.0), join(parts))


def titled(words: str) -> Markup:
    """Return what is shown to who points at the element that this is a child of."""
    return tag("title", words)


def text(
    x: float, y: float, words: str, class_: str = "", *, anchor: Anchor = "start", rotate: float | None = None
) -> Markup:
    """Return a text whose baseline is at y."""
    turn = None if rotate is None else f"rotate({decimals(rotate)} {decimals(x)} {decimals(y)})"
    align = None if anchor == "start" else anchor
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=align, transform=turn)


def haloed(x: float, y: float, words: str, class_: str = "", *, anchor: Anchor = "start") -> Markup:
    """Return a text that is legible upon lines and dots."""
    return text(x, y, words, f"halo {class_}".strip(), anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *, title: str | None = None) -> Markup:
    """Return a rectangle."""
    inner = () if title is None else (titled(title),)
    return tag("rect", *inner, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def circle(x: float, y: float, radius: float, class_: str, *, title: str | None = None) -> Markup:
    """Return a disc."""
    inner = () if title is None else (titled(title),)
    return tag("circle", *inner, cx=x, cy=y, r=radius, class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Return straight lines through the points; a lone point becomes a dot, where the class has round ends."""
    places = [f"{decimals(x)} {decimals(y)}" for x, y in points]
    places += places if len(places) == 1 else []
    return tag("path", d=f"M{'L'.join(places)}{'Z' if closed else ''}", class_=class_)


def smooth_path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """Return a line that leaves and reaches each point horizontally."""
    parts = [f"M{decimals(points[0][0])} {decimals(points[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = decimals((x0 + x1) / 2)
        parts.append(f"C{middle} {decimals(y0)} {middle} {decimals(y1)} {decimals(x1)} {decimals(y1)}")
    return tag("path", d="".join(parts), class_=class_)


def mark(*parts: Markup, title: str) -> Markup:
    """Return parts that stand for one thing and have one title."""
    return tag("g", titled(title), *parts, class_="mark")


def sign(x: float, y: float, status: str) -> Markup:
    """Return the mark of a trial without a value: a cross (diverged), a triangle (failed) or a ring (pruned)."""
    if status == "diverged":
        arms = ((x - _ARM, y - _ARM, x + _ARM, y + _ARM), (x - _ARM, y + _ARM, x + _ARM, y - _ARM))
        shape = join(line(*arm, "sign") for arm in arms)
    elif status == "failed":
        corners = ((x, y - _ARM - 0.5), (x + _ARM + 0.5, y + _ARM), (x - _ARM - 0.5, y + _ARM))
        shape = path(corners, "hollow", closed=True)
    else:
        shape = circle(x, y, _ARM, "hollow")
    return join((shape, circle(x, y, 2 * _ARM, "hit")))


def bottom_axis(scale: Scale, y: float, top: float, *, count: int, title: str = "") -> Markup:
    """Return an axis at y with its labels and title below it, and grid lines up to `top`; 34 pixels high."""
    parts = [line(scale.start, y, scale.end, y, "axis")]
    last = -1e9
    ticks = scale.ticks(count)
    for value, words in ticks:
        x, half = scale(value), text_width(words, 11) / 2
        parts.append(line(x, y, x, top, "grid"))
        left = min(max(x - half, scale.start - 12), scale.end + 8 - 2 * half)
        if left > last + _APART:
            parts.append(text(left + half, y + 15, words, "tick small", anchor="middle"))
            last = left + 2 * half
    if title:
        parts.append(text((scale.start + scale.end) / 2, y + 31, title, "note small", anchor="middle"))
    return join(parts)


def left_axis(scale: Scale, x: float, right: float, *, count: int) -> Markup:
    """Return labels that end 8 pixels left of x, and grid lines to `right`."""
    parts = []
    for value, words in scale.ticks(count):
        y = scale(value)
        parts.append(line(x, y, right, y, "grid"))
        parts.append(text(x - 8, y + 4, words, "tick small", anchor="end"))
    return join(parts)


def names_axis(band: Band, y: float) -> Markup:
    """Return an axis of names at y, in two rows where one is too short for them; 20 or 33 pixels high."""
    parts = [line(band.start, y, band.end, y, "axis")]
    rows = 2 if names_height(band) > _NAMES else 1
    for index, name in enumerate(band.names):
        parts.append(text(band(name), y + 15 + 13 * (index % rows), name, "tick small", anchor="middle"))
    return join(parts)


def names_height(band: Band) -> float:
    """Return how high `names_axis` is."""
    crowded = any(text_width(name, 11) > band.step - 5 for name in band.names)
    return _NAMES + 13 if crowded else _NAMES


def labels_width(scale: Scale, count: int) -> float:
    """Return the room that the labels of a left axis need."""
    return max((text_width(words, 11) for _, words in scale.ticks(count)), default=0.0) + 8
