"""What a run is doing at this moment, and how long it will take; from records and from what its workers tell."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean

from job.records.now import AtWork, Now
from job.records.objective import sense
from job.records.run import AttemptRecord
from job.search.pruning import bar
from job.study.ledger import Ledger, seconds_spent


def outlook(
    ledger: Ledger,
    at_work: Sequence[AtWork],
    *,
    attempt: int,
    earlier: Mapping[int, AttemptRecord],
    elapsed: float,
) -> Now:
    """Return what is going on. `earlier` are the attempts before this one, `elapsed` this one's seconds so far."""
    spent = seconds_spent(ledger.records, earlier, elapsed, ledger.parallel)
    allowed = ledger.settings.time_budget or None
    left = seconds_left(ledger, at_work)
    if left is not None and allowed is not None:
        left = min(left, max(0.0, allowed - spent))
    return Now(
        at=datetime.now(UTC),
        attempt=attempt,
        at_work=[each.model_copy(update={"bar": _bar(ledger, each)}) for each in at_work],
        seconds_left=None if left is None else round(left),
        seconds_spent=round(spent, 1),
        seconds_allowed=allowed,
    )


def seconds_left(ledger: Ledger, at_work: Sequence[AtWork]) -> float | None:
    """Return the seconds until nothing is due, at the speed so far; None before anything has been trained.

    Trials to come are taken to be as long as those so far on average, pruned ones among them, those at work and
    repetitions to be whole; as many are trained at a time as now.
    """
    settings, records = ledger.settings, [each for each in ledger.records if each.epochs]
    if records:
        epoch_seconds = sum(each.timing.total for each in records) / sum(len(each.epochs) for each in records)
    else:
        speeds = [each.images_per_second for each in at_work if each.images_per_second]
        if not speeds:
            return None
        epoch_seconds = at_work[0].steps * settings.batch_size / fmean(speeds)
    length = fmean(len(each.epochs) for each in ledger.trials) if ledger.trials else settings.epochs
    repeated = sum(each.repetition is not None for each in at_work)
    unrecorded = max(0, settings.n_trials - len(ledger.trials))
    trials = unrecorded - (len(at_work) - repeated)
    complete = sum(trial.value is not None for trial in ledger.trials)
    finalists = min(settings.final_trials, complete + unrecorded)
    repetitions = finalists * settings.final_seeds - sum(len(final.values) for final in ledger.finals) - repeated
    epochs = length * max(0, trials) + settings.epochs * max(0, repetitions)
    epochs += sum(settings.epochs - (each.epoch - 1 + each.step / each.steps) for each in at_work)
    return epoch_seconds * epochs / max(1, len(at_work))


def _bar(ledger: Ledger, at_work: AtWork) -> float | None:
    """Return the value below which a trial is pruned after its present epoch, by the trials that are recorded."""
    settings, sign = ledger.settings, sense(ledger.settings.objective)
    if at_work.repetition:
        return None
    curves = [trial.curve(settings.objective) for trial in ledger.trials if trial.number < at_work.trial]
    losses = [[sign * value for value in curve] for curve in curves]
    limit = bar(settings.pruner, losses, at_work.epoch, settings.epochs)
    return None if limit is None else sign * limit
