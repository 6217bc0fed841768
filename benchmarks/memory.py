"""How much memory the whole job takes at its peak, from the first byte of the catalogue to results.json.

    python -m benchmarks.memory [CATALOGUE.zip]

CATALOGUE is the small Fashion Product Images as a zip: 35,466 photos, at 80x60 an array of 511 MB. One trial of two
epochs with Adam, the optimizer with the largest state, and checkpoints of it every ten seconds; a fifth of the photos
trains it, so that this takes minutes. The target is the array and 1.5 GB.

* memory: the peak of the summed PSS of the job's processes (memory that several of them share is counted once), looked
  at ten times a second. A part of it are pages of the libraries' files, which the kernel takes back when it needs them.
* a container of that size: the same job in a memory control group with the target as its limit, where the kernel counts
  those pages, too, and kills what needs more. The figure is its time beside that of the job without a limit; infinite
  where it was killed. Needs root, and is left out without it.
"""

import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, print_figures
from tests.real_photos import ZIP

SECONDS_BETWEEN_LOOKS = 0.1
PHOTOS = 35_466
ARRAY_BYTES = PHOTOS * 80 * 60 * 3
ALLOWED_BYTES = ARRAY_BYTES + 1_500_000_000
MOST_OF_THE_TIME = 1.1
SETTINGS = {
    "N_TRIALS": "1",
    "N_INITIAL_TRIALS": "1",
    "EPOCHS": "2",
    "SEARCH_SPACE": '{"optimizer": ["adam"]}',
    "CHECKPOINT_SECONDS": "10",
    "VALIDATION_FRACTION": "0.4",
    "TEST_FRACTION": "0.4",
}
CONTROL_GROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),  # version 1
    (Path("/sys/fs/cgroup"), "memory.max"),
)


@dataclass
class Run:
    """What a job took."""

    seconds: float
    code: int
    """Its exit code."""
    peak: int = 0
    """Bytes of PSS."""
    peak_anonymous: int = 0
    """Bytes of it that belong to no file."""
    seconds_to_the_peak: float = 0.0
    looks: int = 0


def measure(catalogue: Path = ZIP) -> list[Figure]:
    """Run the job, once without a limit and once with one."""
    free = run_job(catalogue, [])
    assert free.code == 0
    allowed = round(ALLOWED_BYTES / 1e9, 3)
    details = {
        "array_gigabytes": round(ARRAY_BYTES / 1e9, 3),
        "gigabytes_of_no_file": round(free.peak_anonymous / 1e9, 3),
        "seconds_to_the_peak": round(free.seconds_to_the_peak, 1),
        "seconds": round(free.seconds, 1),
        "looks": free.looks,
    }
    figures = [Figure("memory", round(free.peak / 1e9, 3), allowed, "GB of PSS", less_is_better=True, details=details)]
    with control_group(ALLOWED_BYTES) as processes:
        if processes is not None:
            limited = run_job(catalogue, ["sh", "-c", f'echo $$ > {processes} && exec "$@"', "limited"])
            ratio = math.inf if limited.code else round(limited.seconds / free.seconds, 3)
            name, unit = f"a container of {allowed} GB", "of the time without a limit"
            figures.append(
                Figure(
                    name,
                    ratio,
                    MOST_OF_THE_TIME,
                    unit,
                    less_is_better=True,
                    details={"seconds": round(limited.seconds, 1), "exit_code": limited.code},
                )
            )
    return figures


def run_job(catalogue: Path, wrapper: list[str]) -> Run:
    """Run the job, behind a command that starts it, and look at its memory until it ends."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {f"FASHIONTUNE_{name}": value for name, value in SETTINGS.items()} | {
            "FASHIONTUNE_DATASET_URI": str(catalogue),
            "FASHIONTUNE_CACHE_DIR": f"{folder}/cache",
            "FASHIONTUNE_OUTPUT_URI": f"{folder}/run",
        }
        command = [*wrapper, sys.executable, "-m", "job"]
        started = time.monotonic()
        run = Run(0.0, 0)
        with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                used, anonymous = memory_of_tree(process.pid)
                run.looks += 1
                run.peak_anonymous = max(run.peak_anonymous, anonymous)
                if used > run.peak:
                    run.peak, run.seconds_to_the_peak = used, time.monotonic() - started
                time.sleep(SECONDS_BETWEEN_LOOKS)
        run.seconds, run.code = time.monotonic() - started, process.returncode
        assert run.code != 0 or (Path(folder) / "run" / "results.json").exists()
        return run


@contextmanager
def control_group(limit: int) -> Iterator[Path | None]:
    """Make a control group of so many bytes and yield the file that takes its processes; None where that is forbidden.

    What the system has in its cache is dropped before: pages that others have read count as theirs.
    """
    parent, name = next((each for each in CONTROL_GROUPS if (each[0] / "cgroup.procs").exists()), CONTROL_GROUPS[-1])
    group = parent / f"fashiontune-{os.getpid()}"
    try:
        group.mkdir()
        (group / name).write_text(str(limit))
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError as error:
        print(f"no memory limit: {error}", file=sys.stderr)
        processes = None
    else:
        processes = group / "cgroup.procs"
    try:
        yield processes
    finally:
        with contextlib.suppress(OSError):  # it was not made
            group.rmdir()


def memory_of_tree(top: int) -> tuple[int, int]:
    """Return the summed proportional set size of a process and all beneath it, and what of it is of no file; bytes."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            children.setdefault(int(path.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(path.parent.name))
    beneath = [top]
    for pid in beneath:
        beneath += children.get(pid, [])
    found = [_memory(pid) for pid in beneath]
    return sum(used for used, _ in found), sum(anonymous for _, anonymous in found)


def _memory(pid: int) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
        return kilobytes["Pss"] * 1024, (kilobytes["Pss_Anon"] + kilobytes["Pss_Shmem"]) * 1024
    return 0, 0


if __name__ == "__main__":
    print_figures(measure(*map(Path, sys.argv[1:])))
