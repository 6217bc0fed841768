"""Results of a finished search: results.json, made of records and one evaluation.

Knows no storage and no study: it turns what is known into objects.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from job.metrics import class_metrics_of, metrics_of, wilson_interval
from job.records.dataset import Dataset
from job.records.prior import PriorRun, WarmStart
from job.records.results import (
    AttemptRecord,
    Best,
    ClassScore,
    Environment,
    Final,
    Importance,
    Mistake,
    Progress,
    RepetitionRecord,
    Results,
    Run,
    Test,
    TrialRecord,
    TrialResult,
)
from job.search.process import observe
from job.search.space import parse_search_space
from job.search.surrogate import importance


def score_test(
    confusion: NDArray[np.int64], top3_hits: int, classes: Sequence[str], mistakes: Sequence[Mistake]
) -> Test:
    """Return the `test` part of the results; `confusion` is (C, C), rows true classes and columns predicted ones."""
    metrics = metrics_of(confusion)
    photos = int(confusion.sum())
    per_class = [
        ClassScore(name=name, precision=row.precision, recall=row.recall, f1=row.f1, support=row.support)
        for name, row in zip(classes, class_metrics_of(confusion), strict=True)
    ]
    return Test(
        accuracy=metrics.accuracy,
        accuracy_ci95=wilson_interval(int(confusion.trace()), photos),
        macro_f1=metrics.macro_f1,
        balanced_accuracy=metrics.balanced_accuracy,
        top3_accuracy=top3_hits / photos,
        per_class=per_class,
        confusion=confusion.tolist(),
        mistakes=list(mistakes),
    )


def describe_run(
    attempts: Sequence[AttemptRecord],
    trials: Sequence[TrialRecord],
    environment: Environment,
    train_images: int,
    *,
    price_per_hour: float | None,
    now: datetime,
) -> Run:
    """Return the `run` part of the results; `idle` is the time since the first attempt that nothing accounts for."""
    seconds = {
        "fetch": sum(attempt.seconds.get("fetch", 0.0) for attempt in attempts),
        "prepare": sum(attempt.seconds.get("prepare", 0.0) for attempt in attempts),
        "train": sum(trial.timing.train for trial in trials),
        "suggest": sum(trial.timing.suggest for trial in trials),
        "checkpoint": sum(trial.timing.checkpoint for trial in trials),
        "evaluate": sum(trial.timing.evaluate for trial in trials)
        + sum(attempt.seconds.get("evaluate", 0.0) for attempt in attempts),
    }
    first = min((attempt.started_at for attempt in attempts), default=now)
    seconds["idle"] = max(0.0, (now - first).total_seconds() - sum(seconds.values()))
    trained = sum(train_images * len(trial.epochs) for trial in trials)
    return Run(
        attempts=list(attempts),
        environment=environment,
        seconds={name: round(value, 3) for name, value in seconds.items()},
        images_per_second=round(trained / seconds["train"], 1) if seconds["train"] else None,
        price_per_hour=price_per_hour,
    )


def importance_of(settings: Mapping[str, Any], trials: Sequence[TrialRecord]) -> dict[str, Importance]:
    """Return the importance of each hyperparameter that was searched; `settings` are those that define the search."""
    space = parse_search_space(json.dumps(settings["search_space"]))
    observations = observe(trials, settings["objective"])
    found = importance(space, observations, settings["seed"])
    return {name: Importance(main=main, total=total) for name, (main, total) in found.items()}


def build_results(
    *,
    status: Literal["complete", "budget_spent"],
    settings: Mapping[str, Any],
    dataset: Dataset,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    best: TrialRecord,
    test: Test,
    published: Mapping[str, str],
    run: Run,
    prior: Sequence[PriorRun] = (),
) -> Results:
    """Return results.json; `best` is one of `trials`, or a repetition of one, and has its weights stored."""
    winner = _best(best, finals)
    assert winner is not None  # noqa: S101 -- tells the type checker what being the best means
    return Results(
        status=status,
        **_search(settings=settings, dataset=dataset, trials=trials, finals=finals, run=run, prior=prior),
        best=winner,
        test=test,
        published=dict(published),
    )


def build_progress(
    *,
    settings: Mapping[str, Any],
    dataset: Dataset,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    best: TrialRecord | None,
    run: Run,
    prior: Sequence[PriorRun] = (),
) -> Progress:
    """Return progress.json; `best` is None while no trial is complete."""
    return Progress(
        **_search(settings=settings, dataset=dataset, trials=trials, finals=finals, run=run, prior=prior),
        best=_best(best, finals),
    )


def _search(
    *,
    settings: Mapping[str, Any],
    dataset: Dataset,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    run: Run,
    prior: Sequence[PriorRun],
) -> dict[str, Any]:
    """Return what results.json and progress.json have in common."""
    return {
        "settings": {name: value for name, value in settings.items() if name != "search_space"},
        "dataset": dataset,
        "search_space": settings["search_space"],
        "warm_start": [
            WarmStart(
                uri=earlier.uri,
                same_data=earlier.dataset_fingerprint == dataset.fingerprint,
                differs=earlier.differs,
                trials=len(earlier.observations),
                left_out=earlier.left_out,
            )
            for earlier in prior
        ],
        "trials": [TrialResult.model_validate(trial.model_dump(exclude={"model", "checksum"})) for trial in trials],
        "finals": list(finals),
        "importance": importance_of(settings, trials),
        "run": run,
    }


def _best(best: TrialRecord | None, finals: Sequence[Final]) -> Best | None:
    if best is None or best.value is None or best.model is None:
        return None
    value, repetition = best.value, None
    if isinstance(best, RepetitionRecord):
        repetition = best.repetition
        value = next((final.mean for final in finals if final.trial == best.number and final.mean is not None), value)
    return Best(trial=best.number, params=best.params, value=value, repetition=repetition, model=best.model)
