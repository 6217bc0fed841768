"""Results of a finished search: results.json and the published model, made of records and one evaluation.

Knows no storage and no study: it turns what is known into objects and bytes.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from job.metrics import class_metrics_of, metrics_of, wilson_interval
from job.report.results import (
    AttemptRecord,
    Best,
    ClassScore,
    Dataset,
    Environment,
    Results,
    Run,
    Test,
    TrialRecord,
    TrialResult,
)


def score_test(confusion: NDArray[np.int64], top3_hits: int, classes: Sequence[str]) -> Test:
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
    )


def describe_run(
    attempts: Sequence[AttemptRecord],
    trials: Sequence[TrialRecord],
    environment: Environment,
    train_images: int,
    *,
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
    )


def build_results(
    *,
    status: Literal["complete", "budget_spent"],
    settings: Mapping[str, Any],
    dataset: Mapping[str, Any],
    trials: Sequence[TrialRecord],
    best: TrialRecord,
    test: Test,
    published: Mapping[str, str],
    run: Run,
) -> Results:
    """Return results.json; `best` is one of `trials` and has its weights stored."""
    assert best.value is not None  # noqa: S101 -- tells the type checker what being the best means
    assert best.model is not None  # noqa: S101 -- likewise
    others = {name: value for name, value in settings.items() if name != "search_space"}
    return Results(
        status=status,
        settings=others,
        dataset=Dataset.model_validate(dataset),
        search_space=settings["search_space"],
        trials=[TrialResult.model_validate(trial.model_dump(exclude={"model", "checksum"})) for trial in trials],
        best=Best(trial=best.number, params=best.params, value=best.value, model=best.model),
        test=test,
        published=dict(published),
        run=run,
    )


def describe_model(
    *,
    classes: Sequence[str],
    best: TrialRecord,
    test: Test,
    dataset_fingerprint: str,
    height: int,
    width: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    sha256: str,
) -> bytes:
    """Return model.json: all that is needed to use model.safetensors."""
    description = {
        "architecture": "torchvision.models.resnet18",
        "classes": list(classes),
        "input": {
            "height": height,
            "width": width,
            "channels": "RGB",
            "scale": "0..1",
            "mean": mean,
            "std": std,
        },
        "sha256": {"model.safetensors": sha256},
        "run": {
            "trial": best.number,
            "params": best.params,
            "dataset_fingerprint": dataset_fingerprint,
            "test_accuracy": test.accuracy,
        },
    }
    return json.dumps(description, indent=2, ensure_ascii=False).encode() + b"\n"
