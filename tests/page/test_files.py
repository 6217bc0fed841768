"""`job report`: the page and the figures drawn again from what a run has left; figures as SVG and PNG."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image

from job.cli import main
from job.errors import ExitCode, JobError
from job.page.files import draw_figures, redraw
from job.page.page import draw_page
from job.storage import open_storage
from tests.page.made import made_progress, made_results
from tests.seaweed import Seaweed


def test_a_finished_run_is_drawn_from_its_results(tmp_path: Path) -> None:
    """report.html and figures/ are written beside results.json, whatever progress.json says."""
    results = made_results(9, 3, 2)
    (tmp_path / "results.json").write_bytes(results.to_json())
    (tmp_path / "progress.json").write_bytes(b"damaged")
    assert main(["report", str(tmp_path)]) == ExitCode.DONE
    assert (tmp_path / "report.html").read_bytes() == draw_page(results)
    assert (tmp_path / "figures" / "best_value.png").exists()


def test_a_run_that_goes_on_is_drawn_from_its_progress(tmp_path: Path) -> None:
    """Before there are results, there is progress.json to draw."""
    progress = made_progress(5)
    (tmp_path / "progress.json").write_bytes(progress.to_json())
    keys = redraw(tmp_path.as_uri() + "/")
    assert (tmp_path / "report.html").read_bytes() == draw_page(progress)
    assert keys[-1] == "report.html"
    assert "figures/best_value.svg" in keys


def test_a_run_in_a_bucket_is_drawn_there(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    """On S3, the page has the content type that a browser shows it by."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{seaweed.new_bucket()}/run/"
    storage = open_storage(uri)
    results = made_results(9, 3, 2)
    storage.put("results.json", results.to_json())
    assert "report.html" in redraw(uri)
    assert storage.get("report.html") == draw_page(results)


def test_where_there_is_no_run_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong place is one sentence and exit code 42."""
    assert main(["report", str(tmp_path / "nothing")]) == ExitCode.PERMANENT
    assert "there is neither results.json nor progress.json at" in capsys.readouterr().err
    assert main(["report", "gs://bucket/run"]) == ExitCode.PERMANENT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["results.json", "progress.json"])
def test_damaged_records_are_said(tmp_path: Path, name: str) -> None:
    """A record with another byte than it was written with is not drawn."""
    record = made_results(9, 3, 2) if name == "results.json" else made_progress(3)
    (tmp_path / name).write_bytes(record.to_json().replace(b'"momentum": 0.', b'"momentum": 1.', 1))
    with pytest.raises(JobError, match=f"{name} cannot be drawn: its content does not fit its checksum"):
        redraw(str(tmp_path))
    assert not (tmp_path / "report.html").exists()


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
    """An SVG is a document with its own colours, and its PNG is the same drawing with twice the pixels."""
    svg = ET.fromstring(figures[f"{name}.svg"])  # noqa: S314 -- our own
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"var(" not in figures[f"{name}.svg"]
    assert "".join(svg.itertext())
    image = Image.open(io.BytesIO(figures[f"{name}.png"]))
    assert abs(image.width - 2 * float(svg.attrib["width"])) <= 2
    assert 800 < float(svg.attrib["width"]) < 1200
    picture = image.convert("RGB")
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert len(picture.getcolors(1 << 24) or []) > 20


def test_equal_results_give_equal_figures(figures: dict[str, bytes]) -> None:
    """Drawn again, each file is the same to the last byte."""
    assert {name: content for name, content, _ in draw_figures(made_results(30, 45, 10))} == figures


def test_a_name_that_xml_cannot_hold_is_drawn() -> None:
    """A class's name may hold anything; its figure is still XML."""
    names = ("<b>&\"'", "\x00\x08", "\ud800", "var(--nothing)")
    for name, content, _ in draw_figures(made_results(9, 4, 2, names=names)):
        if name.endswith(".svg"):
            ET.fromstring(content)  # noqa: S314 -- our own
