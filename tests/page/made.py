"""Made records: results and progress of any size, as a run would leave them; equal arguments give equal ones."""

import base64
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.records.dataset import ClassCount, Dataset, ExcludedClass, Missing, Quarantined, QuarantineKind
from job.records.prior import WarmStart
from job.records.results import Best, Final, Mistake, Progress, Results, Run
from job.records.run import AttemptRecord, Environment
from job.records.trial import EpochRecord, StoredModel, TrialRecord, TrialTiming
from job.search.process import observe
from job.search.space import Range, SearchSpace, parse_search_space
from job.search.suggest import suggest
from job.search.surrogate import fit_surrogate, importance, partial_dependence
from job.study.results import describe_run, score_test

START = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)

CLASSES = (
    *("Topwear", "Shoes", "Bags", "Bottomwear", "Watches", "Innerwear", "Jewellery", "Eyewear", "Fragrance", "Sandal"),
    *("Wallets", "Flip Flops", "Belts", "Socks", "Lips", "Dress", "Loungewear and Nightwear", "Saree", "Nails"),
    *("Makeup", "Headwear", "Ties", "Accessories", "Scarves", "Cufflinks", "Apparel Set", "Free Gifts", "Stoles"),
    *("Skin Care", "Skin", "Eyes", "Mufflers", "Shoe Accessories", "Sports Equipment", "Gloves", "Hair"),
    *("Bath and Body", "Water Bottle", "Perfumes", "Umbrellas", "Wristbands", "Beauty Accessories"),
    *("Sports Accessories", "Home Furnishing", "Vouchers"),
)
"""The 45 subcategories of the real catalogue, the largest first."""

BEST_RATES = {"sgd": 0.03, "nag": 0.025, "adam": 0.002, "rmsprop": 0.0013}
N_INITIAL = 8

EARLIER = (
    WarmStart(uri="s3://shop/runs/41/", same_data=True, differs=[], trials=30, left_out=0),
    WarmStart(
        uri=f"s3://shop/{'season-2025-' * 9}40/", same_data=False, differs=["epochs", "seed"], trials=1, left_out=5
    ),
)
"""Runs that another one has learned from; one has a long name."""

STATUSES = {3: "diverged", 5: "failed", 7: "pruned", 14: "diverged"}
"""Of trials that have no value."""


def made_results(
    n_trials: int = 30,
    n_classes: int = 12,
    n_epochs: int = 10,
    *,
    objective: str = "accuracy",
    space: str = "{}",
    statuses: dict[int, str] | None = None,
    n_mistakes: int = 12,
    names: Sequence[str] = CLASSES,
    n_attempts: int = 3,
    n_finals: int = 0,
    seed: int = 0,
    warm_start: Sequence[WarmStart] = (),
) -> Results:
    """Return results of a run whose trials have these statuses (complete, where none is given).

    The best `n_finals` were trained again with three other seeds; the second one diverged once.
    """
    rng = np.random.default_rng(seed)
    parts = _parts(
        n_trials=n_trials,
        n_classes=n_classes,
        n_epochs=n_epochs,
        objective=objective,
        space=parse_search_space(space),
        statuses=STATUSES if statuses is None else statuses,
        names=names,
        n_attempts=n_attempts,
        seed=seed,
    )
    best = parts["best"] or Best(trial=0, params=parts["trials"][0].params, value=0.0, model=_MODEL)
    confusion = _confusion(parts["dataset"], rng)
    mistakes = _mistakes(parts["dataset"], confusion, n_mistakes, rng)
    hits = int(confusion.trace() + 0.6 * (confusion.sum() - confusion.trace()))
    finals = _finals(parts["trials"], n_finals, objective, rng)
    if finals:
        sign = 1 if objective == "log_loss" else -1
        won = min(finals, key=lambda final: math.inf if final.mean is None else sign * final.mean)
        params = parts["trials"][won.trial].params
        best = Best(trial=won.trial, params=params, value=won.mean or 0.0, repetition=2, model=_MODEL)
        parts["settings"] |= {"final_trials": n_finals, "final_seeds": 3}
    classes = [row.name for row in parts["dataset"].classes]
    test = score_test(confusion, hits, classes, mistakes)
    parts |= {"best": best, "warm_start": list(warm_start), "finals": finals}
    return Results(status="complete", test=test, published={}, **parts)


