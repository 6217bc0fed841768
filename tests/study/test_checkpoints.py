"""Checkpoints of a run: written in time, kept in two generations, gone on with, and never in the way."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import comparable, events, results_of, run_job, tiny_settings

EACH_STEP = {"CHECKPOINTS": "each-step"}


def kill(place: str, occurrence: int, when: str = "after", number: int = signal.SIGKILL) -> dict[str, str]:
    point = {"operation": "put", "place": place, "occurrence": occurrence, "when": when, "signal": int(number)}
    return {"KILL_AT": json.dumps(point)}


def checkpoints_in(directory: Path) -> list[Path]:
    """Return the checkpoints of a run; a file that was being written when the job was killed is none."""
    return sorted((directory / "run" / "checkpoints").glob("[0-9]*.safetensors"))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The trials of a run that nothing interrupted and that took no checkpoint."""
    directory = tmp_path_factory.mktemp("baseline")
    result = run_job(tiny_settings(directory, N_TRIALS="2"))
    assert result.returncode == 0, result.stderr
    trials: list[dict[str, Any]] = comparable(results_of(directory / "run"))["trials"]
    return trials


@pytest.mark.parametrize("occurrence", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_a_checkpoint_and_started_again_ends_with_the_same_trials(
    tmp_path: Path, baseline: list[dict[str, Any]], occurrence: int, when: str
) -> None:
    """SIGKILL before or after a checkpoint is written changes nothing, and nothing of the checkpoints is left."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    killed = run_job(settings | EACH_STEP | kill("checkpoints/", occurrence, when), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    written = occurrence if when == "after" else occurrence - 1
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        f"0000.{step:08}.safetensors" for step in range(1, written + 1)
    ]
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    assert [event["step"] for event in events(again, "trial goes on")] == [written] * bool(written)
    assert comparable(results_of(tmp_path / "run"))["trials"] == baseline
    assert not checkpoints_in(tmp_path)


def test_two_generations_are_kept(tmp_path: Path) -> None:
    """Once the second checkpoint is written whole, the first one is still there."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    killed = run_job(settings | EACH_STEP | kill("checkpoints/", 3, "before"), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [path.name for path in checkpoints_in(tmp_path)] == [f"0000.{step:08}.safetensors" for step in (1, 2)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_within_a_trial_leaves_a_checkpoint_of_that_very_step(
    tmp_path: Path, baseline: list[dict[str, Any]], number: int, code: int
) -> None:
    """On a signal the step in hand ends and its state is saved; the next start goes on from there."""
    settings = tiny_settings(tmp_path, N_TRIALS="2", CHECKPOINT_SECONDS="1000")
    # the attempt's record is rewritten when a trial begins, and the signal waits for the next step boundary
    stopped = run_job(settings | kill("attempts/", 2, "after", number), program="tests.killing")
    assert stopped.returncode == code, stopped.stderr
    (checkpoint,) = checkpoints_in(tmp_path)
    assert checkpoint.name == "0001.00000001.safetensors"
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    (goes_on,) = events(again, "trial goes on")
    assert (goes_on["trial"], goes_on["epoch"], goes_on["step"]) == (1, 1, 1)
    assert comparable(results_of(tmp_path / "run"))["trials"] == baseline


def test_a_damaged_checkpoint_falls_back_a_generation(tmp_path: Path, baseline: list[dict[str, Any]]) -> None:
    """Of two generations the newer one is damaged: the older one is gone on with, and that is said."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    run_job(settings | EACH_STEP | kill("checkpoints/", 1), program="tests.killing")
    (older,) = checkpoints_in(tmp_path)
    newer = older.with_name("0000.00000999.safetensors")
    data = bytearray(older.read_bytes())
    data[len(data) // 2] ^= 1
    newer.write_bytes(bytes(data))
    again = run_job(settings)
    assert [event["key"] for event in events(again, "checkpoint is bad, and an older one is tried")] == [
        f"checkpoints/{newer.name}"
    ]
    assert [event["key"] for event in events(again, "trial goes on")] == [f"checkpoints/{older.name}"]
    assert comparable(results_of(tmp_path / "run"))["trials"] == baseline


def test_a_trial_that_kills_its_process_three_times_is_given_up(tmp_path: Path) -> None:
    """Three deaths without a new checkpoint make the trial failed; the search goes on without it."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    for _ in range(3):
        # the first rewriting of the attempt marks the trial that begins
        killed = run_job(settings | kill("attempts/", 1), program="tests.killing")
        assert killed.returncode == -signal.SIGKILL
    again = run_job(settings)
    assert again.returncode == 0, again.stderr
    trials = results_of(tmp_path / "run")["trials"]
    assert [trial["status"] for trial in trials] == ["failed", "complete"]
    assert trials[0]["error"] == "its process died 3 times without a new checkpoint"
