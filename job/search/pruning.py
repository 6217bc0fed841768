"""Early stopping: whether a trial is worth its next epoch, as a pure function of its curve and of earlier ones.

Curves are losses, one an epoch, minimised. Knows no torch and no storage.
"""

from collections.abc import Sequence
from statistics import median
from typing import Literal

Pruner = Literal["none", "median", "halving"]

Curve = Sequence[float]

_LEAST_RIVALS = 4
_ETA = 2


def stops(pruner: Pruner, earlier: Sequence[Curve], curve: Curve, epochs: int) -> bool:
    """Say whether a trial of `epochs` epochs, `curve` being its losses so far, is to stop here.

    `earlier` are the curves of the trials before it, as far as each of them went.
    """
    if pruner == "none" or len(curve) >= epochs:
        return False
    rivals = [min(other[: len(curve)]) for other in earlier if len(other) >= len(curve)]
    if pruner == "median":
        return _median_stops(rivals, min(curve))
    return len(curve) in rungs(epochs) and _halving_stops(rivals, min(curve))


def _median_stops(rivals: Sequence[float], loss: float) -> bool:
    """Vizier's rule (Golovin et al., 2017), on the lowest loss so far instead of the mean."""
    return len(rivals) >= _LEAST_RIVALS and loss > median(rivals)


def rungs(epochs: int) -> tuple[int, ...]:
    """Return the epochs after which halving looks: a quarter and a half of all, and not the first one."""
    return tuple(sorted({max(2, round(epochs * share)) for share in (0.25, 0.5)}))


def _halving_stops(rivals: Sequence[float], loss: float) -> bool:
    """Asynchronous successive halving's rule, stopping where that waits (Li et al., 2020; the stopping variant)."""
    better = sum(rival <= loss for rival in rivals)
    return better >= max(1, int((len(rivals) + 1) / _ETA))
