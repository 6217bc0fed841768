"""The ledger: a run's trials and repetitions, and what follows from them: the best, the winner, what is due next.

A trial's own value flatters it: the best of many was lucky, too. So the best FINAL_TRIALS are trained again with
FINAL_SEEDS other seeds each and compared by the mean of those repetitions alone. A trial is compared only when all
its repetitions are complete. If none can be compared, the best trial wins.
All of it is a function of the settings and the records; knows no storage and no torch.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from job.records.objective import sense
from job.records.results import Final
from job.records.run import AttemptRecord
from job.records.status import TrialStatus, trial_name
from job.records.trial import TrialRecord
from job.search.schedule import Length, Start, starts
from job.search.verdicts import Course
from job.settings import Settings


@dataclass(frozen=True)
class Due:
    """What is to be trained next: a new trial (repetition 0), or a repetition of a recorded one."""

    number: int
    repetition: int = 0

    @property
    def name(self) -> str:
        """The beginning of the keys of its objects."""
        return trial_name(self.number, self.repetition)


@dataclass(frozen=True)
class Ledger:
    """All records of a run, in order."""

    settings: Settings
    trials: tuple[TrialRecord, ...] = ()
    """By number; where several are trained at a time, some between them may be missing."""
    repetitions: tuple[TrialRecord, ...] = ()
    parallel: int = 1
    """How many trials are trained at a time."""

    def plus(self, record: TrialRecord) -> "Ledger":
        """Return the ledger with one more record."""
        if record.repetition:
            found = sorted((*self.repetitions, record), key=lambda each: (each.number, each.repetition))
            return replace(self, repetitions=tuple(found))
        return replace(self, trials=tuple(sorted((*self.trials, record), key=lambda each: each.number)))

    @property
    def records(self) -> list[TrialRecord]:
        """Trials, then repetitions."""
        return [*self.trials, *self.repetitions]

    @property
    def failed(self) -> list[TrialRecord]:
        """The trials that failed; a repetition that fails only takes its trial out of the comparison."""
        return [trial for trial in self.trials if trial.status is TrialStatus.FAILED]

    @property
    def best(self) -> TrialRecord | None:
        """The trial with the best value, the earliest of equal ones; None if no trial is complete."""
        return next(iter(self._ranked(self.trials)), None)

    def due(self, at_work: Collection[Due] = ()) -> Due | None:
        """Return the first unrecorded trial that is not at work, then such a repetition of the best trials, or None.

        Repetitions are due once all trials are recorded, one trial's after the other's.
        """
        recorded = {trial.number for trial in self.trials}
        unrecorded = [Due(number) for number in range(self.settings.n_trials) if number not in recorded]
        due = unrecorded or self._repetitions_due()
        return next((each for each in due if each not in at_work), None)

    def starts(self, number: int, courses: Mapping[int, Course] | None = None) -> list[Start]:
        """Return when trials 0 to `number` start on the search's clock, and what they know; fewer if not yet certain.

        `courses` are the unrecorded trials, by number.
        """
        lengths = {trial.number: self._length(trial) for trial in self.trials if trial.number < number}
        for each in range(number):
            if each not in lengths:
                course = (courses or {}).get(each, Course())
                lengths[each] = Length(course.passed + 1, final=False)
        return starts([lengths[each] for each in range(number)], self.parallel)

    def _length(self, trial: TrialRecord) -> Length:
        if trial.status is TrialStatus.PRUNED:
            return Length(len(trial.epochs))
        return Length(len(trial.epochs) + 1 if trial.status is TrialStatus.DIVERGED else self.settings.epochs)

    @property
    def finals(self) -> list[Final]:
        """What the repetitions so far say of each of the best trials, the best of the search first."""
        found = []
        for trial in self._finalists():
            values = [each.value for each in self.repetitions_of(trial.number)]
            whole = [value for value in values if value is not None]
            compared = len(whole) == self.settings.final_seeds
            mean, std = fmean(whole) if compared else None, stdev(whole) if compared and len(whole) > 1 else None
            if values:
                found.append(Final(trial=trial.number, values=values, mean=mean, std=std))
        return found

    @property
    def winner(self) -> TrialRecord | None:
        """The record whose model is the run's: the winner's best repetition, or the best trial itself.

        The earlier trial wins if means are equal. None if no trial is complete.
        """
        means = {final.trial: final.mean for final in self.finals if final.mean is not None}
        if not means:
            return self.best
        number = min(sorted(means), key=lambda number: sense(self.settings.objective) * means[number])
        return self._best_repetition(number)

    @property
    def needed(self) -> list[TrialRecord]:
        """The records whose weights may still be needed.

        They are those of the winner so far, of the trials that are being repeated, and of the best trial, which wins
        when no repetitions can be compared.
        """
        repeated = [self._best_repetition(number) for number in {due.number for due in self._repetitions_due()}]
        return [record for record in (self.best, self.winner, *repeated) if record is not None]

    def repetitions_of(self, number: int) -> list[TrialRecord]:
        """Return the repetitions of a trial that count, in order."""
        found = [
            each for each in self.repetitions if each.number == number and each.repetition <= self.settings.final_seeds
        ]
        return sorted(found, key=lambda each: each.repetition)

    def rival(self, due: Due, known: Collection[int]) -> TrialRecord | None:
        """Return the record that a trial, or a repetition, has to beat for its weights to be kept.

        It is the best of the trials that a new one knows, so it is the same whatever else is at work.
        """
        if not due.repetition:
            return next(iter(self._ranked([trial for trial in self.trials if trial.number in known])), None)
        if self.parallel > 1:
            return None
        earlier = [each for each in self.repetitions if each.number == due.number and each.repetition < due.repetition]
        return next(iter(self._ranked(earlier)), None)

    def _repetitions_due(self) -> list[Due]:
        due = []
        for trial in self._finalists():
            there = {each.repetition for each in self.repetitions_of(trial.number)}
            due += [Due(trial.number, each) for each in range(1, self.settings.final_seeds + 1) if each not in there]
        return due

    def _finalists(self) -> list[TrialRecord]:
        return self._ranked(self.trials)[: self.settings.final_trials]

    def _best_repetition(self, number: int) -> TrialRecord | None:
        return next(iter(self._ranked(self.repetitions_of(number))), None)

    def _ranked(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Return the records that have a value, the best first, the earliest first of equal ones."""
        rated = [
            (sense(self.settings.objective) * record.value, record) for record in records if record.value is not None
        ]
        return [record for _, record in sorted(rated, key=lambda pair: pair[0])]


