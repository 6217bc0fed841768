"""Which trial wins: the best one, or of the best few that with the best mean over other seeds.

The value that a trial was chosen by flatters it: among many the best one has been lucky, too. So the best FINAL_TRIALS
are trained again with FINAL_SEEDS other seeds each, and compared by the mean of those repetitions alone. A trial with a
repetition that diverged, failed or is still missing is not compared; where that leaves none, the best trial wins as
if nothing had been repeated. All of it is a function of the settings and the records; knows no storage and no torch.
"""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TypeVar

from job.records.objective import sense
from job.records.results import Final, RepetitionRecord, TrialRecord
from job.settings import Settings

RecordT = TypeVar("RecordT", bound=TrialRecord)


def ranked(records: Sequence[RecordT], objective: str) -> list[RecordT]:
    """Return the records that have a value, the best first, the earliest first of equal ones."""
    rated = [(sense(objective) * record.value, record) for record in records if record.value is not None]
    return [record for _, record in sorted(rated, key=lambda pair: pair[0])]


def best_of(records: Sequence[RecordT], objective: str) -> RecordT | None:
    """Return the record with the best value, the earliest of equal ones; None where no trial is complete."""
    return next(iter(ranked(records, objective)), None)


def compare(records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord], settings: Settings) -> list[Final]:
    """Return what the repetitions there are say of each of the best trials, the best of the search first."""
    finals = []
    for trial in ranked(records, settings.objective)[: settings.final_trials]:
        values = [each.value for each in _of(trial.number, repetitions, settings)]
        whole = [value for value in values if value is not None]
        compared = len(whole) == settings.final_seeds
        mean, std = fmean(whole) if compared else None, stdev(whole) if compared and len(whole) > 1 else None
        if values:
            finals.append(Final(trial=trial.number, values=values, mean=mean, std=std))
    return finals


def next_repetition(
    records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord], settings: Settings
) -> tuple[TrialRecord, int] | None:
    """Return the trial to be trained again and which time it is, one trial after the other, the best first.

    None where all repetitions are there.
    """
    for trial in ranked(records, settings.objective)[: settings.final_trials]:
        there = {each.repetition for each in _of(trial.number, repetitions, settings)}
        for number in range(1, settings.final_seeds + 1):
            if number not in there:
                return trial, number
    return None


def choose(
    records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord], settings: Settings
) -> TrialRecord | None:
    """Return the record whose model is the run's: the winner's best repetition, or the best trial's own.

    The earlier trial wins where means are equal. None where no trial is complete.
    """
    means = {each.trial: each.mean for each in compare(records, repetitions, settings) if each.mean is not None}
    if not means:
        return best_of(records, settings.objective)
    winner = min(sorted(means), key=lambda number: sense(settings.objective) * means[number])
    return best_of(_of(winner, repetitions, settings), settings.objective)


def needed(
    records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord], settings: Settings
) -> list[TrialRecord]:
    """Return the records whose weights may still be asked for.

    They are those of the winner so far, of the trial that is being repeated, and of the best trial itself, which wins
    again where this or a larger search has nothing to compare.
    """
    found: list[TrialRecord | None] = [best_of(records, settings.objective), choose(records, repetitions, settings)]
    due = next_repetition(records, repetitions, settings)
    if due is not None:
        found.append(best_of(_of(due[0].number, repetitions, settings), settings.objective))
    return [record for record in found if record is not None]


def _of(number: int, repetitions: Sequence[RepetitionRecord], settings: Settings) -> list[RepetitionRecord]:
    """Return those repetitions of a trial that count, in order."""
    found = [each for each in repetitions if each.number == number and each.repetition <= settings.final_seeds]
    return sorted(found, key=lambda each: each.repetition)
