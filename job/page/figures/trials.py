"""Figures: what the search found, trial after trial, and where it looked."""

from functools import partial

from job.page.font import text_width
from job.page.markup import Markup, join
from job.page.palette import SHADES
from job.page.scales import Band, Linear, Scale
from job.page.svg import (
    Drawing,
    Panel,
    bottom_axis,
    circle,
    haloed,
    labels_width,
    left_axis,
    mark,
    names_axis,
    names_height,
    path,
    rect,
    sign,
    text,
    tiled,
)
from job.page.view import View, range_scale
from job.records.trial import TrialRecord
from job.words import NBSP, PARAMETERS

_HEIGHT = 236.0  # of the plot
_STRIP = 36.0  # where trials without a value stand
_PALEST = SHADES // 5  # the first steps of the scale are hardly seen as a dot or a line
_MANY = 60  # trials, from which on dots are smaller


def best_value(view: View, width: float) -> Drawing | None:
    """Draw each trial's value or status, and the best value so far."""
    if not view.trials:
        return None
    top = 44.0
    valueless = [trial for trial in view.trials if trial.value is None]
    y = view.value_scale([value for _, value in view.complete], top + _HEIGHT, top, 5)
    gutter = max(labels_width(y, 5), text_width(f"no{NBSP}value", 11) + 8 if valueless else 0)
    x = Linear(-0.5, view.n_planned - 0.5, gutter, width - 8, whole=True)
    bottom = top + _HEIGHT + (_STRIP if valueless else 8)
    parts = [text(0, 12, f"validation {view.objective_name}", "strong"), *_phases(view, x, top, bottom)]
    parts.append(left_axis(y, gutter, width - 8, count=5))
    if valueless:
        parts.append(text(gutter - 8, bottom - _STRIP / 2 + 6, f"no{NBSP}value", "tick small", anchor="end"))
        parts += [
            mark(sign(x(trial.number), bottom - _STRIP / 2 + 2, trial.status), title=view.describe(trial))
            for trial in valueless
        ]
    parts.append(bottom_axis(x, bottom, bottom, count=min(8, view.n_planned), title="trial"))
    parts += [_best_line(view, x, y), *(_dot(view, x, y, trial, value) for trial, value in view.complete[::-1])]
    if view.winner is not None and view.winner.value is not None:
        parts.append(_winner(view, x, y, view.winner, view.winner.value))
    return Drawing(width, bottom + 34, join(parts))


def _phases(view: View, x: Scale, top: float, bottom: float) -> list[Markup]:
    """Shade the initial design and name both phases, where there is room for the names."""
    border = min(view.n_initial, view.n_planned) - 0.5
    parts = []
    if view.n_initial:
        parts.append(rect(x(-0.5), top - 6, x(border) - x(-0.5), bottom - top + 6, "zone"))
    for start, end, names in (
        (-0.5, border, ("initial design", "design")),
        (border, view.n_planned - 0.5, ("Bayesian optimisation", "optimisation")),
    ):
        fits = [name for name in names if text_width(name, 11) < x(end) - x(start) - 8]
        if fits:
            parts.append(text((x(start) + x(end)) / 2, top - 12, fits[0], "note small", anchor="middle"))
    return parts


def _best_line(view: View, x: Scale, y: Scale) -> Markup:
    points: list[tuple[float, float]] = []
    best: float | None = None
    for trial in view.trials:
        if trial.value is not None and (best is None or view.better(trial.value, best)):
            if best is not None:
                points.append((x(trial.number), y(best)))
            best = trial.value
            points.append((x(trial.number), y(best)))
    if best is None:
        return Markup()
    points.append((x(view.trials[-1].number + 0.5), y(best)))
    return path(points, "main")


def _dot(view: View, x: Scale, y: Scale, trial: TrialRecord, value: float) -> Markup:
    """Draw a trial's value; one beyond the scale is a small triangle at its end."""
    at = (x(trial.number), y(value))
    size = 2.6 if len(view.trials) > _MANY else 3.6
    if y.low <= value <= y.high:
        return circle(*at, size, "dot", title=view.describe(trial))
    base = at[1] - 6 if value < y.low else at[1] + 6
    corners = [(at[0] - 4, base), (at[0] + 4, base), at]
    return mark(path(corners, "faded", closed=True), title=view.describe(trial))


def _winner(view: View, x: Scale, y: Scale, trial: TrialRecord, value: float) -> Markup:
    at, height = x(trial.number), y(value)
    words = f"trial {trial.number}: {view.score(value)}"
    half = text_width(words, 12, "Medium") / 2
    middle = min(max(at, x.start + half + 4), x.end - half)
    above = height - 11 if view.objective != "log_loss" else height + 20
    return mark(
        circle(at, height, 5.5, "win"),
        haloed(middle, above, words, "strong wintext", anchor="middle"),
        title=view.describe(trial),
    )


def sampled(view: View, width: float) -> Drawing | None:
    """Draw where along each hyperparameter the trials lie, in their order."""
    names = list(view.space.searched)
    if not view.trials or not names:
        return None
    shades = shades_by_rank(view)
    panels: list[Panel] = [partial(_sampled_panel, view, name, shades) for name in names]
    return tiled(panels, width, 150)


def _sampled_panel(view: View, name: str, shades: dict[int, int], width: float) -> Drawing:
    top, height = 26.0, 150.0
    dimension = view.space.searched[name]
    gutter = labels_width(Linear(0, view.n_planned, 0, 1, whole=True), 4)
    y = Linear(0, max(view.n_planned - 1, 1), top + 6, top + height - 6, whole=True)
    parts = [text(0, 12, PARAMETERS[name], "strong"), left_axis(y, gutter, width - 4, count=4)]
    if isinstance(dimension, tuple):
        band = Band(dimension, gutter, width - 4)
        parts.append(names_axis(band, top + height))
        below = names_height(band)
        places = {
            trial.number: band(str(trial.params[name])) + _spread(trial.number) * band.step for trial in view.trials
        }
    else:
        x = range_scale(dimension, gutter + 6, width - 8)
        parts.append(bottom_axis(x, top + height, top, count=4))
        below = 20.0
        places = {trial.number: x(float(trial.params[name])) for trial in view.trials}
    for trial in sorted(view.trials, key=lambda trial: trial is view.winner):
        at = (places[trial.number], y(trial.number))
        if trial.value is None:
            parts.append(mark(sign(*at, trial.status), title=view.describe(trial)))
        elif trial is view.winner:
            parts.append(circle(*at, 5, "win", title=view.describe(trial)))
        else:
            size = 2.8 if len(view.trials) > _MANY else 3.8
            parts.append(circle(*at, size, f"q{shades[trial.number]} outlined", title=view.describe(trial)))
    return Drawing(width, top + height + below, join(parts))


def _spread(number: int) -> float:
    """Return how far a trial stands from the middle of its optimizer's room, as a share of it."""
    return (number * 4 % 11 - 5) / 18


def shades_by_rank(view: View) -> dict[int, int]:
    """Return the step of the sequential scale of each trial that has a value, by its number: the best is darkest."""
    last = max(len(view.complete) - 1, 1)
    steps = SHADES - 1 - _PALEST
    return {trial.number: SHADES - 1 - round(rank / last * steps) for rank, (trial, _) in enumerate(view.complete)}
