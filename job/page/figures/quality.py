"""Figure: how good the best model is on the test part, against always naming the largest class."""

from job.page.font import text_width
from job.page.markup import join
from job.page.scales import Linear
from job.page.svg import Drawing, circle, line, mark, rect, text
from job.page.view import View
from job.words import NBSP, percent

_TRACK = 12.0


def test_accuracy(view: View, width: float) -> Drawing | None:
    """Draw the test accuracy with its interval, on a scale from none to all photos right."""
    if view.results is None:
        return None
    test = view.results.test
    low, high = test.accuracy_ci95
    x = Linear(0.0, 1.0, 0.0, width)
    share = majority_share(view)
    top = 26.0
    middle = top + _TRACK / 2
    words = f"{percent(test.accuracy)} right"
    half = text_width(words, 13, "Medium") / 2
    at = min(max(x(test.accuracy), half), width - half)
    parts = [
        rect(0, top, width, _TRACK, "rest"),
        rect(0, top, x(test.accuracy), _TRACK, "bar"),
        text(at, 14, words, "title", anchor="middle"),
        mark(
            line(x(low), middle, x(high), middle, "winline"),
            *(line(x(end), middle - 5, x(end), middle + 5, "winline") for end in (low, high)),
            circle(x(test.accuracy), middle, 5.5, "win"),
            title=f"Test accuracy {percent(test.accuracy)}, 95{NBSP}% interval {percent(low)} to {percent(high)}",
        ),
        line(x(share), top - 4, x(share), top + _TRACK + 4, "sign"),
    ]
    baseline = f"always the largest class: {percent(share)}"
    room = text_width(baseline, 11)
    start = min(max(x(share) - room / 2, 0.0), width - room)
    parts.append(text(start, top + _TRACK + 18, baseline, "note small"))
    if start > text_width("0", 11) + 8:
        parts.append(text(0, top + _TRACK + 18, "0", "note small"))
    end = f"100{NBSP}%"
    if start + room < width - text_width(end, 11) - 8:
        parts.append(text(width, top + _TRACK + 18, end, "note small", anchor="end"))
    return Drawing(width, top + _TRACK + 24, join(parts))


def majority_share(view: View) -> float:
    """Return the share of the test part that its largest class has."""
    counts = [row.test for row in view.run.dataset.classes]
    return max(counts) / sum(counts) if sum(counts) else 0.0
