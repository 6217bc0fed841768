"""Figures by class: the test accuracy, recall, what is taken for what, and how many photos there are."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import altair as alt

from job.metrics import wilson_interval
from job.page.figures.parts import LABEL, Panel, Row, chart, column, panel, row_names, words
from job.page.theme import error_shade, shade
from job.page.view import View
from job.words import NBSP, count, percent

_ROW = 19
_ONE_COLUMN = 14  # classes that stand in one column even where there is room for two
_MANY = 30
_PARTS = ("train", "validation", "test")

T = TypeVar("T")


def test_accuracy(view: View) -> list[Panel]:
    """Draw the test accuracy with its interval, on a scale from none to all photos right."""
    if view.results is None:
        return []
    test = view.results.test
    low, high = test.accuracy_ci95
    label = f"Test accuracy {percent(test.accuracy)}, 95{NBSP}% interval {percent(low)} to {percent(high)}"
    right = {"v": test.accuracy, "low": low, "high": high, "d": label, "w": f"{percent(test.accuracy)} right"}
    share = view.majority_share
    base = {"v": share, "w": f"always the largest class: {percent(share)}"}
    x = alt.X("v:Q", scale=alt.Scale(domain=[0, 1]), axis=None)
    middle = alt.Y(value=6)
    ends = ((0, "0"), (1, f"100{NBSP}%"))
    interval = chart([right]).encode(column(x, "low:Q"), x2=alt.X2("high:Q"), description=LABEL)
    layers = [
        chart([{"v": 1}]).mark_bar(color="var(--line)", size=12).encode(x, middle),
        chart([right]).mark_bar(color="var(--good)", size=12).encode(x, middle),
        interval.mark_rule(color="var(--accent)", strokeWidth=2.5, aria=True).encode(y=middle),
        chart([right])
        .mark_point(filled=True, size=120, color="var(--accent)", stroke="var(--paper)", opacity=1, aria=True)
        .encode(x, middle, description=LABEL),
        chart([base]).mark_rule(color="var(--muted)", strokeWidth=1.6).encode(x, y=alt.Y(value=-4), y2=alt.value(16)),
        words([right], x, alt.Y(value=-16), style="strong", fontSize=13, align=_aligned(test.accuracy)),
        words([base], x, alt.Y(value=28), align=_aligned(share)),
        *(words([{"v": at, "w": w}], x, alt.Y(value=28), align=_aligned(at)) for at, w in ends if 0.25 < share < 0.6),  # noqa: PLR2004
    ]
    return [panel(*layers, height=12)]


def _aligned(share: float) -> str:
    """Return how a label is aligned that must stay within 0 to 1."""
    return "right" if share > 0.85 else "left" if share < 0.15 else "center"  # noqa: PLR2004 -- near the ends


def class_recall(view: View) -> list[Panel]:
    """Draw each class's recall on the test part with its 95 % interval, the worst first."""
    if view.results is None:
        return []
    accuracy = view.results.test.accuracy
    rows: list[Row] = []
    for row in sorted(view.results.test.per_class, key=lambda row: (row.recall, -row.support, row.name)):
        low, high = wilson_interval(round(row.recall * row.support), row.support) if row.support else (0.0, 1.0)
        label = (
            f"{row.name}: recall {percent(row.recall)} (95{NBSP}% interval {percent(low)} to {percent(high)}), "
            f"precision {percent(row.precision)}, {count(row.support, 'photo')}"
        )
        rows.append({"y": row.name, "v": row.recall, "low": low, "high": high, "w": f"{row.support:,}", "d": label})

    def draw(part: Sequence[Row]) -> Panel:
        ticks = alt.Axis(
            orient="top",
            title=None,
            values=[0, 0.25, 0.5, 0.75, 1],
            grid=True,
            domain=False,
            labelExpr=f"datum.value * 4 % 2 ? '' : datum.value * 100 + '{NBSP}%'",
        )
        x, y = alt.X("v:Q", scale=alt.Scale(domain=[0, 1]), axis=ticks), _class_rows(part)
        shown = [row for row in part if row["w"] != "0"]
        mean = {"v": accuracy, "w": f"all photos {percent(accuracy)}"}
        layers = [
            chart([mean]).mark_rule(color="var(--good)", strokeDash=[4, 4]).encode(x),
            words([mean], x, alt.Y(value=-32), color="var(--good)", align=_aligned(accuracy)),
            chart(shown)
            .mark_rule(color="var(--good)", strokeWidth=2, opacity=0.4, aria=True)
            .encode(column(x, "low:Q"), y, x2=alt.X2("high:Q"), description=LABEL),
            chart(shown)
            .mark_point(filled=True, size=50, color="var(--good)", stroke="var(--paper)", opacity=1, aria=True)
            .encode(x, y, description=LABEL),
            *_numbers(part, y, "photos"),
        ]
        return panel(*layers, height=alt.Step(_ROW))

    return _columns(rows, draw)


def _class_rows(part: Sequence[Row]) -> alt.Y:
    return alt.Y("y:N", sort=None, scale=alt.Scale(domain=[row["y"] for row in part]), axis=row_names())


def _numbers(part: Sequence[Row], y: alt.Y, title: str) -> list[alt.Chart]:
    """Return a column of numbers at the right of the plot."""
    right = alt.X(value="width")
    return [
        words(part, right, y, align="right", dx=64),
        words([{"w": title}], right, alt.Y(value=-13), align="right", dx=64),
    ]


