"""`job check`: all that can be known to go wrong, found before any GPU hour is spent."""

import structlog

from job.catalogue.catalogue import load_catalogue, summarise
from job.progress import progress_bar
from job.records.dataset import Dataset
from job.settings import Settings
from job.storage import open_storage
from job.study.identity import refuse_other_data, refuse_other_settings
from job.study.inputs import catalogue_settings, load_initial_weights
from job.study.journal import Journal
from job.study.prior import read_prior_runs
from job.training.device import choose_device, refuse_compile_without_compiler

_log = structlog.get_logger()


def check_job(settings: Settings) -> Dataset:
    """Check output, device, initial weights and catalogue, and return what the catalogue holds.

    Raises what `job run` would raise, and writes nothing that stays but the cache and, locally, an empty output folder.
    """
    storage = open_storage(settings.output_uri, retry_seconds=settings.retry_seconds)
    journal = Journal(storage)
    journal.check_writable()
    run = journal.run()
    if run is not None:
        refuse_other_settings(run, settings, settings.output_uri)
    device = choose_device(settings.device, settings.precision)
    refuse_compile_without_compiler(compile_model=settings.compile)
    _, weights_sha256 = load_initial_weights(settings)
    if run is None:
        read_prior_runs(settings, weights_sha256)
    with progress_bar() as progress:
        catalogue = load_catalogue(catalogue_settings(settings), progress)
    if run is not None:
        refuse_other_data(run, catalogue.fingerprint, weights_sha256, settings.output_uri, catalogue.passing)
    dataset = Dataset.model_validate(summarise(catalogue))
    for left_out in dataset.quarantined:
        _log.info("quarantined", id=left_out.id, reason=left_out.reason)
    for excluded in dataset.excluded_classes:
        _log.info("class left out", name=excluded.name, images=excluded.images)
    _log.info(
        "check passed",
        output=storage.uri,
        run="new" if run is None else f"goes on after {len(journal.trials())} trials",
        device=device.name,
        rows=dataset.rows,
        images=dataset.images,
        repaired=len(dataset.repaired),
        quarantined=len(dataset.quarantined),
        classes=len(dataset.classes),
        excluded_classes=len(dataset.excluded_classes),
        duplicate_groups=dataset.duplicate_groups,
        seconds={name: round(value, 2) for name, value in catalogue.seconds.items()},
    )
    return dataset
