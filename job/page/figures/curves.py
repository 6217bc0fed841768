"""Figure: learning curves, those of all trials with the winner's on top, and the winner's losses."""

import altair as alt

from job.page.figures.parts import LABEL, Panel, Row, chart, panel, score_y, short, words
from job.page.view import View
from job.records.trial import EpochRecord, TrialRecord
from job.words import significant

_HEIGHT = 220


def learning_curves(view: View) -> list[Panel]:
    """Draw the objective after each epoch of every trial, and the winner's training and validation loss."""
    if not any(trial.epochs for trial in view.trials):
        return []
    won = view.winner is not None and view.winner.epochs
    return [_all_trials(view), *([_losses(view.winner)] if view.winner and won else [])]


def _epochs(last: int) -> alt.X:
    ends = [1, last] if last > 1 else [0.5, 1.5]
    axis = alt.Axis(title="epoch", format="d", tickMinStep=1, tickCount=8)
    return alt.X("x:Q", scale=alt.Scale(domain=ends, nice=False), axis=axis)


def _all_trials(view: View) -> Panel:
    near = {trial.number for trial in view.near}
    trained = [trial for trial in view.trials if trial.epochs]
    order = sorted(trained, key=lambda trial: (trial is view.winner, trial.number in near))
    rows: list[Row] = []
    for rank, trial in enumerate(order):
        close, won = trial.number in near, trial is view.winner
        look: Row = {"d": f"Trial {trial.number}", "k": rank}
        look["c"] = "var(--accent)" if won else "var(--good)" if close else "var(--quiet)"
        look["s"] = 2.5 if won else 1.3 if close else 1
        look["a"] = 1 if won else 0.8 if close else 0.55
        look["h"] = [1, 0] if trial.status == "complete" else [4, 4]
        rows += [look | {"x": e.epoch, "v": short(e.value(view.objective))} for e in trial.epochs]
    x = _epochs(max(trial.epochs[-1].epoch for trial in trained))
    y = score_y(view, [row["v"] for row in rows])
    style: Row = {
        "color": alt.Color("c:N", scale=None),
        "strokeWidth": alt.StrokeWidth("s:Q", scale=None),
        "strokeOpacity": alt.StrokeOpacity("a:Q", scale=None),
        "strokeDash": alt.StrokeDash("h:N", scale=None),
    }
    layers = [chart(rows).mark_line(aria=True).encode(x, y, detail=alt.Detail("k:O"), description=LABEL, **style)]
    if view.winner is not None and view.winner.epochs:
        ends = [_point(view, view.winner, epoch) for epoch in view.winner.epochs]
        best = [row for row in ends if row["x"] == view.winner.best_epoch]
        dot = chart(best).mark_point(filled=True, size=90, color="var(--accent)", opacity=1, aria=True)
        layers.append(dot.encode(x, y, description=LABEL))
        label = ends[-1] | {"w": f"trial {view.winner.number}"}
        layers.append(words([label], x, y, style="winner", align="left", dx=9))
    return panel(*layers, height=_HEIGHT, title=f"Validation {view.objective_name}, all trials")


def _point(view: View, trial: TrialRecord, epoch: EpochRecord) -> Row:
    value = epoch.value(view.objective)
    label = f"Trial {trial.number}, epoch {epoch.epoch}: {view.objective_name} {view.score(value)}"
    return {"x": epoch.epoch, "v": value, "d": label}


def _losses(winner: TrialRecord) -> Panel:
    series = {
        "training": ("var(--quiet)", [epoch.train_loss for epoch in winner.epochs]),
        "validation": ("var(--good)", [epoch.validation_loss for epoch in winner.epochs]),
    }
    most = max(max(losses) for _, losses in series.values())
    least = min(min(losses) for _, losses in series.values())
    log = least > 0 and most / least > 20  # noqa: PLR2004 -- from which ratio a logarithm shows more
    scale = alt.Scale(type="log", nice=True) if log else alt.Scale(nice=5, zero=True)
    axis = alt.Axis(title=None, tickCount=5, format="~g")
    x, y = _epochs(winner.epochs[-1].epoch), alt.Y("v:Q", scale=scale, axis=axis)
    layers = []
    if winner.best_epoch is not None:
        at = {"x": winner.best_epoch, "w": "best epoch"}
        layers.append(chart([at]).mark_rule(color="var(--line)", strokeDash=[4, 4]).encode(x))
        layers.append(words([at], x, alt.Y(value=-7)))
    ends = [losses[-1] for _, losses in series.values()]
    apart = abs(ends[0] - ends[1]) / (most if not log else 1) * _HEIGHT
    for place, (name, (colour, losses)) in enumerate(series.items()):
        rows = [
            {"x": epoch.epoch, "v": short(loss), "d": f"Epoch {epoch.epoch}: {name} loss {significant(loss)}"}
            for epoch, loss in zip(winner.epochs, losses, strict=True)
        ]
        layers.append(chart(rows).mark_line(color=colour, strokeWidth=2).encode(x, y))
        mark: Row = {
            "filled": True,
            "size": 30,
            "color": colour,
            "stroke": "var(--paper)",
            "strokeWidth": 1,
            "opacity": 1,
        }
        layers.append(chart(rows).mark_point(aria=True, **mark).encode(x, y, description=LABEL))
        above = (losses[-1] > ends[1 - place]) or (losses[-1] == ends[1 - place] and place)
        shift = max(15 - apart, 0) / 2 * (-1 if above else 1)
        layers.append(words([rows[-1] | {"w": name}], x, y, align="left", dx=9, dy=shift, fontWeight=500))
    return panel(*layers, height=_HEIGHT, title=f"Losses of trial {winner.number}")
