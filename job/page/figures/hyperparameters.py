"""Figures: which hyperparameters matter, and what the Gaussian process fitted to all trials predicts along them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from job.page.figures import parts
from job.page.figures.parts import LABEL, Panel, Row
from job.page.theme import SHADES, shade
from job.page.view import Range, View
from job.words import NBSP, parameter, percent

_MANY = 12  # seeds, from which on dots are smaller
_ROOM = 0.6  # the share of a name's room that its trials' dots are spread over


def importance(view: View) -> list[Panel]:
    """Draw how much each hyperparameter matters: its own share, and that with its interactions."""
    shares = sorted(view.run.importance.items(), key=lambda item: -item[1].total)
    if not shares:
        return []
    rows = [
        {
            "y": parts.title_of(name),
            "v": share.total,
            "alone": share.main,
            "w": percent(share.total, 0),
            "d": f"{parts.title_of(name)}: {percent(share.main)} alone, {percent(share.total)} with interactions",
        }
        for name, share in shares
    ]
    y = alt.Y("y:N", sort=None, axis=parts.row_names(), scale=alt.Scale(paddingInner=0.45, paddingOuter=0.2))
    x = alt.X("v:Q", scale=alt.Scale(domain=[0, 1.25], nice=False), axis=None)
    layers = [
        parts.chart(rows).mark_bar(color="var(--good)", opacity=0.3, aria=True).encode(x, y, description=LABEL),
        parts.chart(rows)
        .mark_bar(color="var(--good)", aria=True)
        .encode(parts.column(x, "alone:Q"), y, description=LABEL),
        parts.words(rows, x, y, style="strong", align="left", dx=8),
    ]
    return [parts.panel(*layers, height=alt.Step(30))]


def partial_dependence(view: View) -> list[Panel]:
    """Draw the predicted value along each hyperparameter, the trials' own values behind it."""
    dependence = view.run.dependence
    if dependence is None:
        return []
    values = [value for _, value in view.complete]
    for curve in dependence.curves.values():
        values += [*curve.low, *curve.high]
    return [_along(view, name, curve, values) for name, curve in dependence.curves.items()]


def _along(view: View, name: str, curve: Any, values: Sequence[float]) -> Panel:  # noqa: ANN401
    y, x = parts.score_y(view, values, ticks=4), parts.param_x(view, name)
    named = not isinstance(view.searched[name], Range)
    rows: list[Row] = []
    for at, (value, mean, low, high) in enumerate(zip(curve.values, curve.mean, curve.low, curve.high, strict=True)):
        label = value if named else f"{parts.title_of(name)} {parameter(value)}"
        row = {
            "x": at if named else parts.short(value),
            "v": parts.short(mean),
            "low": parts.short(low),
            "high": parts.short(high),
        }
        rows.append(row | {"d": f"{label}: predicted {view.score(mean)}"})
    if named:
        rows = [row | {"left": row["x"] - _ROOM / 2, "right": row["x"] + _ROOM / 2} for row in rows]
        band = parts.chart(rows).mark_rect(color="var(--good)", opacity=0.14, aria=True)
        line = parts.chart(rows).mark_rule(color="var(--good)", strokeWidth=2, aria=True)
        left = parts.column(x, "left:Q")
        predicted = [
            band.encode(left, parts.column(y, "low:Q"), x2=alt.X2("right:Q"), y2=alt.Y2("high:Q"), description=LABEL),
            line.encode(left, y, x2=alt.X2("right:Q"), description=LABEL),
        ]
    else:
        band = parts.chart(rows).mark_area(color="var(--good)", opacity=0.14)
        reveal = parts.chart(rows[::4]).mark_point(filled=True, color="var(--good)", size=60, opacity=0, aria=True)
        predicted = [
            band.encode(x, parts.column(y, "low:Q"), y2=alt.Y2("high:Q")),
            parts.chart(rows).mark_line(color="var(--good)", strokeWidth=2).encode(x, y),
            reveal.encode(x, y, description=LABEL),
        ]
    offsets = parts.spread(view, name, _ROOM)
    shown = [
        parts.trial_row(view, trial, "var(--quiet)", 26) | {"x": parts.placed(view, trial, name, offsets)}
        for trial in parts.winner_last(view, [trial for trial, _ in view.complete])
    ]
    share = view.run.importance.get(name)
    note = f"importance {percent(share.total, 0)}" if share else ""
    return parts.panel(*predicted, parts.dots(shown, x, y), height=150, title=parts.title_of(name), note=note)


def pair_dependence(view: View) -> list[Panel]:
    """Draw the predicted value over each pair of ranges, with the trials upon it."""
    surfaces = view.run.dependence.surfaces if view.run.dependence else []
    values = [value for surface in surfaces for row in surface.mean for value in row]
    if not surfaces:
        return []
    return [_legend(view, values), *(_surface(view, surface, min(values), max(values)) for surface in surfaces)]


