"""PARALLEL_TRIALS: trials know only those that have ended by then, whoever trains them, and a run keeps the number."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import comparable, error_of, finished, results_of, run_job, same_elsewhere, tiny_settings
from tests.study.test_resume import kill

PARALLEL = {"PARALLEL_TRIALS": "3", "N_TRIALS": "8", "N_INITIAL_TRIALS": "2", "EPOCHS": "3", "PRUNER": "median"}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a run of three trials at a time that nothing interrupted."""
    return finished(tmp_path_factory.mktemp("parallel"), **PARALLEL)


def params_of(results: dict[str, Any]) -> list[dict[str, Any]]:
    return [trial["params"] for trial in results["trials"]]


def test_other_trials_come_of_another_number(tmp_path: Path, baseline: dict[str, Any]) -> None:
    """The design has a point for each trial at a time; the first trial after it knows one other, not three."""
    result = run_job(tiny_settings(tmp_path, **(PARALLEL | {"PARALLEL_TRIALS": "1"})))
    assert result.returncode == 0, result.stderr
    alone = results_of(tmp_path / "run")
    assert params_of(alone)[:2] == params_of(baseline)[:2]
    assert params_of(alone)[3:] != params_of(baseline)[3:]


@pytest.mark.parametrize(("place", "occurrence"), [("trials/", 2), ("trials/", 5), ("checkpoints/", 9)])
def test_a_killed_run_ends_the_same(tmp_path: Path, baseline: dict[str, Any], place: str, occurrence: int) -> None:
    """SIGKILL after a record, or within a trial: what each trial is to know follows from the records."""
    settings = tiny_settings(tmp_path, **PARALLEL)
    operation = "create" if place == "trials/" else "put"
    point = kill(operation, place, occurrence, "after") | {"CHECKPOINTS": "each-step"}
    killed = run_job(settings | point, program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results) == same_elsewhere(baseline, results["dataset"]["uri"])


def test_a_run_goes_on_where_trials_between_others_are_missing(tmp_path: Path, baseline: dict[str, Any]) -> None:
    """As a killed driver of several workers leaves it: two may be, of three at a time, and come out as they were."""
    settings = tiny_settings(tmp_path, **PARALLEL)
    assert run_job(settings).returncode == 0
    for lost in ("trials/0003.json", "trials/0005.json", "results.json"):
        (tmp_path / "run" / lost).unlink()
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results) == same_elsewhere(baseline, results["dataset"]["uri"])
    for lost in ("trials/0002.json", "trials/0004.json", "trials/0005.json", "results.json"):
        (tmp_path / "run" / lost).unlink()
    refused = run_job(settings)
    assert refused.returncode == 42
    assert "trials/0002.json is missing although" in error_of(refused)


def test_a_run_keeps_its_number(tmp_path: Path) -> None:
    """`auto` goes on with it, and another one is another run."""
    settings = tiny_settings(tmp_path, PARALLEL_TRIALS="2")
    assert run_job(settings | {"FASHIONTUNE_N_TRIALS": "2"}).returncode == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["parallel_trials"] == 2
    refused = run_job(settings | {"FASHIONTUNE_PARALLEL_TRIALS": "3"})
    assert refused.returncode == 42
    assert "FASHIONTUNE_PARALLEL_TRIALS is 2 there and 3 here" in error_of(refused)
    assert run_job(settings | {"FASHIONTUNE_PARALLEL_TRIALS": "auto"}).returncode == 0
    assert len(results_of(tmp_path / "run")["trials"]) == 3


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "1025"])
def test_a_number_of_trials_at_a_time_is_auto_or_whole(tmp_path: Path, value: str) -> None:
    """One sentence names what is allowed."""
    refused = run_job(tiny_settings(tmp_path, PARALLEL_TRIALS=value))
    assert refused.returncode == 42
    assert error_of(refused) == (
        f"FASHIONTUNE_PARALLEL_TRIALS={value}: allowed are auto and whole numbers from 1 to 1024"
    )
