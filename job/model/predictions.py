"""Predictions as they are printed, a line each as soon as it is known: for people, or as JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from job.text import printable


@dataclass(frozen=True)
class Prediction:
    """What the model says of a photo, or why it says nothing."""

    image: str
    """The path or URI of the photo."""
    labels: tuple[tuple[str, float], ...]
    """(class, probability), the most probable first; empty if there is an error."""
    error: str | None = None


def print_json(predictions: Iterable[Prediction]) -> None:
    """Print one JSON object a line: `image` and `predictions`, a list of `label` and `probability`, or `error`."""
    for prediction in predictions:
        if prediction.error is None:
            labels = [{"label": label, "probability": round(share, 6)} for label, share in prediction.labels]
            said: dict[str, object] = {"predictions": labels}
        else:
            said = {"error": printable(prediction.error)}
        _print(json.dumps({"image": printable(prediction.image)} | said))


def print_table(predictions: Iterable[Prediction], classes: Sequence[str]) -> None:
    """Print a row for each photo: classes with their probabilities, and the photo's name; errors are in the log.

    The columns are as wide as the longest of all classes, so that no row has to wait for the others.
    """
    width = max(cell_len(_harmless(name)) for name in classes)
    for prediction in predictions:
        if prediction.error is None:
            cells = [f"{_padded(_harmless(label), width)}  {share:.3f}" for label, share in prediction.labels]
            _print("   ".join([*cells, _harmless(prediction.image)]))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _harmless(text: str) -> str:
    """Return the text without a terminal's commands, which a file's name can hold."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
