"""Made records of workers: who has trained the trials of a made run, with losses and an interruption."""

import heapq
from collections import deque
from datetime import timedelta
from typing import TypeVar

import numpy as np

from job.records.results import Progress, Results
from job.records.run import AttemptRecord
from job.records.status import DeviceUsed
from job.records.trial import TrialRecord
from job.records.tries import TryRecord
from job.study.results import describe_run
from tests.page.made import START

RunT = TypeVar("RunT", Results, Progress)
_LOST = 0.12  # the share of trials whose first worker is lost


def with_workers(run: RunT, n_workers: int, *, seed: int = 0) -> RunT:
    """Return a run that this many workers have trained in two attempts, some of which were lost meanwhile.

    In a run that goes on, workers are at work on trials that are not recorded yet.
    """
    rng = np.random.default_rng(seed)
    going_on = isinstance(run, Progress)
    cut = 0.55 * sum(trial.timing.total for trial in run.trials) / n_workers  # when the first attempt ended
    waiting = deque((trial.number, trial.timing.total, 0, 0.0) for trial in run.trials)
    free = [(0.3 * worker, worker) for worker in range(n_workers)]
    tries: list[TryRecord] = []
    ended: dict[int, float] = {}
    while waiting:
        number, seconds, step, ready = waiting.popleft()
        at, worker = heapq.heappop(free)
        start = max(at, ready)
        if start < cut <= start + seconds:
            tries.append(_try(number, worker, start, cut, "put down", step=step))
            waiting.appendleft((number, seconds - (cut - start), 180, cut + 60.0))
            heapq.heappush(free, (cut + 60.0, worker))
        elif step == 0 and rng.random() < _LOST:
            tries.append(_try(number, worker, start, None, None))
            gone = start + rng.uniform(0.3, 0.9) * seconds
            waiting.appendleft((number, 0.6 * seconds, 180, gone + 2.0))
            heapq.heappush(free, (gone + 25.0, worker))
        else:
            ended[number] = start + seconds
            tries.append(_try(number, worker, start, ended[number], str(run.trials[number].status), step=step))
            heapq.heappush(free, (ended[number] + 0.8, worker))
    last = max(ended.values(), default=0.0)
    if going_on:
        tries += [
            _try(len(ended) + place, worker, min(at, last), None, None) for place, (at, worker) in enumerate(free)
        ]
    trials = [_ended(trial, ended[trial.number], 1 + (ended[trial.number] > cut)) for trial in run.trials]
    attempts = [_attempt(0.0, cut, "signal 15"), _attempt(cut + 50.0, last, None if going_on else "complete")]
    now = START + timedelta(seconds=last + 5)
    how = describe_run(attempts, trials, run.run.environment, 31100, price_per_hour=0.8, now=now, tries=tries)
    settings = run.settings | {"parallel_trials": n_workers}
    return run.model_copy(update={"trials": trials, "run": how, "settings": settings})


def _ended(trial: TrialRecord, end: float, attempt: int) -> TrialRecord:
    timing = {"ended_at": START + timedelta(seconds=end), "attempt": attempt}
    return trial.model_copy(update={"timing": trial.timing.model_copy(update=timing)})


def _attempt(start: float, end: float, outcome: str | None) -> AttemptRecord:
    return AttemptRecord(
        started_at=START + timedelta(seconds=start - 20),
        host="fashiontune-head",
        ended_at=None if outcome is None else START + timedelta(seconds=end + 4),
        outcome=outcome,
        seconds={} if outcome is None else {"total": end - start + 24},
    )


def _try(number: int, worker: int, start: float, end: float | None, outcome: str | None, *, step: int = 0) -> TryRecord:
    return TryRecord(
        trial=number,
        worker=worker,
        host=f"ray-worker-{worker}",
        device=DeviceUsed("NVIDIA L4", "8.9", "bf16"),
        started_at=START + timedelta(seconds=start),
        step=step,
        ended_at=None if end is None else START + timedelta(seconds=end),
        outcome=outcome,
    )
