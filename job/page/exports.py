"""The main figures as files of their own, SVG and PNG, for slides and READMEs; in the light palette."""

from job.page.figures.every import EXPORTED, WIDE, Figure
from job.page.font import font_path
from job.page.palette import LIGHT, SHAPES, figure_style
from job.page.svg import standalone
from job.page.view import View
from job.records.results import Progress, Results

_ZOOM = 2.0  # PNGs are for screens with two pixels for each of CSS's


def draw_figures(results: Results | Progress) -> list[tuple[str, bytes, str]]:
    """Return (name, content, content type) of each main figure that has something to show.

    PNGs are drawn with Roboto alone, so they are the same on every machine; Roboto has Latin, Greek and Cyrillic.
    """
    view = View(results)
    files = []
    for figure in EXPORTED:
        svg = _standalone(view, figure)
        if svg is not None:
            files.append((f"{figure.name}.svg", svg.encode(), "image/svg+xml"))
            files.append((f"{figure.name}.png", _png(svg), "image/png"))
    return files


def _standalone(view: View, figure: Figure) -> str | None:
    drawing = figure.draw(view, WIDE)
    return None if drawing is None else standalone(drawing, figure.title, SHAPES + figure_style(LIGHT))


def _png(svg: str) -> bytes:
    import resvg_py  # noqa: PLC0415 -- a page is drawn without it

    fonts = [str(font_path("Regular")), str(font_path("Medium"))]
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=_ZOOM,
        skip_system_fonts=True,
        font_files=fonts,
        font_family="Roboto",
        sans_serif_family="Roboto",
    )
