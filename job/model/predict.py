"""`job predict`: what a published model says of photos, batch after batch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from torch import Tensor

from job.catalogue.photos import Photo, read_photos
from job.errors import JobError
from job.model.loading import PublishedModel
from job.model.predictions import Prediction
from job.training.data import Normalisation, moments_of, normalise
from job.training.evaluate import photos_at_once
from job.training.failures import device_failures

MOST_AT_ONCE = 64

_log = structlog.get_logger()


def predict_photos(
    published: PublishedModel, names: Sequence[str], *, top: int, retry_seconds: float
) -> Iterator[Prediction]:
    """Yield the `top` most probable classes of each photo that `names` (files, folders, URIs) lead to, in order.

    A photo that cannot be used is logged and yielded with its error; if there was any, JobError is raised at the end.
    Raises StorageUnavailableError, and DeviceError if the device fails.
    """
    size = published.description.input
    at_once = min(MOST_AT_ONCE, photos_at_once(published.device.device, size.height, size.width))
    photos = read_photos(names, height=size.height, width=size.width, retry_seconds=retry_seconds)
    counts = Counter({"photos": 0, "failed": 0})
    while batch := list(islice(photos, at_once)):
        for prediction in _predict_batch(published, batch, top):
            if prediction.error is not None:
                _log.warning("photo cannot be used", image=prediction.image, error=prediction.error)
            counts["failed" if prediction.error is not None else "photos"] += 1
            yield prediction
    _log.info("predicted", **counts)
    if counts["failed"]:
        done = f"each of them named above; {counts['photos']} are done"
        raise JobError(f"{counts['failed']} of the photos asked for cannot be used, {done}")


def _predict_batch(published: PublishedModel, batch: Sequence[Photo], top: int) -> Iterator[Prediction]:
    usable = [photo.pixels for photo in batch if photo.pixels is not None]
    answers: Iterator[NDArray[np.float32]] = iter(_probabilities(published, np.stack(usable)) if usable else ())
    for photo in batch:
        if photo.pixels is None:
            yield Prediction(photo.name, (), photo.error)
        else:
            probabilities = next(answers)  # (C,)
            best = np.argsort(-probabilities, kind="stable")[:top]
            classes = published.description.classes
            yield Prediction(photo.name, tuple((classes[label], float(probabilities[label])) for label in best))


@torch.inference_mode()
def _probabilities(published: PublishedModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of the classes, (B, C), of photos, (B, H, W, 3) RGB."""
    expected = published.description.input
    device = published.device.device
    moments = moments_of(Normalisation(expected.mean, expected.std), *images.shape[1:3])
    with device_failures(published.device.name):
        photos = torch.from_numpy(images).to(device)
        logits: Tensor = published.model(normalise(photos, moments.to(device)))
        return logits.softmax(dim=1).cpu().numpy()
