"""Killed and started again: the results are those of a job that never was killed."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import comparable, error_of, events, results_of, run_job, same_elsewhere, tiny_settings


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that nothing interrupted: its folder and its results."""
    return uninterrupted(tmp_path_factory.mktemp("baseline"), threads=1)


@pytest.fixture(scope="module", params=[1, 2])
def threads(request: pytest.FixtureRequest) -> int:
    """How many threads a run trains with."""
    return int(request.param)


@pytest.fixture(scope="module")
def baseline_of_threads(tmp_path_factory: pytest.TempPathFactory, threads: int) -> dict[str, Any]:
    """The results of a run with so many threads that nothing interrupted."""
    return uninterrupted(tmp_path_factory.mktemp("baseline"), threads)[1]


def settings_of(directory: Path, threads: int) -> dict[str, str]:
    return tiny_settings(directory) | {"OMP_NUM_THREADS": str(threads)}


def uninterrupted(directory: Path, threads: int) -> tuple[Path, dict[str, Any]]:
    result = run_job(settings_of(directory, threads))
    assert result.returncode == 0, result.stderr
    results = results_of(directory / "run")
    assert results["run"]["environment"]["threads"] == threads
    return directory, results


def kill(operation: str, place: str, occurrence: int, when: str, number: int = signal.SIGKILL) -> dict[str, str]:
    point = {"operation": operation, "place": place, "occurrence": occurrence, "when": when, "signal": int(number)}
    return {"KILL_AT": json.dumps(point)}


@pytest.mark.parametrize(
    "write",
    [
        ("create", "run.json", 1, "after"),
        ("put", "models/", 1, "after"),
        ("create", "trials/", 1, "before"),
        ("create", "trials/", 1, "after"),
        ("create", "trials/", 2, "after"),
        ("put", "model/", 1, "after"),
        ("put", "results.json", 1, "before"),
    ],
    ids=str,
)
def test_killed_at_a_write_and_started_again_ends_with_the_same_results(
    tmp_path: Path, threads: int, baseline_of_threads: dict[str, Any], write: tuple[str, str, int, str]
) -> None:
    """SIGKILL at a named write, then a second start: results equal the baseline's outside `run` and `timing`."""
    settings = settings_of(tmp_path, threads)
    killed = run_job(settings | kill(*write), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "run" / "results.json").exists()
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results) == same_elsewhere(baseline_of_threads, results["dataset"]["uri"])
    assert [attempt["outcome"] for attempt in results["run"]["attempts"]][-1] == "complete"


def test_killed_between_the_results_and_the_end_it_leaves_nothing_behind(
    tmp_path: Path, baseline: tuple[Path, dict[str, Any]]
) -> None:
    """What an uninterrupted job would have deleted after results.json is deleted by the next start."""
    settings = tiny_settings(tmp_path)
    killed = run_job(settings | kill("put", "results.json", 1, "after"), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / "run" / "progress.json").exists()
    again = run_job(settings)
    assert events(again, "nothing is left to do")
    expected = {path.relative_to(baseline[0]) for path in (baseline[0] / "run").rglob("*.*")}
    attempt = Path("run/attempts/0002.json")
    assert {path.relative_to(tmp_path) for path in (tmp_path / "run").rglob("*.*")} - {attempt} == expected


def test_a_finished_trial_is_not_trained_again(tmp_path: Path) -> None:
    """What was recorded before the kill is read, not repeated."""
    settings = tiny_settings(tmp_path)
    run_job(settings | kill("create", "trials/", 2, "after"), program="tests.killing")
    again = run_job(settings)
    assert [event["trial"] for event in events(again, "trial")] == [2]


def test_started_again_when_complete_changes_nothing(baseline: tuple[Path, dict[str, Any]]) -> None:
    """A complete run exits 0 and not a byte of it is written anew."""
    directory, _ = baseline
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted((directory / "run").rglob("*.*"))}
    again = run_job(tiny_settings(directory))
    assert again.returncode == 0
    assert events(again, "nothing is left to do")
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted((directory / "run").rglob("*.*"))}
    assert after == before


def test_only_the_winners_weights_are_kept(baseline: tuple[Path, dict[str, Any]]) -> None:
    """A run leaves one model, the best trial's, and the published copy of it."""
    directory, results = baseline
    (kept,) = (directory / "run" / "models").iterdir()
    assert results["best"]["model"]["key"] == f"models/{kept.name}"
    assert kept.read_bytes() == (directory / "run" / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_puts_the_job_down_and_it_goes_on(
    tmp_path: Path, threads: int, baseline_of_threads: dict[str, Any], number: int, code: int
) -> None:
    """SIGTERM and SIGINT end the job with their exit code and its state saved."""
    settings = settings_of(tmp_path, threads)
    stopped = run_job(settings | kill("create", "trials/", 1, "after", number), program="tests.killing")
    assert stopped.returncode == code, stopped.stderr
    assert events(stopped, "preempted")
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results)["trials"] == comparable(baseline_of_threads)["trials"]
    assert [attempt["outcome"] for attempt in results["run"]["attempts"]] == [f"signal {int(number)}", "complete"]
    assert [attempt["exit_code"] for attempt in results["run"]["attempts"]] == [code, 0]


