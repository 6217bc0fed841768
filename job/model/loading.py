"""A run's published model, checked and loaded."""

import hashlib
import json
from dataclasses import dataclass

import structlog
from torch import nn

from job.errors import JobError, ObjectMissingError, RunMismatchError
from job.records.model import DESCRIPTION, PUBLISHED, WEIGHTS, ModelDescription
from job.records.record import BadRecordError
from job.records.results import RESULTS
from job.settings import Settings
from job.storage import open_storage
from job.storage.base import Storage
from job.training.cpus import usable_threads
from job.training.device import Device, choose_device, configure_torch
from job.training.failures import device_failures
from job.training.model import load_model

_ADVICE = "restore it, or start the run's job again, which publishes it anew"

_log = structlog.get_logger()


@dataclass(frozen=True)
class PublishedModel:
    """A model that is ready to predict."""

    description: ModelDescription
    model: nn.Module
    """On the device, in evaluation mode; predicts in float32 on every device."""
    device: Device


def load_published(run_uri: str, settings: Settings) -> PublishedModel:
    """Load the model that a run has published onto the device of the settings.

    model.json is checked against results.json, if that is there, and the weights against model.json. Raises JobError if
    there is no model or the device cannot be used, and RunMismatchError if a file is not the one that was published.
    """
    device = choose_device(settings.device, "float32")
    configure_torch(threads=usable_threads(), deterministic=settings.deterministic)
    storage = open_storage(run_uri, retry_seconds=settings.retry_seconds)
    data = _read(storage, DESCRIPTION)
    expected = _sha256_in_results(storage)
    if expected is None:
        _log.warning("results.json is missing or damaged, and model.json is used unchecked", run=storage.uri)
    elif hashlib.sha256(data).hexdigest() != expected:
        raise _damaged(storage, DESCRIPTION, "its sha256 is not the one in results.json")
    try:
        description = ModelDescription.parse(data)
    except BadRecordError as error:
        raise _damaged(storage, DESCRIPTION, str(error)) from None
    weights = _read(storage, WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description.sha256.get(WEIGHTS):
        raise _damaged(storage, WEIGHTS, "its sha256 is not the one in model.json")
    try:
        with device_failures(device.name):
            model = load_model(weights, len(description.classes), device.device)
    except RuntimeError as error:
        raise _damaged(storage, DESCRIPTION, f"the weights do not fit it: {str(error).splitlines()[0]}") from None
    _log.info("model", run=run_uri, trial=description.run.trial, device=device.name)
    return PublishedModel(description, model.eval(), device)


def _read(storage: Storage, name: str) -> bytes:
    try:
        return storage.get(PUBLISHED + name)
    except ObjectMissingError:
        key = PUBLISHED + name
        message = f"{storage.uri} has no published model: there is no {key}, which a job writes when its search ends"
        raise JobError(message) from None


def _sha256_in_results(storage: Storage) -> str | None:
    """Return the sha256 that results.json, of whatever version, has for model.json."""
    try:
        return str(json.loads(storage.get(RESULTS))["published"][PUBLISHED + DESCRIPTION])
    except (ObjectMissingError, ValueError, LookupError, TypeError):
        return None


def _damaged(storage: Storage, name: str, reason: str) -> RunMismatchError:
    return RunMismatchError(f"{storage.uri}{PUBLISHED}{name} is damaged: {reason}; {_ADVICE}")
