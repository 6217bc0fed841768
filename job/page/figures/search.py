"""Figures: what the search found, trial after trial, and where it looked."""

import altair as alt

from job.page.figures import parts
from job.page.figures.parts import LABEL, Panel, Row
from job.page.view import Range, View
from job.records.trial import TrialRecord
from job.words import NBSP, parameter

_HEIGHT = 236
_STRIP = 22  # below the plot, where trials without a value stand
_NONE = "no" + NBSP + "value"
_SPREAD = 0.62  # the share of a name's room that its trials are spread over


def best_value(view: View) -> list[Panel]:
    """Draw each trial's value or status, and the best value so far."""
    if not view.trials:
        return []
    border = min(view.n_initial, view.n_planned) - 0.5
    end = view.n_planned - 0.5
    valueless = [trial for trial in view.trials if trial.value is None]
    below = _STRIP + 14 if valueless else 0
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-0.5, end], nice=False),
        axis=alt.Axis(title="trial", offset=below, tickCount=min(8, view.n_planned), format="d", tickMinStep=1),
    )
    values = [value for _, value in view.complete]
    low, high, _ = view.domain(values)
    y = parts.score_y(view, values, ticks=4)
    colour = "var(--good)"
    inside = [parts.trial_row(view, t, colour) | {"x": t.number} for t, v in view.complete[::-1] if low <= v <= high]
    outside = [parts.trial_row(view, t) | {"x": t.number, "m": "triangle-down"} for t, v in view.complete if v < low]
    outside += [parts.trial_row(view, t) | {"x": t.number, "m": "triangle-up"} for t, v in view.complete if v > high]
    phases: list[Row] = [{"x": (border - 0.5) / 2, "w": "initial design", "s": (border + 0.5) / (end + 0.5)}]
    phases.append({"x": (border + end) / 2, "w": "Bayesian optimisation", "s": (end - border) / (end + 0.5)})
    fits = alt.expr("width * datum.s > 5.6 * length(datum.w) ? 1 : 0")
    top = alt.Y(value=-14)
    layers = [
        parts.chart([{"x": -0.5, "x2": border}])
        .mark_rect(color="var(--raised)", y=-6, y2=_HEIGHT + below)
        .encode(x, x2=alt.X2("x2:Q")),
        parts.words(phases if view.n_initial else phases[1:], x, top, baseline="bottom", opacity=fits),
        parts.chart(_best_so_far(view)).mark_line(color=colour, interpolate="step-after").encode(x, y),
        parts.dots([row | {"s": 40} for row in outside], x, y).encode(
            shape=alt.Shape("m:N", scale=None), color=alt.value("var(--quiet)")
        ),
        parts.dots(inside, x, y),
    ]
    if valueless:
        strip = alt.Y(value=_HEIGHT + _STRIP)
        layers.append(parts.signs([parts.trial_row(view, t) | {"x": t.number} for t in valueless], x, strip))
        layers.append(parts.words([{"w": _NONE}], alt.X(value=-7), strip, align="right"))
    if view.winner is not None and view.winner.value is not None:
        side = "right" if view.winner.number > view.n_planned / 2 else "left"
        label = {"x": view.winner.number, "v": view.winner.value, "w": _label(view)}
        layers += parts.haloed([label], x, y, style="winner", align=side, dy=-14 if view.better(1, 0) else 16)
    return [parts.panel(*layers, height=_HEIGHT, title=f"validation {view.objective_name}")]


def _label(view: View) -> str:
    assert view.winner is not None  # noqa: S101 -- only then it is called
    assert view.winner.value is not None  # noqa: S101 -- what won has a value
    return f"trial {view.winner.number}: {view.score(view.winner.value)}"


def _best_so_far(view: View) -> list[Row]:
    rows: list[Row] = []
    for trial in view.trials:
        if trial.value is not None and (not rows or view.better(trial.value, rows[-1]["v"])):
            rows.append({"x": trial.number, "v": trial.value})
    return [*rows, {"x": view.trials[-1].number + 0.5, "v": rows[-1]["v"]}] if rows else []


def sampled(view: View) -> list[Panel]:
    """Draw where along each hyperparameter the trials lie, in their order."""
    scale = alt.Scale(domain=[-0.5, view.n_planned - 0.5], nice=False, reverse=True)
    y = alt.Y("y:Q", scale=scale, axis=alt.Axis(title=None, tickCount=4, format="d", tickMinStep=1))
    panels = []
    for name in view.searched if view.trials else ():
        x = parts.param_x(view, name)
        offsets = {trial.number: (trial.number * 4 % 11 - 5) / 18 for trial in view.trials}
        rows = [
            parts.trial_row(view, t)
            | {"x": parts.placed(view, t, name, offsets), "y": t.number, "none": t.value is None}
            for t in parts.winner_last(view, view.trials)
        ]
        shown = [row for row in rows if not row["none"]]
        without = [row for row in rows if row["none"]]
        panels.append(
            parts.panel(parts.dots(shown, x, y), parts.signs(without, x, y), height=150, title=parts.title_of(name))
        )
    return panels


