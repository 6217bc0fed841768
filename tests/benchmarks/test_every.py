"""Every benchmark still fits the job that it measures."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = sorted(path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_finds_all_that_it_imports(name: str) -> None:
    """What has moved or gone is noticed before the next measurement, which may be weeks away."""
    importlib.import_module(f"benchmarks.{name}")
