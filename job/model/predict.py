"""`job predict`: what a run's published model says of photos, batch after batch."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import structlog

from job.catalogue.photos import Photo, read_photos
from job.errors import JobError
from job.model.loading import PublishedModel, load_published
from job.model.predictions import Prediction
from job.settings import Settings
from job.training.cpus import usable_threads
from job.training.data import Normalisation
from job.training.device import choose_device, configure_torch
from job.training.predict import predict

BATCH_SIZE = 64

_log = structlog.get_logger()


def open_model(run_uri: str, settings: Settings) -> PublishedModel:
    """Load a run's published model onto the device that DEVICE chooses; it predicts in float32 wherever it is.

    Raises JobError where there is none, where it is damaged, and where the device cannot be used.
    """
    device = choose_device(settings.device, "float32")
    configure_torch(threads=usable_threads(), deterministic=settings.deterministic)
    published = load_published(run_uri, device, retry_seconds=settings.retry_seconds)
    _log.info("model", run=run_uri, trial=published.description.run.trial, device=device.name)
    return published


def predict_photos(
    published: PublishedModel, names: Sequence[str], *, top: int, retry_seconds: float
) -> Iterator[Prediction]:
    """Yield the `top` most probable classes of each photo that `names` (files, folders, URIs) lead to, in order.

    What cannot be read is logged, and yielded with its error. Raises JobError at the end if there was any such, and
    StorageUnavailableError.
    """
    size = published.description.input
    photos = read_photos(names, height=size.height, width=size.width, retry_seconds=retry_seconds)
    done = failed = 0
    while batch := list(islice(photos, BATCH_SIZE)):
        for prediction in _predict_batch(published, batch, top):
            if prediction.error is None:
                done += 1
            else:
                failed += 1
                _log.warning("photo cannot be used", image=prediction.image, error=prediction.error)
            yield prediction
    _log.info("predicted", photos=done, failed=failed)
    if failed:
        message = f"{failed} of the photos asked for cannot be used, each of them named above; {done} are done"
        raise JobError(message)


def _predict_batch(published: PublishedModel, batch: Sequence[Photo], top: int) -> list[Prediction]:
    classes, size = published.description.classes, published.description.input
    answers = [Prediction(photo.name, (), photo.error) for photo in batch]
    rows = [row for row, photo in enumerate(batch) if photo.pixels is not None]
    if rows:
        images = np.stack([photo.pixels for photo in batch if photo.pixels is not None])  # (B, H, W, 3)
        found = predict(published.model, images, Normalisation(size.mean, size.std), published.device)  # (B, C)
        best = np.argsort(-found, axis=1, kind="stable")[:, :top]
        for row, probabilities, labels in zip(rows, found, best, strict=True):
            named = tuple((classes[label], float(probabilities[label])) for label in labels)
            answers[row] = Prediction(batch[row].name, named)
    return answers
