"""Runs benchmarks, each in a process of its own, and writes RESULTS.md from what they have printed.

    python -m benchmarks.run CATALOGUE [NAME ...]

Without names, all of them: the better part of an hour on two cores that must have nothing else to do. What each has
printed stays in build/bench/, so one of them can be run again alone.
"""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

CATALOGUE = ("training", "fetching", "memory", "startup")
"""Benchmarks that need real photos."""
ALL = (*CATALOGUE, "trial_profile", "searches", "checkpoints", "preemption", "page")
RESULTS = Path(__file__).with_name("RESULTS.md")
BUILD = Path("build/bench")
VERSIONS = ("torch", "torchvision", "scikit-optimize", "optuna", "numpy", "pillow", "simplejpeg", "boto3")


def run(name: str, catalogue: str) -> None:
    """Run a benchmark and keep what it prints."""
    arguments = [catalogue] if name in CATALOGUE else []
    print(f"{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    json.loads(done.stdout)  # else it is no result
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / f"{name}.json").write_text(done.stdout, "utf-8")


def section(name: str, found: dict[str, Any]) -> str:
    """Return what a benchmark has found, as a part of RESULTS.md."""
    lines = [f"## {name}", "", f"`python -m benchmarks.{name}` on {found.pop('machine')}", ""]
    figures = found.pop("figures", None)
    if figures is None:
        lines += ["| figure | measured |", "|---|---|", *(f"| {key} | {value} |" for key, value in found.items())]
        return "\n".join(lines)
    lines += ["| figure | measured | target | |", "|---|---|---|---|"]
    for each in figures:
        limit = "at most" if each["less_is_better"] else "at least"
        target = "" if each["target"] is None else f"{limit} {each['target']}"
        met = {True: "met", False: "**missed**", None: ""}[each["is_met"]]
        lines.append(f"| {each['name']} | {each['value']} {each['unit']} | {target} | {met} |")
    for each in figures:
        if each["details"]:
            told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in each["details"].items())
            lines += ["", f"{each['name']}: {told}."]
    return "\n".join(lines)


def write_results() -> None:
    """Write RESULTS.md from what all benchmarks have last printed, below what it says of them by hand."""
    parts = [RESULTS.read_text("utf-8").split("\n## ")[0].strip()]
    for name in ALL:
        path = BUILD / f"{name}.json"
        if path.exists():
            parts.append(section(name, json.loads(path.read_text("utf-8"))))
    parts.append("Versions: " + ", ".join(f"{name} {version(name)}" for name in VERSIONS) + ".")
    RESULTS.write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    for benchmark in sys.argv[2:] or ALL:
        run(benchmark, sys.argv[1])
    write_results()
