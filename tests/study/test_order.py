"""The order of a run's writes: wherever a job is killed, what its records name is there and whole."""

import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.jobs import run_job, tiny_settings
from tests.study.test_resume import kill


def read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def named(run: Path) -> dict[str, str]:
    """Return the sha256 of each object that a run's records name and that is still needed, by key."""
    found: dict[str, str] = {}
    trials = [read(path) for path in sorted((run / "trials").glob("*.json"))]
    best = max(trials, key=lambda trial: (trial["value"], -trial["number"]), default=None)
    if best is not None:
        found[best["model"]["key"]] = best["model"]["sha256"]
    if (run / "model" / "model.json").exists():
        files = read(run / "model" / "model.json")["sha256"]
        found |= {f"model/{name}": sha256 for name, sha256 in files.items()}
    if (run / "results.json").exists():
        results = read(run / "results.json")
        found |= results["published"] | {results["best"]["model"]["key"]: results["best"]["model"]["sha256"]}
    return found


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (("create", "trials/", 1, "before"), 0),
        (("create", "trials/", 1, "after"), 1),
        (("create", "trials/", 3, "before"), 1),  # another's weights may go with this record, and not sooner
        (("create", "trials/", 3, "after"), 1),
        (("put", "model/", 2, "after"), 1),
        (("put", "model/", 3, "after"), 3),
        (("put", "results.json", 1, "before"), 3),
        (("put", "results.json", 1, "after"), 5),
    ],
    ids=str,
)
def test_what_a_record_names_is_there_before_it(tmp_path: Path, write: tuple[str, str, int, str], names: int) -> None:
    """Weights before the record of their trial, published files before what lists them, and deletions last."""
    killed = run_job(tiny_settings(tmp_path) | kill(*write), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = tmp_path / "run"
    found = named(run)
    assert len(found) == names
    whole = {key: hashlib.sha256((run / key).read_bytes()).hexdigest() for key in found if (run / key).exists()}
    assert whole == found
    shown = [path for path in (run / "figures", run / "progress.json", run / "results.json") if path.exists()]
    assert len(shown) == {"results.json": 2 if write[3] == "before" else 3}.get(write[1], len(shown))
