"""Everything of the job's training that only a GPU can show, in one program.

    python -m benchmarks.gpu [--device cpu]

Prints a JSON line for each check and one with the summary: two and a half minutes on an H100. Exits with 1 if one
fails. It needs torch, torchvision, safetensors, structlog and numpy, no network and no catalogue: the photos are noise.
With `--device cpu` it does what a CPU can show, which tests the program itself.
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import structlog
import torch

from benchmarks.gpu_checks import CHECKS, Skipped
from benchmarks.gpu_trials import play
from job.training.device import configure_torch


def run_check(check: Callable[[str], dict[str, Any]], device: str) -> str:
    """Run a check, print its line, and return whether it is ok, failed or skipped."""
    started, details = time.monotonic(), {}
    try:
        details, result = check(device), "ok"
    except Skipped:
        result = "skipped"
    except Exception as error:  # noqa: BLE001 -- whatever it is, the check has failed, and the next one is of interest
        result = "failed"
        details = {"error": f"{type(error).__name__}: {error}"[:2000], "where": traceback.format_exc()[-1500:]}
    print(
        json.dumps({"check": check.__name__, "result": result, "s": round(time.monotonic() - started, 1)} | details),
        flush=True,
    )
    return result


def main() -> int:
    """Run all checks, or be one of their children."""
    parser = argparse.ArgumentParser(description="Check the job's training on a GPU.")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--only", action="append", choices=[check.__name__ for check in CHECKS], help="these checks alone"
    )
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if options.role:
        return play(options.device, options.role, options.arguments)
    configure_torch(threads=torch.get_num_threads(), deterministic=True)
    started = time.monotonic()
    chosen = [check for check in CHECKS if not options.only or check.__name__ in options.only]
    results = [run_check(check, options.device) for check in chosen]
    counts = {result: results.count(result) for result in ("ok", "failed", "skipped")}
    print(json.dumps({"summary": counts, "s": round(time.monotonic() - started, 1)}))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
