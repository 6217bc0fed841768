"""Colours: one palette for light pages and one for dark ones, and the style sheet that figures are drawn with.

Figures name colours by class, so one drawing serves both. The four categorical colours are Okabe and Ito's, which
people with any kind of colour blindness tell apart (https://jfly.uni-koeln.de/color/), lightened for dark pages.
"""

from dataclasses import dataclass

SHADES = 24
"""Steps of the sequential scale: classes q0 (least) to q23 fill, s0 to s23 stroke."""


@dataclass(frozen=True)
class Palette:
    """Colours as #rrggbb."""

    paper: str
    raised: str
    """Behind a block that stands out."""
    ink: str
    muted: str
    """Of secondary text: at least 4.5 to 1 on paper and raised."""
    line: str
    """Of axes and borders."""
    faint: str
    """Of grid lines."""
    quiet: str
    """Of marks that are many and not the point."""
    accent: str
    """The winner, and nothing else."""
    good: str
    bad: str
    categories: tuple[str, str, str, str]
    ramp: tuple[str, ...]
    """The sequential scale's stops, from least to most; even in lightness."""


LIGHT = Palette(
    paper="#ffffff",
    raised="#f6f7f9",
    ink="#1a1d21",
    muted="#5d656f",
    line="#c3c9d0",
    faint="#e9ecef",
    quiet="#9aa4b0",
    accent="#c8331b",
    good="#0b6fb3",
    bad="#c8331b",
    categories=("#0072b2", "#c45100", "#007f5b", "#b0578d"),
    ramp=("#eef3f7", "#c3dbe8", "#8bbdd6", "#4d98bf", "#1f709f", "#0d4a77", "#08284a"),
)
DARK = Palette(
    paper="#14171b",
    raised="#1c2026",
    ink="#e9ecef",
    muted="#a0a9b4",
    line="#49515b",
    faint="#282d34",
    quiet="#6c7682",
    accent="#ff7b5f",
    good="#5fb4ea",
    bad="#ff7b5f",
    categories=("#5fb4ea", "#f0953f", "#35c79a", "#e08fbe"),
    ramp=("#1d2630", "#1c3a50", "#1f5676", "#2f789d", "#529ec0", "#8cc5dc", "#d3eef8"),
)


def figure_style(palette: Palette) -> str:
    """Return the CSS of figures in this palette."""
    shades = [_shade(palette.ramp, step / (SHADES - 1)) for step in range(SHADES)]
    rules = {
        "text": f"fill:{palette.ink}",
        ".tick,.note": f"fill:{palette.muted}",
        ".axis": f"stroke:{palette.line}",
        ".grid": f"stroke:{palette.faint}",
        ".zone": f"fill:{palette.raised}",
        ".quiet": f"stroke:{palette.quiet}",
        ".dot": f"fill:{palette.good};stroke:{palette.paper}",
        ".faded": f"fill:{palette.quiet};stroke:{palette.paper}",
        ".hollow": f"fill:{palette.paper};stroke:{palette.muted}",
        ".sign": f"stroke:{palette.muted}",
        ".main": f"stroke:{palette.good}",
        ".band": f"fill:{palette.good}",
        ".bar": f"fill:{palette.good}",
        ".rest": f"fill:{palette.line}",
        ".near": f"stroke:{palette.good}",
        ".win": f"fill:{palette.accent};stroke:{palette.paper}",
        ".winline": f"stroke:{palette.accent}",
        "text.wintext": f"fill:{palette.accent}",
        "text.bright": f"fill:{palette.paper}",
        "text.halo": f"stroke:{palette.paper}",
        ".veil": f"fill:{palette.paper}",
        ".sheet": f"fill:{palette.paper}",
        ".cell": f"fill:{palette.raised}",
        ".trace": f"fill:{palette.paper};stroke:{palette.ink}",
        ".outlined": f"stroke:{palette.paper}",
        ".bracket,.interval": f"stroke:{palette.good}",
        ".link": f"stroke:{palette.line}",
        ".stopped": f"fill:{palette.quiet}",
        ".reveal": f"fill:{palette.good}",
        "text.goodtext": f"fill:{palette.good}",
    }
    rules |= {f".c{index}": f"fill:{colour}" for index, colour in enumerate(palette.categories)}
    rules |= {f".l{index}": f"stroke:{colour}" for index, colour in enumerate(palette.categories)}
    rules |= {f".q{step}": f"fill:{colour}" for step, colour in enumerate(shades)}
    rules |= {f".s{step}": f"stroke:{colour}" for step, colour in enumerate(shades)}
    rules |= {f".e{step}": f"fill:{_mix(palette.paper, palette.bad, (step + 2) / 7)}" for step in range(6)}
    return "".join(f".fig {_each(selector)}{{{rule}}}" for selector, rule in rules.items())


