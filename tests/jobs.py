"""Jobs that tests run: real processes with real signals, on tiny catalogues."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tests.tiny import tiny_files, write_folder

TINY = {
    "MIN_CLASS_IMAGES": "3",
    "IMAGE_HEIGHT": "32",
    "IMAGE_WIDTH": "24",
    "N_TRIALS": "3",
    "N_INITIAL_TRIALS": "2",
    "EPOCHS": "2",
    "BATCH_SIZE": "16",
    "PRUNER": "none",
    "RETRY_SECONDS": "60",
}
"""Settings of a run that takes seconds: two trials of the initial design and one of the optimiser."""


LEARNT = {"EPOCHS": "4", "SEARCH_SPACE": '{"learning_rate": 0.01, "optimizer": "sgd"}'}
"""Settings with which the tiny catalogue is learnt."""

Kill = tuple[float | Literal["out"], int]
"""When to send which signal: after so many seconds, or as soon as something was printed."""


def tiny_settings(directory: Path, **changes: str) -> dict[str, str]:
    """Return the environment of a tiny job whose catalogue, cache and output lie in `directory`."""
    catalogue = directory / "catalogue"
    if not catalogue.exists():
        write_folder(catalogue, tiny_files())
    places = {
        "DATASET_URI": str(catalogue),
        "OUTPUT_URI": str(directory / "run"),
        "CACHE_DIR": str(directory / "cache"),
    }
    return {f"FASHIONTUNE_{name}": value for name, value in (TINY | places | changes).items()}


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Return a whole environment: the given settings, and what a process needs to run at all.

    Jobs train with one thread, as the tests' own processes do, unless the settings have another OMP_NUM_THREADS.
    """
    kept = ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")
    own = {"OMP_NUM_THREADS": "1"} | {name: os.environ[name] for name in kept if name in os.environ}
    return own | {"AWS_EC2_METADATA_DISABLED": "true"} | settings


def run_job(
    settings: dict[str, str],
    *arguments: str,
    program: str = "job",
    kill: Kill | None = None,
    directory: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `job` with exactly these settings and wait for its end; `directory` is another working directory.

    If `kill` says so, it is sent a signal on the way.
    """
    server = _IDLE.pop() if _IDLE else _Server()
    try:
        return server.run(program, arguments, environment(settings), kill, directory or Path.cwd())
    finally:
        _IDLE.append(server)


_IDLE: "list[_Server]" = []


class _Server:
    """A process that has imported torch and the rest, and forks a process for each job.

    The imports take longer than a tiny job. The jobs are processes of their own all the same, which really are killed.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forkserver"],
            # read when torch is imported, which is before a job could set it as it does
            env=environment({}) | {"GOMP_SPINCOUNT": "1000"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._stop)

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        variables: dict[str, str],
        kill: Kill | None,
        working_directory: Path,
    ) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as directory:
            request = {
                "program": program,
                "arguments": arguments,
                "environment": variables,
                "directory": directory,
                "working_directory": str(working_directory),
                "kill": kill,
            }
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            out, err = ((Path(directory) / name).read_text("utf-8") for name in ("out", "err"))
        return subprocess.CompletedProcess([program, *arguments], os.waitstatus_to_exitcode(status), out, err)


def finished(directory: Path, **changes: str) -> dict[str, Any]:
    """Return the results of a tiny job that nothing interrupts."""
    result = run_job(tiny_settings(directory, **changes))
    assert result.returncode == 0, result.stderr
    return results_of(directory / "run")


def events(result: subprocess.CompletedProcess[str], name: str) -> list[dict[str, Any]]:
    """Return the log events of that name."""
    return [event for event in map(json.loads, result.stderr.splitlines()) if event["event"] == name]


def error_of(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one error that a failed job logged, having checked that it is one sentence without a traceback."""
    errors = [event for event in map(json.loads, result.stderr.splitlines()) if event["level"] == "error"]
    assert len(errors) == 1, result.stderr
    assert "exception" not in errors[0], errors[0]
    assert "Traceback" not in result.stderr
    text = str(errors[0]["error"])
    assert "\n" not in text
    return text


def comparable(results: dict[str, Any]) -> dict[str, Any]:
    """Return results.json without its `run` and `timing` parts, which alone may differ between equal runs."""
    trials = [{name: value for name, value in trial.items() if name != "timing"} for trial in results["trials"]]
    return {name: value for name, value in results.items() if name != "run"} | {"trials": trials}


def same_elsewhere(results: dict[str, Any], uri: str) -> dict[str, Any]:
    """Return what is comparable of results whose catalogue would lie at another URI."""
    return comparable(results) | {"dataset": results["dataset"] | {"uri": uri}}


def results_of(directory: Path) -> dict[str, Any]:
    """Return the results.json of a run in a local folder."""
    results: dict[str, Any] = json.loads((directory / "results.json").read_bytes())
    return results
