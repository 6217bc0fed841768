"""The job as in a Pod: `python -m tests.in_a_pod` runs `job` with TERMINATION_LOG as the file of its last words.

With BUG the run raises a ValueError that says so, with SIGNAL it gets that signal, and with both the signal's exception
comes out as that error, as within an import by C code.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from job import last_words
from job.cli import main
from job.errors import Preempted
from job.study import start


def end(*_: object) -> None:
    """End the run as the environment says."""
    if "SIGNAL" in os.environ:
        with contextlib.suppress(*([Preempted] if "BUG" in os.environ else [])):
            signal.raise_signal(int(os.environ["SIGNAL"]))
    raise ValueError(os.environ["BUG"])


if __name__ == "__main__":
    last_words.PLACE = Path(os.environ["TERMINATION_LOG"])
    if {"BUG", "SIGNAL"} & os.environ.keys():
        setattr(start, "run_job", end)  # noqa: B010 -- to the type checker it is another function
    sys.exit(main(sys.argv[1:]))
