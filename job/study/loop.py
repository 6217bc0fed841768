"""The job, from top to bottom: what is done, in which order, and when it ends.

Every decision is a function of the settings, the seed and the records of earlier trials, so this loop needs no memory
of its own: killed anywhere and started again, it arrives at the same results.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
import torch
from torch import Tensor

from job.catalogue.catalogue import Catalogue, load_catalogue, summarise
from job.catalogue.split import Part
from job.errors import JobError, Preempted, StorageUnavailableError
from job.progress import progress_bar
from job.records.dataset import Dataset
from job.records.results import RepetitionRecord, Results, RunRecord, TrialRecord
from job.settings import Settings
from job.study.attempt import Attempt
from job.study.budget import budget_spent
from job.study.finals import next_repetition
from job.study.finish import Status, finish, measure_winner
from job.study.identity import new_run, refuse_other_data, refuse_other_settings, versions
from job.study.inputs import catalogue_settings, load_initial_weights
from job.study.journal import Journal
from job.study.preemption import GRACE_SECONDS, Preemption
from job.study.prior import read_prior_runs
from job.study.show import show_progress
from job.study.trials import Workbench, next_trial, repeat_trial
from job.training.cpus import usable_threads
from job.training.data import IMAGENET_MEAN, IMAGENET_STD, Normalisation, Photos, normalisation_of
from job.training.device import (
    Device,
    choose_device,
    configure_torch,
    refuse_compile_without_compiler,
)
from job.training.plan import Equipment

_log = structlog.get_logger()


def work(settings: Settings, journal: Journal, run: RunRecord | None, stop: Preemption) -> Results:
    """Take up the run, or begin it (`run` is None), and bring it to its results."""
    began = time.monotonic()
    device = choose_device(settings.device, settings.precision)
    refuse_compile_without_compiler(compile_model=settings.compile)
    initial, weights_sha256 = load_initial_weights(settings)
    warm_start = read_prior_runs(settings, weights_sha256) if run is None else run.warm_start
    with progress_bar() as progress:
        catalogue = load_catalogue(catalogue_settings(settings), progress)
    if run is None:
        run = journal.begin(new_run(settings, catalogue.fingerprint, weights_sha256, usable_threads(), warm_start))
        refuse_other_settings(run, settings, settings.output_uri)  # another job may have begun another run meanwhile
    refuse_other_data(run, catalogue.fingerprint, weights_sha256, settings.output_uri, catalogue.passing)
    if run.versions != versions():
        _log.warning("versions differ from the run's, and so may the last digits", there=run.versions, here=versions())
    if run.dataset_uri != settings.dataset_uri:  # else the start has looked whether there is anything to do
        results = journal.finished(settings)
        if results is not None:
            return results
    configure_torch(threads=run.threads, deterministic=settings.deterministic)
    attempt = Attempt(journal, began, catalogue.seconds)
    _log.info("attempt", attempt=attempt.number, device=device.name, precision=device.precision, threads=run.threads)
    equipment = Equipment(photos_of(catalogue, device, initial), device, initial, settings.compile)
    dataset = Dataset.model_validate(summarise(catalogue))
    bench = Workbench(settings, journal, stop, equipment, run, dataset, attempt)

    def announce(signal_number: int) -> None:
        _log.warning("signal", signal=signal_number, grace_seconds=GRACE_SECONDS)
        _note_end(attempt, f"signal {signal_number}")

    stop.announce(announce)  # the process may have to end before the work in hand does
    try:
        status, records, repetitions = _search(bench)
        winner = measure_winner(bench, catalogue, records, repetitions)
        # nothing is trained or measured any more: the memory that all photos take is free for what is published
        del catalogue, equipment
        bench = replace(bench, equipment=bench.equipment.without_photos())
        return finish(bench, status, records, repetitions, winner)
    except BaseException as error:
        outcome = f"signal {error.signal_number}" if isinstance(error, Preempted) else str(error)
        if not isinstance(error, StorageUnavailableError):  # which would be asked in vain, for as long again
            _note_end(attempt, outcome)
        raise


def photos_of(catalogue: Catalogue, device: Device, initial: dict[str, Tensor] | None) -> Photos:
    """Put the photos on the device; the statistics are the training part's, or those that given weights expect."""
    train = catalogue.indices(Part.TRAIN)
    if initial is None:
        normalisation = normalisation_of(catalogue.images, train)
    else:
        normalisation = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
    return Photos(
        images=torch.from_numpy(catalogue.images).to(device.device),
        labels=torch.from_numpy(catalogue.labels).to(device.device),
        train=torch.from_numpy(train).to(device.device),
        validation=torch.from_numpy(catalogue.indices(Part.VALIDATION)).to(device.device),
        n_classes=len(catalogue.classes),
        normalisation=normalisation,
    )


def _search(bench: Workbench) -> tuple[Status, list[TrialRecord], list[RepetitionRecord]]:
    """Run trials until there are enough, then repeat the best ones; or until the next would not end within the budget.

    A repetition that fails takes its trial out of the comparison, and is none of the failures that end a job.
    """
    settings = bench.settings
    records, repetitions = bench.journal.trials(), bench.journal.repetitions()
    earlier = {number: each for number, each in bench.journal.attempts().items() if number < bench.attempt.number}
    while True:
        bench.stop.check()
        _refuse_failures(records, settings.max_failed_trials)
        searched = len(records) >= settings.n_trials
        due = next_repetition(records, repetitions, settings) if searched else None
        if searched and due is None:
            return "complete", records, repetitions
        trained = [*records, *repetitions]
        if budget_spent(settings.time_budget, trained, earlier, bench.attempt.elapsed):
            _log.info("time budget is spent", budget=settings.time_budget, trials=len(records))
            return "budget_spent", records, repetitions
        if due is None:
            records.append(next_trial(bench, records))
        else:
            repetitions.append(repeat_trial(bench, *due, records, repetitions))
        show_progress(bench, records, repetitions)


def _refuse_failures(records: Sequence[TrialRecord], limit: int) -> None:
    failed = [record for record in records if record.status == "failed"]
    if len(failed) >= limit:
        message = (
            f"{len(failed)} trials have failed, and FASHIONTUNE_MAX_FAILED_TRIALS={limit}; the last one, trial "
            f"{failed[-1].number}: {failed[-1].error}"
        )
        raise JobError(message)


def _note_end(attempt: Attempt, outcome: str) -> None:
    """Note how an attempt ended, if storage still answers; that it cannot be noted must not hide why it ended."""
    try:
        attempt.end(outcome)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the first error is the one to report
        _log.warning("attempt's end not written", error=str(error))
