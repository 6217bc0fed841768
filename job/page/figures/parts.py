"""What charts are made of: tidy rows, axes and marks. A panel is one chart; a figure has one or more side by side."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import altair as alt

from job.page.theme import shade
from job.page.view import Range, View
from job.records.trial import TrialRecord
from job.words import NBSP, PARAMETERS

Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """A table in place of its name, until the chart is compiled: Altair would copy a list's rows again and again."""

    rows: list[Row]


Panel = dict[str, Any]
"""A chart as Vega-Lite."""
ChannelT = TypeVar("ChannelT", alt.X, alt.Y, alt.Color)
LABEL = alt.Description("d:N")
SIGNS = {"diverged": "M-1,-1L1,1M-1,1L1,-1", "failed": "triangle-up", "pruned": "circle"}
"""How trials without a value are drawn."""

_MANY = 60  # trials, from which on dots are smaller
_PALEST = 0.2  # the first steps of the scale are hardly seen as a dot or a line


def chart(rows: Iterable[Row]) -> alt.Chart:
    """Return a chart of tidy rows."""
    return alt.Chart(alt.NamedData(cast("str", Rows(list(rows)))))


def panel(*layers: alt.Chart, height: float | alt.Step, title: str = "", note: str = "") -> Panel:
    """Return layers as one panel with its title, and a smaller note below that; `alt.layer` copies them many times."""
    spec: Panel = {"layer": [layer.to_dict(validate=False, context={"top_level": False}) for layer in layers]}
    named = {"title": {"text": title, **({"subtitle": note} if note else {})}} if title else {}
    return spec | named | {"height": height if isinstance(height, int | float) else height.to_dict()}


def short(value: float) -> float:
    """Return a number with the digits that a screen can show."""
    return float(f"{value:.6g}")


def dots(rows: Iterable[Row], x: Any, y: Any, **look: Any) -> alt.Chart:  # noqa: ANN401 -- altair's channels
    """Return a dot for each row, described by its `d`, in its own colour `c` and size `s`."""
    mark: Row = {"filled": True, "stroke": "var(--paper)", "strokeWidth": 1, "opacity": 1, "aria": True} | look
    look = {"color": alt.Color("c:N", scale=None), "size": alt.Size("s:Q", scale=None)}
    found: alt.Chart = chart(rows).mark_point(**mark).encode(x, y, description=LABEL, **look)
    return found


def signs(rows: Iterable[Row], x: Any, y: Any) -> alt.Chart:  # noqa: ANN401 -- altair's channels
    """Return the sign `m` of each row's status."""
    mark = chart(rows).mark_point(size=44, stroke="var(--muted)", strokeWidth=1.5, fill="transparent", aria=True)
    found: alt.Chart = mark.encode(x, y, shape=alt.Shape("m:N", scale=None), description=LABEL)
    return found


def words(rows: Iterable[Row], x: Any, y: Any, **look: Any) -> alt.Chart:  # noqa: ANN401 -- altair's channels
    """Return the text `w` of each row."""
    mark = chart(rows).mark_text(**look)
    found: alt.Chart = mark.encode(x, y) if "text" in look else mark.encode(x, y, text=alt.Text("w:N"))
    return found


def haloed(rows: Iterable[Row], x: Any, y: Any, **look: Any) -> list[alt.Chart]:  # noqa: ANN401 -- altair's channels
    """Return texts on a pale ground, legible across lines."""
    ground = {"stroke": "var(--paper)", "strokeWidth": 5, "strokeJoin": "round", "opacity": 0.85}
    shown = list(rows)
    return [words(shown, x, y, **(look | ground)), words(shown, x, y, **look)]


def column(channel: ChannelT, name: str) -> ChannelT:
    """Return a channel for another column of the rows."""
    other = channel.copy(deep=False)
    other.shorthand = name
    return other


def score_scale(view: View, values: Sequence[float], **scale: Any) -> alt.Scale:  # noqa: ANN401 -- altair's
    """Return a scale for values of the objective; what is far worse than most stands at its end."""
    low, high, log = view.domain(values)
    if log:
        return alt.Scale(type="log", domain=[low / 1.1, high * 1.1], nice=False, clamp=True, **scale)
    return alt.Scale(domain=[low, high], nice=scale.pop("nice", 5), zero=False, clamp=True, **scale)


def score_axis(view: View, values: Sequence[float], **axis: Any) -> alt.Axis:  # noqa: ANN401 -- altair's
    """Return an axis for values of the objective."""
    low, high, log = view.domain(values)
    if log:
        axis["values"] = log_ticks(low / 1.1, high * 1.1)
    percent = f"format(datum.value * 100, '~g') + '{NBSP}%'"
    return alt.Axis(title=axis.pop("title", None), labelExpr=percent if view.in_percent else alt.Undefined, **axis)


