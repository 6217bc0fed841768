"""The published model of a run, read again: checked before it is used."""

import hashlib
import json
from dataclasses import dataclass

import structlog
import torch
from safetensors.torch import load as load_safetensors
from torch import nn

from job.errors import JobError, ObjectMissingError, RunMismatchError
from job.records.model import DESCRIPTION, PUBLISHED, WEIGHTS, ModelDescription
from job.records.record import BadRecordError
from job.records.results import RESULTS
from job.storage import open_storage
from job.storage.base import Storage
from job.training.device import Device
from job.training.model import build_model

_ADVICE = "restore it, or start the run's job again, which publishes it anew"

_log = structlog.get_logger()


@dataclass(frozen=True)
class PublishedModel:
    """A model that is ready to predict."""

    description: ModelDescription
    model: nn.Module
    """On the device, in evaluation mode."""
    device: Device


def load_published(run_uri: str, device: Device, *, retry_seconds: float) -> PublishedModel:
    """Read the model that a run has published.

    model.json is checked against results.json, where that is there, and the weights against model.json. Raises
    JobError where there is no model, and RunMismatchError where a file is not the one that was published.
    """
    storage = open_storage(run_uri, retry_seconds=retry_seconds)
    data = _read(storage, PUBLISHED + DESCRIPTION)
    expected = _published_sha256(storage)
    if expected is None:
        _log.warning("results.json is missing or damaged, and model.json is used unchecked", run=storage.uri)
    elif hashlib.sha256(data).hexdigest() != expected:
        raise _damaged(storage, DESCRIPTION, "its sha256 is not the one in results.json")
    try:
        description = ModelDescription.parse(data)
    except BadRecordError as error:
        raise _damaged(storage, DESCRIPTION, str(error)) from None
    weights = _read(storage, PUBLISHED + WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != description.sha256.get(WEIGHTS):
        raise _damaged(storage, WEIGHTS, "its sha256 is not the one in model.json")
    model = build_model(len(description.classes), 0, None)
    try:
        model.load_state_dict(load_safetensors(weights))
    except RuntimeError as error:
        raise _damaged(storage, DESCRIPTION, f"the weights do not fit it: {str(error).splitlines()[0]}") from None
    model = model.to(device.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return PublishedModel(description, model.eval(), device)


def _read(storage: Storage, key: str) -> bytes:
    try:
        return storage.get(key)
    except ObjectMissingError:
        message = f"{storage.uri} has no published model: there is no {key}, which a job writes when its search ends"
        raise JobError(message) from None


def _published_sha256(storage: Storage) -> str | None:
    """Return the sha256 that results.json, of whatever version, has for model.json."""
    try:
        sha256 = json.loads(storage.get(RESULTS))["published"][PUBLISHED + DESCRIPTION]
    except (ObjectMissingError, ValueError, LookupError, TypeError):
        return None
    return str(sha256)


def _damaged(storage: Storage, name: str, reason: str) -> RunMismatchError:
    return RunMismatchError(f"{storage.uri}{PUBLISHED}{name} is damaged: {reason}; {_ADVICE}")
