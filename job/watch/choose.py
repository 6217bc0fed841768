"""Which way a job is watched: on a terminal that can move its cursor, or by its log."""

import os
import sys
from typing import Literal, TextIO

from job.watch.base import Watch
from job.watch.lines import Lines


def open_watch(log_format: Literal["auto", "console", "json"], place: str) -> Watch:
    """Return what shows a job whose log has this format and whose results will lie at `place`; to be entered."""
    if log_format == "json" or not is_screen(sys.stderr):
        return Lines()
    from job.watch.terminal import Terminal  # noqa: PLC0415 -- rich is slow to import, and only terminals need it

    return Terminal(sys.stderr, place)


def is_screen(stream: TextIO) -> bool:
    """Say whether lines of this stream can be drawn over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
