"""Figures as a reader sees them: where their marks and words stand, in pixels from the top left corner."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from job.page.figures.every import WIDE, Figure
from job.page.svg import inline
from job.page.view import View
from job.records.results import Progress, Results

Point = tuple[float, float]
_NEAR = 6.0  # pixels between a mark and the label that it stands at


@dataclass(frozen=True)
class Shape:
    """A circle, rect, line or path of a figure."""

    kind: str
    title: str
    """What the mark that it belongs to stands for, or nothing."""
    points: tuple[Point, ...]
    """A circle's middle, a line's ends, two corners of a rect, or the points that a path leads through."""
    style: str
    """Which of the palette's colours it has, and the like."""


@dataclass(frozen=True)
class Drawn:
    """All that a figure has."""

    width: float
    shapes: tuple[Shape, ...]
    words: tuple[tuple[str, Point], ...]

    def marks(self, kind: str, title: str) -> list[tuple[Point, ...]]:
        """Return the points of each shape of this kind whose title begins so, in the order of drawing."""
        return [shape.points for shape in self.shapes if shape.kind == kind and shape.title.startswith(title)]

    def mark(self, kind: str, title: str) -> tuple[Point, ...]:
        """Return the points of the only one."""
        (found,) = self.marks(kind, title)
        return found

    def places(self, words: str) -> list[Point]:
        """Return where texts of these words stand, in the order of drawing."""
        return [place for text, place in self.words if text == words]

    def label(self, words: str) -> Point:
        """Return the place of the only one."""
        (found,) = self.places(words)
        return found

    def stands_at(self, point: Point, x: str = "", y: str = "") -> bool:
        """Say whether a label x stands above or below the point, and a label y beside it."""
        return all(
            not words or any(abs(place[axis] - point[axis]) < _NEAR for place in self.places(words))
            for axis, words in enumerate((x, y))
        )


def drawn(figure: Figure, run: Results | Progress) -> Drawn:
    """Draw a figure of a run, as wide as on a desk."""
    drawing = figure.draw(View(run), WIDE)
    assert drawing is not None
    root = ET.fromstring(inline(drawing, figure.title, "wide"))  # noqa: S314 -- our own
    shapes, words = [], []
    for node, title, (left, top) in _walk(root, "", (0.0, 0.0)):
        if node.tag == "text":
            words.append(("".join(node.itertext()).replace("\xa0", " "), _moved(node, left, top - 4, "x", "y")))
        elif node.tag in _CORNERS:
            names = _CORNERS[node.tag]
            points = [_moved(node, left, top, *pair) for pair in names]
            if node.tag == "rect":
                size = float(node.get("width", 0)), float(node.get("height", 0))
                points.append((points[0][0] + size[0], points[0][1] + size[1]))
            shapes.append(Shape(node.tag, title, tuple(points), node.get("class", "")))
        elif node.tag == "path":
            points = [(left + x, top + y) for x, y in _path(node.get("d", ""))]
            shapes.append(Shape("path", title, tuple(points), node.get("class", "")))
    return Drawn(drawing.width, tuple(shapes), tuple(words))


_CORNERS = {"circle": [("cx", "cy")], "line": [("x1", "y1"), ("x2", "y2")], "rect": [("x", "y")]}


def _walk(node: ET.Element, title: str, origin: Point) -> Iterator[tuple[ET.Element, str, Point]]:
    own = node.find("title")
    title = title if own is None else "".join(own.itertext()).replace("\xa0", " ")
    moved = re.match(r"translate\((\S+) (\S+)\)", node.get("transform", ""))
    if moved:
        origin = (origin[0] + float(moved[1]), origin[1] + float(moved[2]))
    yield node, title, origin
    for child in node:
        yield from _walk(child, title, origin)


def _moved(node: ET.Element, left: float, top: float, x: str, y: str) -> Point:
    return left + float(node.get(x, 0)), top + float(node.get(y, 0))


def _path(text: str) -> Iterator[Point]:
    """Yield the points of straight lines, and those that curves end at."""
    for command, numbers in re.findall(r"([MLC])([^MLCZ]*)", text):
        values = [float(number) for number in numbers.split()]
        yield values[-2], values[-1]
        assert len(values) == (6 if command == "C" else 2)
