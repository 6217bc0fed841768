"""A made run that is at work: progress.json of a moment."""

from datetime import timedelta
from functools import cache
from typing import Any

from job.records.now import AtWork, Now
from job.records.objective import better
from job.records.results import Best, Final, Progress
from tests.page.made import START, made_progress

PLANNED = 30
AT = START + timedelta(hours=1)
"""The moment."""


def working(trial: int, **changes: Any) -> AtWork:
    """Return how far a trial is: half of its third epoch."""
    params = {"learning_rate": 0.00345, "momentum": 0.456, "weight_decay": 0.000567, "optimizer": "rmsprop"}
    return AtWork(**{"trial": trial, "params": params, "epoch": 3, "step": 60, "steps": 120} | changes)


def at_moment(
    n_trials: int,
    *at_work: AtWork,
    finals: list[Final] | None = None,
    settings: dict[str, Any] | None = None,
    price: float | None = None,
    **now: Any,
) -> Progress:
    """Return the progress after so many trials of PLANNED, of which the fourth diverged and the sixth failed."""
    whole = _whole()
    best: Best | None = None
    for trial in whole.trials[:n_trials]:
        if trial.value is not None and better(trial.value, best.value if best else None, "accuracy"):
            best = Best(trial=trial.number, params=trial.params, value=trial.value, model=_model())
    moment = {"at": AT, "attempt": 2, "at_work": list(at_work), "seconds_left": None, "seconds_spent": 600.0} | now
    changed: dict[str, Any] = {
        "trials": whole.trials[:n_trials],
        "best": best,
        "finals": finals or [],
        "now": Now(**moment),
    }
    changed |= {"settings": whole.settings | (settings or {})}
    return whole.model_copy(update=changed | {"run": whole.run.model_copy(update={"price_per_hour": price})})


@cache
def _whole() -> Progress:
    return made_progress(PLANNED, PLANNED)


def _model() -> Any:
    best = _whole().best
    assert best is not None
    return best.model
