"""Figures: where the run's time went, and how its attempts follow each other."""

from datetime import datetime, timedelta

import altair as alt

from job.page.figures.parts import LABEL, Panel, Row, chart, panel, row_names, words
from job.page.view import View
from job.records.run import AttemptRecord
from job.words import duration, moment, percent

_MOST_ROWS = 40
_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def phases(view: View) -> list[Panel]:
    """Draw the time that each kind of work took, over all attempts, the longest first."""
    seconds = sorted(((each, name) for name, each in view.run.run.seconds.items() if each > 0), reverse=True)
    total = sum(each for each, _ in seconds)
    rows: list[Row] = []
    for each, name in seconds:
        share = percent(each / total, 0) if each >= 0.01 * total else "under " + percent(0.01, 0)
        label = f"{duration(each)}, {share}"
        rows.append({"y": name, "v": round(each, 3), "w": label, "d": f"{name}: {label}"})
    if not rows:
        return []
    y = alt.Y("y:N", sort=None, axis=row_names(), scale=alt.Scale(paddingInner=0.42, paddingOuter=0.2))
    x = alt.X("v:Q", axis=None, scale=alt.Scale(nice=False, domain=[0, rows[0]["v"]]))
    bars = chart(rows).mark_bar(color="var(--good)", aria=True).encode(x, y, description=LABEL)
    return [panel(bars, words(rows, x, y, align="left", dx=8), height=alt.Step(28))]


def attempts(view: View) -> list[Panel]:
    """Draw each attempt from its start to its end, with the trials that it finished."""
    shown = list(enumerate(view.run.run.attempts, start=1))[-_MOST_ROWS:]
    if not shown:
        return []
    first = min(attempt.started_at for _, attempt in shown)
    ends = {number: _end(view, number, attempt) for number, attempt in shown}
    whole = max((max(ends.values()) - first).total_seconds(), 1.0)
    unit, name = next((unit, name) for unit, name in _UNITS if whole >= 2 * unit or unit == 1)

    def since(time: datetime) -> float:
        return round((time - first).total_seconds() / unit, 4)

    bars: list[Row] = []
    for number, attempt in shown:
        lasted = duration((ends[number] - attempt.started_at).total_seconds())
        where = f" on {attempt.host}" if attempt.host else ""
        label = f"Attempt {number}{where}: {attempt.outcome or 'killed, or still at work'}, {lasted}"
        colour = "var(--good)" if attempt.outcome in {"complete", "budget_spent"} else "var(--quiet)"
        times = {"v": since(attempt.started_at), "x2": since(ends[number])}
        bars.append({"y": f"attempt {number}", "d": label, "c": colour} | times)
    ticks = [
        {
            "y": f"attempt {trial.timing.attempt}",
            "v": since(trial.timing.ended_at),
            "d": f"Trial {trial.number}, ended {moment(trial.timing.ended_at)}",
        }
        for trial in view.trials
        if trial.timing.attempt in ends
    ]
    y = alt.Y(
        "y:N",
        sort=None,
        scale=alt.Scale(domain=[row["y"] for row in bars], paddingInner=0.45, paddingOuter=0.2),
        axis=row_names(),
    )
    axis = alt.Axis(title=f"{name} since {moment(first)}", grid=True, tickCount=6)
    x = alt.X("v:Q", scale=alt.Scale(domain=[0, whole / unit], nice=False), axis=axis)
    layers = [
        chart(bars)
        .mark_bar(aria=True)
        .encode(x, y, x2=alt.X2("x2:Q"), color=alt.Color("c:N", scale=None), description=LABEL),
        chart(ticks)
        .mark_tick(color="var(--muted)", thickness=1.6, bandSize=16, aria=True)
        .encode(x, y, description=LABEL),
    ]
    return [panel(*layers, height=alt.Step(28 if len(bars) <= _MOST_ROWS / 4 else 18))]


def _end(view: View, number: int, attempt: AttemptRecord) -> datetime:
    """Return when an attempt ended, or was last heard of."""
    if attempt.ended_at is not None:
        return attempt.ended_at
    heard = [trial.timing.ended_at for trial in view.trials if trial.timing.attempt == number]
    return max([*heard, attempt.started_at + timedelta(seconds=attempt.seconds.get("total", 0.0))])
