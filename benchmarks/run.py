"""Runs benchmarks, each in a process of its own, and writes RESULTS.md from what they have printed.

    python -m benchmarks.run CATALOGUE [NAME ...]

Without names, all of them: the better part of an hour on two cores that must have nothing else to do. What RESULTS.md
says by hand stays, and so do the figures of benchmarks that are not run.
"""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

CATALOGUE = ("training", "fetching", "memory", "startup")
"""Benchmarks that need real photos."""
ALL = (*CATALOGUE, "trial_profile", "searches", "choice", "parallel", "checkpoints", "preemption", "page", "watching")
HEADINGS = {"choice": "choice of the winner", "parallel": "parallel trials"}
"""Of parts of RESULTS.md that are not headed by the benchmark's name."""
RESULTS = Path(__file__).with_name("RESULTS.md")
VERSIONS = ("torch", "torchvision", "scikit-optimize", "optuna", "numpy", "pillow", "simplejpeg", "boto3")


def run(name: str, catalogue: str) -> dict[str, Any]:
    """Run a benchmark and return what it prints."""
    arguments = [catalogue] if name in CATALOGUE else []
    print(f"{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def section(name: str, found: dict[str, Any]) -> str:
    """Return what a benchmark has found, as a part of RESULTS.md."""
    lines = [f"## {HEADINGS.get(name, name)}", "", f"`python -m benchmarks.{name}` on {found.pop('machine')}", ""]
    figures = found.pop("figures", None)
    if figures is None:
        lines += [
            "| figure | measured |",
            "|---|---|",
            *(f"| {key} | {_told(value)} |" for key, value in found.items()),
        ]
        return "\n".join(lines)
    if all(each["target"] is None and each["details"].keys() == figures[0]["details"].keys() for each in figures):
        return "\n".join(lines + _table(figures))
    lines += ["| figure | measured | target | |", "|---|---|---|---|"]
    for each in figures:
        limit = "at most" if each["less_is_better"] else "at least"
        target = "" if each["target"] is None else f"{limit} {each['target']}"
        met = {True: "met", False: "**missed**", None: ""}[each["is_met"]]
        lines.append(f"| {each['name']} | {each['value']} {each['unit']} | {target} | {met} |")
    for each in figures:
        if each["details"]:
            lines += ["", f"{each['name']}: {_told(each['details'])}."]
    return "\n".join(lines)


def _table(figures: list[dict[str, Any]]) -> list[str]:
    """Return figures of one kind, none of which has a target, as the lines of a table with their details."""
    head = ["figure", "measured", *figures[0]["details"]]
    rows = [[each["name"], f"{each['value']} {each['unit']}", *map(str, each["details"].values())] for each in figures]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def _told(value: Any) -> str:  # noqa: ANN401 -- whatever JSON holds
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{key.replace('_', ' ')} {each}" for key, each in value.items())


def write_section(name: str, text: str) -> None:
    """Put a benchmark's part of RESULTS.md in place of the one that is there, and the versions at the end."""
    old, _, _ = RESULTS.read_text("utf-8").partition("\nVersions: ")
    head, *rest = old.split("\n## ")
    sections = {each.splitlines()[0]: f"## {each}" for each in rest} | {HEADINGS.get(name, name): text}
    headings = [HEADINGS.get(each, each) for each in ALL]
    parts = [head, *(sections[each] for each in headings if each in sections)]
    versions = "Versions: " + ", ".join(f"{package} {version(package)}" for package in VERSIONS) + "."
    RESULTS.write_text("\n\n".join(part.strip() for part in [*parts, versions]) + "\n", "utf-8")


if __name__ == "__main__":
    for benchmark in sys.argv[2:] or ALL:
        write_section(benchmark, section(benchmark, run(benchmark, sys.argv[1])))