def budget_spent(
    budget: float,
    records: Sequence[TrialRecord],
    earlier: Mapping[int, AttemptRecord],
    elapsed: float = 0.0,
    parallel: int = 1,
) -> bool:
    """Say whether another trial, as long as the longest so far, would go beyond the budget (seconds, 0 for none).

    The other arguments are those of `seconds_spent`. The first trial always runs.
    """
    if not budget or not records:
        return False
    spent = seconds_spent(records, earlier, elapsed, parallel)
    return spent + max(record.timing.total for record in records) > budget


def seconds_spent(
    records: Sequence[TrialRecord], earlier: Mapping[int, AttemptRecord], elapsed: float, parallel: int
) -> float:
    """Return the time of all attempts together.

    `elapsed` is the time of the present attempt, in seconds, and `earlier` are the attempts before it, by number. Of
    a killed attempt, only recorded time counts, shared by the `parallel` trials that ran at a time. Monotonic clocks
    measure all of it, so setting the wall clock changes nothing.
    """
    return elapsed + sum(_duration(attempt, number, records, parallel) for number, attempt in earlier.items())


def _duration(attempt: AttemptRecord, number: int, records: Sequence[TrialRecord], parallel: int) -> float:
    recorded = sum(record.timing.total for record in records if record.timing.attempt == number) / parallel
    return attempt.seconds.get("total", sum(attempt.seconds.values()) + recorded)
