"""Verdicts on trials that train at the same time are those on trials that train one after the other."""

import random

import pytest

from job.search.pruning import Curve, Pruner, stops
from job.search.verdicts import Course, judge

EPOCHS = 8
GOOD = dict.fromkeys(range(4), (0.1,) * EPOCHS)
"""Recorded curves, enough for the median rule to prune whoever is worse."""


def verdict(course: Course) -> tuple[int, int | None]:
    return course.passed, course.stop


def test_a_trial_is_judged_as_far_as_it_has_trained() -> None:
    """Behind the median after an epoch, it stops there; ahead of it, it goes on."""
    assert verdict(judge("median", GOOD, {4: Course((0.0, 0.0))}, EPOCHS)[4]) == (2, None)
    assert verdict(judge("median", GOOD, {4: Course((0.1, 0.1, 0.1))}, EPOCHS)[4]) == (3, None)
    assert verdict(judge("median", GOOD, {4: Course((0.2, 0.2))}, EPOCHS)[4]) == (0, 1)
    assert verdict(judge("none", GOOD, {4: Course((0.2, 0.2))}, EPOCHS)[4]) == (2, None)


def test_a_late_verdict_cuts_the_curve() -> None:
    """The epochs that were trained meanwhile count for nobody, even if they were the best."""
    late = Course((0.1, 0.2, 0.0), passed=1)
    recorded = dict.fromkeys(range(4), (0.1, 0.05))
    found = judge("median", recorded, {4: late}, EPOCHS)[4]
    assert (found.stop, found.curve) == (2, (0.1, 0.2))
    assert judge("median", recorded, {4: found}, EPOCHS)[4] == found


def test_an_epoch_waits_for_earlier_trials_that_have_not_come_so_far() -> None:
    """Its verdict would else depend on who is faster."""
    fast, slow = Course((0.2, 0.2)), Course((0.0,))
    assert verdict(judge("median", GOOD, {4: Course(), 5: fast}, EPOCHS)[5]) == (0, None)
    assert verdict(judge("median", GOOD, {4: slow, 5: fast}, EPOCHS)[5]) == (0, 1)
    level = Course((0.1, 0.1, 0.1))
    assert verdict(judge("median", GOOD, {4: slow, 5: level}, EPOCHS)[5]) == (1, None)


def test_an_earlier_trial_is_not_waited_for_once_it_has_ended() -> None:
    """One that diverged or was pruned comes no further, nor one that is complete."""
    level = Course((0.1,) * 3)
    for ended in (Course((0.0,), ended=True), Course((0.2, 0.2), ended=True), Course((0.1,) * EPOCHS, ended=True)):
        assert verdict(judge("median", GOOD, {4: ended, 5: level}, EPOCHS)[5]) == (3, None)


def test_later_trials_are_no_rivals() -> None:
    """Records of trials with a higher number count as little as their courses."""
    ahead = dict.fromkeys(range(5, 12), (0.0,) * EPOCHS)
    assert verdict(judge("median", GOOD | ahead, {4: Course((0.1,))}, EPOCHS)[4]) == (1, None)
    courses = {4: Course((0.1,)), **{number: Course(curve, ended=True) for number, curve in ahead.items()}}
    assert verdict(judge("median", GOOD, courses, EPOCHS)[4]) == (1, None)


def test_an_unrecorded_rival_counts_as_a_recorded_one() -> None:
    """Up to where it was pruned, too: beyond that it is none."""
    courses = {number: Course((0.1,) * EPOCHS, ended=True, passed=EPOCHS - 1) for number in range(3)}
    pruned = Course((0.1, 0.2, 0.3), ended=True, passed=1, stop=2)
    judged = judge("median", {}, courses | {3: pruned, 4: Course((0.1, 0.1, 0.2))}, EPOCHS)
    assert verdict(judged[4]) == (3, None)
    first = judge("median", {}, courses | {3: pruned, 4: Course((0.2,))}, EPOCHS)
    assert verdict(first[4]) == (0, 1)


@pytest.mark.parametrize(
    ("course", "settled"),
    [
        (Course((0.1,) * 8, ended=True, passed=7), True),
        (Course((0.1,) * 8, ended=True, passed=6), False),
        (Course((0.1,) * 8, passed=7), False),
        (Course((0.1,) * 3, ended=True, passed=3), True),  # diverged
        (Course((0.1,) * 3, ended=True, passed=2), False),  # diverged, and may have to stop before
        (Course((), ended=True), True),
        (Course((0.1,) * 3, ended=True, passed=1, stop=2), True),
        (Course((0.1,) * 3, passed=1, stop=2), False),
    ],
)
def test_a_trial_is_settled_once_it_has_ended_and_all_verdicts_are_in(course: Course, *, settled: bool) -> None:
    """After the last epoch there is none."""
    assert course.settled(EPOCHS) is settled


def plain(pruner: Pruner, curves: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return the curves as they are left when one trial trains after the other."""
    found: list[tuple[float, ...]] = []
    for curve in curves:
        cuts = [at for at in range(1, len(curve) + 1) if stops(pruner, found, curve[:at], EPOCHS)]
        found.append(curve[: min(cuts, default=None)])
    return found


@pytest.mark.parametrize("pruner", ["median", "none"])
def test_whatever_the_order_of_epochs_the_verdicts_are_those_of_one_trial_after_the_other(pruner: Pruner) -> None:
    """Trials advance in a random order, and some are recorded as soon as they are settled."""
    for seed in range(100):
        print(f"{seed=}")  # noqa: T201 -- pytest shows it where the test fails
        rng = random.Random(seed)
        sizes = [rng.choice([EPOCHS, rng.randint(0, EPOCHS)]) for _ in range(12)]
        curves = [tuple(rng.randint(0, 9) / 9 for _ in range(size)) for size in sizes]
        recorded: dict[int, Curve] = {}
        courses = {number: Course() for number in range(12)}
        while courses:
            number = rng.choice(list(courses))
            trained = len(courses[number].losses) + 1
            courses[number] = Course(
                curves[number][:trained], trained > sizes[number], courses[number].passed, courses[number].stop
            )
            courses = judge(pruner, recorded, courses, EPOCHS)
            for each in [each for each, course in courses.items() if course.settled(EPOCHS) and rng.random() < 0.5]:
                recorded[each] = courses.pop(each).curve
        assert [recorded[number] for number in range(12)] == plain(pruner, curves)
