"""`job check`: all that can be known to go wrong, found before any GPU hour is spent."""

import structlog

from job.records.dataset import Dataset
from job.settings import Settings
from job.study.prepare import prepare
from job.study.start import open_run

_log = structlog.get_logger()


def check_job(settings: Settings) -> Dataset:
    """Check output, device, initial weights and catalogue, and return what the catalogue holds.

    Raises what `job run` would raise, and writes nothing that stays but the cache and, locally, an empty output folder.
    """
    journal, run = open_run(settings)
    journal.check_writable()
    inputs = prepare(settings, run)
    dataset = inputs.catalogue.dataset
    for item in dataset.quarantined:
        _log.info("quarantined", id=item.id, reason=item.reason)
    for excluded in dataset.excluded_classes:
        _log.info("class left out", name=excluded.name, images=excluded.images)
    _log.info(
        "check passed",
        output=journal.storage.uri,
        run="new" if run is None else f"goes on after {len(journal.trials())} trials",
        device=inputs.device.name,
        rows=dataset.rows,
        images=dataset.images,
        repaired=len(dataset.repaired),
        quarantined=len(dataset.quarantined),
        classes=len(dataset.classes),
        excluded_classes=len(dataset.excluded_classes),
        duplicate_groups=dataset.duplicate_groups,
        seconds={name: round(value, 2) for name, value in inputs.catalogue.seconds.items()},
    )
    return dataset
