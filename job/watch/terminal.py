"""The live view: finished trials and warnings scroll by, and below them stands what is going on."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TextIO

import structlog
from rich.console import Console
from rich.live import Live
from rich.text import Text
from structlog.typing import EventDict, WrappedLogger

from job.records.results import Progress
from job.watch import picture
from job.watch.base import Watch

EVERY_SECONDS = 0.5
"""Between two drawings; each takes milliseconds of a core that trains."""

_SHOWN = {"epoch", "trial", "repetition", "run"}
"""Events that the view shows in another way."""


_log = structlog.get_logger()


class Screen:
    """Lines at the bottom of a terminal that are drawn again and again; what is printed appears above them."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, force_terminal=True, highlight=False)
        drawn_over = sys.stderr.isatty()  # else it goes elsewhere, and rich would write it here
        self._live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=drawn_over)
        self._lengths: list[int] = []

    def __enter__(self) -> Self:
        self._live.start()
        self.console.show_cursor()  # a process that is killed could not show it again
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.draw([])
        self._live.transient = True  # leave no empty line
        self._live.stop()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows that can be drawn in."""
        return self.console.width - 1, self.console.height - 1

    def print(self, lines: list[Text]) -> None:
        """Print lines above, where they stay."""
        if lines:
            self.console.print(Text("\n").join(lines), soft_wrap=True)

    def draw(self, lines: list[Text]) -> None:
        """Draw these lines in place of the last ones."""
        width, height = self.size
        shown = [picture.cut(line, width) for line in lines[:height]]
        if self._lengths:  # a terminal that was made narrower has wrapped what was drawn: more rows are to go
            rows = sum(max(1, -(-length // (width + 1))) for length in self._lengths)
            self._live._live_render._shape = (width, rows)  # noqa: SLF001 -- rich erases as many rows as it drew
        self._lengths = [line.cell_len for line in shown]
        self._live.update(Text("\n").join(shown), refresh=True)


class Terminal(Watch):
    """Draws the live view in a thread of its own. What it cannot draw ends no job."""

    def __init__(self, stream: TextIO, place: str) -> None:
        """Draw on `stream`; `place` is where the results will lie."""
        self._screen, self._place = Screen(stream), place
        self._otherwise = "starting"
        self.shows_trials = False
        self._task: tuple[str, int, int] | None = None
        self._look: Callable[[], Progress] | None = None
        self._rows = picture.Rows()
        self._drawing = threading.Lock()
        self._ended = threading.Event()
        self._processors: list[structlog.typing.Processor] = []

    def __enter__(self) -> Self:
        self._screen.__enter__()
        self._processors = structlog.get_config()["processors"]
        structlog.configure(processors=[self._processors[0], _leave_out, *self._processors[1:]])  # after the names
        self._thread = threading.Thread(target=self._draw_all, name="terminal", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        structlog.configure(processors=self._processors)
        self._screen.__exit__(kind, error, trace)

    def meter(self, task: str, done: int, total: int) -> None:
        """Draw a bar when the view is next drawn."""
        self._task = (task, done, total) if done < total else None

    @contextmanager
    def follow(self, look: Callable[[], Progress]) -> Iterator[None]:
        """Ask `look` before each drawing. After the block, the last rows and how the run stands have been printed."""
        self._look, self.shows_trials = look, True
        try:
            yield
        finally:
            with self._drawing:
                self._look, self._otherwise = None, "ending"
                with suppress(Exception):  # whatever it is, a view must not hide how the search ended
                    run = look()
                    self._screen.print(self._rows.new(run))
                    self._screen.print(picture.standing(run, datetime.now(UTC))[:1])

    def _draw_all(self) -> None:
        failed = False
        while not self._ended.wait(EVERY_SECONDS):
            try:
                with self._drawing:
                    self._draw()
            except Exception as error:  # noqa: BLE001 -- whatever it is: the job goes on
                if not failed:
                    _log.warning("not shown", what="live view", error=str(error))
                failed = True

    def _draw(self) -> None:
        look, task = self._look, self._task
        lines = []
        if task is not None:
            lines.append(picture.task(*task, self._screen.size[0]))
        if look is not None:
            run = look()
            self._screen.print(self._rows.new(run))
            if run.now is not None:
                width, height = self._screen.size
                lines += picture.going_on(run, run.now, width, height - 1)
        self._screen.draw([*(lines or [Text(f" {self._otherwise}")]), Text(f" results: {self._place}", style="dim")])


def _leave_out(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if event["event"] in _SHOWN:
        raise structlog.DropEvent
    event.pop("run", None)  # there is only one
    return event
