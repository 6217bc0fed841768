"""EXECUTOR=ray: the same records as without it, whatever is lost; `python -m tests.raylets all` has every fault happen.

Ray runs in a network namespace with the loopback alone.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from job.errors import SettingsError
from job.settings import Settings
from job.study.executors.room import Room, room_of
from tests.jobs import environment, error_of, results_of, run_job, tiny_settings
from tests.raylets import SETTINGS, records

IN_A_NAMESPACE = [sys.executable, "-m", "tests.loopback"]


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    entered = subprocess.run([*IN_A_NAMESPACE, "true"], check=False, capture_output=True, text=True)
    if entered.returncode:
        pytest.skip(f"no network namespace can be made here: {entered.stderr.splitlines()[-1]}")


def run_with_ray(settings: dict[str, str], *program: str, address: str = "") -> subprocess.CompletedProcess[str]:
    command = [*IN_A_NAMESPACE, sys.executable, "-m", *program]
    where = {"RAY_ADDRESS": address} if address else {}
    whole = environment(settings) | where | {"FASHIONTUNE_LOG_FORMAT": "json"}
    return subprocess.run(command, env=whole, check=False, capture_output=True, text=True, timeout=600)


def test_a_machine_that_is_lost_changes_no_record(tmp_path: Path) -> None:
    """Four trials at a time on three raylets, of which one dies with its workers, give what one process alone gives."""
    alone = tmp_path / "alone"
    alone.mkdir()
    assert run_job(tiny_settings(alone, **SETTINGS)).returncode == 0
    settings = tiny_settings(tmp_path, **SETTINGS, EXECUTOR="ray", CPUS_PER_TRIAL="1")
    result = run_with_ray(settings, "tests.raylets", "raylet")
    assert result.stdout.splitlines()[-1] == "[0]", result.stdout + result.stderr
    assert '"event": "worker lost"' in result.stdout
    assert records(tmp_path / "run") == records(alone / "run")


def test_a_machine_of_its_own_needs_no_other_setting(tmp_path: Path) -> None:
    """Without RAY_ADDRESS, Ray starts here, and there are as many trials at a time as it has room for."""
    result = run_with_ray(tiny_settings(tmp_path, EXECUTOR="ray"), "job")
    assert result.returncode == 0, result.stderr
    results = results_of(tmp_path / "run")
    assert [trial["status"] for trial in results["trials"]] == ["complete"] * 3
    assert results["run"]["environment"]["threads"] == 1


@pytest.mark.parametrize(
    ("address", "code", "sentence"),
    [
        ("auto", 42, "RAY_ADDRESS=auto: no Ray runs here; start one, or leave the variable out"),
        ("cluster", 42, "RAY_ADDRESS=cluster: allowed are auto, local and HOST:PORT, where Ray's GCS listens"),
        ("127.0.0.1:1", 1, "Ray at 127.0.0.1:1 does not answer: Connection refused"),
    ],
)
def test_where_there_is_no_ray_a_sentence_says_so(tmp_path: Path, address: str, code: int, sentence: str) -> None:
    """An address that can never work ends the job for good, one that does not answer may do so later."""
    result = run_with_ray(tiny_settings(tmp_path, EXECUTOR="ray"), "job", address=address)
    assert (result.returncode, error_of(result)) == (code, sentence)


def test_without_the_extra_a_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    """Exit 42, before anything is fetched."""
    (tmp_path / "ray.py").write_text("raise ImportError('not installed')", encoding="utf-8")
    settings = tiny_settings(tmp_path, EXECUTOR="ray")
    hidden = environment(settings) | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"}
    command = [sys.executable, "-m", "job"]
    result = subprocess.run(command, env=hidden, check=False, capture_output=True, text=True)
    assert result.returncode == 42
    assert "FASHIONTUNE_EXECUTOR: Ray is not installed; install fashiontune-job[ray]" in error_of(result)


GPUS = {"CPU": 16.0, "GPU": 8.0}
SMALL = {"CPU": 4.0, "GPU": 1.0}
HEAD = {"memory": 1.0}


@pytest.mark.parametrize(
    ("nodes", "settings", "room"),
    [
        ([{"CPU": 2.0}], {}, Room(trials=2, threads=1)),
        ([{"CPU": 8.0}, HEAD], {"cpus_per_trial": 3}, Room(trials=2, threads=3)),
        ([GPUS], {}, Room(trials=8, threads=2, gpus=1.0)),
        ([GPUS, SMALL, HEAD], {}, Room(trials=9, threads=2, gpus=1.0)),
        ([GPUS], {"gpus_per_trial": 0.5}, Room(trials=16, threads=1, gpus=0.5)),
        ([GPUS], {"gpus_per_trial": 0.4}, Room(trials=16, threads=1, gpus=0.4)),
        ([SMALL], {"cpus_per_trial": 2, "gpus_per_trial": 0.25}, Room(trials=2, threads=2, gpus=0.25)),
        ([GPUS], {"device": "cpu"}, Room(trials=16, threads=1)),
        ([{"CPU": 8.0}, SMALL], {}, Room(trials=1, threads=4, gpus=1.0)),
        ([HEAD], {"device": "cuda", "parallel_trials": 4, "cpus_per_trial": 3}, Room(trials=0, threads=3, gpus=1.0)),
    ],
)
def test_there_is_room_for_what_the_nodes_have(
    nodes: list[dict[str, float]], settings: dict[str, Any], room: Room
) -> None:
    """A GPU, or a share of one, and CPUs for each; a trial that shares GPUs never has parts of two."""
    assert room_of(Settings(**settings), nodes) == room


@pytest.mark.parametrize(
    ("nodes", "settings", "setting"),
    [
        ([{"CPU": 8.0}], {"device": "cuda"}, "gpus_per_trial"),
        ([{"CPU": 8.0}], {"cpus_per_trial": 9}, "cpus_per_trial"),
        ([GPUS], {"cpus_per_trial": 17}, "cpus_per_trial"),
        ([HEAD], {}, "cpus_per_trial"),
    ],
)
def test_where_no_node_has_what_a_trial_needs_the_setting_is_named(
    nodes: list[dict[str, float]], settings: dict[str, Any], setting: str
) -> None:
    """Unless PARALLEL_TRIALS says how many there will be: a cluster may have no worker yet."""
    with pytest.raises(SettingsError) as caught:
        room_of(Settings(**settings), nodes)
    assert caught.value.setting == setting
    assert room_of(Settings(**settings, parallel_trials=3), nodes).trials_of(Settings(parallel_trials=3)) == 3
