"""Figure: parallel coordinates, each trial a line through its hyperparameters to its value."""

from job.page.figures.trials import shades_by_rank
from job.page.font import text_width
from job.page.markup import Markup, join, tag
from job.page.scales import Band, Scale
from job.page.svg import Anchor, Drawing, line, mark, rect, smooth_path, text
from job.page.view import View, range_scale
from job.records.trial import TrialRecord
from job.words import NBSP, PARAMETERS

_HEIGHT = 270.0
_NO_VALUE = 30.0  # below the value's axis, where lines of trials without one end
_MANY = 60  # lines, from which on each is thinner
_NARROW = 110.0  # between axes, below which their names take two lines
_SPREAD = 0.62  # the share of an optimizer's room that its trials' lines are spread over


def parallel_coordinates(view: View, width: float) -> Drawing | None:
    """Draw all trials, the better the darker, the winner on top."""
    names = list(view.space.searched)
    if not view.trials or not names:
        return None
    top = 40.0
    values = view.value_scale([value for _, value in view.complete], top + _HEIGHT, top, 5)
    right = max((text_width(words, 11) for _, words in values.ticks(5)), default=0.0) + 8
    right = max(right, text_width(f"no{NBSP}value", 11) + 8)
    left = _left_room(view, names[0])
    step = (width - left - right) / len(names)
    xs = [left + index * step for index in range(len(names) + 1)]
    places = {name: _places(view, name, top) for name in names}
    shades = shades_by_rank(view)
    ordered = [trial for trial in view.trials if trial.value is None] + [trial for trial, _ in view.complete[::-1]]
    lines = []
    for trial in ordered:
        end = top + _HEIGHT + _NO_VALUE if trial.value is None else values(trial.value)
        points = list(zip(xs, [*(places[name][trial.number] for name in names), end], strict=True))
        lines.append(mark(smooth_path(points, _class(view, trial, shades)), title=view.describe(trial)))
    axes = [_axis(view, name, x, top, step, first=name == names[0]) for name, x in zip(names, xs, strict=False)]
    axes.append(_value_axis(view, values, xs[-1], width))
    crowd = "lines many" if len(lines) > _MANY else "lines"
    body = [tag("g", *lines, class_=crowd), *axes]
    return Drawing(width, top + _HEIGHT + _NO_VALUE + 14, join(body))


def _class(view: View, trial: TrialRecord, shades: dict[int, int]) -> str:
    if trial.value is None:
        return "quiet dashed"
    return "winline" if trial is view.winner else f"trail s{shades[trial.number]}"


def _places(view: View, name: str, top: float) -> dict[int, float]:
    """Return the height of each trial on an axis; those of one optimizer are spread, in their order, over its room."""
    dimension = view.space.searched[name]
    if not isinstance(dimension, tuple):
        scale = range_scale(dimension, top + _HEIGHT, top)
        return {trial.number: scale(float(trial.params[name])) for trial in view.trials}
    band = Band(dimension, top, top + _HEIGHT)
    found = {}
    for each in dimension:
        numbers = [trial.number for trial in view.trials if trial.params[name] == each]
        for index, number in enumerate(numbers):
            share = (index + 0.5) / len(numbers) - 0.5
            found[number] = band(each) + share * band.step * _SPREAD
    return found


def _left_room(view: View, name: str) -> float:
    """Return the room that the labels of the first axis need at its left, where no line covers them."""
    dimension = view.space.searched[name]
    labels = (
        dimension if isinstance(dimension, tuple) else [words for _, words in range_scale(dimension, 1, 0).ticks(5)]
    )
    return max(text_width(words, 11) for words in labels) + 9


def _axis(view: View, name: str, x: float, top: float, step: float, *, first: bool) -> Markup:
    dimension = view.space.searched[name]
    parts = [line(x, top, x, top + _HEIGHT, "axis"), _header(PARAMETERS[name], x, step, first=first)]
    if isinstance(dimension, tuple):
        band = Band(dimension, top, top + _HEIGHT)
        labels: list[tuple[float, str]] = [(band(each), each) for each in dimension]
        half = band.step * _SPREAD / 2
        parts += [line(x, y - half, x, y + half, "bracket") for y, _ in labels]
    else:
        scale = range_scale(dimension, top + _HEIGHT, top)
        labels = [(scale(value), words) for value, words in scale.ticks(5)]
        parts += [line(x, y, x - 4 if first else x + 4, y, "axis") for y, _ in labels]
    for y, words in labels:
        if first:
            parts.append(text(x - 8, y + 4, words, "tick small", anchor="end"))
            continue
        parts.append(rect(x + 5, y - 8, text_width(words, 11) + 6, 16, "veil"))
        parts.append(text(x + 8, y + 4, words, "tick small"))
    return join(parts)


def _header(name: str, x: float, step: float, *, first: bool) -> Markup:
    if step >= _NARROW:
        return text(0 if first else x, 24, name, "strong", anchor="start" if first else "middle")
    rows = name.split(" ") if " " in name else ["", name]
    anchor: Anchor = "start" if first else "middle"
    return join(
        text(0 if first else x, 10 + 14 * row, words, "strong small", anchor=anchor) for row, words in enumerate(rows)
    )


def _value_axis(view: View, values: Scale, x: float, width: float) -> Markup:
    parts = [line(x, values.start, x, values.end, "axis")]
    name = view.objective_name
    rows = [name] if text_width(name, 12, "Medium") < _NARROW and " " not in name else name.split(" ")
    first, style = (24, "strong") if len(rows) == 1 else (10, "strong small")
    parts += [text(width, first + 14 * row, words, style, anchor="end") for row, words in enumerate(rows)]
    for value, words in values.ticks(5):
        parts.append(line(x, values(value), x + 4, values(value), "axis"))
        parts.append(text(x + 8, values(value) + 4, words, "tick small"))
    if any(trial.value is None for trial in view.trials):
        parts.append(text(x + 8, values.start + _NO_VALUE + 4, f"no{NBSP}value", "tick small"))
    return join(parts)
