"""Blocks that sections are made of: figures in both widths, tables, lists of facts, and what is folded away."""

from collections.abc import Collection, Sequence

from job.page.figures.every import NARROW, WIDE, Figure
from job.page.markup import Markup, join, tag
from job.page.svg import inline
from job.page.view import View

Cell = str | Markup


def section(name: str, title: str, *children: Markup) -> Markup:
    """Return a section with its heading, which the page's navigation leads to."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def figure(view: View, each: Figure) -> Markup:
    """Return a figure as it is drawn for a desk and for a phone, of which the page shows one; nothing where it is
    empty.
    """  # noqa: D205 -- the sentence is one
    wide, narrow = each.draw(view, WIDE), each.draw(view, NARROW)
    if wide is None or narrow is None:
        return Markup()
    label = f"{each.title}. {each.caption}"
    if narrow.width > NARROW + 1:  # too much for a phone: it can be moved sideways there
        drawn = tag(
            "div", inline(wide, label, "both"), class_="scroll", tabindex="0", role="region", aria_label=each.title
        )
    else:
        drawn = join((inline(wide, label, "wide"), inline(narrow, label, "narrow")))
    caption = tag("figcaption", tag("h3", each.title), tag("p", each.caption))
    return tag("figure", caption, drawn, id=each.name)


def paragraph(*children: Cell) -> Markup:
    """Return a paragraph."""
    return tag("p", *children)


def strong(words: str) -> Markup:
    """Return words that stand out."""
    return tag("strong", words)


def table(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    numbers: Collection[int] = (),
    marked: int | None = None,
) -> Markup:
    """Return a table whose columns of `numbers` stand right; the first cell of each row is its heading.

    `marked` is the row that stands out.
    """
    aligned = ["number" if index in numbers else "" for index in range(len(columns))]
    head = [tag("th", name, scope="col", class_=kind or None) for name, kind in zip(columns, aligned, strict=True)]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row", class_=aligned[0] or None),
            *(tag("td", cell, class_=kind or None) for cell, kind in zip(row[1:], aligned[1:], strict=True)),
            class_="marked" if index == marked else None,
        )
        for index, row in enumerate(rows)
    ]
    shown = tag("table", tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", shown, class_="scroll", tabindex="0", role="region", aria_label=caption)


def facts(pairs: Sequence[tuple[str, Cell]]) -> Markup:
    """Return names with what each is."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="facts")


def folded(summary: str, *children: Markup) -> Markup:
    """Return what is shown to those who ask for it."""
    return tag("details", tag("summary", summary), *children)


def tile(value: str, name: str, note: str = "") -> Markup:
    """Return a number that is read from afar."""
    small = tag("span", note, class_="note") if note else Markup()
    return tag("div", tag("dt", name), tag("dd", tag("span", value, class_="value"), small))


def tiles(*children: Markup) -> Markup:
    """Return tiles side by side."""
    return tag("dl", *children, class_="tiles")
