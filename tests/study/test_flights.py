"""Several trials at a time: whoever trains them, and whoever dies, the records are those of one trial after the other.

The loop, the ledger and the flights are the job's own; only training, storage and the process of suggestions are made
up. What a trial comes to follows from its parameters, and these from what it knew, so one wrong decision shows in all
later records.
"""

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import structlog

from job.preemption import Preemption
from job.records.now import AtWork
from job.records.objective import sense
from job.records.status import RunStatus, TrialStatus
from job.records.trial import EpochRecord, TrialRecord
from job.search.cube import Params
from job.search.pruning import stops
from job.settings import Settings
from job.study import loop
from job.study.executors.base import Ended, Event, Executor, Lost, Result, Task, Trained
from job.study.flights import Flight, Flights, Suggestion
from job.study.ledger import Due, Ledger
from job.study.show import Show
from job.training.plan import EpochScores, TrialOutcome
from tests.study.test_journal import trial

Start = tuple[int, int, tuple[int, ...]]
"""A trial, when it starts, and what it knows."""

_IDLE = 3  # times in a row that the driver may hear nothing while nobody works
_LONGEST = 20_000  # steps of a run


class _DiedError(Exception):
    """The driver has died."""


def settings_of(rng: random.Random) -> Settings:
    return Settings(
        n_trials=rng.randint(1, 24),
        epochs=rng.randint(1, 6),
        pruner=rng.choice(["none", "median"]),
        objective=rng.choice(["accuracy", "log_loss"]),
        max_failed_trials=9999,
    )


def params_of(start: Start) -> Params:
    """Return parameters that no other start has."""
    rate = random.Random(str(start)).uniform(0.001, 0.1)  # a string's hash differs between processes, its seed does not
    return {"learning_rate": rate, "momentum": 0.5, "weight_decay": 0.001, "optimizer": "sgd"}


def outcome_of(rate: float, settings: Settings) -> TrialOutcome:
    """Return what a trial comes to if nobody prunes it; scores are coarse, so that some are equal."""
    rng = random.Random(rate)
    status = rng.choices([TrialStatus.COMPLETE, TrialStatus.DIVERGED, TrialStatus.FAILED], [8, 2, 1])[0]
    length = settings.epochs if status is TrialStatus.COMPLETE else rng.randrange(settings.epochs)
    level = rng.randint(0, 8)
    scores = [(level + rng.randint(0, 3)) / 11 for _ in range(length)]
    epochs = [EpochScores(at, 0.5, score, score, score, score, 1.0, 0.0) for at, score in enumerate(scores, 1)]
    outcome = TrialOutcome(status, epochs)
    if status is TrialStatus.COMPLETE:
        best = min(epochs, key=lambda each: sense(settings.objective) * each.value(settings.objective))
        outcome.best_epoch, outcome.value = best.epoch, best.value(settings.objective)
    if status is TrialStatus.FAILED:
        outcome.error = "out of memory"
    return outcome


def one_after_the_other(settings: Settings, parallel: int) -> tuple[list[Start], list[TrialOutcome]]:
    """Run the search as the rule says it: each trial to its end, before the next one begins."""
    ends: list[tuple[int, int]] = []
    found: list[Start] = []
    outcomes: list[TrialOutcome] = []
    ended: list[int] = []
    sign = sense(settings.objective)
    for number in range(settings.n_trials):
        time = 0
        if number >= parallel:
            time, place = heapq.heappop(ends)
            ended.append(place)
        found.append((number, time, tuple(sorted(ended))))
        outcome = outcome_of(float(params_of(found[-1])["learning_rate"]), settings)
        *earlier, curve = [
            [sign * each.value(settings.objective) for each in known.epochs] for known in (*outcomes, outcome)
        ]
        cut = next(
            (at for at in range(1, len(curve) + 1) if stops(settings.pruner, earlier, curve[:at], settings.epochs)),
            None,
        )
        length = settings.epochs if outcome.status is not TrialStatus.DIVERGED else len(curve) + 1
        if cut is not None:
            outcome.prune(cut)
            length = cut
        outcomes.append(outcome)
        heapq.heappush(ends, (time + length, number))
    return found, outcomes


