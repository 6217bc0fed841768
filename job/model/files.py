"""The published model: what its files are, from the winner's weights to the card that describes them."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from job.model.card import model_card
from job.model.export import export_onnx
from job.records.dataset import Dataset
from job.records.model import (
    CARD,
    DESCRIPTION,
    ONNX,
    PREPARATION,
    WEIGHTS,
    ModelDescription,
    ModelInput,
    ModelRun,
    TensorType,
    TestMetrics,
)
from job.records.results import Final, Test
from job.records.trial import TrialRecord
from job.settings import Settings
from job.training.data import Normalisation


def model_files(
    *,
    settings: Settings,
    dataset: Dataset,
    normalisation: Normalisation,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    best: TrialRecord,
    weights: bytes,
    test: Test,
) -> list[tuple[str, bytes, str]]:
    """Return the files of the published model, (name, content, content type) each: a pure function of the arguments.

    `weights` are those of `best`, one of `trials` or a repetition of one. Each file comes after those that it names.
    """
    classes = [row.name for row in dataset.classes]
    onnx = export_onnx(
        weights,
        normalisation,
        height=settings.image_height,
        width=settings.image_width,
        metadata={
            "classes": json.dumps(classes, ensure_ascii=False),
            "preparation": "\n".join(PREPARATION),
        },
    )
    description = describe_model(
        classes=classes,
        best=best,
        test=test,
        dataset_fingerprint=dataset.fingerprint,
        height=settings.image_height,
        width=settings.image_width,
        mean=normalisation.mean,
        std=normalisation.std,
        sha256={WEIGHTS: hashlib.sha256(weights).hexdigest(), ONNX: hashlib.sha256(onnx).hexdigest()},
    )
    card = model_card(
        description=description,
        settings=settings.defining(),
        dataset=dataset,
        trials=trials,
        finals=finals,
        best=best,
        test=test,
    )
    return [
        (WEIGHTS, weights, "application/octet-stream"),
        (ONNX, onnx, "application/octet-stream"),
        (DESCRIPTION, description.to_json(), "application/json"),
        (CARD, card, "text/markdown; charset=utf-8"),
    ]


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
    sha256: Mapping[str, str],
) -> ModelDescription:
    """Return what model.json says; `sha256` is that of each published file by its name."""
    return ModelDescription(
        classes=tuple(classes),
        input=ModelInput(height=height, width=width, mean=mean, std=std),
        weights=TensorType(name="input", type="float32", shape=("N", 3, height, width)),
        onnx_input=TensorType(name="images", type="uint8", shape=("N", height, width, 3)),
        onnx_output=TensorType(name="probabilities", type="float32", shape=("N", len(classes))),
        sha256=dict(sha256),
        run=ModelRun(
            trial=best.number,
            repetition=best.repetition or None,
            params=best.params,
            dataset_fingerprint=dataset_fingerprint,
            test=TestMetrics(
                photos=sum(row.support for row in test.per_class),
                accuracy=test.accuracy,
                accuracy_ci95=test.accuracy_ci95,
                macro_f1=test.macro_f1,
                balanced_accuracy=test.balanced_accuracy,
                top3_accuracy=test.top3_accuracy,
            ),
        ),
    )