def test_more_trials_may_be_asked_for(tmp_path: Path, baseline: tuple[Path, dict[str, Any]]) -> None:
    """Raising N_TRIALS goes on, and the trials there were are those of the longer run."""
    first = run_job(tiny_settings(tmp_path, N_TRIALS="2"))
    assert first.returncode == 0, first.stderr
    more = run_job(tiny_settings(tmp_path, N_TRIALS="3"))
    assert more.returncode == 0, more.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results)["trials"] == comparable(baseline[1])["trials"]
    assert results["settings"]["n_trials"] == 3


def test_other_settings_are_refused_by_name(baseline: tuple[Path, dict[str, Any]]) -> None:
    """Every setting that differs is named with both values, and the run stays as it is."""
    directory, _ = baseline
    result = run_job(tiny_settings(directory, EPOCHS="3", SEED="9"))
    assert result.returncode == 42
    error = error_of(result)
    assert "FASHIONTUNE_EPOCHS is 2 there and 3 here" in error
    assert "FASHIONTUNE_SEED is 0 there and 9 here" in error


def test_other_photos_are_refused(tmp_path: Path, baseline: tuple[Path, dict[str, Any]]) -> None:
    """A run goes on with the photos it began with, told by their fingerprint and not by their place."""
    directory, _ = baseline
    other = tiny_settings(tmp_path)["FASHIONTUNE_DATASET_URI"]
    settings = tiny_settings(directory, DATASET_URI=other)
    same = run_job(settings)
    assert same.returncode == 0, same.stderr
    next((Path(other) / "images").iterdir()).unlink()
    result = run_job(settings)
    assert result.returncode == 42
    assert "the catalogue's fingerprint is" in error_of(result)


def test_a_damaged_record_is_named(tmp_path: Path, baseline: tuple[Path, dict[str, Any]]) -> None:
    """A record that cannot be read ends the job with its name, since later trials depend on it."""
    settings = tiny_settings(tmp_path)
    run_job(settings | kill("create", "trials/", 2, "after"), program="tests.killing")
    record = tmp_path / "run" / "trials" / "0000.json"
    record.write_bytes(record.read_bytes()[:100])
    result = run_job(settings)
    assert result.returncode == 42
    assert "trials/0000.json is damaged" in error_of(result)
    record.unlink()
    result = run_job(settings)
    assert result.returncode == 42
    assert "trials/0000.json is missing" in error_of(result)


def test_a_spent_time_budget_publishes_what_there_is(tmp_path: Path) -> None:
    """When no further trial would end in time, results are published; with a larger budget the run goes on."""
    spent = run_job(tiny_settings(tmp_path, TIME_BUDGET="1s"))
    assert spent.returncode == 0, spent.stderr
    results = results_of(tmp_path / "run")
    assert (results["status"], len(results["trials"])) == ("budget_spent", 1)
    written = (tmp_path / "run" / "results.json").stat().st_mtime_ns
    again = run_job(tiny_settings(tmp_path, TIME_BUDGET="1s"))
    assert (again.returncode, len(events(again, "nothing is left to do"))) == (0, 1)
    assert (tmp_path / "run" / "results.json").stat().st_mtime_ns == written
    more = run_job(tiny_settings(tmp_path, TIME_BUDGET="0"))
    assert more.returncode == 0, more.stderr
    results = results_of(tmp_path / "run")
    assert (results["status"], len(results["trials"])) == ("complete", 3)


def test_a_search_in_which_nothing_trains_is_an_error(tmp_path: Path) -> None:
    """When every trial diverges there is no winner: exit 42 and what to change, and no results."""
    space = '{"learning_rate": {"low": 1e20, "high": 1e30}}'
    result = run_job(tiny_settings(tmp_path, SEARCH_SPACE=space, N_TRIALS="2"))
    assert result.returncode == 42
    assert error_of(result).startswith("FASHIONTUNE_SEARCH_SPACE: none of ")
    assert not (tmp_path / "run" / "results.json").exists()
    records = sorted((tmp_path / "run" / "trials").iterdir())
    assert [json.loads(path.read_bytes())["status"] for path in records] == ["diverged"] * 2
    attempt = json.loads((tmp_path / "run" / "attempts" / "0001.json").read_bytes())["attempt"]
    assert attempt["exit_code"] == 42
    assert attempt["outcome"].startswith("none of 2 trials has trained to the end")
