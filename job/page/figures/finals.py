"""Figure: the best trials trained again with other seeds: each value, their mean and their spread."""

from job.page.font import text_width
from job.page.markup import Markup, join
from job.page.scales import Scale
from job.page.svg import Drawing, bottom_axis, circle, line, mark, text
from job.page.view import View
from job.records.results import Final
from job.records.trial import TrialRecord

_ROW = 34.0
_TOP = 6.0
_DOT, _MANY = 4.0, 12  # from which number of seeds on dots are smaller


def finals(view: View, width: float) -> Drawing | None:
    """Draw a row for each trial that was trained again, the best mean first."""
    if not view.finals:
        return None
    gutter = max(text_width(f"trial {trial.number}", 12, "Medium") for trial, _ in view.finals) + 14
    right = max(text_width(view.spread(final), 12, "Medium") for _, final in view.finals) + 14
    own = [trial.value for trial, _ in view.finals]
    values = [
        value for value in (*own, *(each for _, final in view.finals for each in final.values)) if value is not None
    ]
    x = view.value_scale(values, gutter + 8, width - right, 4)
    bottom = _TOP + _ROW * len(view.finals)
    parts = [bottom_axis(x, bottom, _TOP, count=4, title=f"validation {view.objective_name}")]
    parts += [_row(view, x, _TOP + (row + 0.5) * _ROW, width, pair) for row, pair in enumerate(view.finals)]
    return Drawing(width, bottom + 36, join(parts))


def _row(view: View, x: Scale, y: float, width: float, pair: tuple[TrialRecord, Final]) -> Markup:
    trial, final = pair
    won = final is view.chosen
    words = "strong wintext" if won else ""
    parts = [text(x.start - 22, y + 4, f"trial {trial.number}", words, anchor="end")]
    if trial.value is not None:
        parts.append(circle(x(trial.value), y, _DOT, "hollow"))
    if final.mean is not None and final.std is not None:
        parts.append(line(x(final.mean - final.std), y, x(final.mean + final.std), y, "interval"))
    size = 2.8 if len(final.values) > _MANY else _DOT
    parts += [circle(x(value), y, size, "win" if won else "dot") for value in final.values if value is not None]
    if final.mean is not None:
        parts.append(line(x(final.mean), y - 10, x(final.mean), y + 10, "winline" if won else "main"))
    parts.append(text(width, y + 4, view.spread(final), words or "note", anchor="end"))
    return mark(*parts, title=view.describe_final(trial, final))
