"""What comes before training: device, weights, earlier runs and catalogue; and `job check`, which ends there."""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import structlog
import torch
from torch import Tensor

from job.catalogue.cache import prepare_cache_dir
from job.catalogue.catalogue import Catalogue, CatalogueSettings, load_catalogue
from job.errors import ObjectMissingError, SettingsError
from job.meter import Meter
from job.records.dataset import Dataset
from job.records.prior import PriorRun
from job.records.run import RunRecord
from job.sample.sample import place_sample
from job.settings import Settings
from job.storage import open_storage, split_uri
from job.study.executors.room import find_room
from job.study.identity import open_run, refuse_other_data, versions
from job.study.prior import read_prior_runs
from job.training.device import Device, choose_device, refuse_compile_without_compiler
from job.training.model import imagenet_weights, weights_from_bytes

_log = structlog.get_logger()

SAMPLE_URI = "sample"
_CHECKSUM = "#sha256="


@dataclass(frozen=True)
class Inputs:
    """All that a run is trained with."""

    device: Device
    initial: dict[str, Tensor] | None
    """Given initial weights; None draws them from the seed."""
    initial_sha256: str | None
    warm_start: list[PriorRun]
    catalogue: Catalogue


def prepare(settings: Settings, run: RunRecord | None, meter: Meter, device: Device | None = None) -> Inputs:
    """Choose the device, if none is given, and read weights, earlier runs and catalogue.

    `run` is None if it has not begun. `meter` shows how much of the catalogue is read.

    Raises JobError for what will not get better by itself, for instance RunMismatchError for a run of other data.
    """
    device = device or choose_device(settings.device, settings.precision)
    refuse_compile_without_compiler(device.device, compile_model=settings.compile)
    initial, sha256 = load_initial_weights(settings)
    warm_start = read_prior_runs(settings, sha256) if run is None else run.warm_start
    catalogue = load_catalogue(catalogue_settings(settings), meter)
    inputs = Inputs(device, initial, sha256, warm_start, catalogue)
    if run is not None:
        refuse_other_inputs(run, inputs, settings)
    return inputs


def device_of_driver(settings: Settings) -> Device | None:
    """Return the CPU, where another machine trains and this one has no GPU to measure the winner on; else None."""
    if settings.executor == "local" or torch.cuda.is_available():
        return None
    return choose_device("cpu", "float32")


def refuse_other_inputs(run: RunRecord, inputs: Inputs, settings: Settings) -> None:
    """Raise RunMismatchError if the run began with other photos, labels or weights; log other versions."""
    catalogue = inputs.catalogue
    refuse_other_data(run, catalogue.fingerprint, inputs.initial_sha256, settings.output_uri, catalogue.passing)
    if run.versions != versions():
        _log.warning("versions differ from the run's, and so may the last digits", there=run.versions, here=versions())


def check_job(settings: Settings, meter: Meter) -> Dataset:
    """Check output, device, initial weights and catalogue, and return what the catalogue holds.

    Raises what `job run` would raise, and leaves only the cache and, locally, an empty output folder.
    """
    journal, run = open_run(settings)
    journal.check_writable()
    room = find_room(settings)
    inputs = prepare(settings, run, meter, device_of_driver(settings))
    dataset = inputs.catalogue.dataset
    for item in dataset.quarantined:
        _log.info("quarantined", id=item.id, reason=item.reason)
    for excluded in dataset.excluded_classes:
        _log.info("class left out", name=excluded.name, images=excluded.images)
    _log.info(
        "check passed",
        output=journal.storage.uri,
        run="new" if run is None else f"goes on after {len(journal.trials(run.parallel_trials))} trials",
        device=inputs.device.name,
        parallel_trials=run.parallel_trials if run else room.trials_of(settings),
        rows=dataset.rows,
        images=dataset.images,
        repaired=len(dataset.repaired),
        quarantined=len(dataset.quarantined),
        classes=len(dataset.classes),
        excluded_classes=len(dataset.excluded_classes),
        duplicate_groups=dataset.duplicate_groups,
        seconds=inputs.catalogue.seconds,
    )
    return dataset


def catalogue_settings(settings: Settings) -> CatalogueSettings:
    """Return the settings that decide what the catalogue holds. Draws the sample first if DATASET_URI is `sample`."""
    is_sample = settings.dataset_uri == SAMPLE_URI
    place = place_sample(prepare_cache_dir(settings.cache_dir)) if is_sample else None
    named = [each.name for each in fields(CatalogueSettings) if each.name not in {"uri", "place"}]
    same: dict[str, Any] = {name: getattr(settings, name) for name in named}
    return CatalogueSettings(uri=settings.dataset_uri, place=place, **same)


def load_initial_weights(settings: Settings) -> tuple[dict[str, Tensor] | None, str | None]:
    """Return the weights that INIT_WEIGHTS names and their sha256; (None, None) for random ones."""
    if settings.init_weights == "random":
        return None, None
    if settings.init_weights == "imagenet":
        weights = imagenet_weights()
        digest = hashlib.sha256()
        for name in sorted(weights):
            digest.update(weights[name].numpy().tobytes())
        return weights, digest.hexdigest()
    uri, _, sha256 = settings.init_weights.partition(_CHECKSUM)
    folder, key = split_uri(uri)
    try:
        data = open_storage(folder, retry_seconds=settings.retry_seconds).get(key)
    except ObjectMissingError:
        message = f"{uri} does not exist; allowed are random, imagenet, or a path or URI"
        raise SettingsError(message, setting="init_weights") from None
    return weights_from_bytes(data, uri, sha256 or None), hashlib.sha256(data).hexdigest()
