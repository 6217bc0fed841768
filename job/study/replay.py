"""A check that this attempt would suggest what the records hold.

Other versions of scikit-optimize, scipy or BLAS, or another CPU, may suggest other parameters. The run goes on from its
records, but a fresh run here would not be the same. So the difference is logged once, recorded in the attempt and shown
on the page.
"""

import time

import structlog

from job.records.run import Replay, RunRecord
from job.study.ledger import Ledger
from job.study.trials import suggest_params

MAX_SECONDS = 5.0

_log = structlog.get_logger()


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