def made_progress(
    n_trials: int = 9, n_planned: int = 30, *, statuses: dict[int, str] | None = None, seed: int = 0
) -> Progress:
    """Return the progress of a run after some of its trials."""
    parts = _parts(
        n_trials=n_trials,
        n_classes=12,
        n_epochs=10,
        objective="accuracy",
        space=parse_search_space(None),
        statuses=STATUSES if statuses is None else statuses,
        names=CLASSES,
        n_attempts=2,
        seed=seed,
    )
    parts["settings"]["n_trials"] = n_planned
    return Progress(**parts)


_MODEL = StoredModel(key="models/0000.0000000000000000.safetensors", sha256="0" * 64)


def _parts(
    *,
    n_trials: int,
    n_classes: int,
    n_epochs: int,
    objective: str,
    space: SearchSpace,
    statuses: dict[int, str],
    names: Sequence[str],
    n_attempts: int,
    seed: int,
) -> dict[str, Any]:
    """Return what results and progress have in common."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(n_trials):
        # points of a design, drawn towards the best learning rate: real suggestions would take minutes
        params = suggest(space, seed=seed, observations=[], number=number, n_initial=n_trials, guess_first=False)
        if number >= N_INITIAL:
            params = _nearer(params, space, rng)
        status = statuses.get(number, "complete")
        attempt = 1 + number * n_attempts // max(n_trials, 1)
        trial = _trial(number, params, status, n_epochs=n_epochs, objective=objective, attempt=attempt, rng=rng)
        records.append(trial)
    complete = [record for record in records if record.value is not None]
    sign = 1 if objective == "log_loss" else -1
    best = min(complete, key=lambda record: sign * (record.value or 0.0), default=None)
    observations = observe(records, objective)
    surrogate = fit_surrogate(space, observations)
    explained: dict[str, Any] = {"importance": {}}
    if surrogate is not None:
        explained["importance"] = importance(surrogate, seed)
        explained["dependence"] = partial_dependence(surrogate, seed, objective=objective)
    return explained | {
        "settings": {
            "dataset_uri": "s3://shop/fashion.zip",
            "target_column": "subCategory",
            "min_class_images": 10,
            "image_height": 80,
            "image_width": 60,
            "epochs": n_epochs,
            "batch_size": 128,
            "seed": seed,
            "objective": objective,
            "pruner": "median",
            "n_initial_trials": N_INITIAL,
            "n_trials": n_trials,
        },
        "dataset": _dataset(n_classes, names),
        "search_space": space.to_dict(),
        "trials": records,
        "best": None
        if best is None
        else Best(trial=best.number, params=best.params, value=best.value or 0.0, model=_MODEL),
        "run": _run(records, n_attempts),
    }


def _nearer(params: dict[str, float | str], space: SearchSpace, rng: np.random.Generator) -> dict[str, float | str]:
    """Return a point that is nearer to the best ones, as an optimiser's suggestions are."""
    nearer = dict(params)
    if "optimizer" in space.searched and rng.random() < 0.6:
        nearer["optimizer"] = str(rng.choice(["adam", "nag"]))
    rate = space.searched.get("learning_rate")
    if isinstance(rate, Range):
        aim = BEST_RATES[str(nearer["optimizer"])] * 10 ** float(rng.normal(0, 0.25))
        nearer["learning_rate"] = min(max(aim, rate.low), rate.high)
    if isinstance(space.searched.get("momentum"), Range):
        nearer["momentum"] = 0.5 * (float(params["momentum"]) + 0.8)
    return {name: nearer[name] for name in params}


