"""A job's log as people watch it where there is no terminal: it is never silent for more than a minute."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog

from job.records.results import Progress
from job.watch.base import Watch

EVERY_SECONDS = 50.0
"""Between two lines; a busy machine may be late."""

_log = structlog.get_logger()


class Lines(Watch):
    """Logs an event `progress` for each trial at work, or for the task that is being done."""

    shows_trials = False

    def __init__(self) -> None:
        self._task: dict[str, Any] = {}
        self._look: Callable[[], Progress] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        run = partial(contextvars.copy_context().run, self._say_all)  # its lines name the run
        self._thread = threading.Thread(target=run, name="lines", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def meter(self, task: str, done: int, total: int) -> None:
        """Remember the task for the next line."""
        self._task = {"task": task, "done": done, "total": total} if done < total else {}

    @contextmanager
    def follow(self, look: Callable[[], Progress]) -> Iterator[None]:
        """Ask `look` before each line."""
        self._look = look
        try:
            yield
        finally:
            self._look = None

    def _say_all(self) -> None:
        failed = False
        while not self._ended.wait(EVERY_SECONDS):
            try:
                self._say()
            except Exception as error:  # noqa: BLE001 -- whatever it is: the next line may be told
                if not failed:
                    _log.warning("not shown", what="progress", error=str(error))
                failed = True

    def _say(self) -> None:
        look, task = self._look, self._task
        progress = None if look is None else look()
        if progress is None or progress.now is None or task:
            _log.info("progress", **task)
            return
        common = {"trials_done": len(progress.trials), "seconds_left": progress.now.seconds_left}
        for each in progress.now.at_work:
            where = {"epoch": each.epoch, "step": each.step, "steps": each.steps}
            _log.info("progress", trial=each.trial, repetition=each.repetition, **where, **common, worker=each.worker)
        if not progress.now.at_work:
            _log.info("progress", **common)
