"""What the page's sections and figures share: a run's results or its progress, with what follows from them.

Made once for a page; knows no markup and no chart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import quantiles
from typing import Any

from job.metrics import wilson_interval
from job.records.objective import sense
from job.records.results import Final, Progress, Results
from job.records.trial import TrialRecord
from job.words import NBSP, NONE, OBJECTIVES, PARAMETERS, count, deviation, listed, parameter, score

_MANY_TIMES = 10.0  # from which ratio of losses on a logarithmic scale shows more
_TAIL = 4.0  # quartile distances beyond a quartile up to which a scale reaches
_AN_END = 0.05  # of a range, within which a value is close to its end
_MATTERS = 0.1  # share of the variation, with interactions, from which a hyperparameter matters

_SPLITTING = {"target_column", "min_class_images", "max_images", "validation_fraction", "test_fraction", "seed"}
"""Settings that decide which photos are in the test part."""


@dataclass(frozen=True)
class Range:
    """A hyperparameter that was searched between two values."""

    low: float
    high: float
    log: bool

    def at(self, share: float) -> float:
        """Return the value at a share of the range, which is even in its prior."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def share(self, value: float) -> float:
        """Return where a value lies between low and high, 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class View:
    """A run as it is reported: finished (`Results`), or going on (`Progress`)."""

    run: Results | Progress

    @property
    def results(self) -> Results | None:
        """The results of a finished run."""
        return self.run if isinstance(self.run, Results) else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that define the run."""
        return self.run.settings

    @cached_property
    def objective(self) -> str:
        """The metric that trials are compared by."""
        return str(self.settings.get("objective", "accuracy"))

    @property
    def objective_name(self) -> str:
        """The objective in words."""
        return OBJECTIVES.get(self.objective, self.objective)

    @property
    def in_percent(self) -> bool:
        """Whether the objective is shown as a percentage."""
        return self.objective in {"accuracy", "balanced_accuracy"}

    @cached_property
    def searched(self) -> dict[str, Range | list[str]]:
        """What was searched for: between which values, or among which names."""
        found: dict[str, Range | list[str]] = {}
        for name, space in self.run.search_space.items():
            if isinstance(space, dict) and space["low"] < space["high"]:
                found[name] = Range(space["low"], space["high"], space.get("prior") == "log-uniform")
            elif isinstance(space, list) and len(space) > 1:
                found[name] = [str(each) for each in space]
        return found

    @property
    def ranges(self) -> dict[str, Range]:
        """The hyperparameters that were searched along a range."""
        return {name: space for name, space in self.searched.items() if isinstance(space, Range)}

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """All trials in order."""
        return sorted(self.run.trials, key=lambda trial: trial.number)

    @cached_property
    def complete(self) -> list[tuple[TrialRecord, float]]:
        """The trials that have a value, with it, the best first."""
        rated = [(trial, trial.value) for trial in self.trials if trial.value is not None]
        return sorted(rated, key=lambda pair: (sense(self.objective) * pair[1], pair[0].number))

    @cached_property
    def ranks(self) -> dict[int, int]:
        """The rank of each trial that has a value, 0 for the best, by its number."""
        return {trial.number: rank for rank, (trial, _) in enumerate(self.complete)}

    @cached_property
    def winner(self) -> TrialRecord | None:
        """The best trial."""
        best = self.run.best
        return next((trial for trial in self.trials if best is not None and trial.number == best.trial), None)

    @cached_property
    def finals(self) -> list[tuple[TrialRecord, Final]]:
        """The trials that were trained again with other seeds, the best mean first, then those that have none."""
        trials = {trial.number: trial for trial in self.trials}
        found = [(trials[final.trial], final) for final in self.run.finals if final.trial in trials]
        sign = sense(self.objective)
        return sorted(found, key=lambda pair: math.inf if pair[1].mean is None else sign * pair[1].mean)

    @property
    def chosen(self) -> Final | None:
        """What the winner was chosen by, where that was the mean over other seeds."""
        best = self.run.best
        if best is None or best.repetition is None:
            return None
        return next((final for _, final in self.finals if final.trial == best.trial), None)

    @property
    def n_planned(self) -> int:
        """How many trials the run is to have."""
        return max(int(self.settings.get("n_trials", 0)), len(self.trials))

    @property
    def n_repetitions(self) -> tuple[int, int]:
        """How many repetitions of the best trials there are, and how many are to be."""
        trials, seeds = (int(self.settings.get(f"final_{name}", 0)) for name in ("trials", "seeds"))
        there = sum(len(final.values) for final in self.run.finals)
        return there, max(min(trials, self.n_planned) * seeds, there)

    @property
    def parallel(self) -> int:
        """How many trials were trained at a time."""
        return int(self.settings.get("parallel_trials", 1))

    @property
    def n_initial(self) -> int:
        """How many trials the initial design has, as `job.search.suggest.design_size` says."""
        size = int(self.settings.get("n_initial_trials", 0))
        known = sum(earlier.trials for earlier in self.run.warm_start)
        return min(size, 2) if known >= size else max(size, self.parallel)

    @cached_property
    def within_noise(self) -> tuple[list[TrialRecord], tuple[float, float]] | None:
        """The trials that the validation part cannot tell from the winner, and the interval that says so.

        It is the 95 % interval of the winner's accuracy. None for an objective that has no such interval, and where
        nothing has won.
        """
        if self.objective != "accuracy" or self.winner is None or self.winner.value is None:
            return None
        photos = sum(row.validation for row in self.run.dataset.classes)
        if not photos:
            return None
        low, high = wilson_interval(round(self.winner.value * photos), photos)
        return [trial for trial, value in self.complete if value >= low and trial is not self.winner], (low, high)

    @property
    def at_an_end(self) -> list[tuple[str, float, bool]]:
        """The hyperparameters that matter and whose winning value is close to an end of their range.

        Each with that end, and whether it is the low one. None while the search goes on.
        """
        found = []
        for name, space in self.ranges.items() if self.results else ():
            share = self.run.importance.get(name)
            at = space.share(float(self.winner.params[name])) if self.winner else 0.5
            if share and share.total >= _MATTERS and min(at, 1 - at) <= _AN_END:
                found.append((name, space.low if at < 0.5 else space.high, at < 0.5))  # noqa: PLR2004 -- the middle
        return found

    @cached_property
    def near(self) -> list[TrialRecord]:
        """The trials that cannot be told from the winner."""
        return self.within_noise[0] if self.within_noise else []

    @property
    def majority_share(self) -> float:
        """The share of the test part that its largest class has."""
        counts = [row.test for row in self.run.dataset.classes]
        return max(counts) / sum(counts) if sum(counts) else 0.0

    @property
    def n_right(self) -> int:
        """How many test photos are named right."""
        matrix = self.results.test.confusion if self.results else []
        return sum(row[at] for at, row in enumerate(matrix))

    @property
    def n_cut_short(self) -> int:
        """How many attempts ended before the run did; the last one of a run that goes on is at work."""
        cut = sum(attempt.outcome not in {"complete", "budget_spent"} for attempt in self.run.run.attempts)
        return cut if self.results or not cut else cut - 1

    @property
    def devices(self) -> list[str]:
        """The devices, each with its precision, that the run was trained on."""
        return sorted({str(attempt.device) for attempt in self.run.run.attempts if attempt.device})

    @property
    def earlier_runs(self) -> list[str]:
        """The runs that this one was begun from, and what is other there."""
        told = []
        for run in self.run.warm_start:
            left_out = f"{run.left_out:,} left out, " if run.left_out else ""
            differs = f"other {listed(run.differs)}" if run.differs else "same settings"
            told.append(f"{run.trials} of {run.uri} ({left_out}{'same' if run.same_data else 'other'} data, {differs})")
        return told

    @property
    def test_photos_seen_before(self) -> bool:
        """Whether earlier runs may have split the photos in another way."""
        return not all(run.same_data and _SPLITTING.isdisjoint(run.differs) for run in self.run.warm_start)

    def better(self, value: float, than: float) -> bool:
        """Return whether a value of the objective beats another."""
        return sense(self.objective) * value < sense(self.objective) * than

    def domain(self, values: Sequence[float]) -> tuple[float, float, bool]:
        """Return the ends of a scale for values, and whether it is logarithmic; a long bad tail is left outside.

        A log loss is drawn in its logarithm where it varies much.
        """
        low, high = _without_tail(values, sense(self.objective)) if values else (0.0, 1.0)
        if low == high:
            low, high = low - 0.05 * abs(low or 1), high + 0.05 * abs(high or 1)
        return low, high, self.objective == "log_loss" and low > 0 and high / low > _MANY_TIMES

    def score(self, value: float) -> str:
        """Return a value of the objective in words."""
        return score(value, self.objective)

    def describe(self, trial: TrialRecord) -> str:
        """Return a trial in two lines, as its tooltip has it."""
        value = trial.status if trial.value is None else f"{self.objective_name} {self.score(trial.value)}"
        where = f" after epoch {trial.best_epoch}" if trial.value is not None and trial.best_epoch else ""
        params = ", ".join(f"{PARAMETERS.get(name, name)} {parameter(each)}" for name, each in trial.params.items())
        return f"Trial {trial.number}: {value}{where}\n{params}"

    def spread(self, final: Final) -> str:
        """Return mean and standard deviation over seeds."""
        if final.mean is None:
            return "not compared"
        return self.score(final.mean) + ("" if final.std is None else f" ±{NBSP}{deviation(final.std, self.objective)}")

    def seeds(self, final: Final) -> str:
        """Return the value of each repetition."""
        return ", ".join(NONE if value is None else self.score(value) for value in final.values)

    def progress(self) -> str:
        """Return how far the run is."""
        there, planned = self.n_repetitions
        repeated = f" and {there} of {count(planned, 'repetition')}" if planned else ""
        return f"{len(self.trials)} of {count(self.n_planned, 'trial')}{repeated}"


def _without_tail(values: Sequence[float], sign: int) -> tuple[float, float]:
    """Return the least and greatest value but for those that are far worse than most."""
    if len(values) < 4:  # noqa: PLR2004 -- fewer have no quartiles to speak of
        return min(values), max(values)
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    reach = _TAIL * (upper - lower)
    if sign > 0:
        return min(values), max(value for value in values if value <= upper + reach)
    return min(value for value in values if value >= lower - reach), max(values)
