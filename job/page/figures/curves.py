"""Figure: learning curves, those of all trials with the winner's on top, and the winner's losses."""

from functools import partial

from job.page.font import text_width
from job.page.markup import Markup, join
from job.page.scales import Linear, Log, Scale, rounded_out
from job.page.svg import (
    Drawing,
    Panel,
    bottom_axis,
    circle,
    haloed,
    labels_width,
    left_axis,
    line,
    mark,
    path,
    text,
    tiled,
)
from job.page.view import View
from job.records.trial import EpochRecord, TrialRecord
from job.words import significant

_HEIGHT = 220.0
_TOP = 36.0
_MANY_TIMES = 20.0


def learning_curves(view: View, width: float) -> Drawing | None:
    """Draw the objective after each epoch of every trial, and the winner's training and validation loss."""
    if not any(trial.epochs for trial in view.trials):
        return None
    panels: list[Panel] = [partial(_all_trials, view)]
    if view.winner is not None and view.winner.epochs:
        panels.append(partial(_losses, view.winner))
    return tiled(panels, width, 300)


def _all_trials(view: View, width: float) -> Drawing:
    values = [view.value_of(epoch) for trial in view.trials for epoch in trial.epochs]
    y = view.value_scale(values, _TOP + _HEIGHT, _TOP, 5)
    words = "" if view.winner is None else f"trial {view.winner.number}"
    x = _epochs(view.trials, labels_width(y, 5), width - text_width(words, 12, "Medium") - 12)
    near = {trial.number for trial in (view.within_noise() or ([], None))[0]}
    others = sorted(
        (trial for trial in view.trials if trial.epochs and trial is not view.winner),
        key=lambda trial: trial.number in near,
    )
    lines = [_curve(view, trial, x, y, "near" if trial.number in near else "quiet") for trial in others]
    parts = [
        text(0, 12, f"Validation {view.objective_name}, all trials", "title"),
        left_axis(y, x.start, x.end, count=5),
        bottom_axis(x, y.start, y.start, count=8, title="epoch"),
        Markup('<g class="lines">'),
        *lines,
        Markup("</g>"),
    ]
    if view.winner is not None and view.winner.epochs:
        last = view.winner.epochs[-1]
        parts.append(_curve(view, view.winner, x, y, "winline"))
        parts += [
            circle(x(epoch.epoch), y(view.value_of(epoch)), 5, "win", title=_point(view, view.winner, epoch))
            for epoch in view.winner.epochs
            if epoch.epoch == view.winner.best_epoch
        ]
        parts.append(haloed(x(last.epoch) + 9, y(view.value_of(last)) + 4, words, "strong wintext"))
    return Drawing(width, _TOP + _HEIGHT + 34, join(parts))


def _curve(view: View, trial: TrialRecord, x: Scale, y: Scale, class_: str) -> Markup:
    points = [(x(epoch.epoch), y(view.value_of(epoch))) for epoch in trial.epochs]
    dashed = " dashed" if trial.status != "complete" else ""
    return mark(path(points, class_ + dashed), title=view.describe(trial))


def _point(view: View, trial: TrialRecord, epoch: EpochRecord) -> str:
    return f"Trial {trial.number}, epoch {epoch.epoch}: {view.objective_name} {view.score(view.value_of(epoch))}"


def _losses(winner: TrialRecord, width: float) -> Drawing:
    curves = {
        "training": [(epoch.epoch, epoch.train_loss) for epoch in winner.epochs],
        "validation": [(epoch.epoch, epoch.validation_loss) for epoch in winner.epochs],
    }
    values = [loss for points in curves.values() for _, loss in points]
    low, high = min(values), max(values)
    if low > 0 and high / low > _MANY_TIMES:
        y: Scale = Log(low / 1.1, high * 1.1, _TOP + _HEIGHT, _TOP)
    else:
        y = Linear(*rounded_out(min(low, 0.0), high, 5), _TOP + _HEIGHT, _TOP)
    x = _epochs([winner], labels_width(y, 5), width - text_width("validation", 12, "Medium") - 12)
    parts = [
        text(0, 12, f"Losses of trial {winner.number}", "title"),
        left_axis(y, x.start, x.end, count=5),
        bottom_axis(x, y.start, y.start, count=8, title="epoch"),
    ]
    if winner.best_epoch is not None:
        at = x(winner.best_epoch)
        parts.append(line(at, y.start, at, y.end, "axis dashed"))
        middle = min(at, width - text_width("best epoch", 11) / 2)
        parts.append(text(middle, y.end - 7, "best epoch", "note small", anchor="middle"))
    heights = _apart({name: y(points[-1][1]) for name, points in curves.items()})
    for name, class_ in (("training", "quiet solid"), ("validation", "main")):
        points = [(x(epoch), y(loss)) for epoch, loss in curves[name]]
        parts.append(path(points, class_))
        parts += [
            circle(
                x(epoch),
                y(loss),
                3,
                "dot" if name == "validation" else "faded",
                title=f"Epoch {epoch}: {name} loss {significant(loss)}",
            )
            for epoch, loss in curves[name]
        ]
        parts.append(text(points[-1][0] + 9, heights[name] + 4, name, "note strong"))
    return Drawing(width, _TOP + _HEIGHT + 34, join(parts))


def _apart(heights: dict[str, float], least: float = 15.0) -> dict[str, float]:
    """Move two labels' heights apart where one would be written upon the other."""
    (upper, first), (lower, second) = sorted(heights.items(), key=lambda item: item[1])
    missing = max(least - (second - first), 0.0) / 2
    return {upper: first - missing, lower: second + missing}


def _epochs(trials: list[TrialRecord], start: float, end: float) -> Linear:
    last = max(epoch.epoch for trial in trials for epoch in trial.epochs)
    return Linear(1, last, start + 4, end, whole=True) if last > 1 else Linear(0.5, 1.5, start + 4, end, whole=True)