@dataclass
class World:
    """What outlives a driver: records and checkpoints; and how often things go wrong."""

    settings: Settings
    rng: random.Random
    parallel: int
    records: dict[int, TrialRecord] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    """Epochs, by trial."""
    found: dict[int, Start] = field(default_factory=dict)
    """The first start of each trial; each later one must be the same."""
    steps: int = 0
    drivers: int = 0
    losses: int = 0
    pruned_late: int = 0
    run: Any = None
    stop: Preemption = field(default_factory=Preemption)

    def __post_init__(self) -> None:
        self.workers = self.rng.choice([self.rng.randint(1, self.parallel), self.rng.randint(1, 2 * self.parallel)])
        self.speeds = [10 ** self.rng.uniform(-2, 0) for _ in range(self.workers)]
        self.worker_dies, self.driver_dies, self.checkpointed, self.told, self.nothing = (
            self.rng.choice([0, self.rng.random() * worst]) for worst in (0.2, 0.05, 1, 1, 0.3)
        )

    def maybe(self, probability: float) -> bool:
        return self.rng.random() < probability

    def driver_lives(self) -> None:
        if self.maybe(self.driver_dies):
            raise _DiedError

    # what the loop asks of a workbench

    @property
    def journal(self) -> "World":
        return self

    @property
    def attempt(self) -> Any:
        class Attempt:
            number, elapsed = 1, 0.0

        return Attempt

    @property
    def equipment(self) -> Any:
        class Photos:
            train: ClassVar = [0]

        class Equipment:
            photos = Photos

        return Equipment

    def earlier_attempts(self) -> dict[int, Any]:
        return {}

    def record_trial(self, record: TrialRecord) -> TrialRecord:
        self.driver_lives()
        assert record.number not in self.records
        self.records[record.number] = record
        self.driver_lives()
        return record

    def forget(self, ledger: Ledger) -> None:
        for each in ledger.trials:
            self.checkpoints.pop(each.name, None)


@dataclass
class _Seat:
    task: Task
    speed: float
    epochs: int = -1
    """How far it has trained; -1 before it has taken up the trial."""
    stop: int | None = None
    """It was told to stop after so many epochs, and has not read it yet."""


@dataclass
class Workers(Executor):
    """Workers of very different speeds, of which any may die, and which read late that they are to stop."""

    world: World
    seats: dict[int, _Seat] = field(default_factory=dict)
    waiting: list[Task] = field(default_factory=list)
    idle: int = 0

    def is_free(self) -> bool:
        return len(self.seats) + len(self.waiting) < self.world.workers

    def start(self, task: Task) -> None:
        self.waiting.append(task)
        assert len(self.seats) + len(self.waiting) <= self.world.parallel

    def stop(self, name: str, epoch: int) -> None:
        for seat in self.seats.values():
            if seat.task.plan.name == name:
                seat.stop = epoch

    def at_work(self) -> list[AtWork]:
        return []

    def close(self) -> None:
        """Nothing is to be freed."""

    def hear(self) -> Event | None:
        world = self.world
        world.steps += 1
        assert world.steps < _LONGEST, "the run does not end"
        world.driver_lives()
        free = [number for number in range(world.workers) if number not in self.seats]
        while self.waiting:
            number = free.pop(world.rng.randrange(len(free)))
            self.seats[number] = _Seat(self.waiting.pop(0), world.speeds[number])
        self.idle = 0 if self.seats else self.idle + 1
        assert self.idle < _IDLE, "nobody works, and nothing is to start"
        if not self.seats or world.maybe(world.nothing):
            return None
        numbers = list(self.seats)
        number = world.rng.choices(numbers, [self.seats[each].speed for each in numbers])[0]
        event = self._go_on(self.seats[number])
        if isinstance(event, Ended | Lost):
            del self.seats[number]
        return event

    def _go_on(self, seat: _Seat) -> Event:
        world, name = self.world, seat.task.plan.name
        outcome = outcome_of(seat.task.plan.learning_rate, world.settings)
        if world.maybe(world.worker_dies):
            world.losses += 1
            return Lost(name)
        if seat.epochs < 0:
            seat.epochs = world.checkpoints.get(name, 0)
            return Trained(name, outcome.epochs[: seat.epochs], taken_up=True)
        if seat.stop is not None and world.maybe(world.told):
            world.pruned_late += seat.epochs > seat.stop
            outcome.epochs = outcome.epochs[: seat.epochs]
            outcome.prune(seat.stop)
            return Ended(name, Result(outcome))
        if seat.epochs == len(outcome.epochs):
            world.pruned_late += seat.stop is not None
            if outcome.status is TrialStatus.FAILED:
                # a checkpoint may be older than what was heard, and out of memory leaves nothing
                outcome.epochs = outcome.epochs[: world.checkpoints.get(name, 0)]
            return Ended(name, Result(outcome))
        seat.epochs += 1
        if world.maybe(world.checkpointed):
            world.checkpoints[name] = seat.epochs
        return Trained(name, [outcome.epochs[seat.epochs - 1]])


class Unseen(Show):
    """Shows nothing."""

    def __init__(self) -> None:
        pass

    def recorded(self, ledger: Ledger) -> None:
        pass

    def wait(self) -> None:
        pass


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[World], None]]:
    """A function that runs drivers, one after the other, until the search has ended."""

    def suggest(world: World, ledger: Ledger, due: Due, unrecorded: dict[int, Flight]) -> Suggestion | None:
        starts = ledger.starts(due.number, {number: flight.course for number, flight in unrecorded.items()})
        if len(starts) <= due.number:
            return None
        start = (due.number, starts[-1].time, starts[-1].known)
        assert world.found.setdefault(due.number, start) == start
        return Suggestion(due, params_of(start), 0.0, starts[-1].known)

    def until_the_end(world: World) -> None:
        while True:
            world.drivers += 1
            recorded = tuple(world.records[number] for number in sorted(world.records))
            ledger = Ledger(world.settings, recorded, parallel=world.parallel)
            try:
                bench: Any = world
                status, _ = loop._search(bench, Workers(world), ledger, Unseen())
            except _DiedError:
                continue
            assert status is RunStatus.COMPLETE
            return

    monkeypatch.setattr(loop, "suggest_next", suggest)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield until_the_end
    structlog.reset_defaults()


