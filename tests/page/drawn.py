"""Figures as a reader sees them: where their marks and words stand, in pixels from the top left corner."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import vl_convert

from job.page.charts import compile_panel, unchecked
from job.page.figures.every import FIGURES
from job.page.view import View
from job.records.results import Progress, Results

Point = tuple[float, float]
WIDTH = 600
_NEAR = 6.0  # pixels between a mark and the label that it stands at


@dataclass(frozen=True)
class Shape:
    """A mark that says what it is."""

    title: str
    points: tuple[Point, ...]
    """A dot's middle, a rule's ends, two corners of a rect, or the points that a line leads through."""
    style: str
    """Its colours."""


@dataclass(frozen=True)
class Drawn:
    """All that a figure has; its panels stand side by side."""

    shapes: tuple[Shape, ...]
    words: tuple[tuple[str, Point], ...]

    def marks(self, title: str) -> list[tuple[Point, ...]]:
        """Return the points of each mark whose title begins so, in the order of drawing."""
        return [shape.points for shape in self.shapes if shape.title.startswith(title)]

    def dots(self, title: str) -> list[Point]:
        """Return the middle of each dot whose title begins so."""
        return [points[0] for points in self.marks(title) if len(points) == 1]

    def lines(self, title: str) -> list[tuple[Point, ...]]:
        """Return the points of each rule, rect and line whose title begins so."""
        return [points for points in self.marks(title) if len(points) > 1]

    def places(self, words: str) -> list[Point]:
        """Return where texts of these words stand, in the order of drawing."""
        return [place for text, place in self.words if text == words]

    def label(self, words: str) -> Point:
        """Return the place of the first one."""
        return self.places(words)[0]

    def stands_at(self, point: Point, x: str = "", y: str = "") -> bool:
        """Say whether a label x stands above or below the point, and a label y beside it."""
        return all(
            not words or any(abs(place[axis] - point[axis]) < _NEAR for place in self.places(words))
            for axis, words in enumerate((x, y))
        )


def drawn(name: str, run: Results | Progress, width: float = WIDTH) -> Drawn:
    """Draw a figure of a run."""
    shapes: list[Shape] = []
    words: list[tuple[str, Point]] = []
    with unchecked():
        panels = FIGURES[name](View(run))
        assert panels
        for at, panel in enumerate(panels):
            svg = vl_convert.vega_to_svg(compile_panel(panel, width))
            for node, (left, top) in _walk(ET.fromstring(svg), (at * 2 * width, 0.0)):  # noqa: S314 -- our own
                label, tag = _plain(node.get("aria-label", "")), node.tag.rpartition("}")[2]
                if tag == "text":
                    words.append((_plain("".join(node.itertext())), (left, top - 4)))
                elif label and tag == "line":
                    end = left + float(node.get("x2", 0)), top + float(node.get("y2", 0))
                    shapes.append(Shape(label, ((left, top), end), node.get("stroke", "")))
                elif label and tag == "path":
                    style = node.get("fill", "") + node.get("stroke", "")
                    is_dot = node.get("aria-roledescription") == "point"
                    points = [(left, top)] if is_dot else list(_points(node.get("d", ""), left, top))
                    shapes.append(Shape(label, tuple(points), style))
    return Drawn(tuple(shapes), tuple(words))


def _plain(text: str) -> str:
    return text.replace("\xa0", " ")


def _walk(node: ET.Element, origin: Point) -> Iterator[tuple[ET.Element, Point]]:
    moved = re.match(r"translate\(([^,)]+),([^)]+)\)", node.get("transform", ""))
    if moved:
        origin = (origin[0] + float(moved[1]), origin[1] + float(moved[2]))
    yield node, origin
    for child in node:
        yield from _walk(child, origin)


def _points(path: str, left: float, top: float) -> Iterator[Point]:
    """Yield two corners of a rect, or the points that a line leads through."""
    rect = re.match(r"M(-?[\d.]+),(-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)", path)
    if rect:
        x, y, wide, high = (float(number) for number in rect.groups())
        yield left + x, top + y
        yield left + x + wide, top + y + high
        return
    for command in re.findall(r"[MLC][^A-Za-z]+", path):
        numbers = command[1:].split(",")
        yield left + float(numbers[-2]), top + float(numbers[-1])
