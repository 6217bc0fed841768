"""Stored objects that are altered, cut off or gone: each is noticed and named, and what can be made anew is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from job.records.trial import StoredModel, TrialRecord
from tests.jobs import comparable, error_of, events, results_of, run_job, tiny_settings


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def lose(path: Path) -> None:
    path.unlink()


DAMAGES = (flip_a_bit, cut_in_half, lose)
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job that has ended."""
    directory = tmp_path_factory.mktemp("finished")
    result = run_job(tiny_settings(directory))
    assert result.returncode == 0, result.stderr
    return directory


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    return Path(shutil.copytree(finished / "run", tmp_path / "run"))


def settings_for(finished: Path, copy: Path, **changes: str) -> dict[str, str]:
    return tiny_settings(finished, OUTPUT_URI=str(copy), **changes)


def contents(run: Path) -> dict[str, Any]:
    """Return what a run has left: its results but for the times, and the bytes of its models."""
    models = {path.name: path.read_bytes() for path in sorted(run.glob("model*/*"))}
    return {"results": comparable(results_of(run)), "models": models}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("key", ["run.json", "trials/0000.json", "trials/0001.json"])
def test_a_record_that_later_ones_depend_on_is_named(finished: Path, copy: Path, key: str, damage: Damage) -> None:
    """The job ends with the record's name and exit code 42, and writes no results on top of it."""
    (copy / "results.json").unlink()
    damage(copy / key)
    result = run_job(settings_for(finished, copy))
    assert result.returncode == 42, result.stderr
    error = error_of(result)
    assert f"{key} is {'missing' if damage is lose else 'damaged'}" in error
    assert "restore it" in error
    assert not (copy / "results.json").exists()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("key", ["model/model.safetensors", "model/model.onnx", "model/model.json", "results.json"])
def test_what_is_published_is_made_anew(finished: Path, copy: Path, key: str, damage: Damage) -> None:
    """A complete run whose published files are no longer whole says so and publishes them again, as they were."""
    damage(copy / key)
    again = run_job(settings_for(finished, copy))
    assert again.returncode == 0, again.stderr
    assert not events(again, "nothing is left to do")
    if key != "results.json":
        (event,) = events(again, "published object is damaged or missing and made anew")
        assert event["key"] == key
    elif damage is not lose:
        assert "results.json is damaged: " in events(again, "results are damaged and made anew")[0]["error"]
    assert contents(copy) == contents(finished / "run")


@pytest.mark.parametrize("damage", DAMAGES)
def test_lost_weights_of_the_winner_are_trained_again(finished: Path, copy: Path, damage: Damage) -> None:
    """A trial is a pure function, so training it once more gives the weights that its record names."""
    (copy / "results.json").unlink()
    (weights,) = (copy / "models").iterdir()
    damage(weights)
    again = run_job(settings_for(finished, copy))
    assert again.returncode == 0, again.stderr
    (event,) = events(again, "weights are lost, and their trial is trained again")
    assert f"models/{weights.name} is {'missing' if damage is lose else 'damaged'}" in event["error"]
    assert contents(copy) == contents(finished / "run")


def test_weights_that_cannot_come_out_the_same_are_an_error(finished: Path, copy: Path) -> None:
    """Where training again gives others than the record names, as on another device, the job says so and ends."""
    best = results_of(copy)["best"]["trial"]
    (copy / "results.json").unlink()
    record = copy / "trials" / f"{best:04}.json"
    trial = TrialRecord.from_json(record.read_bytes())
    other = StoredModel(key=f"models/{best:04}.{'0' * 16}.safetensors", sha256="0" * 64)
    record.write_bytes(trial.model_copy(update={"model": other}).to_json())
    result = run_job(settings_for(finished, copy))
    assert result.returncode == 42, result.stderr
    assert "is lost, and training trial" in error_of(result)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_attempt_is_named_and_left_out(finished: Path, copy: Path, damage: Damage) -> None:
    """What an attempt says is for the report alone: the job goes on without it."""
    run_job(settings_for(finished, copy, N_TRIALS="4"))  # so that attempt 1 is not the last one
    damage(copy / "attempts" / "0001.json")
    again = run_job(settings_for(finished, copy, N_TRIALS="5"))
    assert again.returncode == 0, again.stderr
    state = "missing" if damage is lose else "damaged"
    named = events(again, f"attempt is {state} and left out")
    assert named
    assert all("attempts/0001.json" in json.dumps(event) for event in named)
    assert len(results_of(copy)["run"]["attempts"]) == 2


@pytest.mark.parametrize("damage", [flip_a_bit, cut_in_half])
def test_a_damaged_cache_is_made_anew(finished: Path, copy: Path, damage: Damage, tmp_path: Path) -> None:
    """Photos that the disk has altered are decoded again, and the results are the same."""
    cache = Path(shutil.copytree(finished / "cache", tmp_path / "cache"))
    for name in ("images.npy", "index.json"):
        (found,) = cache.rglob(name)
        damage(found)
        (copy / "results.json").unlink()
        again = run_job(settings_for(finished, copy, CACHE_DIR=str(cache)))
        assert again.returncode == 0, again.stderr
        assert events(again, "cache is damaged and made anew")
        assert contents(copy) == contents(finished / "run")
