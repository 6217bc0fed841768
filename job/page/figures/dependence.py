"""Figures: what the Gaussian process fitted to all trials predicts along each hyperparameter and each pair of them."""

from functools import partial
from itertools import groupby

from job.page.font import text_width
from job.page.markup import Markup, join, tag
from job.page.palette import SHADES
from job.page.scales import Band, Linear, Scale
from job.page.svg import (
    Drawing,
    Panel,
    bottom_axis,
    circle,
    labels_width,
    left_axis,
    line,
    mark,
    names_axis,
    path,
    placed,
    rect,
    text,
    tiled,
)
from job.page.view import View, range_scale
from job.records.results import DependenceCurve, DependenceSurface
from job.words import NBSP, PARAMETERS, parameter, percent

_HEIGHT = 150.0
_ROOM = 0.6  # the share of an optimizer's room that its trials' dots are spread over
_LEGEND = 220.0
_LAP = 0.6  # by which cells reach into the next ones, that no gap is seen between them
_MANY = 60  # trials, from which on dots are smaller


def partial_dependence(view: View, width: float) -> Drawing | None:
    """Draw the predicted value along each hyperparameter, the trials' own values behind it."""
    dependence = view.run.dependence
    if dependence is None:
        return None
    values = [value for _, value in view.complete]
    for curve in dependence.curves.values():
        values += [*curve.low, *curve.high]
    panels: list[Panel] = [partial(_panel, view, name, curve, values) for name, curve in dependence.curves.items()]
    return tiled(panels, width, 280)


def _panel(view: View, name: str, curve: DependenceCurve, values: list[float], width: float) -> Drawing:
    top = 28.0
    y = view.value_scale(values, top + _HEIGHT, top, 4)
    gutter = labels_width(y, 4)
    parts = [text(0, 12, PARAMETERS[name], "title"), left_axis(y, gutter, width - 4, count=4)]
    importance = view.run.importance.get(name)
    if importance is not None:
        words = f"importance {percent(importance.total, 0)}"
        parts.append(text(width - 4, 12, words, "note small", anchor="end"))
    dimension = view.space.searched[name]
    if isinstance(dimension, tuple):
        parts.append(_steps(view, name, curve, Band(dimension, gutter, width - 4), y))
    else:
        parts.append(_line(view, name, curve, range_scale(dimension, gutter, width - 8), y))
    return Drawing(width, top + _HEIGHT + 20, join(parts))


def _line(view: View, name: str, curve: DependenceCurve, x: Scale, y: Scale) -> Markup:
    xs = [x(float(value)) for value in curve.values]
    band = [*zip(xs, map(y, curve.high), strict=True), *list(zip(xs, map(y, curve.low), strict=True))[::-1]]
    parts = [bottom_axis(x, y.start, y.end, count=5), path(band, "band", closed=True)]
    size = 2.0 if len(view.complete) > _MANY else 2.8
    parts += [
        circle(x(float(trial.params[name])), y(value), size, "faded", title=view.describe(trial))
        for trial, value in view.complete
    ]
    parts.append(path(zip(xs, map(y, curve.mean), strict=True), "main"))
    points = zip(curve.values, curve.mean, xs, strict=True)
    reach = (x.end - x.start) / max(len(xs) - 1, 1)
    parts += [
        mark(
            rect(at - reach / 2, y.end, reach, y.start - y.end, "hit"),
            circle(at, y(mean), 3.2, "reveal"),
            title=f"{PARAMETERS[name]} {parameter(value)}: predicted {view.score(mean)}",
        )
        for value, mean, at in list(points)[::4]
    ]
    return join([*parts, _winner(view, x(float(view.winner.params[name])), y) if view.winner else Markup()])


def _steps(view: View, name: str, curve: DependenceCurve, x: Band, y: Scale) -> Markup:
    """Draw the predictions for names: a bar from low to high, and a line at the mean."""
    parts = [names_axis(x, y.start)]
    half = x.step * _ROOM / 2
    for value, mean, low, high in zip(curve.values, curve.mean, curve.low, curve.high, strict=True):
        at = x(str(value))
        shown = mark(
            rect(at - half, y(high), 2 * half, y(low) - y(high), "band"),
            line(at - half, y(mean), at + half, y(mean), "main"),
            title=f"{value}: predicted {view.score(mean)}",
        )
        parts.append(shown)
        trials = [(trial, found) for trial, found in view.complete if trial.params[name] == value]
        ordered = sorted(trials, key=lambda pair: pair[0].number)
        for index, (trial, found) in enumerate(ordered):
            place = at + ((index + 0.5) / len(ordered) - 0.5) * 2 * half
            class_, size = (
                ("win", 5.0) if trial is view.winner else ("faded", 2.0 if len(view.complete) > _MANY else 2.8)
            )
            parts.append(circle(place, y(found), size, class_, title=view.describe(trial)))
    return join(parts)


def _winner(view: View, x: float, y: Scale) -> Markup:
    assert view.winner is not None  # noqa: S101 -- only then it is called
    assert view.winner.value is not None  # noqa: S101 -- what won has a value
    return circle(x, y(view.winner.value), 5, "win", title=view.describe(view.winner))


