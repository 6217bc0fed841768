"""Trials in flight: started, and without a record. What is heard of them, and which verdicts follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from job.records.objective import sense
from job.records.trial import TrialRecord
from job.search.cube import Params
from job.search.verdicts import Course, judge
from job.settings import Settings
from job.study.executors.base import Event, Lost, Result, Trained
from job.study.ledger import Due
from job.training.plan import EpochScores


@dataclass(frozen=True)
class Suggestion:
    """What to train next, with which parameters, and the seconds that it took to choose them."""

    due: Due
    params: Params
    seconds: float = 0.0
    known: tuple[int, ...] = ()
    """Of a new trial: the earlier ones whose end it knows."""


@dataclass(frozen=True)
class Flight:
    """A trial, or a repetition, in flight."""

    suggestion: Suggestion
    course: Course = field(default_factory=Course)
    epochs: tuple[EpochScores, ...] = ()
    """All that have been heard of, also those that are later than its worker's checkpoint."""
    result: Result | None = None
    at_work: bool = True
    """If not, its worker is gone, and it waits for another."""

    @property
    def params(self) -> Params:
        """The parameters that it is trained with."""
        return self.suggestion.params


class Flights:
    """All trials in flight, by name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def start(self, suggestion: Suggestion) -> None:
        """Note that one starts, or starts again."""
        known = self._flights.get(suggestion.due.name)
        self._flights[suggestion.due.name] = replace(known, at_work=True) if known else Flight(suggestion)

    def at_work(self) -> list[Due]:
        """Return those that need no worker."""
        return [flight.suggestion.due for flight in self._flights.values() if flight.at_work]

    def suggested(self, due: Due) -> Suggestion | None:
        """Return what one was started with; None if it has never been."""
        flight = self._flights.get(due.name)
        return flight.suggestion if flight else None

    def due(self, name: str) -> Due:
        """Return which one has this name."""
        return self._flights[name].suggestion.due

    def trials(self) -> dict[int, Flight]:
        """Return the trials by number, without repetitions."""
        flights = self._flights.values()
        return {each.suggestion.due.number: each for each in flights if not each.suggestion.due.repetition}

    def hear(self, event: Event) -> None:
        """Note what an executor tells."""
        flight = self._flights[event.name]
        if isinstance(event, Lost):
            flight = replace(flight, at_work=False)
        elif isinstance(event, Trained):
            flight = self._with_epochs(flight, event.epochs)
        else:
            flight = replace(self._with_epochs(flight, event.result.outcome.epochs), result=event.result)
            flight = replace(flight, course=replace(flight.course, ended=True))
        self._flights[event.name] = flight

    def judge(self, recorded: Sequence[TrialRecord]) -> Iterator[tuple[str, int]]:
        """Settle all verdicts that can be known; return (name, epoch) of each trial that is now to be pruned."""
        objective = self._settings.objective
        curves = {each.number: [sense(objective) * value for value in each.curve(objective)] for each in recorded}
        trials = self.trials()
        courses = {number: flight.course for number, flight in trials.items()}
        for number, course in judge(self._settings.pruner, curves, courses, self._settings.epochs).items():
            flight = trials[number]
            name = flight.suggestion.due.name
            self._flights[name] = replace(flight, course=course)
            if course.stop is not None and flight.course.stop is None:
                yield name, course.stop

    def land(self) -> Iterator[tuple[Suggestion, Result]]:
        """Take out those that have ended and on which all verdicts are known, the lowest first."""
        for name, flight in sorted(self._flights.items()):
            repetition = flight.suggestion.due.repetition
            if flight.result and (repetition or flight.course.settled(self._settings.epochs)):
                del self._flights[name]
                flight.result.outcome.epochs = list(flight.epochs)
                if flight.course.stop is not None:
                    flight.result.outcome.prune(flight.course.stop)
                yield flight.suggestion, flight.result

    def _with_epochs(self, flight: Flight, epochs: Sequence[EpochScores]) -> Flight:
        """Return a flight that has heard of these epochs.

        None is forgotten: verdicts rest on all of them, and a worker that takes up a lost trial, or that fails, knows
        fewer.
        """
        if not epochs:
            return flight
        first, last = epochs[0].epoch, epochs[-1].epoch
        heard = (*flight.epochs[: first - 1], *epochs, *flight.epochs[last:])
        objective = self._settings.objective
        losses = tuple(sense(objective) * scores.value(objective) for scores in heard)
        return replace(flight, epochs=heard, course=replace(flight.course, losses=losses))
