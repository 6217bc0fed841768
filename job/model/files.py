"""The files of the published model, from the winner's weights to the card that describes them."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from job.model.card import model_card
from job.model.export import INPUT, OUTPUT, export_onnx
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
    """Return the files, (name, content, content type) each; a pure function of the arguments.

    `weights` are those of `best`, a trial or a repetition. Each file comes after those that it names.
    """
    height, width = settings.image_height, settings.image_width
    classes = json.dumps([row.name for row in dataset.classes], ensure_ascii=False)
    metadata = {"classes": classes, "preparation": "\n".join(PREPARATION)}
    onnx = export_onnx(weights, normalisation, height=height, width=width, metadata=metadata)
    description = describe_model(
        ModelInput(height=height, width=width, mean=normalisation.mean, std=normalisation.std),
        dataset=dataset,
        best=best,
        test=test,
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
    photos: ModelInput, *, dataset: Dataset, best: TrialRecord, test: Test, sha256: Mapping[str, str]
) -> ModelDescription:
    """Return model.json; `sha256` is that of each file beside it, by name."""
    size, classes = (photos.height, photos.width), tuple(row.name for row in dataset.classes)
    scores = test.model_dump(include=TestMetrics.model_fields.keys() - {"photos"})
    return ModelDescription(
        classes=classes,
        input=photos,
        weights=TensorType(name="input", type="float32", shape=("N", 3, *size)),
        onnx_input=TensorType(name=INPUT, type="uint8", shape=("N", *size, 3)),
        onnx_output=TensorType(name=OUTPUT, type="float32", shape=("N", len(classes))),
        sha256=dict(sha256),
        run=ModelRun(
            trial=best.number,
            repetition=best.repetition or None,
            params=best.params,
            dataset_fingerprint=dataset.fingerprint,
            test=TestMetrics(photos=sum(row.support for row in test.per_class), **scores),
        ),
    )