def score_y(view: View, values: Sequence[float], ticks: int = 5) -> alt.Y:
    """Return the objective upwards."""
    return alt.Y("v:Q", scale=score_scale(view, values, nice=ticks), axis=score_axis(view, values, tickCount=ticks))


def param_x(view: View, name: str, title: str | None = None) -> alt.X:
    """Return a hyperparameter along a panel; names stand at 0, 1, 2."""
    space = view.searched[name]
    if not isinstance(space, Range):
        return alt.X("x:Q", scale=names_scale(space), axis=names_axis(space))
    return alt.X("x:Q", scale=range_scale(space), axis=range_axis(space, title))


def range_scale(space: Range) -> alt.Scale:
    """Return a scale that is even in the range's prior."""
    return alt.Scale(type="log" if space.log else "linear", domain=[space.low, space.high], nice=False, zero=False)


def range_axis(space: Range, title: str | None = None) -> alt.Axis:
    """Return an axis along a range."""
    ticks = log_ticks(space.low, space.high) if space.log else None
    return alt.Axis(
        title=title, values=ticks or alt.Undefined, tickCount=5, format="~g", labelOverlap=True, labelSeparation=5
    )


def names_scale(names: list[str]) -> alt.Scale:
    """Return a scale with equal room for each name."""
    return alt.Scale(domain=[-0.5, len(names) - 0.5], nice=False, zero=False)


def names_axis(names: list[str]) -> alt.Axis:
    """Return an axis of names."""
    name = f"{json.dumps(names)}[datum.value]"
    label = f"width < {44 * len(names)} && datum.value % 2 ? ['', {name}] : {name}"  # every other one lower
    return alt.Axis(title=None, values=list(range(len(names))), labelExpr=label, labelOverlap=False)


def row_names(**axis: Any) -> alt.Axis:  # noqa: ANN401 -- altair's
    """Return an axis of rows' names at the left."""
    return alt.Axis(title=None, style="names", **axis)


def log_ticks(low: float, high: float) -> list[float]:
    """Return few round values of a logarithmic scale; none where its ends are too near each other."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5)):
        found = [float(f"{step}e{decade}") for decade in decades for step in steps]
        found = [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(found) >= 4:  # noqa: PLR2004 -- enough to read between
            return found[:: math.ceil(len(found) / 6)]
    return found if len(found) > 1 else []


def round_values(low: float, high: float, *, around: bool = False) -> list[float]:
    """Return a few round values of a linear scale, between its ends or also `around` them."""
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(each * step for each in (1, 2, 5, 10) if (high - low) / (each * step) <= 5)  # noqa: PLR2004 -- few
    first, last = (
        (low / step, high / step) if around else (math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9))
    )
    return [short(at * step) for at in range(math.floor(first), math.ceil(last) + 1)]


def coloured(view: View, trial: TrialRecord) -> str:
    """Return a trial's colour: the better, the stronger; the winner's own."""
    if trial is view.winner:
        return "var(--accent)"
    rank = view.ranks.get(trial.number)
    if rank is None:
        return "var(--quiet)"
    return shade(1 - rank / max(len(view.complete) - 1, 1) * (1 - _PALEST))


def trial_row(view: View, trial: TrialRecord, colour: str | None = None, size: float = 42) -> Row:
    """Return a trial as a mark: which it is, its value and its look."""
    won = trial is view.winner
    small = size * 0.6 if len(view.trials) > _MANY else size
    return {
        "d": f"Trial {trial.number}",
        "v": trial.value if trial.value is None else short(trial.value),
        "c": "var(--accent)" if won else colour or coloured(view, trial),
        "s": 110 if won else small,
        "m": SIGNS.get(trial.status, "circle"),
    }


def placed(view: View, trial: TrialRecord, name: str, offsets: dict[int, float] | None = None) -> float:
    """Return where a trial stands along a hyperparameter; trials of one name are spread over its room."""
    space, value = view.searched[name], trial.params[name]
    if isinstance(space, Range):
        return short(float(value))
    return round(space.index(str(value)) + (offsets or {}).get(trial.number, 0.0), 3)


def spread(view: View, name: str, room: float) -> dict[int, float]:
    """Return how far each trial stands from the middle of its name's room, in the trials' order."""
    found: dict[int, float] = {}
    for value in {trial.params[name] for trial in view.trials}:
        numbers = [trial.number for trial in view.trials if trial.params[name] == value]
        found |= {number: ((at + 0.5) / len(numbers) - 0.5) * room for at, number in enumerate(numbers)}
    return found


def winner_last(view: View, trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return trials in the order of drawing."""
    return sorted(trials, key=lambda trial: trial is view.winner)


def title_of(name: str) -> str:
    """Return a hyperparameter's name in words."""
    return PARAMETERS.get(name, name)
