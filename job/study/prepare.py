"""What comes before training, the same for `job check` and `job run`: device, weights, earlier runs and catalogue."""

from dataclasses import dataclass

import structlog
from torch import Tensor

from job.catalogue.catalogue import Catalogue, load_catalogue
from job.progress import progress_bar
from job.records.prior import PriorRun
from job.records.run import RunRecord
from job.settings import Settings
from job.study.identity import refuse_other_data, versions
from job.study.inputs import catalogue_settings, load_initial_weights
from job.study.prior import read_prior_runs
from job.training.device import Device, choose_device, refuse_compile_without_compiler

_log = structlog.get_logger()


@dataclass(frozen=True)
class Inputs:
    """All that a run is trained with."""

    device: Device
    initial: dict[str, Tensor] | None
    """Given initial weights; None draws them from the seed."""
    initial_sha256: str | None
    warm_start: list[PriorRun]
    catalogue: Catalogue


def prepare(settings: Settings, run: RunRecord | None) -> Inputs:
    """Choose the device and read weights, earlier runs and catalogue; `run` is None if it has not begun.

    Raises JobError for what will not get better by itself, for instance RunMismatchError for a run of other data.
    """
    device = choose_device(settings.device, settings.precision)
    refuse_compile_without_compiler(compile_model=settings.compile)
    initial, sha256 = load_initial_weights(settings)
    warm_start = read_prior_runs(settings, sha256) if run is None else run.warm_start
    with progress_bar() as progress:
        catalogue = load_catalogue(catalogue_settings(settings), progress)
    inputs = Inputs(device, initial, sha256, warm_start, catalogue)
    if run is not None:
        refuse_other_inputs(run, inputs, settings)
    return inputs


def refuse_other_inputs(run: RunRecord, inputs: Inputs, settings: Settings) -> None:
    """Raise RunMismatchError if the run began with other photos, labels or weights; log other versions."""
    catalogue = inputs.catalogue
    refuse_other_data(run, catalogue.fingerprint, inputs.initial_sha256, settings.output_uri, catalogue.passing)
    if run.versions != versions():
        _log.warning("versions differ from the run's, and so may the last digits", there=run.versions, here=versions())
