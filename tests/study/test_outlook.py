"""What is going on: how long the rest takes at the speed so far, and which value a trial must reach to go on."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from job.records.now import AtWork
from job.records.objective import sense
from job.records.run import AttemptRecord
from job.records.trial import EpochRecord, TrialRecord
from job.search.pruning import Pruner, stops
from job.settings import Settings
from job.study.ledger import Due, Ledger
from job.study.outlook import outlook, seconds_left
from tests.study.test_journal import trial

START = datetime(2026, 1, 1, tzinfo=UTC)


def recorded(number: int, values: Sequence[float], *, seconds: float = 0.0, status: str = "complete") -> TrialRecord:
    """Return a trial with this learning curve, of any objective, that took so many seconds in attempt 1."""
    names = ("train_loss", "validation_loss", "accuracy", "macro_f1", "balanced_accuracy")
    epochs = [EpochRecord(epoch=at, **dict.fromkeys(names, value)) for at, value in enumerate(values, 1)]
    whole = trial(number, values[-1] if status == "complete" else None)
    return whole.model_copy(
        update={"status": status, "epochs": epochs, "timing": whole.timing.model_copy(update={"total": seconds})}
    )


def trained(number: int, epochs: int = 8, *, status: str = "complete", repetition: int = 0) -> TrialRecord:
    """Return a trial whose epochs took 2 seconds each."""
    found = recorded(number, [0.5] * epochs, seconds=2.0 * epochs, status=status)
    return found.model_copy(update={"repetition": repetition})


def working(trial: int = 0, *, epoch: int = 1, step: int = 0, **changes: Any) -> AtWork:
    return AtWork(trial=trial, params={}, epoch=epoch, step=step, steps=10, **changes)


def ledger(*records: TrialRecord, **settings: Any) -> Ledger:
    """Return the ledger of a search for 10 trials of 8 epochs."""
    trials = tuple(record for record in records if not record.repetition)
    repetitions = tuple(record for record in records if record.repetition)
    return Ledger(Settings(**{"n_trials": 10, "epochs": 8, "batch_size": 50} | settings), trials, repetitions)


WHOLE = [trained(number) for number in range(10)]
PRUNED = [trained(0), trained(1, 2, status="pruned")]


@pytest.mark.parametrize(
    ("known", "at_work", "seconds"),
    [
        pytest.param(ledger(), [], None, id="nothing is known"),
        pytest.param(ledger(), [working()], None, id="no step is done"),
        # an epoch has 500 photos and takes 5 seconds; 9 trials are to come, and 7.5 epochs of this one
        pytest.param(ledger(), [working(step=5, images_per_second=100.0)], 397.5, id="by the speed at work"),
        pytest.param(
            ledger(),
            [working(0, step=5, images_per_second=50.0), working(1, step=5, images_per_second=150.0), working(2)],
            5 * (7 * 8 + 7.5 + 7.5 + 8) / 3,
            id="by the mean speed of those that have one",
        ),
        pytest.param(ledger(*WHOLE[:2]), [], 2.0 * 8 * 8, id="by records"),
        pytest.param(ledger(*WHOLE[:2]), [working(2, images_per_second=1.0)], 2.0 * 8 * 8, id="records come first"),
        pytest.param(ledger(trained(0, 0, status="failed")), [], None, id="a trial without an epoch tells no speed"),
        pytest.param(ledger(*PRUNED), [], 2.0 * 8 * 5, id="pruned ones shorten those to come"),
        pytest.param(ledger(*PRUNED), [working(2)], 2.0 * (7 * 5 + 8), id="and not those at work"),
        pytest.param(
            ledger(*WHOLE[:3]), [working(3, epoch=3, step=5)], 2.0 * (6 * 8 + 5.5), id="what is done of one at work"
        ),
        pytest.param(
            ledger(*WHOLE[:3]),
            [working(3, epoch=8, step=10), working(4, epoch=2), working(5, epoch=5)],
            2.0 * (4 * 8 + 0 + 7 + 4) / 3,
            id="several at work share the time",
        ),
        pytest.param(
            ledger(*WHOLE[:8], final_trials=2, final_seeds=3), [], 2.0 * (2 * 8 + 6 * 8), id="repetitions to come"
        ),
        pytest.param(
            ledger(*WHOLE[:2], final_trials=5, final_seeds=1), [], 2.0 * (8 * 8 + 5 * 8), id="of trials to come, too"
        ),
        pytest.param(
            ledger(*PRUNED, n_trials=2, final_trials=1, final_seeds=2), [], 2.0 * 2 * 8, id="repetitions are whole"
        ),
        pytest.param(
            ledger(*WHOLE, trained(0, repetition=1), final_trials=2, final_seeds=2),
            [working(0, repetition=2, epoch=5)],
            2.0 * (2 * 8 + 4),
            id="a repetition at work is no trial",
        ),
        pytest.param(ledger(*WHOLE), [], 0.0, id="the end"),
        pytest.param(ledger(*WHOLE, n_trials=5), [], 0.0, id="more trials than asked for"),
        pytest.param(
            ledger(*WHOLE[:9], trained(9, 3, status="diverged")), [working(9, epoch=8, step=10)], 0.0, id="just before"
        ),
    ],
)
def test_the_seconds_left_are_those_of_all_epochs_to_come(
    known: Ledger, at_work: list[AtWork], seconds: float | None
) -> None:
    """Epochs to come, at the speed of those that are recorded or, before there are any, of what is at work."""
    assert seconds_left(known, at_work) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "known",
    [
        ledger(*WHOLE[:2], n_trials=2, final_trials=5, final_seeds=2),
        ledger(trained(0), trained(1, 3, status="diverged"), n_trials=2, final_trials=2, final_seeds=3),
        ledger(*[trained(number, 3, status="diverged") for number in range(2)], n_trials=2, final_trials=2),
        ledger(*WHOLE[:3], *[trained(0, repetition=each) for each in (1, 2, 3)], n_trials=3, final_trials=2),
        ledger(*WHOLE, n_trials=5, final_trials=8, final_seeds=1),
        ledger(  # once, three seeds were asked for, and trial 1 was the best
            *(recorded(0, [0.9], seconds=2.0), recorded(1, [0.8], seconds=2.0)),
            *(trained(1, repetition=each) for each in (1, 2, 3)),
            trained(0, repetition=1),
            trained(0, repetition=3),
            n_trials=2,
            final_trials=1,
            final_seeds=2,
        ),
    ],
    ids=[
        *("fewer trials than repeated ones", "one diverged", "all diverged", "half", "more trials than asked for"),
        "fewer seeds than there are",
    ],
)
def test_after_the_search_only_repetitions_that_are_due_take_time(known: Ledger) -> None:
    """Whichever trials may be repeated: the time is that of the repetitions which the ledger still names."""
    due: list[Due] = []
    while (each := known.due(due)) is not None:
        due.append(each)
    assert all(each.repetition for each in due)
    assert seconds_left(known, []) == pytest.approx(2.0 * 8 * len(due))


@pytest.mark.parametrize(
    ("budget", "elapsed", "left"), [(0, 30.0, 128), (1000, 30.0, 128), (150, 30.0, 80), (150, 200.0, 0)]
)
def test_no_more_time_is_left_than_the_budget_has(budget: int, elapsed: float, left: int) -> None:
    """What all attempts have spent, killed ones by their records, is told, and what is left of the budget caps it."""
    killed = AttemptRecord(started_at=START, seconds={"fetch": 8.0})  # and its records' 32 seconds
    now = outlook(ledger(*WHOLE[:2], time_budget=budget), [], attempt=2, earlier={1: killed}, elapsed=elapsed)
    assert (now.attempt, now.seconds_spent, now.seconds_allowed) == (2, 40 + elapsed, budget or None)
    assert now.seconds_left == left


def test_before_anything_is_known_the_budget_tells_no_time() -> None:
    """A run may end long before its budget does."""
    now = outlook(ledger(time_budget=150), [], attempt=1, earlier={}, elapsed=10.0)
    assert (now.seconds_left, now.seconds_spent) == (None, 10.0)


def bar_of(known: Ledger, at_work: AtWork) -> float | None:
    """Return the bar that is told of what is at work."""
    (told,) = outlook(known, [at_work], attempt=1, earlier={}, elapsed=0.0).at_work
    assert told == at_work.model_copy(update={"bar": told.bar})
    return told.bar


RIVALS = [recorded(number, [value, 0.9, 0.01]) for number, value in enumerate([0.1, 0.2, 0.3, 0.4])]


@pytest.mark.parametrize(
    ("pruner", "objective", "bar"),
    [
        ("median", "accuracy", 0.25),
        ("median", "log_loss", 0.25),
        ("none", "accuracy", None),
    ],
)
def test_the_bar_is_told_in_the_objectives_own_unit(pruner: Pruner, objective: str, bar: float | None) -> None:
    """It is a rival's value, or lies between two of them, whichever way is better."""
    known = ledger(*RIVALS, pruner=pruner, objective=objective)
    assert bar_of(known, working(4)) == (None if bar is None else pytest.approx(bar))


