"""What people watch a run by: there after each trial, right at the end, and never in the way."""

import json
import queue
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from job.errors import StorageError, StorageUnavailableError
from job.meter import silent
from job.preemption import Preemption
from job.records.now import AtWork, Now
from job.records.results import Progress
from job.records.status import DeviceUsed, RunStatus
from job.records.tries import TryRecord
from job.settings import Settings
from job.storage import open_storage
from job.storage.local import LocalStorage
from job.study import show as module
from job.study.attempt import Attempt, Workbench
from job.study.executors.base import Task
from job.study.executors.local import LocalExecutor
from job.study.journal import Journal
from job.study.ledger import Ledger
from job.study.show import Show
from job.study.trials import AttemptDiary
from job.study.worker import Worker
from job.training.plan import Equipment
from tests.jobs import events, results_of, run_job, tiny_settings
from tests.page.made import made_progress
from tests.study.test_journal import run_record
from tests.training.photos import CPU, make_photos, make_plan


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


def test_progress_is_there_as_soon_as_the_search_begins(tmp_path: Path) -> None:
    """Before any trial has ended it tells of what is asked for, who is at work, and which time is allowed."""
    settings = tiny_settings(tmp_path, TIME_BUDGET="1h")
    killed = run_job(settings | kill("progress.json", 1), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    progress = Journal(open_storage(str(tmp_path / "run"))).progress()
    assert progress is not None
    assert (progress.status, progress.trials, progress.best) == (RunStatus.RUNNING, [], None)
    assert progress.settings["n_trials"] == 3
    assert progress.now is not None
    assert (progress.now.attempt, progress.now.seconds_allowed) == (1, 3600)
    assert progress.now.seconds_left is None
    assert not (tmp_path / "run" / "report.html").exists()


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
    run_job(settings | kill("progress.json", 2), program="tests.killing")  # the first one comes before any trial
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


class Watched(Journal):
    """A real journal that also hands on each progress that it has written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStorage(folder))
        self.shown: queue.Queue[Progress] = queue.Queue()
        self.before_writing: Callable[[], object] = lambda: None

    def show_progress(self, progress: Progress) -> None:
        self.before_writing()
        super().show_progress(progress)
        self.shown.put(progress)

    def until(self, found: Callable[[Now], bool]) -> Progress:
        """Wait for a progress of a moment that is looked for."""
        while True:
            progress = self.shown.get(timeout=60)
            if progress.now is not None and found(progress.now):
                return progress


@pytest.fixture
def journal(tmp_path: Path) -> Watched:
    """The journal of a run that has not begun."""
    return Watched(tmp_path / "run")


@pytest.fixture
def bench(journal: Watched) -> Workbench:
    """A real workbench with tiny photos, for trials of two epochs."""
    settings = Settings(n_trials=2, epochs=2, batch_size=8, checkpoint_seconds=1000, tensorboard=False)
    return Workbench(
        settings,
        journal,
        Preemption(),
        Equipment(make_photos(), CPU, initial=None, compile_model=False),
        run_record(),
        made_progress(0).dataset,
        Attempt(journal, time.monotonic(), {}, CPU.used),
        silent,
    )


def test_while_a_trial_trains_progress_is_written_again(
    bench: Workbench, journal: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every PULSE_SECONDS it says which step of which epoch is done, long before the trial has ended."""
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.01)
    worker = Worker(bench.settings, journal, bench.equipment, bench.stop, AttemptDiary(bench))
    executor = LocalExecutor(worker)
    seen: list[AtWork] = []

    def wait() -> None:
        """Train on once it is shown how far the trial is."""
        here = worker.at_work()
        if here is not None:
            assert journal.until(lambda now: now.at_work == [here]).trials == []
            seen.append(here)

    with Show(bench, executor, Ledger(bench.settings)):
        assert journal.until(lambda now: now.at_work == []).now is not None
        list(worker.train(Task(make_plan(epochs=2), beaten=None, fits=True), wait))
        assert journal.until(lambda now: now.at_work == []).now is not None
    assert {(each.epoch, each.step) for each in seen} == {(epoch, step) for epoch in (1, 2) for step in range(9)}


def test_nothing_is_written_any_more_once_the_search_has_ended(
    bench: Workbench, journal: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being written when the block ends is written within it, and nothing follows: progress.json is deleted."""
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.01)
    begun = threading.Event()
    executor: Any = Executor()
    show = Show(bench, executor, Ledger(bench.settings))

    def until_the_block_ends() -> None:
        begun.set()
        with show._changed:
            assert show._changed.wait_for(lambda: show._closed, timeout=60)

    with show:
        journal.until(lambda now: now.at_work == [])
        journal.before_writing = until_the_block_ends
        assert begun.wait(timeout=60)
        while not journal.shown.empty():
            journal.shown.get()
    assert journal.shown.qsize() == 1
    assert not show._thread.is_alive()


def test_an_error_does_not_wait_for_what_is_being_written(bench: Workbench, journal: Watched) -> None:
    """Storage may be what failed, and a signal leaves little time."""
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        begun.set()
        assert go_on.wait(timeout=60)

    journal.before_writing = slowly
    executor: Any = Executor()
    show = Show(bench, executor, Ledger(bench.settings))

    def fail() -> None:
        with show:
            assert begun.wait(timeout=60)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert journal.shown.empty()
    go_on.set()
    show._thread.join(timeout=60)
    assert journal.shown.qsize() == 1


def test_a_pulse_that_cannot_be_written_ends_no_search(
    bench: Workbench, journal: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and the next one is written."""
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.01)
    errors = [StorageUnavailableError("no answer"), StorageError("no right to write")]

    def fail() -> None:
        if errors:
            raise errors.pop()

    journal.before_writing = fail
    executor: Any = Executor()
    with capture_logs() as logs, Show(bench, executor, Ledger(bench.settings)):
        journal.until(lambda now: now.attempt == 1)
    assert [(event["event"], event["what"], event["error"]) for event in logs] == [
        ("not shown", "progress", "no right to write"),
        ("not shown", "progress", "no answer"),
    ]


class Bench:
    """What a Show needs of a workbench."""

    settings = Settings(tensorboard=False)
    journal: Any = None
    attempt: Any = type("Attempt", (), {"number": 1, "elapsed": 0.0})

    def earlier_attempts(self) -> dict[int, Any]:
        return {}


class Executor:
    """Has nothing at work."""

    def at_work(self) -> list[AtWork]:
        return []


def test_in_the_background_the_newest_state_is_shown_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time: what comes while one is being shown waits, and only the newest of it is shown."""
    begun, go_on, shown = threading.Semaphore(0), threading.Semaphore(0), []

    def slowly(_: Any, ledger: Ledger) -> None:
        shown.append(len(ledger.trials))
        begun.release()
        assert go_on.acquire(timeout=60)

    monkeypatch.setattr(Show, "_build", lambda *_: made_progress(1))
    monkeypatch.setattr(Show, "_write_progress", lambda _: None)
    monkeypatch.setattr(Show, "_show", slowly)
    bench: Any = Bench()
    executor: Any = Executor()
    ledgers = [Ledger(Settings(), tuple(made_progress(number).trials)) for number in range(5)]
    with Show(bench, executor, ledgers[0]) as show:
        show.recorded(ledgers[1])
        assert begun.acquire(timeout=60)
        show.recorded(ledgers[2])
        show.recorded(ledgers[3])
        go_on.release(2)
        show.wait()
        assert shown == [1, 3]
        show.recorded(ledgers[4])
        go_on.release()
        show.wait()
    assert shown == [1, 3, 4]
