"""Markup: elements of HTML and SVG as strings, where every text is escaped in this one place.

What a catalogue holds may be anything, a class named `<script>` among it. Only `tag` makes Markup of text; a plain
string is always escaped. Knows nothing of what is drawn.
"""

import html
from collections.abc import Iterable

_VOID = {"br", "col", "hr", "img", "link", "meta"}
_EMPTY = {"circle", "line", "path", "polygon", "rect", "stop", "use"}  # of SVG, which may close themselves


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: str | Markup, **attributes: str | float | bool | None) -> Markup:
    """Return an element; children that are no Markup, and all attributes, are escaped.

    An attribute's name loses a trailing underscore, and other underscores become hyphens; None and False leave it out,
    True gives it no value. Numbers are written with two decimals at most.
    """
    opening = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY and not children:
        return Markup(f"<{opening}/>")
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{join(children)}</{name}>")


def join(children: Iterable[str | Markup], between: str = "") -> Markup:
    """Return the children one after the other, those escaped that are no Markup."""
    return Markup(between.join(child if isinstance(child, Markup) else escape(child) for child in children))


def escape(text: str) -> Markup:
    """Return a text as markup that shows it: also what neither HTML nor XML can hold, such as NUL, as a sign for it."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\n\t\xa0" else "\ufffd" for char in text)
    return Markup(html.escape(text))


def decimals(value: float) -> str:
    """Return a coordinate: two decimals at most, none that are 0, and no negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _attribute(name: str, value: str | float | bool | None) -> str:  # noqa: FBT001 -- HTML's own kind of attribute
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-") if not name.startswith("view") else name
    if value is True:
        return f" {key}"
    text = escape(value) if isinstance(value, str) else decimals(value)
    return f' {key}="{text}"'