def page_variables(palette: Palette) -> str:
    """Return the CSS variables that page.css is written in."""
    names = ("paper", "raised", "ink", "muted", "line", "faint", "quiet", "accent", "good", "bad")
    return "".join(f"--{name}:{getattr(palette, name)};" for name in names)


SHAPES = (
    ".fig{font-family:Roboto,sans-serif;font-size:12px}"
    ".fig .title{font-weight:500;font-size:13px}"
    ".fig .headline{font-weight:500;font-size:18px}"
    ".fig .strong{font-weight:500}"
    ".fig .small{font-size:11px}"
    ".fig .tiny{font-size:10px}"
    ".fig .axis,.fig .grid,.fig .sign{fill:none;stroke-width:1}"
    ".fig .sign{stroke-width:1.6}"
    ".fig .quiet,.fig .main,.fig .winline,.fig .near,.fig .trail{fill:none;stroke-linejoin:round;stroke-linecap:round}"
    ".fig .quiet{stroke-width:1;stroke-opacity:.55}"
    ".fig .trail{stroke-width:1.3;stroke-opacity:.8}"
    ".fig .many .trail{stroke-width:.9;stroke-opacity:.45}"
    ".fig .many .quiet{stroke-opacity:.35}"
    ".fig .near{stroke-width:1.3;stroke-opacity:.8}"
    ".fig .main{stroke-width:2}"
    ".fig .winline{stroke-width:2.5}"
    ".fig .dashed{stroke-dasharray:4 4}"
    ".fig .band{fill-opacity:.14}"
    ".fig .halo{paint-order:stroke;stroke-width:4;stroke-linejoin:round}"
    ".fig .strongband{fill-opacity:.3}"
    ".fig .bracket{stroke-width:2;stroke-opacity:.5}"
    ".fig .interval{stroke-width:2;stroke-opacity:.4;stroke-linecap:round}"
    ".fig .link{stroke-width:2}"
    ".fig .solid{stroke-width:2;stroke-opacity:1}"
    ".fig .veil{fill-opacity:.85}"
    ".fig .thin{stroke-width:1}"
    ".fig .reveal{opacity:0}"
    ".fig .silent{pointer-events:none}"
    ".fig .hit{fill:none;stroke:none;pointer-events:all}"
)
"""What is the same in both palettes."""

HOVER = (
    ".fig g.mark:hover .dot,.fig .dot:hover,.fig .win:hover,.fig .faded:hover{stroke-width:3}"
    ".fig .lines:hover .trail,.fig .lines:hover .quiet,.fig .lines:hover .near{stroke-opacity:.15}"
    ".fig .lines .mark:hover .trail,.fig .lines .mark:hover .quiet,.fig .lines .mark:hover .near"
    "{stroke-opacity:1;stroke-width:3}"
    ".fig .mark:hover .reveal{opacity:1}"
    ".fig .mark:hover .interval{stroke-opacity:1}"
    ".fig .bar:hover,.fig .stopped:hover{fill-opacity:.8}"
    ".fig .cells .mark:hover rect,.fig .cells rect:hover{stroke:currentColor;stroke-width:1.5}"
)
"""What is pointed at stands out."""


def _each(selector: str) -> str:
    return selector.replace(",", ",.fig ")


def _shade(ramp: tuple[str, ...], share: float) -> str:
    place = share * (len(ramp) - 1)
    index = min(int(place), len(ramp) - 2)
    return _mix(ramp[index], ramp[index + 1], place - index)


def _mix(first: str, second: str, share: float) -> str:
    """Return the colour between two."""
    pairs = [(int(first[at : at + 2], 16), int(second[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
