"""What people watch a run by: progress.json, report.html and TensorBoard's event files, rewritten as trials end.

Nothing is ever read from them again. A failed write is logged; the search goes on.
"""

import contextvars
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

import structlog
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from job.page.events import event_file
from job.page.files import write_page, write_report
from job.records.results import Progress, Results, Run
from job.records.run import Environment
from job.study.attempt import Workbench
from job.study.executors.base import Executor
from job.study.identity import versions
from job.study.ledger import Ledger
from job.study.outlook import outlook
from job.study.results import build_progress, describe_run
from job.text import printable

PULSE_SECONDS = 30.0
"""Time after which progress.json is written again, although no trial has ended."""

_log = structlog.get_logger()


class Show:
    """Shows the search in a thread of its own, within its `with` block: never twice at a time, the newest state last.

    progress.json is written at the beginning, after each trial, and each PULSE_SECONDS for what is going on.
    """

    def __init__(self, bench: Workbench, executor: Executor, ledger: Ledger) -> None:
        # for good: suggestions and the page set one thread and back again, and here both may do so at a time
        threadpool_limits(1, user_api="blas")
        self._bench, self._executor, self._ledger = bench, executor, ledger
        self._earlier = bench.earlier_attempts()
        self._progress = self._build(ledger)
        self._changed = threading.Condition()
        self._waiting: Ledger | None = None
        self._showing = self._closed = False

    def __enter__(self) -> Self:
        run = partial(contextvars.copy_context().run, self._show_all)  # the log's lines name the run
        self._thread = threading.Thread(target=run, name="show", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread. After an error nothing waits for storage, which may be what failed."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if error is None:
            self._thread.join()

    def recorded(self, ledger: Ledger) -> None:
        """Show what is known now, or as soon as what is being shown is done."""
        with self._changed:
            self._ledger = self._waiting = ledger
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all that was recorded is shown."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is None and not self._showing)

    def look(self) -> Progress:
        """Return the progress as it was last shown, with what is going on now."""
        attempt = self._bench.attempt
        present = self._executor.at_work()
        now = outlook(self._ledger, present, attempt=attempt.number, earlier=self._earlier, elapsed=attempt.elapsed)
        return self._progress.model_copy(update={"now": now})

    def _show_all(self) -> None:
        self._write_progress()
        shown = time.monotonic()
        while True:
            with self._changed:
                self._showing = False
                self._changed.notify_all()
                left = shown + PULSE_SECONDS - time.monotonic()
                self._changed.wait_for(lambda: self._closed or self._waiting is not None, timeout=left)
                if self._closed:
                    return
                ledger, self._waiting, self._showing = self._waiting, None, True
            if ledger is None:
                self._write_progress()
            else:
                _try("progress", partial(self._show, ledger))
                show_events(self._bench, ledger)
            shown = time.monotonic()

    def _show(self, ledger: Ledger) -> None:
        self._progress = self._build(ledger)
        progress = self.look()
        self._bench.journal.show_progress(progress)
        write_page(self._bench.journal.storage, progress)

    def _write_progress(self) -> None:
        _try("progress", lambda: self._bench.journal.show_progress(self.look()))

    def _build(self, ledger: Ledger) -> Progress:
        run = run_so_far(self._bench, ledger)
        return build_progress(ledger, dataset=self._bench.dataset, begun=self._bench.run, run=run)


def show_results(bench: Workbench, results: Results) -> None:
    """Write the page and the figures of a finished run."""
    _try("report", lambda: write_report(bench.journal.storage, results, bench.meter))


def show_events(bench: Workbench, ledger: Ledger) -> None:
    """Write the event file of each trial and repetition that has none yet."""
    if bench.settings.tensorboard:
        _try("TensorBoard", lambda: bench.journal.show_events(ledger.records, event_file))


def run_so_far(bench: Workbench, ledger: Ledger) -> Run:
    """Return how the run has gone until now."""
    device = bench.equipment.device
    environment = Environment(
        device=device.name,
        precision=device.precision,
        threads=bench.run.threads,
        versions=versions(),
        source_revision=_variable("SOURCE_REVISION"),
        image=_variable("IMAGE"),
    )
    return describe_run(
        list(bench.journal.attempts().values()),
        ledger.records,
        environment,
        len(bench.equipment.photos.train),
        price_per_hour=bench.settings.price_per_hour or None,
        now=datetime.now(UTC),
        tries=bench.journal.tries(),
    )


def _variable(name: str) -> str | None:
    value = os.environ.get(name)
    return None if value is None else printable(value)


def _try(what: str, write: Callable[[], object]) -> None:
    try:
        write()
    except Exception as error:  # noqa: BLE001 -- whatever it is: the search goes on
        _log.warning("not shown", what=what, error=str(error))
