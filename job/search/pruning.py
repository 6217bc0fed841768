"""Early stopping: whether a trial is worth its next epoch, as a pure function of its curve and of earlier ones.

Curves are losses, one an epoch, minimised. Knows no torch and no storage. The median rule was measured against others:
`benchmarks/RESULTS.md`.
"""

from collections.abc import Sequence
from statistics import median
from typing import Literal

Pruner = Literal["none", "median"]

Curve = Sequence[float]

_LEAST_RIVALS = 4  # with fewer, a lucky first trial would stop all that come after it


def stops(pruner: Pruner, earlier: Sequence[Curve], curve: Curve, epochs: int) -> bool:
    """Say whether a trial of `epochs` epochs, `curve` being its losses so far, is to stop here.

    `earlier` are the curves of the trials before it, as far as each of them went; those that have come so far are its
    rivals, and the lowest loss so far counts.
    """
    limit = bar(pruner, earlier, len(curve), epochs)
    return limit is not None and min(curve) > limit


def bar(pruner: Pruner, earlier: Sequence[Curve], epoch: int, epochs: int) -> float | None:
    """Return the loss that a trial must have come to after `epoch` epochs to go on; None if any will do."""
    if pruner == "none" or epoch >= epochs:
        return None
    rivals = [min(other[:epoch]) for other in earlier if len(other) >= epoch]
    return median(rivals) if len(rivals) >= _LEAST_RIVALS else None