def parallel_coordinates(view: View) -> list[Panel]:
    """Draw each trial as a line through its hyperparameters to its value, the best on top."""
    names = list(view.searched)
    if not view.trials or not names:
        return []
    offsets = {name: parts.spread(view, name, _SPREAD) for name in names}
    low, high, log = view.domain([value for _, value in view.complete])
    marks = parts.log_ticks(low, high) if log else parts.round_values(low, high, around=True)
    axis = Range(low, high, log) if log else Range(marks[0], marks[-1], log)
    rows, ends = [], {}
    order = [t for t in view.trials if t.value is None] + [t for t, _ in view.complete[::-1] if t is not view.winner]
    if view.winner is not None:
        order.append(view.winner)
    for rank, trial in enumerate(order):
        places = [_height(view, trial, name, offsets[name]) for name in names]
        ends[trial.number] = -0.12 if trial.value is None else min(max(axis.share(trial.value), 0.0), 1.0)
        look: Row = {"d": f"Trial {trial.number}", "k": rank, "c": parts.coloured(view, trial)}
        look |= {"s": 2.5 if trial is view.winner else 1.3 if len(order) < 100 else 0.9}  # noqa: PLR2004 -- lines
        look |= {"a": 1 if trial is view.winner else 0.8 if len(order) < 100 else 0.45}  # noqa: PLR2004
        look |= {"h": [4, 4] if trial.value is None else [1, 0]}
        rows += [look | {"x": at, "y": round(y, 4)} for at, y in enumerate([*places, ends[trial.number]])]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, len(names)], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
    lines = (
        parts.chart(rows)
        .mark_line(interpolate="monotone", aria=True)
        .encode(
            x,
            y,
            detail=alt.Detail("k:O"),
            color=alt.Color("c:N", scale=None),
            strokeWidth=alt.StrokeWidth("s:Q", scale=None),
            strokeOpacity=alt.StrokeOpacity("a:Q", scale=None),
            strokeDash=alt.StrokeDash("h:N", scale=None),
            description=LABEL,
        )
    )
    ticks = [row for at, name in enumerate(names) for row in _ticks(view, name, at)]
    ticks += [{"x": len(names), "y": axis.share(value), "w": view.score(value)} for value in marks]
    if min(ends.values()) < 0:
        ticks.append({"x": len(names), "y": -0.12, "w": _NONE})
    heads = [{"x": at, "w": parts.title_of(name)} for at, name in enumerate(names)]
    heads.append({"x": len(names), "w": view.objective_name})
    first, rest = [row for row in ticks if not row["x"]], [row for row in ticks if row["x"]]
    rules = [{"x": at, "y": 0, "y2": 1} for at in range(len(names) + 1)]
    narrow = f"width < {110 * len(names)}"
    broken = f"{narrow} ? split(datum.w, ' ') : datum.w"
    raised = f"{narrow} ? 14 - 14 * length(split(datum.w, ' ')) : 0"
    layers = [
        parts.chart(rules).mark_rule(color="var(--line)").encode(x, y, y2=alt.Y2("y2:Q")),
        lines,
        *parts.haloed(rest, x, y, align="left", dx=8),
        parts.words(first, x, y, align="right", dx=-8),
        parts.words(
            heads, x, alt.Y(value=-14), style="strong", baseline="bottom", text=alt.expr(broken), dy=alt.expr(raised)
        ),
    ]
    return [parts.panel(*layers, height=270)]


def _height(view: View, trial: TrialRecord, name: str, offsets: dict[int, float]) -> float:
    space = view.searched[name]
    if isinstance(space, Range):
        return space.share(float(trial.params[name]))
    return 1 - (parts.placed(view, trial, name, offsets) + 0.5) / len(space)


def _ticks(view: View, name: str, at: int) -> list[Row]:
    space = view.searched[name]
    if not isinstance(space, Range):
        return [{"x": at, "y": 1 - (index + 0.5) / len(space), "w": each} for index, each in enumerate(space)]
    values = (parts.log_ticks(space.low, space.high) if space.log else []) or parts.round_values(space.low, space.high)
    return [{"x": at, "y": round(space.share(value), 4), "w": parameter(value)} for value in values]
