"""What people watch a run by, rewritten after each trial: progress.json, report.html and TensorBoard's event files.

Nothing is ever read from them again. A failed write is logged; the search goes on.
"""

import contextvars
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from job.page.events import event_file
from job.page.files import write_page, write_report
from job.records.results import Results, Run
from job.records.run import Environment
from job.study.attempt import Workbench
from job.study.identity import versions
from job.study.ledger import Ledger
from job.study.results import build_progress, describe_run
from job.text import printable

_log = structlog.get_logger()


def show_progress(bench: Workbench, ledger: Ledger) -> None:
    """Write what is known so far."""

    def show() -> None:
        run = run_so_far(bench, ledger)
        progress = build_progress(ledger, dataset=bench.dataset, prior=bench.run.warm_start, run=run)
        bench.journal.show_progress(progress)
        write_page(bench.journal.storage, progress)

    _try("progress", show)
    show_events(bench, ledger)


class BackgroundShow:
    """Shows progress while other trials train: never twice at a time, and the newest state last."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._changing = threading.Lock()
        self._waiting: Ledger | None = None
        self._thread: threading.Thread | None = None

    def show(self, ledger: Ledger) -> None:
        """Show what is known, now or as soon as what is being shown is done."""
        with self._changing:
            self._waiting = ledger
            if self._thread is None:
                run = partial(contextvars.copy_context().run, self._show_all)  # the log's lines keep their names
                self._thread = threading.Thread(target=run, name="show", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is being shown."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _show_all(self) -> None:
        while True:
            with self._changing:
                ledger, self._waiting = self._waiting, None
                if ledger is None:
                    self._thread = None
                    return
            show_progress(self._bench, ledger)


def show_results(bench: Workbench, results: Results) -> None:
    """Write the page and the figures of a finished run."""
    _try("report", lambda: write_report(bench.journal.storage, results))


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
