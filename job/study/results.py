"""How results.json and progress.json are put together: from records and one evaluation. Knows no storage."""

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.metrics import class_metrics_of, metrics_of, wilson_interval
from job.records.dataset import Dataset
from job.records.prior import WarmStart
from job.records.results import Best, ClassScore, Mistake, Progress, Results, Run, Test
from job.records.run import AttemptRecord, Environment, RunRecord
from job.records.status import RunStatus
from job.records.trial import TrialRecord
from job.records.tries import TryRecord
from job.search.process import observe
from job.search.surrogate import fit_surrogate, importance, partial_dependence
from job.study.ledger import Ledger

MOST = 24
_EDGE = 96
"""Largest height or width of a thumbnail, in pixels; MOST of them add some 100 kB to a page."""


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
    tries: Sequence[TryRecord] = (),
) -> Run:
    """Return the `run` part of the results; `idle` is the rest of the time since the first attempt."""
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
        timeline=sorted(tries, key=lambda work: (work.started_at, work.trial, work.repetition or 0)),
        efficiency=_efficiency(tries, sum(trial.timing.total for trial in trials)),
    )


def _efficiency(tries: Sequence[TryRecord], trained: float) -> float | None:
    """Return the share of all workers' time that went into recorded trials, `trained` seconds in all."""
    starts = [work.started_at for work in tries]
    ends = [work.ended_at for work in tries if work.ended_at is not None]
    if not starts or max(starts + ends) == min(starts):
        return None
    workers = len({work.worker for work in tries})
    return round(trained / (workers * (max(starts + ends) - min(starts)).total_seconds()), 4)


def build_results(
    ledger: Ledger,
    *,
    status: RunStatus,
    dataset: Dataset,
    begun: RunRecord,
    test: Test,
    published: Mapping[str, str],
    run: Run,
) -> Results:
    """Return results.json of a run that has a winner; `begun` is its run.json."""
    best = _best(ledger)
    assert best is not None  # noqa: S101 -- only such a run has results
    known = _known(ledger, dataset, begun, run)
    return Results(status=status, **known, best=best, test=test, published=dict(published))


def build_progress(ledger: Ledger, *, dataset: Dataset, begun: RunRecord, run: Run) -> Progress:
    """Return progress.json."""
    return Progress(**_known(ledger, dataset, begun, run), best=_best(ledger))


def _known(ledger: Ledger, dataset: Dataset, begun: RunRecord, run: Run) -> dict[str, Any]:
    settings = ledger.settings
    shown = settings.shown() | {"parallel_trials": ledger.parallel}
    surrogate = fit_surrogate(settings.space, observe(ledger.trials, settings.objective))
    explained: dict[str, Any] = {"importance": {}}
    if surrogate is not None:
        explained["importance"] = importance(surrogate, settings.seed)
        explained["dependence"] = partial_dependence(surrogate, settings.seed, objective=settings.objective)
    return explained | {
        "search_space": shown.pop("search_space"),
        "settings": shown,
        "dataset": dataset,
        "guess_first": begun.guess_first,
        "warm_start": [
            WarmStart(
                uri=earlier.uri,
                same_data=earlier.dataset_fingerprint == dataset.fingerprint,
                differs=earlier.differs,
                trials=len(earlier.observations),
                left_out=earlier.left_out,
            )
            for earlier in begun.warm_start
        ],
        "trials": ledger.trials,
        "finals": ledger.finals,
        "run": run,
    }


def _best(ledger: Ledger) -> Best | None:
    winner = ledger.winner
    if winner is None or winner.value is None or winner.model is None:
        return None
    means = {final.trial: final.mean for final in ledger.finals}
    mean = means.get(winner.number) if winner.repetition else None
    return Best(
        trial=winner.number,
        params=winner.params,
        value=winner.value if mean is None else mean,
        repetition=winner.repetition or None,
        model=winner.model,
    )


def confident_mistakes(
    *,
    images: NDArray[np.uint8],
    ids: Sequence[str],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    predicted: NDArray[np.int64],
    probability: NDArray[np.float32],
    classes: Sequence[str],
) -> list[Mistake]:
    """Return at most MOST mistakes, the most probable first.

    `images`, (N, H, W, 3) RGB, `ids` and `labels`, (N,), cover the whole catalogue; `rows`, (m,), are the indices of
    its test part, and `predicted` and `probability`, (m,), belong to them.
    """
    wrong = np.flatnonzero(predicted != labels[rows])
    worst = wrong[np.argsort(-probability[wrong], kind="stable")][:MOST]
    return [
        Mistake(
            id=ids[rows[place]],
            true=classes[labels[rows[place]]],
            predicted=classes[predicted[place]],
            probability=float(probability[place]),
            thumbnail=thumbnail(images[rows[place]]),
        )
        for place in worst.tolist()
    ]


def thumbnail(image: NDArray[np.uint8]) -> str:
    """Return a photo, (H, W, 3) RGB, as a small JPEG in base64."""
    picture = Image.fromarray(image)
    picture.thumbnail((_EDGE, _EDGE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
