"""Terminals that tests look at: pyte shows what was drawn, by this process or, through a pseudo-terminal, by a job."""

import fcntl
import io
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte

from tests.jobs import environment

COLUMNS, ROWS = 80, 24
_PATIENCE = 300.0
"""Seconds, on a machine that does much else."""

Seen = Callable[[list[str]], bool]


class Emulator(pyte.HistoryScreen):
    """A terminal that remembers all lines that have scrolled away."""

    def __init__(self, rows: int = ROWS, columns: int = COLUMNS) -> None:
        super().__init__(columns, rows, history=10_000)

    @property
    def text(self) -> list[str]:
        """All lines from the first one to the last that is not empty."""
        gone = ["".join(line[column].data for column in range(self.columns)) for line in self.history.top]
        lines = [line.rstrip(" ") for line in [*gone, *self.display]]
        while lines and not lines[-1]:
            lines.pop()
        return lines


class Drawn(io.StringIO):
    """A stream of this process, as standard error is, that a terminal shows; threads write and a test looks."""

    def __init__(self, rows: int = ROWS) -> None:
        super().__init__()
        self.screen = Emulator(rows)
        self.written = ""
        self._stream = pyte.Stream(self.screen)
        self._changed = threading.Condition()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._changed:
            self.written += text
            self._stream.feed(text.replace("\n", "\r\n"))  # as a terminal's driver does
            self._changed.notify_all()
        return len(text)

    def resize(self, columns: int) -> None:
        """Give the terminal another width; like most, it wraps what is on it anew."""
        with self._changed:
            text, self.screen = self.screen.text, Emulator(self.screen.lines, columns)
            self._stream = pyte.Stream(self.screen)
            self._stream.feed("\r\n".join(text))

    def until(self, seen: Seen) -> list[str]:
        """Wait until the lines are such, and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: seen(self.screen.text), _PATIENCE), self.screen.text
            return self.screen.text


class Job:
    """A process whose standard output and standard error are a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], reader: int) -> None:
        self.process, self._reader = process, reader
        self.screen = Emulator()
        self.written = b""
        self._stream = pyte.ByteStream(self.screen)

    def until(self, seen: Seen) -> list[str]:
        """Wait until the lines are such, and return them."""
        while not seen(self.screen.text):
            assert self._read(), self.screen.text
        return self.screen.text

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        while self._read():
            pass
        return self.process.wait(_PATIENCE)

    def _read(self) -> bool:
        """Show what has been written next; False at the end."""
        ready, _, _ = select.select([self._reader], [], [], _PATIENCE)
        assert ready, self.screen.text
        try:
            written = os.read(self._reader, 1 << 16)
        except OSError:  # Linux's way to say that nobody has the terminal any more
            return False
        self.written += written
        self._stream.feed(written)
        return bool(written)


@contextmanager
def job_on_terminal(settings: dict[str, str], *arguments: str, term: str = "xterm") -> Iterator[Job]:
    """Start `job` with exactly these settings on a terminal of that type; it is killed if it outlives the block."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "job", *arguments],
        env=environment(settings) | {"TERM": term},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        yield Job(process, reader)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
