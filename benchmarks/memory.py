"""How much memory the whole job takes at its peak, from the first byte of the catalogue to results.json.

    python -m benchmarks.memory [CATALOGUE.zip]

CATALOGUE is the small Fashion Product Images as a zip: 35,466 photos, at 80x60 an array of 511 MB. One trial of one
epoch, which takes some minutes on two cores. The figure is the peak of the summed PSS of the job's processes (memory
that several of them share is counted once), looked at ten times a second; the target is the array and 1.5 GB.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure, print_figures
from tests.real_photos import ZIP

SECONDS_BETWEEN_LOOKS = 0.1
PHOTOS = 35_466
ARRAY_BYTES = PHOTOS * 80 * 60 * 3
ALLOWED_BYTES = ARRAY_BYTES + 1.5e9


def measure(catalogue: Path = ZIP) -> list[Figure]:
    """Run the job and return its peak."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "FASHIONTUNE_DATASET_URI": str(catalogue),
            "FASHIONTUNE_CACHE_DIR": f"{folder}/cache",
            "FASHIONTUNE_OUTPUT_URI": f"{folder}/run",
            "FASHIONTUNE_N_TRIALS": "1",
            "FASHIONTUNE_N_INITIAL_TRIALS": "1",
            "FASHIONTUNE_EPOCHS": "1",
        }
        peak, seconds, samples = 0, 0.0, 0
        started = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "job"], env=os.environ | settings, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                used = pss_of_tree(process.pid)
                samples += 1
                if used > peak:
                    peak, seconds = used, time.monotonic() - started
                time.sleep(SECONDS_BETWEEN_LOOKS)
        assert process.returncode == 0
        assert (Path(folder) / "run" / "results.json").exists()
    details = {
        "array_gigabytes": round(ARRAY_BYTES / 1e9, 3),
        "seconds_to_the_peak": round(seconds, 1),
        "seconds": round(time.monotonic() - started, 1),
        "looks": samples,
    }
    allowed = round(ALLOWED_BYTES / 1e9, 3)
    return [Figure("memory", round(peak / 1e9, 3), allowed, "GB of PSS", less_is_better=True, details=details)]


def pss_of_tree(top: int) -> int:
    """Return the summed proportional set size of a process and all beneath it, in bytes."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            children.setdefault(int(path.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(path.parent.name))
    beneath = [top]
    for pid in beneath:
        beneath += children.get(pid, [])
    return sum(map(_pss, beneath))


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0


if __name__ == "__main__":
    print_figures(measure(*map(Path, sys.argv[1:])))
