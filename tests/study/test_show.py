"""What people watch a run by: there after each trial, right at the end, and never in the way."""

import json
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from job.records.status import DeviceUsed
from job.records.tries import TryRecord
from job.storage import open_storage
from job.study import show
from job.study.journal import Journal
from tests.jobs import events, results_of, run_job, tiny_settings


def kill(place: str, occurrence: int) -> dict[str, str]:
    point = {
        "operation": "put",
        "place": place,
        "occurrence": occurrence,
        "when": "after",
        "signal": int(signal.SIGKILL),
    }
    return {"KILL_AT": json.dumps(point)}


def test_a_run_can_be_watched_while_it_goes_on(tmp_path: Path) -> None:
    """After the first trial there are progress.json, a page that says so, and TensorBoard's file of the trial."""
    settings = tiny_settings(tmp_path)
    killed = run_job(settings | kill("tensorboard/", 1), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = tmp_path / "run"
    progress = json.loads((run / "progress.json").read_bytes())
    assert progress["status"] == "running"
    assert [trial["number"] for trial in progress["trials"]] == [0]
    assert progress["best"]["trial"] == 0
    assert progress["run"]["attempts"][0]["host"]
    assert b'http-equiv="refresh"' in (run / "report.html").read_bytes()
    assert [path.name for path in (run / "tensorboard").iterdir()] == ["0000"]
    assert not (run / "results.json").exists()


def test_a_finished_run_has_its_page_and_figures_and_no_progress(tmp_path: Path) -> None:
    """progress.json goes when results.json is there; the page no longer asks to be loaded again."""
    done = run_job(tiny_settings(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not events(done, "not shown")
    run = tmp_path / "run"
    assert not (run / "progress.json").exists()
    assert b'http-equiv="refresh"' not in (run / "report.html").read_bytes()
    assert {path.suffix for path in (run / "figures").iterdir()} == {".png", ".svg"}
    assert [path.name for path in sorted((run / "tensorboard").iterdir())] == ["0000", "0001", "0002"]
    results = results_of(run)
    assert len(results["test"]["mistakes"]) <= 24
    wrong = sum(sum(row) for row in results["test"]["confusion"]) - sum(
        results["test"]["confusion"][label][label] for label in range(3)
    )
    assert len(results["test"]["mistakes"]) == wrong


def test_event_files_that_a_kill_left_out_are_made_at_the_next_trial(tmp_path: Path) -> None:
    """The first trial's event file is lost with its process; the next attempt writes it from the record."""
    settings = tiny_settings(tmp_path)
    run_job(settings | kill("progress.json", 1), program="tests.killing")
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert run_job(settings).returncode == 0
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 3


def test_what_cannot_be_shown_ends_no_search(tmp_path: Path) -> None:
    """Where the page cannot be written, since a folder has its name, that is said and the results are there."""
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    done = run_job(tiny_settings(tmp_path))
    assert done.returncode == 0, done.stderr
    assert {event["what"] for event in events(done, "not shown")} == {"progress", "report"}
    assert results_of(tmp_path / "run")["status"] == "complete"


def test_who_trained_what_is_in_the_results(tmp_path: Path) -> None:
    """Workers' records are the run's timeline; how many trials are trained at a time is among the settings."""
    work = TryRecord(
        trial=0,
        worker=1,
        host="a",
        device=DeviceUsed("cpu", None, "float32"),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        step=0,
        ended_at=datetime(2026, 1, 1, 1, tzinfo=UTC),
        outcome="complete",
    )
    Journal(open_storage(str(tmp_path / "run"))).begin_try("0000", work)
    assert run_job(tiny_settings(tmp_path)).returncode == 0
    results = results_of(tmp_path / "run")
    assert results["run"]["timeline"] == [work.model_dump(mode="json")]
    assert 0 < results["run"]["efficiency"] < 1
    assert results["settings"]["parallel_trials"] == 1
    assert b'<figure id="workers"' in (tmp_path / "run" / "report.html").read_bytes()


def test_tensorboard_can_be_switched_off(tmp_path: Path) -> None:
    """FASHIONTUNE_TENSORBOARD=false writes no event file."""
    assert run_job(tiny_settings(tmp_path, N_TRIALS="2", TENSORBOARD="false")).returncode == 0
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_in_the_background_the_newest_state_is_shown_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time: what comes while one is being shown waits, and only the newest of it is shown."""
    begun, go_on, shown = threading.Semaphore(0), threading.Semaphore(0), []

    def slowly(_: Any, ledger: Any) -> None:
        shown.append(ledger)
        begun.release()
        assert go_on.acquire(timeout=60)

    monkeypatch.setattr(show, "show_progress", slowly)
    background: Any = show.BackgroundShow(None)  # type: ignore[arg-type]
    background.show("first")
    assert begun.acquire(timeout=60)
    background.show("second")
    background.show("third")
    go_on.release(2)
    background.wait()
    assert shown == ["first", "third"]
    background.show("fourth")
    go_on.release()
    background.wait()
    assert shown == ["first", "third", "fourth"]