@pytest.mark.parametrize(
    ("known", "at_work"),
    [
        pytest.param(ledger(*RIVALS[:3], pruner="median"), working(3), id="three rivals"),
        pytest.param(ledger(*RIVALS, pruner="median"), working(4, epoch=4), id="none has come as far"),
        pytest.param(ledger(*RIVALS, pruner="median"), working(2), id="later trials are no rivals"),
        pytest.param(ledger(*RIVALS, pruner="median"), working(2, repetition=1), id="a repetition"),
        pytest.param(ledger(*RIVALS, pruner="median"), working(9, repetition=1), id="a repetition of a late trial"),
        pytest.param(ledger(*RIVALS, pruner="median", epochs=2), working(4, epoch=2), id="the last epoch"),
    ],
)
def test_where_nothing_is_pruned_there_is_no_bar(known: Ledger, at_work: AtWork) -> None:
    """With few rivals, after the last epoch, and for repetitions, which are never pruned."""
    assert bar_of(known, at_work) is None


@pytest.mark.parametrize("objective", ["accuracy", "log_loss"])
@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_trial_goes_on_exactly_if_its_best_value_reaches_the_bar(pruner: Pruner, objective: str) -> None:
    """What people see agrees with what stops trials, for any curves."""
    sign, told = sense(objective), Counter[str]()
    for seed in range(500):
        print(f"{seed=}")  # noqa: T201 -- pytest shows it where the test fails
        rng = random.Random(seed)
        epochs = rng.randint(1, 8)
        curves = [[rng.randint(1, 9) / 8 for _ in range(rng.randint(1, epochs))] for _ in range(rng.randint(1, 12))]
        number = rng.randrange(len(curves))
        curve = curves[number]
        known = ledger(
            *[recorded(at, values) for at, values in enumerate(curves) if at != number],
            pruner=pruner,
            objective=objective,
            epochs=epochs,
        )
        best = min(curve, key=lambda value: sign * value)
        bar = bar_of(known, working(number, epoch=len(curve), value=best))
        losses = [[sign * value for value in each] for each in curves]
        stopped = stops(pruner, losses[:number], losses[number], epochs)
        ahead = None if bar is None else sign * (bar - best)
        told["none" if ahead is None else "at it" if ahead == 0 else "better" if ahead > 0 else "worse"] += 1
        assert stopped is (ahead is not None and ahead < 0)
    assert set(told) == ({"none"} if pruner == "none" else {"none", "at it", "better", "worse"})
