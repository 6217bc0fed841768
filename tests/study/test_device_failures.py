"""A device that has too little memory, breaks or is another one: which trial has failed, and how the run goes on."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from job.records.run import AttemptFile
from job.records.status import DeviceUsed
from tests.jobs import error_of, events, results_of, run_job, same_elsewhere, tiny_settings

BROKEN = "CUDA error: an illegal memory access was encountered"


def run(directory: Path, trial: int, times: int, error: str, **changes: str) -> subprocess.CompletedProcess[str]:
    where = {"FAIL_AT": json.dumps({"trial": trial, "times": times, "error": error})}
    settings = tiny_settings(directory, CHECKPOINT_SECONDS="0.01", **changes)
    return run_job(settings | where, program="tests.failing")


def ending(directory: Path) -> tuple[str | None, int | None]:
    """Return how the first attempt of a run ended, as it has written it down."""
    attempt = AttemptFile.from_json((directory / "run" / "attempts" / "0001.json").read_bytes()).attempt
    return attempt.outcome, attempt.exit_code


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a run whose device works."""
    directory = tmp_path_factory.mktemp("undisturbed")
    assert run_job(tiny_settings(directory)).returncode == 0
    return same_elsewhere(results_of(directory / "run"), "here")


def test_a_first_trial_that_does_not_fit_ends_the_job_for_good(tmp_path: Path) -> None:
    """All trials have its shapes: the setting that helps is named, and no trial is recorded as failed."""
    result = run(tmp_path, trial=0, times=1, error="memory")
    assert result.returncode == 42
    (event,) = events(result, "job failed")
    assert event["error"].startswith("FASHIONTUNE_BATCH_SIZE: a batch of 16 photos of 32x24 does not fit into memory;")
    assert "can't allocate memory" in event["error"]
    assert list((tmp_path / "run" / "trials").glob("*.json")) == []
    assert ending(tmp_path) == (event["error"].removeprefix("FASHIONTUNE_BATCH_SIZE: "), 42)


def test_a_later_trial_that_does_not_fit_once_is_trained_again(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    """What took the memory may be gone, and the results are those of a run that always had enough."""
    result = run(tmp_path, trial=1, times=1, error="memory")
    assert result.returncode == 0, result.stderr
    assert len(events(result, "out of memory")) == 1
    assert same_elsewhere(results_of(tmp_path / "run"), "here") == undisturbed


def test_a_later_trial_that_does_not_fit_twice_has_failed(tmp_path: Path) -> None:
    """It is recorded without what differs between machines, and the search goes on."""
    result = run(tmp_path, trial=1, times=2, error="memory")
    assert result.returncode == 0, result.stderr
    trials = results_of(tmp_path / "run")["trials"]
    assert [(trial["status"], trial["error"]) for trial in trials] == [
        ("complete", None),
        ("failed", "out of memory"),
        ("complete", None),
    ]


def test_too_many_trials_that_have_failed_end_the_attempt_for_good(tmp_path: Path) -> None:
    """With MAX_FAILED_TRIALS=1 the first one does, and the attempt has the process's exit code."""
    result = run(tmp_path, trial=1, times=2, error="memory", MAX_FAILED_TRIALS="1")
    assert result.returncode == 42
    setting, _, reason = error_of(result).partition(": ")
    assert setting == "FASHIONTUNE_MAX_FAILED_TRIALS"
    assert reason.endswith("the last one, trial 1: out of memory")
    assert ending(tmp_path) == (reason, 42)


@pytest.mark.parametrize("trial", [0, 2])
def test_a_device_that_breaks_fails_no_trial(tmp_path: Path, undisturbed: dict[str, Any], trial: int) -> None:
    """The job ends with a sentence and exit code 1, and the next start goes on from the checkpoint."""
    result = run(tmp_path, trial=trial, times=1, error=BROKEN)
    assert result.returncode == 1
    (event,) = events(result, "device failed")
    assert event["error"] == f"cpu does not work: {BROKEN}; another machine may do"
    assert ending(tmp_path) == (event["error"], 1)
    assert "Traceback" not in result.stderr
    assert len(list((tmp_path / "run" / "trials").glob("*.json"))) == trial
    again = run_job(tiny_settings(tmp_path))
    assert again.returncode == 0, again.stderr
    assert len(events(again, "trial goes on")) == 1
    assert same_elsewhere(results_of(tmp_path / "run"), "here") == undisturbed


def test_going_on_on_another_device_is_said_and_shown(tmp_path: Path) -> None:
    """Spot pools mix GPUs: the log names both, the records keep them, the page shows them, and the run goes on."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    first = run_job(settings)
    assert first.returncode == 0, first.stderr
    (path,) = (tmp_path / "run" / "attempts").iterdir()
    file = AttemptFile.from_json(path.read_bytes())
    assert file.attempt.device == DeviceUsed("cpu", None, "float32")
    there = DeviceUsed("NVIDIA T4", "7.5", "fp16")
    path.write_bytes(AttemptFile(attempt=file.attempt.model_copy(update={"device": there})).to_json())
    second = run_job(settings | {"FASHIONTUNE_N_TRIALS": "3"})
    assert second.returncode == 0, second.stderr
    (event,) = events(second, "device differs from the last attempt's; the run goes on")
    assert (event["there"], event["here"]) == ("NVIDIA T4, fp16", "cpu, float32")
    results = results_of(tmp_path / "run")
    assert [attempt["device"]["name"] for attempt in results["run"]["attempts"]] == ["NVIDIA T4", "cpu"]
    assert all(trial["devices"] == [asdict(file.attempt.device)] for trial in results["trials"])
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "devices: NVIDIA T4, fp16; cpu, float32." in page
