"""Where a job starts: whose run is this, and is anything left to do? Answered at once, before torch is imported."""

import os
from dataclasses import dataclass

import structlog

from job.records.results import RESULTS, Results
from job.settings import Settings
from job.storage import open_storage
from job.study.budget import budget_spent
from job.study.finals import compare
from job.study.identity import refuse_other_settings
from job.study.journal import Journal
from job.study.preemption import Preemption
from job.study.tidy import tidy

_log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """How a job ended that did end well."""

    results: Results
    uri: str
    """Of results.json."""


def run_job(settings: Settings, stop: Preemption) -> Outcome:
    """Do the whole job, or what is left of it.

    Raises JobError for what will not get better by itself, StorageUnavailableError for what may, and Preempted.
    """
    journal = Journal(open_storage(settings.output_uri, retry_seconds=settings.retry_seconds))
    structlog.contextvars.bind_contextvars(run=settings.output_uri)
    uri = journal.storage.uri + RESULTS
    run = journal.run()
    if run is not None:
        refuse_other_settings(run, settings, settings.output_uri)
        results = journal.finished(settings) if run.dataset_uri == settings.dataset_uri else None
        if results is not None:
            if journal.shows_progress():  # a kill came between the results and the end
                tidy(journal, settings, journal.trials(), journal.repetitions())
            _log.info("run is complete already", trials=len(results.trials), results=uri)
            return Outcome(results, uri)
        results = journal.results()
        if results is not None and results.status == "budget_spent" and _still_spent(results, settings, journal):
            _log.info("time budget is spent already", trials=len(results.trials), results=uri)
            return Outcome(results, uri)
    journal.check_writable()
    # OpenMP's threads spin while they wait, 300,000 times by default: two jobs on the same two cores then train at 17
    # photos/s where one alone has 227; spinning 1,000 times, they train at 115 each, and one alone at 220
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from job.study.loop import work  # noqa: PLC0415 -- imports torch

    return Outcome(work(settings, journal, run, stop), uri)


def _still_spent(results: Results, settings: Settings, journal: Journal) -> bool:
    records, repetitions = journal.trials(), journal.repetitions()
    shown = len(records) == len(results.trials) and compare(records, repetitions, settings) == results.finals
    return shown and budget_spent(settings.time_budget, [*records, *repetitions], journal.attempts())
