"""Figure: the confusion matrix, legible with two classes and with fifty."""

from job.page.font import shortened, text_width
from job.page.markup import Markup, join
from job.page.palette import SHADES
from job.page.svg import Drawing, rect, text
from job.page.view import View
from job.words import count, percent

_LARGEST, _LEAST = 44.0, 13.0  # of a cell
_WITH_COUNT = 24.0  # cells, from which on the count is written in them
_NAME = 128.0  # the longest that a class's name may be
_ERRORS = 6  # steps of the scale of errors
_DARK, _DARK_ERROR = 13, 4  # steps from which on a count is written in the paper's colour


def confusion_matrix(view: View, width: float) -> Drawing | None:
    """Draw the test photos by true and predicted class, the largest class first; wider than `width` if need be."""
    if view.results is None:
        return None
    matrix, classes = view.results.test.confusion, [row.name for row in view.run.dataset.classes]
    order = sorted(range(len(matrix)), key=lambda index: (-sum(matrix[index]), classes[index]))
    size = 11.0 if len(order) <= width / _WITH_COUNT else 10.0
    names = [shortened(classes[index], size, _NAME) for index in order]
    gutter = max([*(text_width(name, size) for name in names), text_width("columns: predicted", 11)]) + 10
    cell = max(_LEAST, min(_LARGEST, (width - gutter - 2) / len(order)))
    top = gutter
    style = "tick small" if size > 10 else "tick tiny"  # noqa: PLR2004 -- pixels
    baseline = size * 0.36
    parts = [
        text(gutter - 10, top - 8, "rows: true", "note small", anchor="end"),
        text(gutter - 10, top - 23, "columns: predicted", "note small", anchor="end"),
        rect(gutter, top, cell * len(order), cell * len(order), "cell"),
    ]
    for place, name in enumerate(names):
        middle = (place + 0.5) * cell
        parts.append(text(gutter - 8, top + middle + baseline, name, style, anchor="end"))
        parts.append(text(gutter + middle + baseline, top - 8, name, style, rotate=-90))
    parts.append(Markup('<g class="cells">'))
    for row, true in enumerate(order):
        photos = sum(matrix[true])
        for column, predicted in enumerate(order):
            number = matrix[true][predicted]
            if number:
                at = (gutter + column * cell, top + row * cell)
                title = _title(classes[true], classes[predicted], number, photos)
                parts.append(_cell(*at, cell, number, number / photos, title=title, right=true == predicted))
    parts.append(Markup("</g>"))
    side = gutter + cell * len(order) + 2
    return Drawing(max(side, width), side, join(parts))


def _cell(x: float, y: float, size: float, number: int, share: float, *, title: str, right: bool) -> Markup:
    if right:
        step = round(share * (SHADES - 1))
        class_, dark = f"q{step}", step >= _DARK
    else:
        step = min(int(share**0.5 * _ERRORS), _ERRORS - 1)  # so that the few errors of a good class are seen, too
        class_, dark = f"e{step}", step >= _DARK_ERROR
    gap = 1.0 if size > _LEAST else 0.5
    shape = rect(x + gap / 2, y + gap / 2, size - gap, size - gap, class_, title=title)
    if size < _WITH_COUNT:
        return shape
    ink = "bright" if dark else ""
    words = str(number)
    if text_width(words, 11) > size - 3:
        return shape
    return join((shape, text(x + size / 2, y + size / 2 + 4, words, f"small silent {ink}".strip(), anchor="middle")))


def _title(true: str, predicted: str, number: int, photos: int) -> str:
    if true == predicted:
        return f"{true}: {number:,} of {count(photos, 'photo')} right ({percent(number / photos)})"
    return f"{true} taken for {predicted}: {number:,} of {count(photos, 'photo')} ({percent(number / photos)})"
