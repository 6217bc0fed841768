"""Preemption: SIGTERM and SIGINT interrupt the job at once, or at the next step boundary while a trial trains."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from job.errors import Preempted

GRACE_SECONDS = 8.0
"""The longest that a signal waits for the present step and its checkpoint; some clouds allow ten seconds in all."""


class Preemption:
    """Turns SIGTERM and SIGINT into `Preempted`, raised in the main thread.

    Every write is atomic, so it may be raised anywhere. Inside `deferred()` it waits for `check()` or the end of the
    block. GRACE_SECONDS after the signal the process ends wherever it is. A second signal ends it at once.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._deferred = False
        self._deadline: threading.Timer | None = None
        self._announce: Callable[[int], None] = lambda _: None

    def install(self) -> None:
        """Take over both signals for the rest of the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def announce(self, tell: Callable[[int], None]) -> None:
        """Have another thread call `tell` with a signal's number as soon as one comes."""
        self._announce = tell

    @property
    def signalled(self) -> bool:
        """Whether a signal came."""
        return self._signal is not None

    def request(self, number: int) -> None:
        """Behave as after a signal, at the next `check()`; may be called in any thread."""
        self._signal = number

    def stand_down(self) -> None:
        """Let the process live on after a signal."""
        if self._deadline is not None:
            self._deadline.cancel()

    def check(self) -> None:
        """Raise Preempted if a signal came; cheap enough for every step."""
        if self._signal is not None:
            raise Preempted(self._signal)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Keep signals waiting within the block."""
        self._deferred = True
        try:
            yield
        except Exception:
            self.check()  # the signal may have caused the error
            raise
        finally:
            self._deferred = False
        self.check()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is not None:
            os._exit(128 + number)
        self._signal = number
        self._deadline = threading.Timer(GRACE_SECONDS, os._exit, (128 + number,))
        self._deadline.daemon = True
        with contextlib.suppress(RuntimeError):  # no thread to be had: the signal counts all the same
            self._deadline.start()
            threading.Thread(target=self._announce, args=(number,), name="announce", daemon=True).start()
        if not self._deferred:
            raise Preempted(number)
