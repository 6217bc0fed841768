"""Early stopping: the rules, and what a trial that was stopped tells the search."""

from collections.abc import Sequence

import pytest

from job.search.cube import Params
from job.search.process import Observation, told_losses
from job.search.pruning import Pruner, stops

PARAMS: Params = {"learning_rate": 0.01, "momentum": 0.5, "weight_decay": 0.001, "optimizer": "sgd"}


def flat(*losses: float, epochs: int = 8) -> list[list[float]]:
    return [[loss] * epochs for loss in losses]


def test_rivals_are_those_that_have_come_as_far() -> None:
    """A trial that ended earlier is none, and the lowest loss so far counts."""
    ended = [[0.1]] * 4
    assert not stops("median", ended, [0.9, 0.5], 8)
    assert stops("median", [*ended, [0.9, 0.4], [0.4, 0.9], [0.9, 0.9], [0.3, 0.9]], [0.9, 0.5], 8)
    assert not stops("median", [*ended, [0.9, 0.4], [0.5, 0.9], [0.9, 0.9], [0.9, 0.9]], [0.3, 0.9], 8)


@pytest.mark.parametrize(("losses", "stopped"), [([0.1, 0.2, 0.3], False), ([0.1, 0.2, 0.6, 0.7], True)])
def test_median_stops_what_is_behind_the_median(losses: Sequence[float], *, stopped: bool) -> None:
    """After any epoch, once there are four earlier trials."""
    for epoch in range(1, 8):
        assert stops("median", flat(*losses), [0.5] * epoch, 8) is stopped
    assert not stops("median", flat(*losses), [0.35] * 3, 8)


@pytest.mark.parametrize("pruner", ["none", "median"])
def test_a_trial_that_is_done_is_not_stopped(pruner: Pruner) -> None:
    """Nor is any without a pruner."""
    earlier = flat(0.1, 0.1, 0.1, 0.1, 0.1, epochs=2)
    assert not stops(pruner, earlier, [0.9, 0.9], 2)
    assert stops(pruner, earlier, [0.9], 2) is (pruner != "none")


def complete(*curve: float) -> Observation:
    return Observation(PARAMS, min(curve), curve)


def pruned(*curve: float) -> Observation:
    return Observation(PARAMS, None, curve, pruned=True)


def told(*observations: Observation) -> list[float]:
    losses = told_losses(observations)
    assert losses is not None
    return [float(loss) for loss in losses]


def test_a_pruned_trial_tells_what_it_would_have_come_to() -> None:
    """It is the line from what complete trials had reached by then to their ends, and not its last loss."""
    ended = [complete(0.8, 0.4), complete(0.6, 0.3), complete(0.4, 0.2)]
    assert told(*ended, pruned(1.0)) == pytest.approx([0.4, 0.3, 0.2, 0.5])
    assert told(*ended, pruned(0.9, 0.7)) == pytest.approx([0.4, 0.3, 0.2, 0.7])


def test_a_pruned_trial_is_never_told_to_be_the_best() -> None:
    """However promising it was, what it would have come to was not measured."""
    ended = [complete(0.8, 0.4), complete(0.6, 0.3)]
    assert told(*ended, pruned(0.1)) == pytest.approx([0.4, 0.3, 0.3])


def test_no_early_loss_tells_more_than_the_same_at_the_end() -> None:
    """Where the complete trials lie close together, their line is not drawn out, and where it falls it counts for none.

    Two losses that differ by noise would otherwise send a bad trial's to any height, or make it a good one.
    """
    steep = [complete(0.5, 0.4), complete(0.501, 0.2)]
    assert told(*steep, pruned(0.9)) == pytest.approx([0.4, 0.2, 0.3])
    rising = [complete(0.500, 0.2), complete(0.501, 0.4)]
    assert told(*rising, pruned(0.9)) == pytest.approx([0.2, 0.4, 0.3 + 0.9 - 0.5005])


def test_where_no_complete_trial_went_as_far_it_is_told_the_worst() -> None:
    """As a diverged one is; and without any complete trial nothing is told."""
    assert told(complete(0.3), complete(0.4), pruned(0.2, 0.2)) == [0.3, 0.4, 0.4]
    assert told_losses([pruned(0.2)]) is None
