"""The program that checks training on a GPU: it runs, with few packages, and what a CPU can show is right."""

import json
import subprocess
import sys

from benchmarks.gpu_checks import CHECKS

NEEDS_GPU = {"no_waiting", "losses", "graphs", "images_on_host", "out_of_memory", "broken_device"}
PROGRAM = """
import runpy, sys

for name in ("pydantic", "pydantic_settings", "pandas", "boto3", "skopt", "sklearn", "scipy", "altair", "jinja2"):
    sys.modules[name] = None  # an import of it fails
sys.argv[1:] = ["--device", "cpu"]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def test_the_checks_for_a_gpu_run_on_a_cpu() -> None:
    """A line for each check and a summary, without the packages that a rented machine lacks, and exit code 0."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["check"]: line["result"] for line in lines[:-1]} == {
        check.__name__: "skipped" if check.__name__ in NEEDS_GPU else "ok" for check in CHECKS
    }, done.stdout + done.stderr
    assert lines[-1]["summary"] == {"ok": len(CHECKS) - len(NEEDS_GPU), "failed": 0, "skipped": len(NEEDS_GPU)}
    assert done.returncode == 0


def test_a_check_that_fails_fails_the_program() -> None:
    """Without a GPU every check of one fails by name, and the exit code says so."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cuda", "--only", "the_device"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line, summary = map(json.loads, done.stdout.splitlines())
    assert (line["check"], line["result"]) == ("the_device", "failed")
    assert summary["summary"] == {"ok": 0, "failed": 1, "skipped": 0}
    assert done.returncode == 1
