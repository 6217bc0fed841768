"""The page's look: colours for light and dark, the letters that it carries, and how Vega-Lite draws.

Charts name a colour as `var(--good)`: in the page the style sheet decides it, live; a file of its own gets the light
one. The categorical colours are Okabe and Ito's, which people with any kind of colour blindness tell apart
(https://jfly.uni-koeln.de/color/).
"""

import base64
import io
import re
from functools import cache
from pathlib import Path
from typing import Any

import font_roboto
from fontTools import subset

COLOURS = {
    "paper": ("#ffffff", "#14171b"),
    "raised": ("#f6f7f9", "#1c2026"),  # behind a block that stands out
    "ink": ("#1a1d21", "#e9ecef"),
    "muted": ("#5d656f", "#a0a9b4"),  # secondary text: at least 4.5 to 1 on paper and raised
    "line": ("#c3c9d0", "#49515b"),
    "faint": ("#e9ecef", "#282d34"),  # grid lines
    "quiet": ("#9aa4b0", "#6c7682"),  # marks that are many and not the point
    "accent": ("#c8331b", "#ff7b5f"),  # the winner; errors
    "good": ("#0b6fb3", "#5fb4ea"),
    "train": ("#0072b2", "#5fb4ea"),
    "validation": ("#c45100", "#f0953f"),
    "test": ("#007f5b", "#35c79a"),
}
"""Each colour on light and on dark paper."""

RAMPS = (
    ("#eef3f7", "#c3dbe8", "#8bbdd6", "#4d98bf", "#1f709f", "#0d4a77", "#08284a"),
    ("#1d2630", "#1c3a50", "#1f5676", "#2f789d", "#529ec0", "#8cc5dc", "#d3eef8"),
)
"""Stops of the sequential scale on light and on dark paper, from least to most."""

WEIGHTS = {"Regular": 400, "Medium": 500}
SHADES = 24
_ERRORS = 6

CONFIG: dict[str, Any] = {
    "font": "Roboto, sans-serif",
    "background": None,
    "padding": 1,
    "mark": {"aria": False},  # marks with a description say so themselves
    "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--line)",
        "gridColor": "var(--faint)",
        "ticks": False,
        "labelColor": "var(--muted)",
        "labelFontSize": 11,
        "labelPadding": 7,
        "aria": False,
        "titleColor": "var(--muted)",
        "titleFontSize": 11,
        "titleFontWeight": 400,
        "titlePadding": 8,
    },
    "axisX": {"grid": False, "labelFlush": False},
    "axisY": {"domain": False},
    "legend": {"labelColor": "var(--muted)", "labelFontSize": 11, "symbolSize": 110, "columnPadding": 16},
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "offset": 12,
        "color": "var(--ink)",
        "fontSize": 13,
        "fontWeight": 500,
        "subtitleColor": "var(--muted)",
        "subtitleFontSize": 11,
    },
    "text": {"fontSize": 11, "color": "var(--muted)", "baseline": "middle"},
    "style": {
        "names": {
            "domain": False,
            "labelColor": "var(--ink)",
            "labelFontSize": 12,
            "labelLimit": 150,
            "labelPadding": 10,
        },
        "strong": {"fontSize": 12, "fontWeight": 500, "color": "var(--ink)"},
        "winner": {"fontSize": 12, "fontWeight": 500, "color": "var(--accent)"},
    },
}


def shade(share: float) -> str:
    """Return a colour of the sequential scale; 1 is the strongest."""
    return f"var(--q{round(min(max(share, 0.0), 1.0) * (SHADES - 1))})"


def error_shade(share: float) -> str:
    """Return a colour for a share of errors; the root makes the few errors of a good class visible, too."""
    return f"var(--e{min(int(share**0.5 * _ERRORS), _ERRORS - 1)})"


@cache
def colours(dark: bool = False) -> dict[str, str]:  # noqa: FBT001, FBT002 -- one of two palettes
    """Return every colour, #rrggbb by name, for light or for dark paper."""
    palette, ramp = {name: pair[dark] for name, pair in COLOURS.items()}, RAMPS[dark]
    places = [(step / (SHADES - 1) * (len(ramp) - 1)) for step in range(SHADES)]
    below = [min(int(place), len(ramp) - 2) for place in places]
    shades = {
        f"q{step}": _mix(ramp[low], ramp[low + 1], place - low)
        for step, (place, low) in enumerate(zip(places, below, strict=True))
    }
    errors = {f"e{step}": _mix(palette["paper"], palette["accent"], (step + 2) / 7) for step in range(_ERRORS)}
    return palette | shades | errors


def variables(*, dark: bool) -> str:
    """Return the colours as CSS variables."""
    return ":root{" + "".join(f"--{name}:{colour};" for name, colour in colours(dark).items()) + "}"


def in_light(spec: str) -> str:
    """Return a chart's JSON, or an SVG, with the light colours in place of their names."""
    return re.sub(r"var\(--(\w+)\)", lambda match: colours().get(match[1], match[0]), spec)


@cache
def font_face(weight: str, letters: frozenset[str]) -> str:
    """Return CSS with Roboto's outlines of these letters, so a page looks the same on every machine."""
    options = subset.Options(flavor="woff", layout_features=["kern", "tnum"], hinting=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(letters)))
    buffer = io.BytesIO()
    with subset.load_font(Path(font_roboto.font_directory) / f"Roboto-{weight}.ttf", options) as font:
        subsetter.subset(font)
        subset.save_font(font, buffer, options)
    source = f"url(data:font/woff;base64,{base64.b64encode(buffer.getvalue()).decode()}) format('woff')"
    return f"@font-face{{font-family:Roboto;font-weight:{WEIGHTS[weight]};src:{source}}}"


def _mix(first: str, second: str, share: float) -> str:
    pairs = [(int(first[at : at + 2], 16), int(second[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
