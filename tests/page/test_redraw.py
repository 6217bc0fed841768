"""`job report`: the page and the figures drawn again from what a run has left, wherever that lies."""

from pathlib import Path

import pytest

from job.cli import main
from job.errors import ExitCode, JobError
from job.page.page import draw_page
from job.page.redraw import redraw
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
