"""Figures: where the run's time went, what its workers did meanwhile, and how its attempts follow each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import altair as alt

from job.page.figures.parts import LABEL, SIGNS, Panel, Row, chart, column, panel, row_names, words
from job.page.timeline import Ending, Try, tries_of
from job.page.view import View
from job.records.run import AttemptRecord
from job.words import duration, moment, percent

_MOST_ROWS = 40
_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))

_LOOKS = {
    Ending.COMPLETE: ("good", "paper"),
    Ending.PRUNED: ("q8", "ink"),
    Ending.DIVERGED: ("validation", "paper"),
    Ending.FAILED: ("accent", "paper"),
    Ending.PUT_DOWN: ("quiet", "ink"),
    Ending.LOST: ("e1", "ink"),
    Ending.AT_WORK: ("line", "ink"),
}
"""The colour of a bar, and of the words on it."""


@dataclass(frozen=True)
class _Clock:
    """A time axis from a first moment on, in the unit that suits its length."""

    first: datetime
    last: datetime

    @property
    def unit(self) -> tuple[float, str]:
        """The unit's seconds and its name."""
        return next((unit, name) for unit, name in _UNITS if self.seconds >= 2 * unit or unit == 1)

    @property
    def seconds(self) -> float:
        """The axis' length."""
        return max((self.last - self.first).total_seconds(), 1.0)

    def since(self, time: datetime) -> float:
        """Return a moment's place on the axis."""
        return round((time - self.first).total_seconds() / self.unit[0], 4)

    def x(self) -> alt.X:
        """Return the axis."""
        unit, name = self.unit
        axis = alt.Axis(title=f"{name} since {moment(self.first)}", grid=True, tickCount=6)
        return alt.X("v:Q", scale=alt.Scale(domain=[0, self.seconds / unit], nice=False), axis=axis)


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


def workers(view: View) -> list[Panel]:
    """Draw what each worker trained from when to when, how that ended, and where the trials of lost ones went on."""
    tries = tries_of(view)
    if not tries:
        return []
    every = sorted({each.work.worker for each in tries})
    lanes = every[:_MOST_ROWS]
    shown = [each for each in tries if each.work.worker in lanes]
    clock = _Clock(min(each.work.started_at for each in shown), max(each.ended_at for each in shown))
    bars = [_bar(each, clock) for each in shown]
    moves = [row for each in shown if each.went_on and each.went_on.worker in lanes for row in _move(each, clock)]
    lost = [row | {"v": row["x2"]} for row in bars if row["e"] == Ending.LOST]
    x, scale = clock.x(), alt.Scale(domain=[_lane(lane) for lane in lanes], paddingInner=0.3, paddingOuter=0.15)
    y, colour = alt.Y("y:N", sort=None, scale=scale, axis=row_names()), alt.Color("c:N", scale=None)
    gap = alt.expr("width * datum.s > 5 ? 1 : 0")
    fits = alt.expr("width * datum.s > 6.5 * length(datum.w) + 4 ? 1 : 0")
    layers = [
        chart(bars)
        .mark_bar(aria=True, stroke="var(--paper)", strokeWidth=gap)
        .encode(x, y, x2=alt.X2("x2:Q"), color=_endings(shown), description=LABEL),
        chart(moves)
        .mark_line(interpolate="step-after", strokeWidth=1.5, strokeDash=[3, 3], aria=True)
        .encode(x, y, detail=alt.Detail("d:N"), color=colour, description=LABEL),
        words(bars, column(x, "m:Q"), y, opacity=fits).encode(color=colour),
        chart(lost)
        .mark_point(shape=SIGNS["diverged"], size=50, stroke="var(--accent)", strokeWidth=2, aria=True)
        .encode(x, y, description=LABEL),
    ]
    title = f"The first {len(lanes)} of {len(every)} workers" if lanes != every else ""
    return [panel(*layers, height=alt.Step(28 if len(lanes) <= _MOST_ROWS / 4 else 20), title=title)]


def _endings(tries: Sequence[Try]) -> alt.Color:
    """Return the colours of how tries ended, with their names above the plot."""
    found = [ending for ending in Ending if any(each.ending is ending for each in tries)]
    columns = alt.ExprRef(f"width < {70 * len(found)} ? 3 : {len(found)}")
    legend = alt.Legend(title=None, orient="top", columns=columns, symbolType="square", symbolStrokeWidth=0)
    scale = alt.Scale(domain=found, range=[f"var(--{_LOOKS[ending][0]})" for ending in found])
    return alt.Color("e:N", scale=scale, legend=legend)


def _move(each: Try, clock: _Clock) -> list[Row]:
    """Return the two ends of the line to where a trial went on."""
    assert each.went_on is not None  # noqa: S101 -- only such a one is drawn
    label = f"{_trial(each)}: went on with worker {each.went_on.worker} at {each.went_on.started_at:%H:%M:%S}"
    look = {"d": label, "c": "var(--accent)" if each.ending is Ending.LOST else "var(--muted)"}
    return [
        look | {"y": _lane(each.work.worker), "v": clock.since(each.ended_at)},
        look | {"y": _lane(each.went_on.worker), "v": clock.since(each.went_on.started_at)},
    ]


def _bar(each: Try, clock: _Clock) -> Row:
    work = each.work
    label = (
        f"{_trial(each)}: {each.ending}, {each.lasted}\nWorker {work.worker} on {work.host}, from step {work.step:,}"
    )
    start, end = clock.since(work.started_at), clock.since(each.ended_at)
    look = {"e": each.ending, "c": f"var(--{_LOOKS[each.ending][1]})", "w": each.name, "d": label}
    share = (each.ended_at - work.started_at).total_seconds() / clock.seconds
    return look | {"y": _lane(work.worker), "v": start, "x2": end, "m": (start + end) / 2, "s": round(share, 5)}


def _trial(each: Try) -> str:
    return f"Trial {each.work.trial}" + (f", repetition {each.work.repetition}" if each.work.repetition else "")


def _lane(worker: int) -> str:
    return f"worker {worker}"


def attempts(view: View) -> list[Panel]:
    """Draw each attempt from its start to its end, with the trials that it finished."""
    shown = list(enumerate(view.run.run.attempts, start=1))[-_MOST_ROWS:]
    if not shown:
        return []
    ends = {number: _end(view, number, attempt) for number, attempt in shown}
    clock = _Clock(min(attempt.started_at for _, attempt in shown), max(ends.values()))
    bars: list[Row] = []
    for number, attempt in shown:
        lasted = duration((ends[number] - attempt.started_at).total_seconds())
        where = f" on {attempt.host}" if attempt.host else ""
        label = f"Attempt {number}{where}: {attempt.outcome or 'killed, or still at work'}, {lasted}"
        colour = "var(--good)" if attempt.outcome in {"complete", "budget_spent"} else "var(--quiet)"
        times = {"v": clock.since(attempt.started_at), "x2": clock.since(ends[number])}
        bars.append({"y": f"attempt {number}", "d": label, "c": colour} | times)
    ticks = [
        {
            "y": f"attempt {trial.timing.attempt}",
            "v": clock.since(trial.timing.ended_at),
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
    x = clock.x()
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
