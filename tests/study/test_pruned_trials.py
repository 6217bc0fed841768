"""Trials that are stopped early: what a run records of them, and that a killed one stops the same ones."""

import signal
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.jobs import comparable, events, finished, results_of, run_job, same_elsewhere, tiny_settings
from tests.study.test_resume import kill

PRUNED = {"PRUNER": "median", "N_TRIALS": "8", "N_INITIAL_TRIALS": "4", "EPOCHS": "4", "OBJECTIVE": "log_loss"}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a run with a pruner that nothing interrupted."""
    return finished(tmp_path_factory.mktemp("pruned"), **PRUNED)


def first_pruned(results: dict[str, Any]) -> int:
    return next(int(trial["number"]) for trial in results["trials"] if trial["status"] == "pruned")


def test_a_trial_that_falls_behind_the_median_ends_there(baseline: dict[str, Any]) -> None:
    """It has no value and no best epoch, the epochs it ran, and no say in who wins."""
    trials = baseline["trials"]
    assert {trial["status"] for trial in trials} == {"complete", "pruned"}
    curves = [[epoch["validation_loss"] for epoch in trial["epochs"]] for trial in trials]
    for number, (trial, curve) in enumerate(zip(trials, curves, strict=True)):
        stopped = trial["status"] == "pruned"
        assert (trial["value"] is None) is (trial["best_epoch"] is None) is stopped
        behind = []
        for epoch in range(1, min(len(curve), 3) + 1):
            rivals = [min(other[:epoch]) for other in curves[:number] if len(other) >= epoch]
            if len(rivals) >= 4 and min(curve[:epoch]) > median(rivals):
                behind.append(epoch)
        assert behind == ([len(curve)] if stopped else [])
        assert stopped or len(curve) == 4
    assert trials[baseline["best"]["trial"]]["status"] == "complete"


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_record_of_a_pruned_trial_it_prunes_the_same(
    tmp_path: Path, baseline: dict[str, Any], when: str
) -> None:
    """SIGKILL before or after the record is written: the run ends with the same results."""
    settings = tiny_settings(tmp_path, **PRUNED)
    point = kill("create", "trials/", first_pruned(baseline) + 1, when)
    killed = run_job(settings | point, program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    results = results_of(tmp_path / "run")
    assert comparable(results) == same_elsewhere(baseline, results["dataset"]["uri"])


def test_another_pruner_is_another_run(tmp_path: Path) -> None:
    """Which trials there are depends on it, so a run keeps it for good; one that is older than it had none."""
    settings = tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="1")
    assert run_job(settings).returncode == 0
    refused = run_job(settings | {"FASHIONTUNE_PRUNER": "median"})
    assert refused.returncode == 42
    assert "FASHIONTUNE_PRUNER is none there and median here" in events(refused, "job failed")[0]["error"]
