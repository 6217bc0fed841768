"""Runs that older code wrote: this code goes on with them, to the results that the older code would have had.

Floats are compared bit by bit on the kind of machine that the folders were written on, and nearly elsewhere.
"""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from job.settings import GONE
from tests.compat.folders import EXPECTED, RUNS, WRITTEN_ON, machine, settings_of, unpack, write_inputs
from tests.jobs import comparable, events, results_of, run_job

SAME_MACHINE = WRITTEN_ON.read_text("utf-8") == machine()
ADDED = {
    *("companions", "dependence", "devices", "guess_first", "kind", "lost_classes", "missing", "parallel_trials"),
    *("repeated", "similar_classes"),
}
"""Fields of results.json that the older code did not have."""
INTERRUPTED = {"interrupted": "0002", "repeated": "0001-2", "warm": "0001"}
"""The trial, or the repetition, in which each run was killed."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with what the runs read."""
    write_inputs(tmp_path)
    return tmp_path


def contents(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*.*")}


def records_of(run: Path) -> dict[str, bytes]:
    """Return what no attempt may ever change."""
    kept = ("run.json", "trials/", "finals/")
    return {name: data for name, data in contents(run).items() if name.startswith(kept)}


def differing(there: Any, here: Any, place: str = "") -> list[str]:
    """Return where two JSON values differ, additions aside; floats only have to be near on another machine."""
    if isinstance(there, dict) and isinstance(here, dict):
        names = sorted(there.keys() | here.keys() - ADDED)
        return [one for name in names for one in differing(there.get(name), here.get(name), f"{place}.{name}")]
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [
            one for at, pair in enumerate(zip(there, here, strict=True)) for one in differing(*pair, f"{place}.{at}")
        ]
    both_floats = isinstance(there, float) and isinstance(here, float)
    near = both_floats and not SAME_MACHINE and math.isclose(there, here, rel_tol=1e-3, abs_tol=1e-3)
    return [] if near or there == here else [f"{place}: {there} there, {here} here"]


def old_results(name: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((RUNS / name / EXPECTED).read_bytes())
    return results


def assert_equal_results(there: dict[str, Any], here: dict[str, Any]) -> None:
    """Assert that results are equal but for `run` and `timing`, additions, and what may differ of what is published.

    That is the wording of the card and of model.json; and the weights, on another machine.
    """
    there, here = comparable(there), comparable(here)
    assert there["published"].keys() == here["published"].keys()
    assert {name: there["settings"].pop(name) for name in GONE} == GONE
    for results in (there, here):
        results["published"] = results["published"]["model/model.safetensors"] if SAME_MACHINE else None
        results["best"]["model"] = results["best"]["model"] if SAME_MACHINE else None
    assert differing(there, here) == []


@pytest.mark.parametrize("name", INTERRUPTED)
def test_a_run_that_was_killed_goes_on_to_the_same_results(folder: Path, name: str) -> None:
    """It goes on from the old checkpoint, keeps every record byte for byte, and arrives where the old code did."""
    run = unpack(name, folder)
    (run / EXPECTED).unlink()
    before = records_of(run)
    done = run_job(settings_of(name), directory=folder)
    assert done.returncode == 0, done.stderr
    (went_on,) = events(done, "trial goes on")
    assert went_on["key"] == f"checkpoints/{INTERRUPTED[name]}.00000002.safetensors"
    assert {key: (run / key).read_bytes() for key in before} == before
    assert len(records_of(run)) > len(before)
    assert not list((run / "checkpoints").glob("*"))
    results = results_of(run)
    assert_equal_results(old_results(name), results)
    assert [attempt["outcome"] for attempt in results["run"]["attempts"]] == [None, "complete"]
    assert results["guess_first"] is False
    if SAME_MACHINE:
        assert results["run"]["attempts"][1]["replay"] is None


def test_a_checkpoint_that_is_damaged_falls_back_to_the_older_one(folder: Path) -> None:
    """The second generation of an old run is as good as the first."""
    run = unpack("interrupted", folder)
    newest = run / "checkpoints" / "0002.00000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    done = run_job(settings_of("interrupted"), directory=folder)
    (went_on,) = events(done, "trial goes on")
    assert went_on["key"] == "checkpoints/0002.00000001.safetensors"
    assert_equal_results(old_results("interrupted"), results_of(run))


def test_weights_that_are_lost_are_trained_again(folder: Path) -> None:
    """Without the winner's weights its trial is trained again, to the sha256 that the old record has."""
    run = unpack("finished", folder)
    there = results_of(run)
    shutil.rmtree(run / "models")
    shutil.rmtree(run / "model")
    done = run_job(settings_of("finished"), directory=folder)
    if SAME_MACHINE:
        assert done.returncode == 0, done.stderr
        assert_equal_results(there, results_of(run))
    else:
        assert done.returncode in {0, 42}
    assert events(done, "weights are lost, and their trial is trained again")


def test_a_finished_run_is_finished(folder: Path) -> None:
    """The old results are read, what they name is found whole, and not a byte is written."""
    run = unpack("finished", folder)
    before = contents(run)
    done = run_job(settings_of("finished"), directory=folder)
    assert done.returncode == 0, done.stderr
    assert events(done, "nothing is left to do")
    assert contents(run) == before


def test_a_finished_run_takes_more_trials(folder: Path) -> None:
    """Raising N_TRIALS goes on from the old records, diverged ones among them, and leaves them as they are."""
    run = unpack("finished", folder)
    before, there = records_of(run), results_of(run)
    done = run_job(settings_of("finished", N_TRIALS="9"), directory=folder)
    assert done.returncode == 0, done.stderr
    assert {key: (run / key).read_bytes() for key in before} == before
    trials = results_of(run)["trials"]
    assert differing(there["trials"], trials[:8]) == []
    assert {trial["status"] for trial in trials} >= {"complete", "diverged"}
    assert len(trials) == 9


def test_a_new_run_starts_from_an_old_one(folder: Path) -> None:
    """The old run's trials are read as a warm start, as the old code read them."""
    unpack("finished", folder)
    there = json.loads((RUNS / "warm" / "run.json").read_bytes())["warm_start"]
    done = run_job(settings_of("warm", N_TRIALS="1"), directory=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "warm" / "run.json").read_bytes())["warm_start"] == there
    assert results_of(folder / "warm")["guess_first"] is True


def test_an_old_model_predicts_and_an_old_page_is_drawn_again(folder: Path) -> None:
    """`job predict` and `job report` read what the old run has published."""
    run = unpack("finished", folder)
    predicted = run_job({}, "predict", str(run), str(folder / "catalogue"), "--top", "1")
    assert predicted.returncode == 0, predicted.stderr
    answers = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert len(answers) == 60
    assert len({answer["predictions"][0]["label"] for answer in answers}) > 1
    drawn = run_job({}, "report", str(run))
    assert drawn.returncode == 0, drawn.stderr
    assert "<html" in (run / "report.html").read_text("utf-8")
