"""Threads: as many as the process and its container may use, and a sentence where they cannot be had."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from job.training import cpus
from job.training.cpus import refuse_missing_threads, usable_threads
from tests.jobs import environment, error_of, tiny_settings

CORES = 64


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Give a function that makes a machine of 64 cores with this /proc/self/cgroup and these files of cgroups."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)))
    monkeypatch.setattr(cpus, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cpus, "MEMBERSHIP", tmp_path / "membership")

    def make(membership: str, files: dict[str, str]) -> None:
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    return make


def version_1(group: str, quota: int | str, period: int | str = 100_000) -> dict[str, str]:
    return {f"{group}/cpu.cfs_quota_us": str(quota), f"{group}/cpu.cfs_period_us": str(period)}


OWN = "9:memory:/a\n4:cpu,cpuacct:/docker/abc\n2:cpuset:/docker/abc\n1:name=systemd:/docker/abc\n0::/docker/abc\n"


@pytest.mark.parametrize(
    ("membership", "files", "threads"),
    [
        ("", {}, CORES),
        ("0::/\n", {"cpu.max": "max 100000"}, CORES),
        ("0::/\n", {"cpu.max": "300000 100000"}, 3),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "garbage"}, CORES),
        ("0::/pods/pod/job\n", {"cpu.max": "max 100000", "pods/pod/cpu.max": "200000 100000"}, 2),  # of a group above
        ("0::/pods/pod\n", {"pods/cpu.max": "800000 100000", "pods/pod/cpu.max": "400000 100000"}, 4),
        ("0::/pods/pod\n", {"pods/cpu.max": "200000 100000", "pods/pod/cpu.max": "400000 100000"}, 2),
        ("0::/pods/pod\n", {"pods/other/cpu.max": "100000 100000"}, CORES),
        ("0::/not/mounted\n", {"cpu.max": "500000 100000"}, 5),
        (OWN, version_1("cpu", -1), CORES),
        (OWN, version_1("cpu", 400_000), 4),  # a container sees its own group as the root
        (OWN, version_1("cpu,cpuacct", 400_000), 4),
        (OWN, version_1("cpu", -1) | version_1("cpu/docker/abc", 150_000, 50_000), 3),
        (OWN, version_1("cpu,cpuacct/docker", 700_000) | version_1("cpu,cpuacct/docker/abc", -1), 7),
        (OWN, version_1("cpu/docker/other", 100_000), CORES),
        (OWN, version_1("cpu", 20_000), 1),
        (OWN, version_1("cpu", 0), CORES),
        (OWN, version_1("cpu", 100_000, 0), CORES),
        (OWN, version_1("cpu", "garbage"), CORES),
        (OWN, version_1("cpu", 9_000_000) | {"unified/docker/abc/cpu.max": "600000 100000"}, 6),
        (OWN, version_1("cpu", 10**9), CORES),
        ("3:cpuacct,cpu:/x\n", version_1("cpuacct,cpu/x", 200_000), 2),
        ("3:cpuset:/x\n", version_1("cpuset/x", 200_000), CORES),
    ],
)
def test_threads_are_those_that_the_container_may_use(
    machine: Callable[[str, dict[str, str]], None], membership: str, files: dict[str, str], threads: int
) -> None:
    """The tightest quota counts, of both versions of control groups, the process's own or one above it."""
    machine(membership, files)
    assert usable_threads() == threads


def test_threads_are_those_of_omp_num_threads_or_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual variable decides; without it, whatever the container's limit, there is at least one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert usable_threads() == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "all")
    assert usable_threads() >= 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= usable_threads() <= len(os.sched_getaffinity(0))


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A control group of version 1, made for real, of the controller that the test names."""
    path = Path(f"/sys/fs/cgroup/{request.param}/fashiontune-test-{os.getpid()}")
    try:
        path.mkdir()
    except OSError:
        pytest.skip("no control group of version 1 can be made here")
    yield path
    path.rmdir()


@pytest.mark.parametrize("group", ["cpu"], indirect=True)
def test_a_quota_of_the_kernel_counts(group: Path) -> None:
    """A process within a real control group of version 1 uses as many threads as its quota."""
    available = len(os.sched_getaffinity(0))
    quota = max(1, available - 1)
    (group / "cpu.cfs_quota_us").write_text(str(100_000 * quota))
    program = "from job.training.cpus import usable_threads; print(usable_threads())"
    script = f'echo $$ > {group}/cgroup.procs && exec "$0" -c "$1"'
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    result = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, program], env=environment, capture_output=True, text=True, check=True
    )
    assert int(result.stdout) == quota


@pytest.mark.parametrize("group", ["pids"], indirect=True)
def test_a_thread_that_cannot_be_had_is_one_sentence(group: Path, tmp_path: Path) -> None:
    """A job that may start no further thread ends with exit 1 and says which limit to raise, without a traceback."""
    (group / "pids.max").write_text("3")
    script = f'echo $$ > {group}/cgroup.procs && exec "$0" -m job check'
    settings = environment(tiny_settings(tmp_path))
    result = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable], env=settings, capture_output=True, text=True, check=False
    )
    assert "raise the limit of processes (ulimit -u, or the container's pids)" in error_of(result)
    assert result.returncode == 1


def test_threads_are_asked_for_before_openmp_is() -> None:
    """A number of threads that the system has is granted, and the probe's threads are gone afterwards."""
    before = threading.active_count()
    refuse_missing_threads(8)
    assert threading.active_count() == before
