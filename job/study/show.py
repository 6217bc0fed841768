"""What people watch a run by, made anew after each trial: progress.json, report.html and TensorBoard's event files.

Nothing is ever read from them again, so what goes wrong with one is said, and ends no search that hours were spent on.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from job.page.events import event_file
from job.page.redraw import write_page, write_report
from job.records.results import Environment, Progress, RepetitionRecord, Results, Run, TrialRecord
from job.study.finals import choose, compare
from job.study.identity import versions
from job.study.results import build_progress, describe_run
from job.study.trials import Workbench
from job.text import printable

_log = structlog.get_logger()


def show_progress(bench: Workbench, records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord]) -> None:
    """Write what is known after the last of the records."""

    def show() -> None:
        progress = _progress(bench, records, repetitions)
        bench.journal.show_progress(progress)
        write_page(bench.journal.storage, progress)

    _attempt("progress", show)
    show_events(bench, [*records, *repetitions])


def show_results(bench: Workbench, results: Results) -> None:
    """Write the page and the figures of a finished run."""
    _attempt("report", lambda: write_report(bench.journal.storage, results))


def show_events(bench: Workbench, records: Sequence[TrialRecord]) -> None:
    """Write the event file of each trial and repetition that has none yet."""
    if bench.settings.tensorboard:
        _attempt("TensorBoard", lambda: bench.journal.show_events(records, event_file))


def run_so_far(bench: Workbench, records: Sequence[TrialRecord]) -> Run:
    """Return how the run has gone until now."""
    return describe_run(
        list(bench.journal.attempts().values()),
        records,
        _environment(bench),
        len(bench.equipment.photos.train),
        price_per_hour=bench.settings.price_per_hour or None,
        now=datetime.now(UTC),
    )


def _progress(bench: Workbench, records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord]) -> Progress:
    return build_progress(
        settings=bench.settings.shown(),
        dataset=bench.dataset,
        trials=records,
        finals=compare(records, repetitions, bench.settings),
        best=choose(records, repetitions, bench.settings),
        run=run_so_far(bench, [*records, *repetitions]),
        prior=bench.run.warm_start,
    )


def _environment(bench: Workbench) -> Environment:
    return Environment(
        device=bench.equipment.device.name,
        precision=bench.equipment.device.precision,
        threads=bench.run.threads,
        versions=versions(),
        source_revision=_variable("SOURCE_REVISION"),
        image=_variable("IMAGE"),
    )


def _variable(name: str) -> str | None:
    value = os.environ.get(name)
    return None if value is None else printable(value)


def _attempt(what: str, write: Callable[[], object]) -> None:
    try:
        write()
    except Exception as error:  # noqa: BLE001 -- whatever it is: the search goes on
        _log.warning("not shown", what=what, error=str(error))
