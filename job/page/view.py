"""What the page's sections and figures share: a run's results or its progress, with what follows from them.

Made once for a page; knows no markup.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import quantiles

from job.errors import SettingsError
from job.metrics import wilson_interval
from job.page.scales import Linear, Log, Scale, rounded_out
from job.records.objective import sense
from job.records.results import Final, Progress, Results
from job.records.trial import EpochRecord, TrialRecord
from job.search.space import Range, SearchSpace, parse_search_space
from job.search.suggest import design_size
from job.words import NBSP, NONE, OBJECTIVES, PARAMETERS, count, deviation, parameter, score

_MANY_TIMES = 10.0  # from which ratio of losses on a logarithmic scale shows more
_TAIL = 4.0  # quartile distances beyond a quartile up to which a scale reaches


@dataclass(frozen=True)
class View:
    """A run as it is reported: finished (`Results`), or going on (`Progress`)."""

    run: Results | Progress

    @property
    def results(self) -> Results | None:
        """The results of a finished run."""
        return self.run if isinstance(self.run, Results) else None

    @cached_property
    def objective(self) -> str:
        """The metric that trials are compared by."""
        return str(self.run.settings.get("objective", "accuracy"))

    @property
    def objective_name(self) -> str:
        """The objective in words."""
        return OBJECTIVES.get(self.objective, self.objective)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space; one of another version is shown as the default one."""
        try:
            return parse_search_space(json.dumps(self.run.search_space))
        except SettingsError:
            return SearchSpace()

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
        return max(int(self.run.settings.get("n_trials", 0)), len(self.trials))

    @property
    def n_repetitions(self) -> tuple[int, int]:
        """How many repetitions of the best trials there are, and how many are to be."""
        trials, seeds = (int(self.run.settings.get(f"final_{name}", 0)) for name in ("trials", "seeds"))
        there = sum(len(final.values) for final in self.run.finals)
        return there, max(min(trials, self.n_planned) * seeds, there)

    @property
    def n_initial(self) -> int:
        """How many trials the initial design has."""
        n_prior = sum(earlier.trials for earlier in self.run.warm_start)
        return design_size(int(self.run.settings.get("n_initial_trials", 0)), n_prior)

    def value_of(self, epoch: EpochRecord) -> float:
        """Return the objective's value after an epoch."""
        return epoch.value(self.objective)

    def better(self, value: float, than: float) -> bool:
        """Return whether a value of the objective beats another."""
        return sense(self.objective) * value < sense(self.objective) * than

    def score(self, value: float) -> str:
        """Return a value of the objective in words."""
        return score(value, self.objective)

    def value_scale(self, values: Sequence[float], start: float, end: float, ticks: int) -> Scale:
        """Return a scale for values of the objective, which far worse ones than most do not stretch.

        A log loss is drawn in its logarithm where it varies much.
        """
        low, high = _without_tail(values, sense(self.objective)) if values else (0.0, 1.0)
        if self.objective == "log_loss" and low > 0 and high / low > _MANY_TIMES:
            return Log(low / 1.1, high * 1.1, start, end)
        low, high = rounded_out(low, high, ticks)
        return Linear(low, high, start, end, percent=self.objective in {"accuracy", "balanced_accuracy"})

    def within_noise(self) -> tuple[list[TrialRecord], tuple[float, float]] | None:
        """Return the trials that the validation part cannot tell from the winner, and the interval that says so.

        It is the 95 % interval of the winner's accuracy; None for an objective that has no such interval, and where
        nothing has won.
        """
        if self.objective != "accuracy" or self.winner is None or self.winner.value is None:
            return None
        photos = sum(row.validation for row in self.run.dataset.classes)
        if not photos:
            return None
        low, high = wilson_interval(round(self.winner.value * photos), photos)
        return [trial for trial, value in self.complete if value >= low and trial is not self.winner], (low, high)

    def describe(self, trial: TrialRecord) -> str:
        """Return a trial in one line, as a mark's title has it."""
        value = trial.status if trial.value is None else f"{self.objective_name} {self.score(trial.value)}"
        where = f" after epoch {trial.best_epoch}" if trial.value is not None and trial.best_epoch else ""
        return f"Trial {trial.number}: {value}{where}\n{self.describe_params(trial.params)}"

    def describe_params(self, params: dict[str, float | str]) -> str:
        """Return a trial's hyperparameters in one line."""
        return ", ".join(f"{PARAMETERS.get(name, name)} {parameter(value)}" for name, value in params.items())

    def spread(self, final: Final) -> str:
        """Return mean and standard deviation over seeds."""
        if final.mean is None:
            return "not compared"
        return self.score(final.mean) + ("" if final.std is None else f" ±{NBSP}{deviation(final.std, self.objective)}")

    def describe_final(self, trial: TrialRecord, final: Final) -> str:
        """Return what the repetitions of a trial came to, as a mark's title has it."""
        own = NONE if trial.value is None else self.score(trial.value)
        return f"Trial {trial.number}: {self.spread(final)}\nother seeds: {self.seeds(final)}\nin the search: {own}"

    def seeds(self, final: Final) -> str:
        """Return the value of each repetition."""
        return ", ".join(NONE if value is None else self.score(value) for value in final.values)

    def range_of(self, name: str) -> Range | None:
        """Return the range of a hyperparameter that was searched along one."""
        dimension = self.space.searched.get(name)
        return dimension if isinstance(dimension, Range) else None

    def progress(self) -> str:
        """Return how far the run is."""
        there, planned = self.n_repetitions
        repeated = f" and {there} of {count(planned, 'repetition')}" if planned else ""
        return f"{len(self.trials)} of {count(self.n_planned, 'trial')}{repeated}"


def range_scale(dimension: Range, start: float, end: float) -> Scale:
    """Return the scale of a hyperparameter, even in its prior."""
    if dimension.prior == "log-uniform":
        return Log(dimension.low, dimension.high, start, end)
    return Linear(dimension.low, dimension.high, start, end)


def _without_tail(values: Sequence[float], sign: int) -> tuple[float, float]:
    """Return the least and greatest value but for those that are far worse than most."""
    if len(values) < 4:  # noqa: PLR2004 -- fewer have no quartiles to speak of
        return min(values), max(values)
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    reach = _TAIL * (upper - lower)
    if sign > 0:
        return min(values), max(value for value in values if value <= upper + reach)
    return min(value for value in values if value >= lower - reach), max(values)