def told(epochs: Sequence[Any]) -> list[tuple[int, float]]:
    return [(each.epoch, each.accuracy) for each in epochs]


@pytest.mark.parametrize("part", range(8))
def test_any_execution_leaves_the_records_of_one_trial_after_the_other(
    part: int, live: Callable[[World], None]
) -> None:
    """Whatever the speed and number of workers, and whoever dies: the same starts, verdicts and records, and an end."""
    late = losses = drivers = 0
    for seed in range(part * 125, (part + 1) * 125):
        print(f"{seed=}")  # noqa: T201 -- pytest shows it where the test fails
        rng = random.Random(seed)
        settings, parallel = settings_of(rng), rng.randint(1, 16)
        expected, outcomes = one_after_the_other(settings, parallel)
        world = World(settings, rng, parallel)
        live(world)
        late, losses, drivers = late + world.pruned_late, losses + world.losses, drivers + world.drivers
        assert [world.found[number] for number in range(settings.n_trials)] == expected
        assert sorted(world.records) == list(range(settings.n_trials))
        for (number, _, known), outcome in zip(expected, outcomes, strict=True):
            record = world.records[number]
            assert record.params == params_of(expected[number])
            assert (record.status, record.error) == (outcome.status, outcome.error), number
            assert (record.value, record.best_epoch) == (outcome.value, outcome.best_epoch)
            assert told(record.epochs) == told(outcome.epochs), number
            assert len(known) == max(0, number - parallel + 1)
            assert parallel > 1 or known == tuple(range(number))
    assert late > 50
    assert losses > 100
    assert drivers > 200


def scores(*values: float, first: int = 1) -> list[EpochScores]:
    return [EpochScores(at, 0.5, each, each, each, each, 1.0, 0.0) for at, each in enumerate(values, first)]


def recorded(number: int, accuracy: float) -> TrialRecord:
    epochs = [EpochRecord(**each.point()) for each in scores(accuracy, accuracy, accuracy)]
    return trial(number, accuracy).model_copy(update={"epochs": epochs})


def lost() -> Flights:
    """Return the flight of trial 4, which has been heard of for two epochs before its worker was lost."""
    flights = Flights(Settings(epochs=3, pruner="median"))
    flights.start(Suggestion(Due(4), {}))
    flights.hear(Trained("0004", [], taken_up=True))
    flights.hear(Trained("0004", scores(0.5)))
    flights.hear(Trained("0004", scores(0.6, first=2)))
    flights.hear(Lost("0004"))
    return flights


def test_a_lost_trial_waits_for_another_worker_with_what_it_was_suggested() -> None:
    """It is no longer at work, and is started again as it was."""
    flights = lost()
    assert flights.at_work() == []
    suggestion = flights.suggested(Due(4))
    assert suggestion is not None
    flights.start(suggestion)
    assert (flights.at_work(), len(flights)) == ([Due(4)], 1)


def test_epochs_that_were_heard_of_stay_when_a_worker_goes_on_from_an_older_checkpoint() -> None:
    """Verdicts rest on them; trained again, they are the same and are not counted twice."""
    flights = lost()
    for event in (Trained("0004", [], taken_up=True), Trained("0004", scores(0.5))):
        flights.hear(event)
        assert flights.trials()[4].course.losses == (-0.5, -0.6)
    flights.hear(Trained("0004", scores(0.6, first=2)))
    flights.hear(Trained("0004", scores(0.7, first=3)))
    assert flights.trials()[4].course.losses == (-0.5, -0.6, -0.7)


@pytest.mark.parametrize(
    ("rivals", "status", "epochs"), [(0.1, TrialStatus.FAILED, [1, 2]), (0.55, TrialStatus.PRUNED, [1])]
)
def test_a_trial_lands_with_all_epochs_that_its_verdicts_rest_on(
    rivals: float, status: TrialStatus, epochs: list[int]
) -> None:
    """Its worker may know fewer: when it ran out of memory, or was told to stop when it had just taken up the trial."""
    flights = lost()
    earlier = [recorded(number, rivals) for number in range(4)]
    assert list(flights.judge(earlier)) == ([("0004", 1)] if status is TrialStatus.PRUNED else [])
    flights.hear(Ended("0004", Result(TrialOutcome(status))))
    assert not list(flights.judge(earlier))
    ((_, result),) = flights.land()
    assert result.outcome.status is status
    assert [each.epoch for each in result.outcome.epochs] == epochs
    assert len(flights) == 0
