"""The winner's most confident mistakes on the test photos, each with a thumbnail."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from job.records.results import Mistake

MOST = 24
_EDGE = 96
"""Largest height or width of a thumbnail, in pixels; MOST of them add some 100 kB to a page."""


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