def _columns(rows: Sequence[T], draw: Callable[[Sequence[T]], Panel]) -> list[Panel]:
    """Draw few rows in one column, more in two."""
    if not rows:
        return []
    middle = len(rows) if len(rows) <= _ONE_COLUMN else (len(rows) + 1) // 2
    return [draw(part) for part in (rows[:middle], rows[middle:]) if part]


def class_balance(view: View) -> list[Panel]:
    """Draw how many photos of each class the parts of the split have, the largest class first."""
    rows: list[Row] = []
    for row in sorted(view.run.dataset.classes, key=lambda row: (-row.train - row.validation - row.test, row.name)):
        numbers = {part: getattr(row, part) for part in _PARTS}
        label = f"{row.name}: " + ", ".join(f"{number:,} {part}" for part, number in numbers.items())
        rows.append({"y": row.name, "n": numbers, "w": f"{sum(numbers.values()):,}", "d": label})
    most = max((number for row in rows for number in row["n"].values()), default=1)

    def draw(part: Sequence[Row]) -> Panel:
        ticks = [10**power for power in range(len(str(most)))]
        axis = alt.Axis(orient="top", title=None, values=ticks, format="d", grid=True, domain=False, labelOverlap=True)
        x = alt.X("v:Q", scale=alt.Scale(type="log", domain=[0.8, max(most, 2) * 1.15], nice=False), axis=axis)
        y = _class_rows(part)
        spans = [
            {"y": row["y"], "v": min(found), "x2": max(found)}
            for row in part
            if (found := [number for number in row["n"].values() if number])
        ]
        layers = [chart(spans).mark_rule(color="var(--line)", strokeWidth=2).encode(x, y, x2=alt.X2("x2:Q"))]
        for name, shift in (("test", 3), ("validation", -3), ("train", 0)):  # the first two are often equally many
            dots = [row | {"v": row["n"][name]} for row in part if row["n"][name]]
            mark = chart(dots).mark_point(
                filled=True, size=38, color=f"var(--{name})", opacity=1, aria=True, yOffset=shift
            )
            layers.append(mark.encode(x, y, description=LABEL))
        layers += [
            *_numbers(part, y, "all"),
            *_part_names(),
        ]
        return panel(*layers, height=alt.Step(_ROW))

    return _columns(rows, draw)


def _part_names() -> list[alt.Chart]:
    """Name the parts in their colours, above the axis."""
    rows = [{"x": at, "w": name, "c": f"var(--{name})"} for at, name in zip((4, 56, 136), _PARTS, strict=True)]
    x, y = alt.X("x:Q", scale=None, axis=None), alt.Y(value=-34)
    colour = alt.Color("c:N", scale=None)
    dot = chart(rows).mark_point(filled=True, size=50, opacity=1).encode(x, y, color=colour)
    return [dot, words(rows, x, y, align="left", dx=8, fontWeight=500).encode(color=colour)]


def confusion_matrix(view: View) -> list[Panel]:
    """Draw the test photos by true and predicted class, the largest class first."""
    if view.results is None:
        return []
    matrix, names = view.results.test.confusion, [row.name for row in view.run.dataset.classes]
    order = sorted(range(len(matrix)), key=lambda index: (-sum(matrix[index]), names[index]))
    rows: list[Row] = []
    for true in order:
        photos = sum(matrix[true])
        for predicted in (each for each in order if matrix[true][each]):
            number, right = matrix[true][predicted], true == predicted
            share = number / photos
            label = (
                f"{names[true]} taken for {names[predicted]}: {number:,} of {count(photos, 'photo')} ({percent(share)})"
            )
            if right:
                label = f"{names[true]}: {number:,} of {count(photos, 'photo')} right ({percent(share)})"
            colour = shade(share) if right else error_shade(share)
            ink = "var(--paper)" if share >= (0.56 if right else 0.44) else "var(--ink)"
            rows.append({"t": names[true], "p": names[predicted], "w": number, "c": colour, "ink": ink, "d": label})
    domain = alt.Scale(domain=[names[index] for index in order], paddingInner=0.03, paddingOuter=0)
    look: dict[str, Any] = {
        "domain": False,
        "labelOverlap": False,
        "labelLimit": 128,
        "labelFontSize": 11 if len(order) < _MANY else 10,
    }
    x = alt.X(
        "p:N",
        scale=domain,
        axis=alt.Axis(orient="top", title="columns: predicted", titleAnchor="start", labelAngle=-90, **look),
    )
    y = alt.Y(
        "t:N",
        scale=domain,
        axis=alt.Axis(
            title="rows: true",
            titleAngle=0,
            titleAlign="right",
            titleAnchor="start",
            titleX=-8,
            titleY=-8,
            **look,
        ),
    )
    cells = chart(rows).mark_rect(aria=True).encode(x, y, color=alt.Color("c:N", scale=None), description=LABEL)
    fits = alt.expr("bandwidth('x') < 8 * length('' + datum.w) + 6 ? 0 : 1")
    numbers = words(rows, x, y, opacity=fits).encode(color=alt.Color("ink:N", scale=None))
    return [panel(cells, numbers, height=300) | {"view": {"fill": "var(--raised)"}, "square": True}]
