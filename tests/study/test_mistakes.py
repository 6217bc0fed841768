"""The most confident mistakes: the right ones, in the right order, with thumbnails that stay small."""

import base64
import io

import numpy as np
from PIL import Image

from job.study.results import MOST, confident_mistakes, thumbnail


def test_the_most_confident_mistakes_come_first_and_hits_are_none() -> None:
    """Photos whose class was found are left out; the rest is in the order of the model's confidence."""
    found = confident_mistakes(
        images=np.zeros((6, 80, 60, 3), np.uint8),
        ids=["8", "10", "11", "12", "9", "13"],
        labels=np.array([1, 0, 1, 1, -1, 0]),
        rows=np.array([1, 2, 3, 5]),
        predicted=np.array([1, 1, 0, 1]),
        probability=np.array([0.6, 0.99, 0.9, 0.7], np.float32),
        classes=["Bags", "Shoes"],
    )
    assert [(mistake.id, mistake.true, mistake.predicted) for mistake in found] == [
        ("12", "Shoes", "Bags"),
        ("13", "Bags", "Shoes"),
        ("10", "Bags", "Shoes"),
    ]
    assert [round(mistake.probability, 2) for mistake in found] == [0.9, 0.7, 0.6]


def test_thumbnails_of_any_size_stay_below_300_kilobytes_in_all() -> None:
    """Photos of noise, which no JPEG makes small, at the largest size that the model may see."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (MOST + 5, 1024, 768, 3), dtype=np.uint8)
    found = confident_mistakes(
        images=images,
        ids=[str(number) for number in range(len(images))],
        labels=np.zeros(len(images), np.int64),
        rows=np.arange(len(images)),
        predicted=np.ones(len(images), np.int64),
        probability=generator.random(len(images), np.float32),
        classes=["Bags", "Shoes"],
    )
    assert len(found) == MOST
    assert sum(len(mistake.thumbnail) for mistake in found) < 300_000


def test_a_thumbnail_shows_the_photo_as_the_model_sees_it() -> None:
    """Its colours and its size are the photo's own."""
    photo = np.zeros((80, 60, 3), np.uint8)
    photo[:, :, 0] = 200
    image = Image.open(io.BytesIO(base64.b64decode(thumbnail(photo))))
    assert image.size == (60, 80)
    assert np.abs(np.asarray(image).astype(int) - photo).max() < 10
