"""The start of a job: whose run is this, and is anything left to do? Answered before torch is imported."""

import os
from dataclasses import dataclass

import structlog

from job.preemption import Preemption
from job.records.results import RESULTS, Results
from job.records.run import RunRecord
from job.records.status import RunStatus
from job.settings import Settings
from job.study.identity import open_run
from job.study.journal import Journal
from job.study.ledger import budget_spent
from job.watch.base import Watch

_log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """The results of a job that ended well."""

    results: Results
    uri: str
    """Of results.json."""


def run_job(settings: Settings, stop: Preemption, watch: Watch) -> Outcome:
    """Do the whole job, or what is left of it.

    Raises JobError for what will not get better by itself, StorageUnavailableError for what may, and Preempted.
    """
    journal, run = open_run(settings)
    uri = journal.storage.uri + RESULTS
    if run is not None:
        results = _nothing_left(settings, journal, run)
        if results is not None:
            _log.info("nothing is left to do", status=results.status, trials=len(results.trials), results=uri)
            return Outcome(results, uri)
    journal.check_writable()
    # OpenMP's threads spin while they wait, 300,000 times by default: two jobs on the same two cores then train at 17
    # photos/s where one alone has 227; spinning 1,000 times, they train at 115 each, and one alone at 220
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from job.study.loop import work  # noqa: PLC0415 -- imports torch

    return Outcome(work(settings, journal, run, stop, watch), uri)


def _nothing_left(settings: Settings, journal: Journal, run: RunRecord) -> Results | None:
    """Return the results of a run that has all that is asked for, or whose time budget is still spent."""
    results = journal.finished(settings) if run.dataset_uri == settings.dataset_uri else None
    if results is not None:
        if journal.shows_progress():  # a kill came between the results and the end
            journal.tidy(journal.ledger(settings, run))
        return results
    results = journal.results()
    if results is None or results.status is not RunStatus.BUDGET_SPENT:
        return None
    ledger = journal.ledger(settings, run)
    shown = len(ledger.trials) == len(results.trials) and ledger.finals == results.finals
    return (
        results
        if shown
        and budget_spent(settings.time_budget, ledger.records, journal.attempts(), parallel=run.parallel_trials)
        else None
    )