def _trial(
    number: int,
    params: dict[str, float | str],
    status: Any,
    *,
    n_epochs: int,
    objective: str,
    attempt: int,
    rng: np.random.Generator,
) -> TrialRecord:
    """Return a trial that is the better, the nearer its learning rate is to its optimizer's best one."""
    off = abs(math.log10(float(params["learning_rate"]) / BEST_RATES[str(params["optimizer"])]))
    level = 0.93 - 0.11 * off**1.6 - 0.04 * (float(params["momentum"]) - 0.8) ** 2 + float(rng.normal(0, 0.004))
    level = max(level, 0.34)
    last = n_epochs if status == "complete" else max(n_epochs // 3, 1) if status != "failed" else 0
    epochs = []
    for epoch in range(1, last + 1):
        progress = 1 - math.exp(-5.5 * epoch / n_epochs)
        accuracy = min(max(level * progress + float(rng.normal(0, 0.006)), 0.02), 0.99)
        loss = 0.12 + 2.6 * (1 - accuracy) + float(rng.normal(0, 0.01))
        epochs.append(
            EpochRecord(
                epoch=epoch,
                train_loss=max(loss * (1.1 - 0.45 * epoch / n_epochs), 0.01),
                validation_loss=max(loss, 0.01),
                accuracy=accuracy,
                macro_f1=accuracy * 0.85,
                balanced_accuracy=accuracy * 0.88,
            )
        )
    value = best_epoch = None
    if status == "complete":
        name = "validation_loss" if objective == "log_loss" else objective
        values = [getattr(epoch, name) for epoch in epochs]
        value = min(values) if objective == "log_loss" else max(values)
        best_epoch = values.index(value) + 1
    train = 21.0 * len(epochs)
    return TrialRecord(
        number=number,
        params=params,
        status=status,
        value=value,
        best_epoch=best_epoch,
        epochs=epochs,
        model=None,
        error=None if status in {"complete", "pruned"} else f"the loss was not finite in epoch {last + 1}",
        timing=TrialTiming(
            suggest=0.2,
            train=train,
            evaluate=2.0 * len(epochs),
            checkpoint=0.4,
            total=23.0 * len(epochs) + 0.6,
            images_per_second=1480.0 if train else None,
            attempt=attempt,
            ended_at=START + timedelta(seconds=300 * (number + 1) + 240 * (attempt - 1)),
        ),
    )


def _finals(trials: Sequence[TrialRecord], number: int, objective: str, rng: np.random.Generator) -> list[Final]:
    """Return repetitions of the best trials, worse than these as a rule."""
    sign = 1 if objective == "log_loss" else -1
    rated = sorted((sign * trial.value, trial.number) for trial in trials if trial.value is not None)
    finals = []
    for rank, (own, trial) in enumerate(rated[:number]):
        away = rng.uniform(0.0, 0.004, 3) if rank == 2 else rng.uniform(0.008, 0.02, 3)
        values: list[float | None] = [abs(own) * (1 + sign * float(each)) for each in away]
        if rank == 1:
            finals.append(Final(trial=trial, values=[*values[:2], None], mean=None, std=None))
        else:
            found = [value for value in values if value is not None]
            finals.append(Final(trial=trial, values=values, mean=fmean(found), std=stdev(found)))
    return finals


def _dataset(n_classes: int, names: Sequence[str]) -> Dataset:
    classes = []
    for index in range(n_classes):
        photos = max(int(15398 * (index + 1) ** -1.7), 12)
        held_out = max(round(photos * 0.15), 1)
        name = names[index] if index < len(names) else f"Class {index}"
        classes.append(ClassCount(name=name, train=photos - 2 * held_out, validation=held_out, test=held_out))
    images = sum(row.train + row.validation + row.test for row in classes)
    quarantined = [
        *((12347 + 100 * n, "listed, but there is no such image", QuarantineKind.NO_PHOTO) for n in range(5)),
        *((31000 + n, "identical photos with other labels", QuarantineKind.CONFLICTING_LABELS) for n in range(14)),
        *((39403, f"row of {n} fields where the header has 10", QuarantineKind.ROW_LENGTH) for n in (7, 8)),
    ]
    left_out = [Quarantined(id=str(number), reason=reason, kind=kind) for number, reason, kind in quarantined]
    return Dataset(
        uri="s3://shop/fashion.zip",
        fingerprint="9f2c4e1ab07d",
        rows=images + 19,
        images=images,
        repaired=["6044", "18461", "19540", "39410"],
        classes=classes,
        quarantined=left_out,
        excluded_classes=[ExcludedClass(name="Home Furnishing", images=1), ExcludedClass(name="Vouchers", images=4)],
        missing=Missing(
            share=7 / (images + 19), rows_without_photo=5, photos_without_row=0, unusable_rows=2, unusable_photos=0
        ),
        duplicate_groups=653,
    )


def _confusion(dataset: Dataset, rng: np.random.Generator) -> NDArray[np.int64]:
    n = len(dataset.classes)
    matrix = np.zeros((n, n), dtype=np.int64)
    weights = np.array([row.test for row in dataset.classes], dtype=float)
    for index, row in enumerate(dataset.classes):
        near = weights * np.exp(-0.25 * np.abs(np.arange(n) - index))
        near[index] = 0
        right = 0.97 - 0.5 * (index / max(n, 2)) ** 1.5 * rng.random()
        shares = right * np.eye(n)[index] + (1 - right) * near / max(near.sum(), 1e-9)
        matrix[index] = rng.multinomial(row.test, shares / shares.sum())
    return matrix


def _mistakes(dataset: Dataset, confusion: NDArray[np.int64], count: int, rng: np.random.Generator) -> list[Mistake]:
    wrong = [(int(t), int(p)) for t, p in np.argwhere(confusion - np.diag(np.diag(confusion)))]
    names = [row.name for row in dataset.classes]
    found = []
    for index in range(count if wrong else 0):
        true, predicted = wrong[int(rng.integers(len(wrong)))]
        found.append(
            Mistake(
                id=str(20000 + 37 * index),
                true=names[true],
                predicted=names[predicted],
                probability=0.999 - 0.01 * index,
                thumbnail=thumbnail(rng),
            )
        )
    return found


def thumbnail(rng: np.random.Generator) -> str:
    """Return a photo of 60x80 pixels, a shape on white, as a JPEG in base64."""
    pixels = np.full((80, 60, 3), 252, dtype=np.uint8)
    top, left = rng.integers(6, 24, 2)
    height, width = rng.integers(24, 48), rng.integers(16, 30)
    shade = np.linspace(0.75, 1.1, height)[:, None, None]
    pixels[top : top + height, left : left + width] = np.clip(rng.integers(40, 220, 3) * shade, 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def _run(records: Sequence[TrialRecord], n_attempts: int) -> Run:
    attempts = []
    for number in range(n_attempts):
        last = number == n_attempts - 1
        seconds = 300.0 * math.ceil(len(records) / n_attempts)
        began = START + timedelta(seconds=number * (seconds + 240))
        attempts.append(
            AttemptRecord(
                started_at=began,
                host=f"fashiontune-{number}",
                ended_at=None if number == 1 and not last else began + timedelta(seconds=seconds),
                trial=len(records) - 1,
                step=0,
                outcome="complete" if last else None if number == 1 else "signal 15",
                seconds={"fetch": 11.0, "prepare": 6.5, "evaluate": 3.0, "total": seconds},
            )
        )
    environment = Environment(
        device="NVIDIA L4",
        precision="bf16",
        threads=4,
        versions={"python": "3.12.4", "torch": "2.14.1", "scikit-optimize": "0.10.2"},
        source_revision="4fd78cf",
        image="fashiontune-job:1.0",
    )
    end = max((attempt.ended_at for attempt in attempts if attempt.ended_at), default=START)
    return describe_run(attempts, records, environment, 31100, price_per_hour=0.8, now=end)
