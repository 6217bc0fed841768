"""Figures as files: SVG and PNG of each, alone and the same everywhere."""

import io
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from job.page.exports import draw_figures
from tests.page.made import made_progress, made_results

NAMES = (
    *("best_value", "parallel_coordinates", "learning_curves", "partial_dependence", "pair_dependence"),
    *("importance", "confusion_matrix", "class_recall"),
)


@pytest.fixture(scope="module")
def figures() -> dict[str, bytes]:
    return {name: content for name, content, _ in draw_figures(made_results(30, 45, 10))}


def test_each_main_figure_is_there_in_both_forms(figures: dict[str, bytes]) -> None:
    """What slides and READMEs want is there, named for what it shows and with its content type."""
    assert list(figures) == [f"{name}.{form}" for name in NAMES for form in ("svg", "png")]
    types = {name.rsplit(".")[1]: content_type for name, _, content_type in draw_figures(made_progress())}
    assert types == {"svg": "image/svg+xml", "png": "image/png"}


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_stands_alone(figures: dict[str, bytes], name: str) -> None:
    """An SVG is a document with its title and own colours, and its PNG is the same drawing with twice the pixels."""
    svg = ET.fromstring(figures[f"{name}.svg"])  # noqa: S314 -- our own
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert svg[0].text
    assert "fill:" in (svg[1].text or "")
    image = Image.open(io.BytesIO(figures[f"{name}.png"]))
    assert abs(image.width - 2 * float(svg.attrib["width"])) <= 1
    picture = image.convert("RGB")
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert len(picture.getcolors(1 << 24) or []) > 20


def test_equal_results_give_equal_figures(figures: dict[str, bytes]) -> None:
    """Drawn again, each file is the same to the last byte."""
    assert {name: content for name, content, _ in draw_figures(made_results(30, 45, 10))} == figures


def test_a_name_that_xml_cannot_hold_is_drawn() -> None:
    """A class's name may hold anything; its figure is still XML."""
    names = ("<b>&\"'", "\x00\x08", "\ud800", "ÅäΩЖ")
    for name, content, _ in draw_figures(made_results(9, 4, 2, names=names)):
        if name.endswith(".svg"):
            ET.fromstring(content)  # noqa: S314 -- our own
