"""The job, from top to bottom: suggest, train, record, show, until nothing is due.

Every decision is a function of the settings, the seed and the records of earlier trials, so this loop needs no memory
of its own: killed anywhere and started again, it arrives at the same results.
"""

import time
from dataclasses import replace

import structlog
import torch
from torch import Tensor

from job.catalogue.catalogue import Catalogue
from job.catalogue.split import Part
from job.errors import JobError, Preempted, StorageUnavailableError
from job.preemption import GRACE_SECONDS, Preemption
from job.records.results import Results
from job.records.run import RunRecord
from job.records.status import RunStatus
from job.settings import Settings
from job.study.attempt import Attempt, Workbench
from job.study.finish import finish, measure_winner
from job.study.identity import new_run, refuse_other_settings
from job.study.journal import Journal
from job.study.ledger import Ledger, budget_spent
from job.study.prepare import prepare, refuse_other_inputs
from job.study.show import show_progress
from job.study.suggestions import check_replay, suggest_next
from job.study.trials import record, train
from job.training.cpus import usable_threads
from job.training.data import IMAGENET_MEAN, IMAGENET_STD, Normalisation, Photos, normalisation_of
from job.training.device import Device, configure_torch
from job.training.failures import device_failures
from job.training.plan import Equipment

_log = structlog.get_logger()


def work(settings: Settings, journal: Journal, run: RunRecord | None, stop: Preemption) -> Results:
    """Take up the run, or begin it (`run` is None), and bring it to its results."""
    began = time.monotonic()
    inputs = prepare(settings, run)
    catalogue, device = inputs.catalogue, inputs.device
    if run is None:
        fresh = new_run(settings, catalogue.fingerprint, inputs.initial_sha256, usable_threads(), inputs.warm_start)
        run = journal.begin(fresh)
        if run is not fresh:  # another job has begun a run meanwhile
            refuse_other_settings(run, settings, settings.output_uri)
            refuse_other_inputs(run, inputs, settings)
    if run.dataset_uri != settings.dataset_uri:  # with the same URI, start.py has already looked
        results = journal.finished(settings)
        if results is not None:
            return results
    configure_torch(threads=run.threads, deterministic=settings.deterministic)
    ledger = journal.ledger(settings)
    attempt = Attempt(journal, began, catalogue.seconds, device.used, check_replay(ledger, run))
    _log.info("attempt", attempt=attempt.number, device=device.name, precision=device.precision, threads=run.threads)
    with device_failures(device.name):
        photos = photos_of(catalogue, device, inputs.initial)
    equipment = Equipment(photos, device, inputs.initial, settings.compile)
    dataset = catalogue.dataset
    bench = Workbench(settings, journal, stop, equipment, run, dataset, attempt)

    def announce(signal_number: int) -> None:
        _log.warning("signal", signal=signal_number, grace_seconds=GRACE_SECONDS)
        _note_end(attempt, f"signal {signal_number}")

    _say_other_device(bench)
    stop.announce(announce)  # a signal may leave no time to reach the `except` below
    try:
        with device_failures(device.name):
            status, ledger = _search(bench, ledger)
            winner = measure_winner(bench, catalogue, ledger)
        # nothing more is trained or measured: frees the memory of all photos for publishing
        del catalogue, inputs, equipment, photos
        bench = replace(bench, equipment=bench.equipment.without_photos())
        return finish(bench, ledger, status, winner)
    except BaseException as error:
        outcome = f"signal {error.signal_number}" if isinstance(error, Preempted) else str(error)
        if not isinstance(error, StorageUnavailableError):  # storage would only fail again
            _note_end(attempt, outcome)
        raise


def _search(bench: Workbench, ledger: Ledger) -> tuple[RunStatus, Ledger]:
    """Run trials, then repetitions of the best, until none is due or the next would not end within the budget."""
    budget, earlier = bench.settings.time_budget, bench.earlier_attempts()
    while True:
        bench.stop.check()
        _refuse_failures(ledger)
        due = ledger.due
        if due is None:
            return RunStatus.COMPLETE, ledger
        if budget_spent(budget, ledger.records, earlier, bench.attempt.elapsed):
            _log.info("time budget is spent", budget=budget, trials=len(ledger.trials))
            return RunStatus.BUDGET_SPENT, ledger
        suggestion = suggest_next(bench, ledger, due)
        with bench.stop.deferred():
            outcome = train(bench, ledger, suggestion)
            ledger = record(bench, ledger, suggestion, outcome)
        show_progress(bench, ledger)


def photos_of(catalogue: Catalogue, device: Device, initial: dict[str, Tensor] | None) -> Photos:
    """Put the photos on the device; normalise by the training part's statistics, or ImageNet's for given weights.

    Images that would take more than half of a GPU's free memory stay on the host.
    """
    train_rows = catalogue.indices(Part.TRAIN)
    if initial is None:
        normalisation = normalisation_of(catalogue.images, train_rows)
    else:
        normalisation = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
    images = torch.from_numpy(catalogue.images)
    if device.device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info()[0] / 2:
        _log.info("photos stay in the host's memory", bytes=images.nbytes, free=torch.cuda.mem_get_info()[0])
    else:
        images = images.to(device.device)
    return Photos(
        images=images,
        labels=torch.from_numpy(catalogue.labels).to(device.device),
        train=torch.from_numpy(train_rows).to(device.device),
        validation=torch.from_numpy(catalogue.indices(Part.VALIDATION)).to(device.device),
        n_classes=len(catalogue.classes),
        normalisation=normalisation,
    )


def _refuse_failures(ledger: Ledger) -> None:
    failed, limit = ledger.failed, ledger.settings.max_failed_trials
    if len(failed) >= limit:
        last = f"the last one, trial {failed[-1].number}: {failed[-1].error}"
        raise JobError(
            f"{len(failed)} trials have failed, and {limit} end the job; {last}", setting="max_failed_trials"
        )


def _say_other_device(bench: Workbench) -> None:
    here = bench.equipment.device.used
    there = [attempt.device for attempt in bench.earlier_attempts().values() if attempt.device]
    if there and there[-1] != here:
        _log.warning("device differs from the last attempt's; the run goes on", there=str(there[-1]), here=str(here))


def _note_end(attempt: Attempt, outcome: str) -> None:
    """Note how an attempt ended, if storage still answers; a failure to note it must not hide why it ended."""
    try:
        attempt.end(outcome)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the first error is the one to report
        _log.warning("attempt's end not written", error=str(error))
