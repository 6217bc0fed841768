"""Figures: where the run's time went, and how its attempts follow each other."""

from datetime import datetime, timedelta

from job.page.font import text_width
from job.page.markup import join
from job.page.scales import Linear
from job.page.svg import Drawing, bottom_axis, line, mark, rect, text
from job.page.view import View
from job.records.run import AttemptRecord
from job.words import duration, moment, percent

_ROW = 28.0
_MOST_ROWS = 40
_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def phases(view: View, width: float) -> Drawing | None:
    """Draw the time that each kind of work took, over all attempts, the longest first."""
    seconds = {name: each for name, each in view.run.run.seconds.items() if each > 0}
    total = sum(seconds.values())
    if not total:
        return None
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    labels = {name: f"{duration(each)}, {_share(each / total)}" for name, each in ordered}
    gutter = max(text_width(name, 12) for name in seconds) + 12
    room = max(text_width(words, 11) for words in labels.values()) + 10
    x = Linear(0, ordered[0][1], gutter, min(width, 640.0) - room)
    parts = []
    for row, (name, each) in enumerate(ordered):
        y = row * _ROW
        parts.append(text(gutter - 12, y + 16, name, anchor="end"))
        parts.append(rect(gutter, y + 4, max(x(each) - gutter, 1.5), 16, "bar", title=f"{name}: {labels[name]}"))
        parts.append(text(x(each) + 8, y + 16, labels[name], "note small"))
    return Drawing(width, _ROW * len(ordered), join(parts))


def _share(share: float) -> str:
    return percent(share, 0) if share >= 0.01 else "under " + percent(0.01, 0)  # noqa: PLR2004 -- a hundredth


def attempts(view: View, width: float) -> Drawing | None:
    """Draw each attempt from its start to its end, with the trials that it finished."""
    rows = list(enumerate(view.run.run.attempts, start=1))[-_MOST_ROWS:]
    if not rows:
        return None
    first = min(attempt.started_at for _, attempt in rows)
    spans = {number: (attempt.started_at, _end(view, number, attempt)) for number, attempt in rows}
    last = max(end for _, end in spans.values())
    whole = max((last - first).total_seconds(), 1.0)
    unit, name = next((unit, name) for unit, name in _UNITS if whole >= 2 * unit or unit == 1)
    gutter = text_width(f"attempt {rows[-1][0]}", 12) + 12
    x = Linear(0, whole / unit, gutter, width - 8)
    height = _ROW if len(rows) <= _MOST_ROWS / 4 else 18.0
    bar = height - 12
    bottom = height * len(rows) + 4
    parts = [bottom_axis(x, bottom, 0, count=6, title=f"{name} since {moment(first)}")]
    for row, (number, attempt) in enumerate(rows):
        y = row * height + 6
        start, end = (x((each - first).total_seconds() / unit) for each in spans[number])
        outcome = attempt.outcome or "killed, or still at work"
        title = f"Attempt {number}{f' on {attempt.host}' if attempt.host else ''}: {outcome}, {_lasted(spans[number])}"
        parts.append(text(gutter - 12, y + bar / 2 + 4, f"attempt {number}", anchor="end"))
        class_ = "bar" if attempt.outcome in {"complete", "budget_spent"} else "stopped"
        parts.append(rect(start, y, max(end - start, 2), bar, class_, title=title))
        for trial in view.trials:
            if trial.timing.attempt == number:
                at = x((trial.timing.ended_at - first).total_seconds() / unit)
                tick = line(at, y - 3, at, y + bar + 3, "sign")
                parts.append(mark(tick, title=f"Trial {trial.number} ended {moment(trial.timing.ended_at)}"))
    return Drawing(width, bottom + 36, join(parts))


def _end(view: View, number: int, attempt: AttemptRecord) -> datetime:
    """Return when an attempt ended, or was last heard of."""
    if attempt.ended_at is not None:
        return attempt.ended_at
    heard = [trial.timing.ended_at for trial in view.trials if trial.timing.attempt == number]
    return max([*heard, attempt.started_at + timedelta(seconds=attempt.seconds.get("total", 0.0))])


def _lasted(span: tuple[datetime, datetime]) -> str:
    return duration((span[1] - span[0]).total_seconds())
