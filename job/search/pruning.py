"""Early stopping: whether a trial is worth its next epoch, as a pure function of its curve and of earlier ones.

Curves are losses, one an epoch, minimised. Knows no torch and no storage. Which rule is the default was measured:
`benchmarks/RESULTS.md`.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import Literal

Pruner = Literal["none", "median", "halving"]

Curve = Sequence[float]

_LEAST_RIVALS = 4  # with fewer, a lucky first trial would stop all that come after it
_ETA = 3  # one trial in so many goes on beyond a rung
_RUNGS = (1 / 8, 1 / 4)  # shares of a trial: later on, trials that are left are hardly told apart before they end


def stops(pruner: Pruner, earlier: Sequence[Curve], curve: Curve, epochs: int) -> bool:
    """Say whether a trial of `epochs` epochs, `curve` being its losses so far, is to stop here.

    `earlier` are the curves of the trials before it, as far as each of them went; those that have come so far are its
    rivals, and the lowest loss so far counts.
    """
    limit = bar(pruner, earlier, len(curve), epochs)
    if limit is None:
        return False
    return min(curve) > limit if pruner == "median" else min(curve) >= limit


def bar(pruner: Pruner, earlier: Sequence[Curve], epoch: int, epochs: int) -> float | None:
    """Return the lowest loss that a trial must have come to after `epoch` epochs to go on; None if any will do.

    With `median` this loss itself goes on; with `halving` it does not, as it is one of those that are ahead.
    """
    if pruner == "none" or epoch >= epochs or (pruner == "halving" and epoch not in rungs(epochs)):
        return None
    rivals = sorted(min(other[:epoch]) for other in earlier if len(other) >= epoch)
    if len(rivals) < _LEAST_RIVALS:
        return None
    return median(rivals) if pruner == "median" else _third(rivals)


def rungs(epochs: int) -> list[int]:
    """Return the epochs after which halving looks."""
    return sorted({math.ceil(share * epochs) for share in _RUNGS})


def _third(rivals: Sequence[float]) -> float:
    """Return the loss from which on a trial is not in the best third, at a rung, of all that have come to it.

    `rivals` are sorted. Asynchronous successive halving's rule (Li et al., 2020), stopping a trial where that would let
    it wait: a trial that has stopped never goes on.
    """
    return rivals[math.ceil((len(rivals) + 1) / _ETA) - 1]
