"""Verdicts: after which epoch trials that train at the same time are pruned.

After each epoch, a trial is compared with all earlier trials, once each of them has ended or is sure to go on beyond
that epoch. So verdicts follow from the curves alone, whoever was faster. Nobody waits for them: training goes on, and a
verdict that comes late cuts the curve. Knows no torch and no storage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from job.search.pruning import Curve, Pruner, stops


@dataclass(frozen=True)
class Course:
    """An unrecorded trial: its losses, one an epoch, as far as they are known, and the verdicts on it."""

    losses: tuple[float, ...] = ()
    ended: bool = False
    """It has trained to its end, or to where it was told to stop."""
    passed: int = 0
    """It goes on beyond so many epochs."""
    stop: int | None = None
    """It is pruned after so many epochs."""

    def settled(self, epochs: int) -> bool:
        """Say whether it has ended and all verdicts on it are known."""
        return self.ended and (self.stop is not None or self.passed >= min(len(self.losses), epochs - 1))

    @property
    def curve(self) -> Curve:
        """The losses that count."""
        return self.losses[: self.stop]


def judge(
    pruner: Pruner, recorded: Mapping[int, Curve], courses: Mapping[int, Course], epochs: int
) -> dict[int, Course]:
    """Return the courses with all verdicts that can be known by now.

    `recorded` are the curves of recorded trials by number, `courses` all unrecorded trials below the highest one that
    has started; `epochs` is the length of a whole trial.
    """
    judged: dict[int, Course] = {}
    for number in sorted(courses):
        course, before = courses[number], list(judged.values())
        earlier = [curve for each, curve in recorded.items() if each < number]
        while course.stop is None and course.passed < min(len(course.losses), epochs - 1):
            epoch = course.passed + 1
            if not _decided(before, epoch, epochs):
                break
            rivals = [*earlier, *(each.curve for each in before)]
            pruned = stops(pruner, rivals, course.losses[:epoch], epochs)
            course = replace(course, stop=epoch) if pruned else replace(course, passed=epoch)
        judged[number] = course
    return judged


def _decided(earlier: Iterable[Course], epoch: int, epochs: int) -> bool:
    return all(course.settled(epochs) or course.passed >= epoch for course in earlier)
