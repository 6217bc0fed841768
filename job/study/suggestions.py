"""Suggestions: the parameters of what is due, and a check that this attempt would suggest what the records hold.

Other versions of scikit-optimize, scipy or BLAS, or another CPU, may suggest other parameters. The run goes on from its
records, but a fresh run here would not be the same. So the difference is logged once, recorded in the attempt and shown
on the page.
"""

import time
from collections.abc import Mapping, Sequence

import structlog

from job.records.run import Replay, RunRecord
from job.search.cube import Params
from job.search.process import Observation, observe
from job.search.schedule import Start
from job.search.suggest import suggest
from job.study.attempt import Workbench
from job.study.flights import Flight, Suggestion
from job.study.ledger import Due, Ledger

MAX_SECONDS = 5.0

_log = structlog.get_logger()


def suggest_next(bench: Workbench, ledger: Ledger, due: Due, unrecorded: Mapping[int, Flight]) -> Suggestion | None:
    """Return the parameters of what is due; None if it is not yet certain what a new trial is to know.

    `unrecorded` are the trials that have started and have no record.
    """
    if due.repetition:
        return Suggestion(due, next(trial.params for trial in ledger.trials if trial.number == due.number))
    starts = ledger.starts(due.number, {number: flight.course for number, flight in unrecorded.items()})
    if len(starts) <= due.number:
        return None
    started = time.monotonic()
    params = suggest_params(bench.run, ledger, starts, unrecorded)
    return Suggestion(due, params, time.monotonic() - started, starts[due.number].known)


def suggest_params(
    run: RunRecord,
    ledger: Ledger,
    starts: Sequence[Start],
    at_work: Mapping[int, Flight] | None = None,
) -> Params:
    """Return the parameters of the trial that starts last of `starts`, a function of the records that it knows."""
    settings, number = ledger.settings, len(starts) - 1
    start = starts[number]
    told = dict(zip((trial.number for trial in ledger.trials), observe(ledger.trials, settings.objective), strict=True))
    told |= {each: Observation(trial.params, None, trial.course.losses) for each, trial in (at_work or {}).items()}

    def pending(earlier: int) -> Observation:
        shown = max(0, start.time - starts[earlier].time - 1)  # epochs that have ended by then
        return Observation(told[earlier].params, None, told[earlier].curve[:shown], pruned=True)

    return suggest(
        settings.space,
        seed=settings.seed,
        observations=[told[each] for each in start.known],
        number=number,
        n_initial=settings.n_initial_trials,
        prior=[observe(earlier.observations, settings.objective) for earlier in run.warm_start],
        pending=[pending(each) for each in range(number) if each not in start.known],
        parallel=ledger.parallel,
        guess_first=run.guess_first,
    )


def check_replay(ledger: Ledger, run: RunRecord, *, seconds: float = MAX_SECONDS) -> Replay | None:
    """Suggest recorded trials again, the newest first, for at most `seconds`; return the first that differs."""
    began = time.monotonic()
    for index, trial in reversed(list(enumerate(ledger.trials))):
        if trial.number > index:  # one that it may have known the parameters of has no record yet
            continue
        suggested = suggest_params(run, ledger, ledger.starts(trial.number))
        if suggested != trial.params:
            _log.warning(
                "a recorded trial would be suggested otherwise here; the run goes on from its records",
                trial=trial.number,
                recorded=trial.params,
                suggested=suggested,
            )
            return Replay(trial=trial.number, recorded=trial.params, suggested=suggested)
        if time.monotonic() - began > seconds:
            break
    return None
