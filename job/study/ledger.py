"""The ledger: a run's trials and repetitions, and what follows from them: the best, the winner, what is due next.

A trial's own value flatters it: the best of many was lucky, too. So the best FINAL_TRIALS are trained again with
FINAL_SEEDS other seeds each and compared by the mean of those repetitions alone. A trial is compared only when all
its repetitions are complete. If none can be compared, the best trial wins.
All of it is a function of the settings and the records; knows no storage and no torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from job.records.objective import sense
from job.records.results import Final
from job.records.run import AttemptRecord
from job.records.status import TrialStatus, trial_name
from job.records.trial import TrialRecord
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
    repetitions: tuple[TrialRecord, ...] = ()

    def plus(self, record: TrialRecord) -> "Ledger":
        """Return the ledger with one more record."""
        if record.repetition:
            return replace(self, repetitions=(*self.repetitions, record))
        return replace(self, trials=(*self.trials, record))

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

    @property
    def due(self) -> Due | None:
        """The next trial, then the repetitions of the best trials, one trial after the other; None at the end."""
        if len(self.trials) < self.settings.n_trials:
            return Due(len(self.trials))
        return self._next_repetition()

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

        They are those of the winner so far, of the trial that is being repeated, and of the best trial, which wins
        when no repetitions can be compared.
        """
        due = self._next_repetition()
        repeated = None if due is None else self._best_repetition(due.number)
        return [record for record in (self.best, self.winner, repeated) if record is not None]

    def repetitions_of(self, number: int) -> list[TrialRecord]:
        """Return the repetitions of a trial that count, in order."""
        found = [
            each for each in self.repetitions if each.number == number and each.repetition <= self.settings.final_seeds
        ]
        return sorted(found, key=lambda each: each.repetition)

    def rival(self, due: Due) -> TrialRecord | None:
        """Return the record that a trial, or a repetition, has to beat for its weights to be kept."""
        if not due.repetition:
            return self.best
        earlier = [each for each in self.repetitions if each.number == due.number and each.repetition < due.repetition]
        return next(iter(self._ranked(earlier)), None)

    def _next_repetition(self) -> Due | None:
        for trial in self._finalists():
            there = {each.repetition for each in self.repetitions_of(trial.number)}
            for repetition in range(1, self.settings.final_seeds + 1):
                if repetition not in there:
                    return Due(trial.number, repetition)
        return None

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
    budget: float, records: Sequence[TrialRecord], earlier: Mapping[int, AttemptRecord], elapsed: float = 0.0
) -> bool:
    """Say whether another trial, as long as the longest so far, would go beyond the budget (seconds, 0 for none).

    `elapsed` is the time of the present attempt, in seconds, and `earlier` are the attempts before it, by number. Of
    a killed attempt, only recorded time counts. Monotonic clocks measure all of it, so setting the wall clock
    changes nothing. The first trial always runs.
    """
    if not budget or not records:
        return False
    spent = elapsed + sum(_duration(attempt, number, records) for number, attempt in earlier.items())
    return spent + max(record.timing.total for record in records) > budget


def _duration(attempt: AttemptRecord, number: int, records: Sequence[TrialRecord]) -> float:
    recorded = sum(record.timing.total for record in records if record.timing.attempt == number)
    return attempt.seconds.get("total", sum(attempt.seconds.values()) + recorded)
