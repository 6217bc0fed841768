"""The published model: what its files are, from the winner's weights to the card that describes them."""

import hashlib
import json
from collections.abc import Sequence

from job.report.dataset import Dataset
from job.report.model_card import model_card
from job.report.model_json import CARD, DESCRIPTION, ONNX, PREPARATION, WEIGHTS, describe_model
from job.report.results import Final, Test, TrialRecord
from job.settings import Settings
from job.training.data import Normalisation
from job.training.export import export_onnx


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
