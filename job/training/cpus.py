"""The number of CPU threads to train with: what the machine, the process and its container allow."""

import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from job.errors import ResourcesError

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_threads() -> int:
    """Return OMP_NUM_THREADS if it is set, else what the process's affinity and its container's CPU limit allow."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    limit = min(_quotas(), default=math.inf)
    threads = len(os.sched_getaffinity(0))
    return threads if math.isinf(limit) else min(threads, max(1, round(limit)))


def refuse_missing_threads(count: int) -> None:
    """Raise ResourcesError unless `count` threads can run at once; OpenMP would end the process."""
    done = threading.Event()
    started = []
    try:
        for _ in range(count - 1):  # the first of them runs this
            thread = threading.Thread(target=done.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        message = f"only {len(started) + 1} of {count} threads can be started"
        raise ResourcesError(message) from None
    finally:
        done.set()
        for thread in started:
            thread.join()


def _quotas() -> Iterator[float]:
    """Yield the CPU limits of this process's control group and of every group above it, in CPUs."""
    try:
        lines = MEMBERSHIP.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in ["0::/", "0:cpu:/", *lines]:  # a container sees its own group as the root
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            roots, read = (CGROUPS, CGROUPS / "unified"), _quota_of_version_2
        elif "cpu" in controllers.split(","):
            roots, read = (CGROUPS / "cpu", CGROUPS / controllers), _quota_of_version_1
        else:
            continue
        group = Path(path.lstrip("/"))
        for root in roots:
            for folder in (group, *group.parents):
                quota = read(root / folder)
                if quota is not None:
                    yield quota


def _quota_of_version_2(group: Path) -> float | None:
    try:
        quota, period = (group / "cpu.max").read_text("ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_of_version_1(group: Path) -> float | None:
    try:
        quota, period = (int((group / name).read_text("ascii")) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
        return quota / period if quota > 0 else None  # -1 is no limit
    except (OSError, ValueError, ZeroDivisionError):
        return None
