"""How a process ended, where Kubernetes keeps it: the termination message, which `kubectl get pod` shows.

A Pod's log may be gone, or be one of several.
"""

import contextlib
from pathlib import Path

PLACE = Path("/dev/termination-log")
"""Kubernetes' default terminationMessagePath: a file that is there in a Pod alone."""

MOST_BYTES = 4096
"""The kubelet keeps no more."""


def leave_last_words(words: str) -> None:
    """Write the termination message, if this is a Pod; a failure to do so must not hide how the process ended."""
    if PLACE.is_file():
        with contextlib.suppress(OSError):
            PLACE.write_bytes(words.encode(errors="replace")[:MOST_BYTES].decode(errors="ignore").encode())
