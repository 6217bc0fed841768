"""The job, from top to bottom: start what may start, hear of it, record, show, until nothing is due.

Every decision is a function of the settings, the seed and the records of earlier trials, so this loop needs no memory
of its own: killed anywhere and started again, it arrives at the same results.
"""

import contextlib
import time
from dataclasses import replace

import structlog

from job.errors import JobError, Preempted, StorageUnavailableError, exit_code_of
from job.preemption import GRACE_SECONDS, Preemption
from job.records.results import Results
from job.records.run import RunRecord
from job.records.status import RunStatus
from job.settings import Settings
from job.study.attempt import Attempt, Workbench
from job.study.equipment import photos_of
from job.study.executors.base import Event, Executor, Trained
from job.study.executors.choose import open_executor
from job.study.executors.room import find_room
from job.study.finish import finish, measure_winner
from job.study.flights import Flights, Suggestion
from job.study.identity import new_run, refuse_other_settings
from job.study.journal import Journal
from job.study.ledger import Ledger, budget_spent
from job.study.prepare import device_of_driver, prepare, refuse_other_inputs
from job.study.show import Show
from job.study.suggestions import check_replay, suggest_next
from job.study.trials import named, record, task_of
from job.training.device import configure_torch
from job.training.failures import device_failures
from job.training.plan import Equipment
from job.watch.base import Watch

_log = structlog.get_logger()


def work(settings: Settings, journal: Journal, run: RunRecord | None, stop: Preemption, watch: Watch) -> Results:
    """Take up the run, or begin it (`run` is None), and bring it to its results; `watch` shows how far it is."""
    began = time.monotonic()
    room = find_room(settings)
    inputs = prepare(settings, run, watch.meter, device_of_driver(settings))
    catalogue, device = inputs.catalogue, inputs.device
    if run is None:
        fresh = new_run(
            settings,
            catalogue.fingerprint,
            inputs.initial_sha256,
            threads=room.threads,
            parallel_trials=room.trials_of(settings),
            warm_start=inputs.warm_start,
        )
        run = journal.begin(fresh)
        if run is not fresh:  # another job has begun a run meanwhile
            refuse_other_settings(run, settings, settings.output_uri)
            refuse_other_inputs(run, inputs, settings)
    if run.dataset_uri != settings.dataset_uri:  # with the same URI, start.py has already looked
        results = journal.finished(settings)
        if results is not None:
            return results
    configure_torch(threads=run.threads, deterministic=settings.deterministic)
    ledger = journal.ledger(settings, run)
    attempt = Attempt(journal, began, catalogue.seconds, device.used, check_replay(ledger, run))
    _log.info("attempt", attempt=attempt.number, device=device.name, precision=device.precision, threads=run.threads)
    with device_failures(device.name):
        photos = photos_of(catalogue, device, inputs.initial)
    equipment = Equipment(photos, device, inputs.initial, settings.compile)
    dataset = catalogue.dataset
    bench = Workbench(settings, journal, stop, equipment, run, dataset, attempt, watch.meter)

    def announce(signal_number: int) -> None:
        _log.warning("signal", signal=signal_number, grace_seconds=GRACE_SECONDS)
        _note_end(attempt, Preempted(signal_number))

    _say_other_device(bench)
    stop.announce(announce)  # a signal may leave no time to reach the `except` below
    try:
        with (
            device_failures(device.name),
            contextlib.closing(open_executor(bench, room)) as executor,
            Show(bench, executor, ledger) as show,
            watch.follow(show.look),
        ):
            status, ledger = _search(bench, executor, ledger, show)
            winner = measure_winner(bench, executor, catalogue, ledger)
        # nothing more is trained or measured: frees the memory of all photos for publishing
        del catalogue, inputs, equipment, photos, executor, show
        bench = replace(bench, equipment=bench.equipment.without_photos())
        return finish(bench, ledger, status, winner)
    except BaseException as error:
        if not isinstance(error, StorageUnavailableError):  # storage would only fail again
            _note_end(attempt, error)
        raise


def _search(bench: Workbench, executor: Executor, ledger: Ledger, show: Show) -> tuple[RunStatus, Ledger]:
    """Run trials, then repetitions of the best, until none is due or the next would not end within the budget."""
    flights = Flights(bench.settings)
    while True:
        bench.stop.check()
        suggestion = _next(bench, ledger, flights)
        if suggestion is None:
            break
        with bench.stop.deferred():
            _start(executor, flights, ledger, suggestion)
            while flights:
                before, ledger = ledger, _go_on(bench, executor, flights, ledger)
                if ledger is not before:
                    show.recorded(ledger)
        show.wait()
    if ledger.due() is None:
        return RunStatus.COMPLETE, ledger
    _log.info("time budget is spent", budget=bench.settings.time_budget, trials=len(ledger.trials))
    return RunStatus.BUDGET_SPENT, ledger


def _go_on(bench: Workbench, executor: Executor, flights: Flights, ledger: Ledger) -> Ledger:
    """Hear one event, stop what is to be pruned, record what has come to its end, start what may start."""
    event = executor.hear()
    if event is not None:
        flights.hear(event)
        _log_epochs(event, flights, bench.equipment)
        for name, epoch in flights.judge(ledger.trials):
            executor.stop(name, epoch)
        for landed, result in flights.land():
            with named(landed.due):
                ledger = record(bench, ledger, landed, result)
    while flights and executor.is_free():
        suggestion = _next(bench, ledger, flights)
        if suggestion is None:
            break
        _start(executor, flights, ledger, suggestion)
    return ledger


def _next(bench: Workbench, ledger: Ledger, flights: Flights) -> Suggestion | None:
    """Return the next suggestion; None if nothing is due, may start yet, or would end within the budget."""
    _refuse_failures(ledger)
    due = ledger.due(flights.at_work())
    if due is None:
        return None
    waiting = flights.suggested(due)
    if waiting is not None:  # its worker was lost
        return waiting
    with named(due):
        suggestion = suggest_next(bench, ledger, due, flights.trials())
    if suggestion is None or budget_spent(
        bench.settings.time_budget, ledger.records, bench.earlier_attempts(), bench.attempt.elapsed, ledger.parallel
    ):
        return None
    return suggestion


def _start(executor: Executor, flights: Flights, ledger: Ledger, suggestion: Suggestion) -> None:
    flights.start(suggestion)
    executor.start(task_of(ledger, suggestion))


def _log_epochs(event: Event, flights: Flights, equipment: Equipment) -> None:
    if not isinstance(event, Trained) or event.taken_up:
        return
    photos = len(equipment.photos.train)
    for scores in event.epochs:
        measured = scores.point()
        with named(flights.due(event.name)):
            _log.info(
                "epoch",
                epoch=measured.pop("epoch"),
                **measured,
                seconds=scores.train_seconds + scores.evaluate_seconds,
                images_per_second=photos / scores.train_seconds,
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


def _note_end(attempt: Attempt, reason: BaseException) -> None:
    """Note how an attempt ended, if storage still answers; a failure to note it must not hide why it ended."""
    outcome = f"signal {reason.signal_number}" if isinstance(reason, Preempted) else str(reason)
    try:
        attempt.end(outcome, exit_code_of(reason))
    except Exception as error:  # noqa: BLE001 -- whatever it is, the first error is the one to report
        _log.warning("attempt's end not written", error=str(error))
