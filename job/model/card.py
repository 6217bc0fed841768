"""MODEL_CARD.md: what the published model is, what it was made of, how good it is and where it ends.

Its front matter is that of https://huggingface.co/docs/hub/model-cards. It is a pure function of the results and tells
nothing of places: neither bucket nor folder.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from job.model.escape import escape_markdown, quote_yaml
from job.model.use import describe_use
from job.records.dataset import Dataset
from job.records.model import ModelDescription
from job.records.results import Final, Test
from job.records.trial import TrialRecord

FEW_PHOTOS = 20
"""A class with fewer test photos has scores that say little: of 19 hits in 19, the 95 % interval begins at 0.83."""

_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$")
_CONFLICT = "pixel-identical photos with different labels"
_KINDS = {
    "class ": "photos of classes that are too small",
    "the same photo": _CONFLICT,
    "photo does not decode": "photos that do not decode",
    "row of": "rows with too many or too few fields",
}
"""How a reason for leaving a photo out begins, and what the card calls all such reasons."""


def model_card(
    *,
    description: ModelDescription,
    settings: Mapping[str, Any],
    dataset: Dataset,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    best: TrialRecord,
    test: Test,
) -> bytes:
    """Return the card as Markdown; `settings` are those that define the search, and `best` is whose model it is."""
    column = str(settings["target_column"])
    parts = [
        _front_matter(dataset, column, test),
        _title(column, description),
        describe_use(description.input.height, description.input.width),
        _data(dataset, settings),
        _training(settings, trials, finals, best),
        _metrics(dataset, test),
        _limits(dataset, test),
    ]
    return "\n\n".join(parts).encode() + b"\n"


def _front_matter(dataset: Dataset, column: str, test: Test) -> str:
    name = _dataset_name(dataset)
    metrics = (
        ("accuracy", "Accuracy", test.accuracy),
        ("f1", "Macro F1", test.macro_f1),
        ("balanced_accuracy", "Balanced accuracy", test.balanced_accuracy),
        ("top3_accuracy", "Top-3 accuracy", test.top3_accuracy),
    )
    values = "\n".join(
        f"    - type: {kind}\n      name: {label}\n      value: {value:.4f}" for kind, label, value in metrics
    )
    return f"""\
---
license: unknown
library_name: torchvision
pipeline_tag: image-classification
tags:
- image-classification
- resnet18
- safetensors
- onnx
metrics:
- accuracy
- f1
model-index:
- name: fashiontune-resnet18
  results:
  - task:
      type: image-classification
      name: Image Classification
    dataset:
      name: {quote_yaml(f"{name}, by {column}")}
      type: {quote_yaml(name)}
      split: test
    metrics:
{values}
---"""


def _title(column: str, description: ModelDescription) -> str:
    return f"""\
# ResNet18 that tells product photos apart by {escape_markdown(column)}

torchvision's ResNet18 with {len(description.classes)} classes, for photos {description.input.width} pixels wide and
{description.input.height} high. fashiontune-job has searched its hyperparameters by Bayesian optimisation.
`model.safetensors` holds its weights, with torchvision's names, `model.onnx` the same model for ONNX runtimes, and
`model.json` its classes, its normalisation and the checksums of both.

The licence of these weights is for whoever trained them to state, and it may depend on that of the photos; until then,
the `license` above says `unknown`."""


def _data(dataset: Dataset, settings: Mapping[str, Any]) -> str:
    parts = {part: sum(getattr(row, part) for row in dataset.classes) for part in ("train", "validation", "test")}
    kinds = Counter(_kind(item.reason) for item in dataset.quarantined)
    left_out = "\n".join(f"  - {escape_markdown(kind)}: {count}" for kind, count in sorted(kinds.items()))
    excluded = ", ".join(f"{escape_markdown(row.name)} ({row.images})" for row in dataset.excluded_classes)
    return f"""\
## Data

- Catalogue: {escape_markdown(_dataset_name(dataset))}, {dataset.rows} rows, of which {dataset.images} photos are used
- Fingerprint of its ids, labels and pixels: `{dataset.fingerprint}`
- Rows whose name held unquoted commas and was re-joined: {len(dataset.repaired)}
- Groups of pixel-identical photos: {dataset.duplicate_groups}
- Left out:
{left_out or "  - nothing"}
- Classes with fewer than {settings["min_class_images"]} photos, which the model does not know: {excluded or "none"}
- Split: {parts["train"]} photos trained the model, {parts["validation"]} chose it, and {parts["test"]} tested it.
  Stratified by class, with pixel-identical photos all in one part; seed {settings["seed"]}."""


def _training(
    settings: Mapping[str, Any], trials: Sequence[TrialRecord], finals: Sequence[Final], best: TrialRecord
) -> str:
    start = str(settings["init_weights"])
    params = "\n".join(
        f"| {key} | {value if isinstance(value, str) else f'{value:.6g}'} |" for key, value in best.params.items()
    )
    return f"""\
