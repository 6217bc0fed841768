"""What usually works: the best guess that a search begins with, and the learning rates of its initial design.

What matters is the step that gradients of one direction add up to: learning_rate / (1 - momentum), or the learning rate
where momentum is a mean. Knows nothing of what was observed.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import truncnorm

from job.search.cube import optimizers, steps
from job.search.space import OptimizerName, Range, SearchSpace

Design = Literal["even", "usual"]
STEPS: dict[OptimizerName, float] = {"sgd": 0.1, "nag": 0.1, "adam": 0.002, "rmsprop": 0.002}
"""The step that most often works, by optimizer. SGD's is that of a learning rate of 0.01 and a momentum of 0.9, as
ResNets are fine-tuned with; Adam and RMSprop divide gradients by their size, which makes steps of any rate larger."""
SPREAD = 0.35
"""Standard deviation of the step's decimal logarithm: 95 % of rates are within a factor of 5 of the middle."""
PREFERRED: tuple[OptimizerName, ...] = ("adam", "nag", "sgd", "rmsprop")
"""The optimizers, the one that is best most often in short trainings first."""


def best_guess(space: SearchSpace) -> npt.NDArray[np.float64]:
    """Return the point of the unit cube, (dimensions,), in the middle of all ranges, with the preferred optimizer."""
    middle = np.full(len(space.searched), 0.5)
    if isinstance(space.optimizer, tuple):
        preferred = min(space.optimizer, key=PREFERRED.index)
        middle[list(space.searched).index("optimizer")] = (space.optimizer.index(preferred) + 0.5) / len(
            space.optimizer
        )
    return middle


def usual(space: SearchSpace, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return points of the unit cube, (points, dimensions) in [0, 1), with learning rates as they usually work.

    The logarithm of the step is normal about STEPS, cut off at the ends of the range; a point's learning rate is its
    quantile there. A learning rate that is fixed, or that is to be searched for evenly in its value, stays as it is.
    """
    rate = space.learning_rate
    if not isinstance(rate, Range) or rate.prior != "log-uniform":
        return unit
    column = list(space.searched).index("learning_rate")
    low, high = np.log10(rate.low), np.log10(rate.high)
    middle = np.log10([STEPS[name] for name in optimizers(space, unit).tolist()] / steps(space, unit))
    moved = truncnorm.ppf(unit[:, column], (low - middle) / SPREAD, (high - middle) / SPREAD, middle, SPREAD)
    found = unit.copy()
    found[:, column] = np.clip((moved - low) / (high - low), 0.0, 1.0)
    return found
