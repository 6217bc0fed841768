"""Is an existing run this job's? Its settings, data and initial weights are compared field by field."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from job.errors import ChangedError, RunMismatchError
from job.records.prior import PriorRun
from job.records.run import RunRecord
from job.settings import BEFORE_THEY_EXISTED, GONE, Settings, variable_name
from job.storage import open_storage
from job.study.journal import Journal

_VERSIONED = ("fashiontune-job", "torch", "torchvision", "scikit-optimize", "scikit-learn", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Return the versions of the packages that a run's numbers depend on."""
    return {name: version(name) for name in _VERSIONED}


def new_run(
    settings: Settings,
    fingerprint: str,
    initial_weights_sha256: str | None,
    *,
    threads: int,
    parallel_trials: int = 1,
    warm_start: Sequence[PriorRun] = (),
) -> RunRecord:
    """Return the record of a run that begins now."""
    return RunRecord(
        settings=settings.defining(),
        dataset_uri=settings.dataset_uri,
        dataset_fingerprint=fingerprint,
        initial_weights_sha256=initial_weights_sha256,
        threads=threads,
        parallel_trials=parallel_trials,
        guess_first=True,
        versions=versions(),
        created_at=datetime.now(UTC),
        warm_start=list(warm_start),
    )


def open_run(settings: Settings) -> tuple[Journal, RunRecord | None]:
    """Return the journal at OUTPUT_URI and run.json, None if the run has not begun.

    Raises RunMismatchError for a run of other settings.
    """
    journal = Journal(open_storage(settings.output_uri, retry_seconds=settings.retry_seconds))
    run = journal.run()
    if run is not None:
        refuse_other_settings(run, settings, settings.output_uri)
    return journal, run


def refuse_other_settings(run: RunRecord, settings: Settings, where: str) -> None:
    """Raise RunMismatchError, naming every setting that differs from the run's."""
    differing = [
        f"{variable_name(name)} is {_show(there)} there and {_show(here)} here"
        for name, (there, here) in differing_settings(run, settings).items()
    ]
    if settings.parallel_trials not in {"auto", run.parallel_trials}:
        name = variable_name("parallel_trials")
        differing.append(f"{name} is {run.parallel_trials} there and {settings.parallel_trials} here")
    _refuse(differing, where)


def differing_settings(run: RunRecord, settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Return the settings that define the search and differ, by name: (the run's value, this job's)."""
    there, here = GONE | BEFORE_THEY_EXISTED | run.settings, GONE | settings.defining()
    return {name: (there.get(name), here.get(name)) for name in here | there if there.get(name) != here.get(name)}


def refuse_other_data(
    run: RunRecord,
    fingerprint: str,
    initial_weights_sha256: str | None,
    where: str,
    passing: Collection[str] = (),
) -> None:
    """Raise RunMismatchError if the photos, labels or initial weights are not those that the run began with.

    Raises ChangedError if the photos in `passing`, which could not be read this time, may be the reason.
    """
    differing = []
    if run.dataset_fingerprint != fingerprint:
        if passing:
            message = (
                f"{where} began with other photos, and {len(passing)} that are listed could not be read now (such as "
                f"{min(passing)}); start again, and let nothing write to {run.dataset_uri} meanwhile"
            )
            raise ChangedError(message)
        differing.append(
            f"the catalogue's fingerprint is {run.dataset_fingerprint[:16]} there (from {run.dataset_uri}) "
            f"and {fingerprint[:16]} here"
        )
    if run.initial_weights_sha256 != initial_weights_sha256:
        differing.append(
            f"the initial weights' sha256 is {run.initial_weights_sha256} there and {initial_weights_sha256} here"
        )
    _refuse(differing, where)


def _refuse(differing: list[str], where: str) -> None:
    if differing:
        what = "; ".join(differing)
        message = f"{where} holds another run: {what}; use its settings or another {variable_name('output_uri')}"
        raise RunMismatchError(message)


def _show(value: Any) -> str:  # noqa: ANN401 -- a JSON value
    return "not set" if value in (None, "") else str(value)
