"""Figures that have a row for each class: how well it is told apart, and how many photos it has."""

from collections.abc import Sequence
from functools import partial

from job.metrics import wilson_interval
from job.page.font import shortened, text_width
from job.page.markup import Markup, join
from job.page.scales import Linear, Log, Scale
from job.page.svg import Drawing, Panel, circle, line, mark, text, tiled
from job.page.view import View
from job.records.dataset import ClassCount
from job.records.results import ClassScore
from job.words import NBSP, count, percent

_ROW = 19.0
_NAME = 150.0  # the longest that a class's name may be
_TOP = 44.0
_ONE_COLUMN = 14  # classes that stand in one column even where there is room for two
_PARTS = ("train", "validation", "test")
_SHIFTS = (0.0, -3.0, 3.0)


def class_recall(view: View, width: float) -> Drawing | None:
    """Draw each class's recall on the test part with its 95 % interval, the worst first."""
    if view.results is None:
        return None
    rows = sorted(view.results.test.per_class, key=lambda row: (row.recall, -row.support, row.name))
    if not rows:
        return None
    gutter = _gutter([row.name for row in rows], width)
    panels = [partial(_recall_panel, part, gutter, view.results.test.accuracy) for part in _halves(rows)]
    return _rows(panels, width)


def _recall_panel(rows: Sequence[ClassScore], gutter: float, accuracy: float, width: float) -> Drawing:
    right = text_width(f"photos{NBSP}100", 11) + 8
    x = Linear(0, 1, gutter, width - right)
    bottom = _TOP + _ROW * len(rows)
    parts = [text(width, 30, "photos", "note small", anchor="end")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(line(x(share), _TOP - 6, x(share), bottom, "grid"))
        if share in {0.0, 0.5, 1.0}:
            words = f"{100 * share:.0f}{NBSP}%"
            parts.append(text(x(share), 30, words, "tick small", anchor="middle"))
    parts.append(line(x(accuracy), _TOP - 6, x(accuracy), bottom, "main dashed thin"))
    words = f"all photos {percent(accuracy)}"
    half = text_width(words, 11) / 2
    parts.append(text(min(x(accuracy), width - half), 12, words, "small goodtext", anchor="middle"))
    for index, row in enumerate(rows):
        y = _TOP + (index + 0.5) * _ROW
        parts.append(text(gutter - 10, y + 4, shortened(row.name, 12, gutter - 10), anchor="end"))
        parts.append(text(width, y + 4, f"{row.support:,}", "note small", anchor="end"))
        if row.support:
            low, high = wilson_interval(round(row.recall * row.support), row.support)
            title = (
                f"{row.name}: recall {percent(row.recall)} (95{NBSP}% interval {percent(low)} to {percent(high)}), "
                f"precision {percent(row.precision)}, {count(row.support, 'photo')}"
            )
            dot = circle(x(row.recall), y, 4, "dot")
            parts.append(mark(line(x(low), y, x(high), y, "interval"), dot, title=title))
    return Drawing(width, bottom + 4, join(parts))


def class_balance(view: View, width: float) -> Drawing | None:
    """Draw how many photos of each class the parts of the split have, the largest class first."""
    rows = sorted(view.run.dataset.classes, key=lambda row: (-_total(row), row.name))
    if not rows:
        return None
    gutter = _gutter([row.name for row in rows], width)
    most = max(max(row.train, row.validation, row.test) for row in rows)
    panels = [partial(_balance_panel, part, gutter, max(most, 2)) for part in _halves(rows)]
    return _rows(panels, width)


def _balance_panel(rows: Sequence[ClassCount], gutter: float, most: int, width: float) -> Drawing:
    right = text_width("15,398", 11) + 12
    x: Scale = Log(0.8, most * 1.15, gutter, width - right)
    bottom = _TOP + _ROW * len(rows)
    parts = [text(width, 30, "all", "note small", anchor="end"), _part_names(gutter)]
    for value, words in x.ticks(5 if width > 400 else 4):  # noqa: PLR2004 -- pixels
        parts.append(line(x(value), _TOP - 6, x(value), bottom, "grid"))
        parts.append(text(x(value), 30, words, "tick small", anchor="middle"))
    for index, row in enumerate(rows):
        y = _TOP + (index + 0.5) * _ROW
        numbers = [getattr(row, name) for name in _PARTS]
        title = f"{row.name}: " + ", ".join(f"{n:,} {name}" for n, name in zip(numbers, _PARTS, strict=True))
        shown = [n for n in numbers if n]
        # validation and test have the same number of photos as a rule
        dots = [circle(x(n), y + _SHIFTS[code], 3.4, f"c{code} outlined") for code, n in enumerate(numbers) if n]
        parts.append(text(gutter - 10, y + 4, shortened(row.name, 12, gutter - 10), anchor="end"))
        parts.append(text(width, y + 4, f"{sum(numbers):,}", "note small", anchor="end"))
        if shown:
            parts.append(mark(line(x(min(shown)), y, x(max(shown)), y, "link"), *dots[::-1], title=title))
    return Drawing(width, bottom + 4, join(parts))


def _part_names(x: float) -> Markup:
    """Name the parts in their colours, above the axis."""
    parts, at = [], x
    for code, name in enumerate(_PARTS):
        parts += [circle(at + 4, 8, 4, f"c{code} outlined"), text(at + 12, 12, name, f"small strong c{code}")]
        at += text_width(name, 11, "Medium") + 26
    return join(parts)


def _rows(panels: Sequence[Panel], width: float) -> Drawing:
    """Return columns of rows; a single one is no wider than reads well."""
    return tiled(panels, width if len(panels) > 1 else min(width, 640.0), 400)


def _halves(rows: Sequence) -> list:  # type: ignore[type-arg]
    if len(rows) <= _ONE_COLUMN:
        return [rows]
    middle = (len(rows) + 1) // 2
    return [rows[:middle], rows[middle:]]


def _gutter(names: list[str], width: float) -> float:
    most = min(_NAME, width * 0.36)
    return min(max(text_width(name, 12) for name in names), most) + 12


def _total(row: ClassCount) -> int:
    return row.train + row.validation + row.test