## Training

Of {len(trials)} trials, {sum(trial.status == "complete" for trial in trials)} are complete.
{_choice(settings, finals, best)}

| hyperparameter | value |
|---|---|
{params}
| batch_size | {settings["batch_size"]} |
| initial weights | {start if start in {"random", "imagenet"} else "a given state dict"} |

For adam, momentum is its beta1; nag is sgd with Nesterov momentum. Photos in training are flipped at random and moved
by up to 4 pixels; the learning rate warms up and then falls as a cosine."""


def _choice(settings: Mapping[str, Any], finals: Sequence[Final], best: TrialRecord) -> str:
    """Return how the model was chosen."""
    value = f"{best.value:.4f}, in epoch {best.best_epoch} of {settings['epochs']}"
    if not best.repetition:
        return f"Trial {best.number} has the best validation {settings['objective']}, {value}."
    final = next(each for each in finals if each.trial == best.number)
    spread = "" if final.std is None else f" (standard deviation {final.std:.4f})"
    return f"""\
The best {len(finals)} were trained again with {len(final.values)} other seeds each. Of these repetitions, those of
trial {best.number} have the best mean validation {settings["objective"]}, {final.mean:.4f}{spread}.
The model is the best of them, number {best.repetition}, with {value}."""


def _metrics(dataset: Dataset, test: Test) -> str:
    low, high = test.accuracy_ci95
    majority = max(test.per_class, key=lambda row: row.support)
    share = majority.support / _photos(test)
    trained = {row.name: row.train for row in dataset.classes}
    rows = "\n".join(
        f"| {escape_markdown(row.name)} | {trained[row.name]} | {row.support} | {row.precision:.3f} "
        f"| {row.recall:.3f} | {row.f1:.3f} |"
        for row in test.per_class
    )
    return f"""\
## Metrics

On the {_photos(test)} test photos, which had no part in training or in choosing the model:

| metric | value |
|---|---|
| accuracy | {test.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}) |
| macro F1 | {test.macro_f1:.3f} |
| balanced accuracy | {test.balanced_accuracy:.3f} |
| top-3 accuracy | {test.top3_accuracy:.3f} |
| for comparison: accuracy of always answering {escape_markdown(majority.name)} | {share:.3f} |

| class | training photos | test photos | precision | recall | F1 |
|---|---:|---:|---:|---:|---:|
{rows}"""


def _limits(dataset: Dataset, test: Test) -> str:
    few = sum(row.support < FEW_PHOTOS for row in test.per_class)
    never = ", ".join(escape_markdown(row.name) for row in test.per_class if row.support and not row.recall)
    conflicts = sum(_kind(item.reason) == _CONFLICT for item in dataset.quarantined)
    return f"""\
## Limits

- It has seen one catalogue alone. Catalogue photos are mostly studio shots of a single product on plain, often white,
  ground. Photos with a background, of worn or of several products, or of another shop are likely to be told apart
  worse, and the metrics above say nothing of them.
- It answers with one of its classes whatever it is shown, and may be sure of it. Its probabilities are not calibrated.
- {few} of {len(test.per_class)} classes have fewer than {FEW_PHOTOS} test photos: their scores are rough, and with them
  macro F1 and balanced accuracy, which weigh all classes alike.
- Classes of which it recognised no test photo: {never or "none"}.
- Labels are the catalogue's, and nobody has checked them: where they are wrong in the test, so are the metrics.
  {conflicts} photos were left out because an identical one has another label.
- Only pixel-identical photos are kept together by the split. Of nearly equal ones, such as a product in two colours,
  one may have been trained on and the other be a test photo, which flatters the metrics."""


def _photos(test: Test) -> int:
    return sum(row.support for row in test.per_class)


def _kind(reason: str) -> str:
    return next((kind for beginning, kind in _KINDS.items() if reason.startswith(beginning)), reason)


def _dataset_name(dataset: Dataset) -> str:
    """Return the last part of a catalogue's URI, without an archive's extension: a name, and no place."""
    name = posixpath.basename(dataset.uri.rstrip("/"))
    return _ARCHIVE.sub("", unquote(name) if dataset.uri.startswith("file://") else name) or "catalogue"