def _surface(view: View, surface: Any, low: float, high: float) -> Panel:  # noqa: ANN401
    across, up = view.ranges[surface.x], view.ranges[surface.y]
    lefts, bottoms = (
        _edges(view.ranges[name], n) for name, n in ((surface.x, len(surface.xs)), (surface.y, len(surface.ys)))
    )
    rows = [
        {"x": left, "x2": right, "y": bottom, "y2": top, "v": parts.short(value), "c": _shade(view, value, low, high)}
        for means, (bottom, top) in zip(surface.mean, bottoms, strict=True)
        for value, (left, right) in zip(means, lefts, strict=True)
    ]
    x = alt.X("x:Q", scale=parts.range_scale(across), axis=parts.range_axis(across, parts.title_of(surface.x)))
    y = alt.Y("y:Q", scale=parts.range_scale(up), axis=parts.range_axis(up))
    cells = parts.chart(rows).mark_rect(aria=True, strokeWidth=0.6)
    cells = cells.encode(
        x,
        y,
        x2=alt.X2("x2:Q"),
        y2=alt.Y2("y2:Q"),
        color=alt.Color("c:N", scale=None),
        stroke=alt.Stroke("c:N", scale=None),
        description=LABEL,
    )
    number = "format(100 * datum.v, '.1f') + '" + NBSP + "%'" if view.in_percent else "format(datum.v, '.3~r')"
    at = " + ', ' + ".join(
        f"'{parts.title_of(name)} ' + format(datum.{field}, '.2~g') + ' to ' + format(datum.{field}2, '.2~g')"
        for name, field in ((surface.x, "x"), (surface.y, "y"))
    )
    cells = cells.transform_calculate(d=f"{at} + ': predicted ' + {number}")
    traces = [
        parts.trial_row(view, trial, "var(--paper)", 26)
        | {"x": parts.short(float(trial.params[surface.x])), "y": parts.short(float(trial.params[surface.y]))}
        for trial in parts.winner_last(view, view.trials)
    ]
    top = parts.words(
        [{"w": "0"}], alt.X(value=-20), alt.Y(value=0), opacity=0
    )  # takes the room that a tick's label would
    shown = parts.dots(traces, x, y, stroke="var(--ink)")
    return parts.panel(cells, shown, top, height=240, title=parts.title_of(surface.y))


def _edges(space: Range, cells: int) -> list[tuple[float, float]]:
    return list(pairwise(parts.short(space.at(edge / cells)) for edge in range(cells + 1)))


def _shade(view: View, value: float, low: float, high: float) -> str:
    """Return a predicted value's colour; the better the stronger."""
    share = (value - low) / (high - low) if high > low else 0.5
    return shade(1 - share if view.better(low, high) else share)


def _legend(view: View, values: Sequence[float]) -> Panel:
    """Draw the scale of the pairs' colours."""
    worst, best = (max(values), min(values)) if view.better(0, 1) else (min(values), max(values))
    steps = [{"x": step, "x2": step + 1, "c": f"var(--q{step})"} for step in range(SHADES)]
    x = alt.X("x:Q", axis=None)
    bar = (
        parts.chart(steps)
        .mark_rect(strokeWidth=0.6)
        .encode(x, x2=alt.X2("x2:Q"), color=alt.Color("c:N", scale=None), stroke=alt.Stroke("c:N", scale=None))
    )
    return parts.panel(
        bar, height=8, title=f"predicted {view.objective_name}", note=f"{view.score(worst)} to {view.score(best)}"
    )


def finals(view: View) -> list[Panel]:
    """Draw a row for each trial that was trained again, the best mean first."""
    if not view.finals:
        return []
    values = [v for t, final in view.finals for v in (t.value, *final.values) if v is not None]
    axis = parts.score_axis(view, values, tickCount=4, grid=True, title=f"validation {view.objective_name}")
    x = alt.X("v:Q", scale=parts.score_scale(view, values, nice=4), axis=axis)
    names = [f"trial {trial.number}" for trial, _ in view.finals]
    first = alt.expr("datum.index == 0 ? 'var(--accent)' : 'var(--ink)'")
    axis = parts.row_names(labelColor=first if view.chosen else "var(--ink)")
    y = alt.Y("y:N", sort=None, scale=alt.Scale(domain=names), axis=axis)
    colour = alt.Color("c:N", scale=None)
    rows: list[Row] = []
    seeds: list[Row] = []
    for name, (trial, final) in zip(names, view.finals, strict=True):
        won = final is view.chosen
        own = "no value" if trial.value is None else view.score(trial.value)
        spread = view.spread(final)
        label = f"Trial {trial.number}: {spread}\nother seeds: {view.seeds(final)}\nin the search: {own}"
        row = {"y": name, "d": label, "w": spread, "own": trial.value, "v": final.mean}
        row |= {"c": "var(--accent)" if won else "var(--good)", "ink": "var(--accent)" if won else "var(--muted)"}
        if final.mean is not None:
            row |= {"low": final.mean - (final.std or 0.0), "high": final.mean + (final.std or 0.0)}
        size = 55 if len(final.values) <= _MANY else 28
        seeds += [row | {"v": value, "s": size} for value in final.values if value is not None]
        rows.append(row)
    known = parts.chart(row for row in rows if row["v"] is not None)
    ring: Row = {"size": 55, "stroke": "var(--muted)", "fill": "var(--paper)", "strokeWidth": 1.2, "aria": True}
    deviation = known.mark_rule(strokeWidth=2, opacity=0.4, color="var(--good)", aria=True)
    layers = [
        parts.chart(row for row in rows if row["own"] is not None)
        .mark_point(**ring)
        .encode(parts.column(x, "own:Q"), y, description=LABEL),
        deviation.encode(parts.column(x, "low:Q"), y, x2=alt.X2("high:Q"), description=LABEL),
        parts.dots(seeds, x, y),
        known.mark_tick(thickness=2, size=20, aria=True).encode(x, y, color=colour, description=LABEL),
        parts.words(rows, alt.X(value="width"), y, fontSize=12, align="left", dx=12).encode(
            color=parts.column(colour, "ink:N")
        ),
    ]
    return [parts.panel(*layers, height=alt.Step(34))]
