"""Suggestions: the parameters of what is due, and a check that this attempt would suggest what the records hold.

Other versions of scikit-optimize, scipy or BLAS, or another CPU, may suggest other parameters. The run goes on from its
records, but a fresh run here would not be the same. So the difference is logged once, recorded in the attempt and shown
on the page.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from job.records.prior import PriorRun
from job.records.run import Replay, RunRecord
from job.records.trial import TrialRecord
from job.search.process import Params, observe
from job.search.suggest import suggest
from job.settings import Settings
from job.study.attempt import Workbench
from job.study.ledger import Due, Ledger

MAX_SECONDS = 5.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Suggestion:
    """What to train next, with which parameters, and the seconds that it took to choose them."""

    due: Due
    params: Params
    seconds: float = 0.0


def suggest_next(bench: Workbench, ledger: Ledger, due: Due) -> Suggestion:
    """Return the parameters of what is due: for a new trial a function of the settings and all earlier records."""
    structlog.contextvars.bind_contextvars(
        trial=due.number, **({"repetition": due.repetition} if due.repetition else {})
    )
    if due.repetition:
        return Suggestion(due, ledger.trials[due.number].params)
    started = time.monotonic()
    params = suggest_params(bench.settings, bench.run.warm_start, ledger.trials)
    return Suggestion(due, params, time.monotonic() - started)


def suggest_params(settings: Settings, warm_start: Sequence[PriorRun], trials: Sequence[TrialRecord]) -> Params:
    """Return the parameters of the trial that follows `trials`."""
    return suggest(
        settings.space,
        seed=settings.seed,
        observations=observe(trials, settings.objective),
        number=len(trials),
        n_initial=settings.n_initial_trials,
        acquisition=settings.acquisition,
        prior=[observe(earlier.observations, settings.objective) for earlier in warm_start],
    )


def check_replay(ledger: Ledger, run: RunRecord, *, seconds: float = MAX_SECONDS) -> Replay | None:
    """Suggest recorded trials again, the newest first, for at most `seconds`; return the first that differs."""
    began = time.monotonic()
    for trial in reversed(ledger.trials):
        suggested = suggest_params(ledger.settings, run.warm_start, ledger.trials[: trial.number])
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