def pair_dependence(view: View, width: float) -> Drawing | None:
    """Draw the predicted value over each pair of ranges, with the trials upon it."""
    dependence = view.run.dependence
    if dependence is None or not dependence.surfaces:
        return None
    values = [value for surface in dependence.surfaces for row in surface.mean for value in row]
    low, high = min(values), max(values)
    scales = [range_scale(dimension, 1, 0) for each in dependence.surfaces if (dimension := view.range_of(each.y))]
    gutter = max(labels_width(scale, 4) for scale in scales)
    panels: list[Panel] = [
        partial(_surface, view, pair=(surface.x, surface.y), surface=surface, ends=(low, high), gutter=gutter)
        for surface in dependence.surfaces
    ]
    body = tiled(panels, width, 240)
    legend = _legend(view, low, high, min(width, 420))
    return Drawing(width, body.height + 44, join((legend, placed(body, 0, 44))))


def _surface(
    view: View,
    width: float,
    *,
    pair: tuple[str, str],
    surface: DependenceSurface,
    ends: tuple[float, float],
    gutter: float,
) -> Drawing:
    top = 24.0
    ranges = [view.range_of(name) for name in pair]
    assert ranges[0] is not None  # noqa: S101 -- a surface is over two ranges
    assert ranges[1] is not None  # noqa: S101 -- likewise
    side = min(width - gutter - 8, 300.0)
    x = range_scale(ranges[0], gutter, gutter + side)
    y = range_scale(ranges[1], top + side, top)
    dots = [
        circle(
            x(float(trial.params[pair[0]])),
            y(float(trial.params[pair[1]])),
            5 if trial is view.winner else 2.6,
            "win" if trial is view.winner else "trace",
            title=view.describe(trial),
        )
        for trial in sorted(view.trials, key=lambda trial: trial is view.winner)
    ]
    parts = [
        text(0, 12, PARAMETERS[pair[1]], "strong small"),
        placed(_cells(view, side, pair, surface, ends), gutter, top),
        left_axis(y, gutter, gutter, count=4),
        bottom_axis(x, top + side, top + side, count=4, title=PARAMETERS[pair[0]]),
        *dots,
    ]
    return Drawing(width, top + side + 36, join(parts))


def _cells(
    view: View, side: float, pair: tuple[str, str], surface: DependenceSurface, ends: tuple[float, float]
) -> Drawing:
    """Draw a surface's values, those of a row that look the same as one rectangle."""
    cell = side / len(surface.xs)
    shapes = []
    for row, means in enumerate(surface.mean):
        start = 0
        for shade, run in groupby(_shade(view, mean, ends) for mean in means):
            end = start + len(list(run))
            first, last = parameter(surface.xs[start]), parameter(surface.xs[end - 1])
            title = (
                f"{PARAMETERS[pair[0]]} {first}" + (f" to {last}" if first != last else "") + ", "
                f"{PARAMETERS[pair[1]]} {parameter(surface.ys[row])}: predicted {view.score(means[start])}"
            )
            x, y, length = start * cell, side - (row + 1) * cell, (end - start) * cell
            shapes.append(rect(x, y, length + _LAP, cell + _LAP, f"q{shade}", title=title))
            start = end
    return Drawing(side, side, tag("g", *shapes, class_="cells", shape_rendering="crispEdges"))


def _shade(view: View, value: float, ends: tuple[float, float]) -> int:
    """Return the step of a value on the sequential scale; the better the darker."""
    low, high = ends
    share = (value - low) / (high - low) if high > low else 0.5
    share = 1 - share if view.better(low, high) else share
    return min(int(share * SHADES), SHADES - 1)


def _legend(view: View, low: float, high: float, width: float) -> Markup:
    worst, best = (high, low) if view.better(low, high) else (low, high)
    bar = Linear(0, SHADES, 0, min(_LEGEND, width))
    step = bar(1) - bar(0)
    parts = [text(0, 12, f"predicted {view.objective_name}", "strong")]
    parts += [rect(bar(shade), 20, step + 0.5, 8, f"q{shade}") for shade in range(SHADES)]
    parts.append(text(bar.end + 10, 28, f"{view.score(worst)} to {view.score(best)}", "note small"))
    return join(parts)


def importance_bars(view: View, width: float) -> Drawing | None:
    """Draw how much each hyperparameter matters: its own share, and that with its interactions."""
    shares = sorted(view.run.importance.items(), key=lambda item: -item[1].total)
    if not shares:
        return None
    gutter = max(text_width(PARAMETERS.get(name, name), 12) for name, _ in shares) + 12
    room = text_width(f"100{NBSP}%", 12, "Medium") + 10
    x = Linear(0, 1, gutter, width - room)
    parts = []
    for row, (name, share) in enumerate(shares):
        y = row * 30.0
        parts.append(text(gutter - 12, y + 17, PARAMETERS.get(name, name), anchor="end"))
        shown = mark(
            rect(gutter, y + 5, x(share.total) - gutter, 16, "band strongband"),
            rect(gutter, y + 5, x(share.main) - gutter, 16, "bar"),
            title=f"{PARAMETERS.get(name, name)}: {percent(share.main)} alone, {percent(share.total)} in all",
        )
        parts += [shown, line(gutter, y + 2, gutter, y + 24, "axis")]
        parts.append(text(x(max(share.total, share.main)) + 8, y + 17, percent(share.total, 0), "strong"))
    return Drawing(width, 30.0 * len(shares), join(parts))
