"""Writes the run folders of tests/compat with the code of another commit.

    git worktree add --detach /somewhere 7f72356
    python -m tests.compat.write /somewhere

The old code runs as a process of its own; a run that is interrupted is really killed. How it would have ended stands
beside it, from the old code going on with a copy.
"""

import argparse
import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.compat.folders import (
    ASKED_FOR,
    EXPECTED,
    INITIAL_WEIGHTS,
    RUNS,
    WRITTEN_ON,
    initial_weights,
    machine,
    pack,
    settings_of,
    write_inputs,
)
from tests.jobs import environment

_INTERRUPTED: dict[str, Callable[[Path], bool]] = {
    "interrupted": lambda run: _trials(run) == 2 and _checkpoints(run, "0002.") == 2,
    "repeated": lambda run: (run / "finals").exists() and _checkpoints(run, "000?-2.") == 2,
    "warm": lambda run: _trials(run) == 1 and _checkpoints(run, "0001.") == 2,
}
"""Where a kill is wanted: in a trial, or in a second repetition, with two checkpoints of it."""


def _trials(run: Path) -> int:
    return len(list(run.glob("trials/*.json")))


def _checkpoints(run: Path, name: str) -> int:
    return len(list(run.glob(f"checkpoints/{name}*.safetensors")))


def _run_old(code: Path, directory: Path, program: str, variables: dict[str, str]) -> int:
    command = [sys.executable, "-m", program]
    variables = environment(variables) | {"PYTHONPATH": str(code)}
    return subprocess.run(command, cwd=directory, env=variables, check=False).returncode


def _interrupt(code: Path, directory: Path, name: str) -> None:
    """Kill the run at one checkpoint after the other until the kill is where it is wanted."""
    for occurrence in range(3, 60):
        shutil.rmtree(directory / name, ignore_errors=True)
        point = {"operation": "put", "place": "checkpoints/", "occurrence": occurrence, "when": "after"}
        if name == "repeated":
            point |= {"place": "checkpoints/-", "occurrence": occurrence}
        point |= {"signal": int(signal.SIGKILL)}
        _run_old(code, directory, "tests.killing", settings_of(name) | {"KILL_AT": json.dumps(point)})
        if _INTERRUPTED[name](directory / name):
            return
    message = f"no kill of {name} was where it is wanted"
    raise RuntimeError(message)


def main() -> None:
    """Write all folders anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("code", type=Path, help="a checkout of the commit whose code is to write them")
    code = parser.parse_args().code.resolve()
    shutil.rmtree(RUNS, ignore_errors=True)
    RUNS.mkdir()
    WRITTEN_ON.write_text(machine(), "utf-8")
    (RUNS / f"{INITIAL_WEIGHTS}.xz").write_bytes(lzma.compress(initial_weights(), preset=9))
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        directory = Path(name)
        write_inputs(directory)
        for run in ASKED_FOR:
            if run in _INTERRUPTED:
                _interrupt(code, directory, run)
                pack(directory / run, RUNS / run)
            assert _run_old(code, directory, "job", settings_of(run)) == 0
            if run in _INTERRUPTED:
                shutil.copyfile(directory / run / "results.json", RUNS / run / EXPECTED)
            else:
                pack(directory / run, RUNS / run)


if __name__ == "__main__":
    main()
