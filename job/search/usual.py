"""The best guess: what usually works, which a search trains first. Knows nothing of what was observed.

What matters is the step that gradients of one direction add up to: learning_rate / (1 - momentum), or the learning rate
where momentum is a mean.
"""

import numpy as np

from job.search.cube import Params, point, steps, to_unit
from job.search.space import OptimizerName, Range, SearchSpace

STEPS: dict[OptimizerName, float] = {"adam": 0.002, "nag": 0.1, "sgd": 0.1, "rmsprop": 0.002}
"""The optimizers, the one that is best most often in short trainings first, and the step that most often works.

SGD's is that of a learning rate of 0.01 and a momentum of 0.9, as ResNets are fine-tuned with. Adam and RMSprop divide
gradients by their size, which makes steps of any rate larger."""


def best_guess(space: SearchSpace) -> Params:
    """Return the preferred optimizer at its usual learning rate, in the middle of all other ranges."""
    params = point(space, np.full(len(space.searched), 0.5))
    allowed = space.optimizer if isinstance(space.optimizer, tuple) else (space.optimizer,)
    optimizer = next(name for name in STEPS if name in allowed)
    params["optimizer"] = optimizer
    if isinstance(space.learning_rate, Range):
        rate = STEPS[optimizer] / float(steps(space, np.array([to_unit(space, params)]))[0])
        params["learning_rate"] = min(max(rate, space.learning_rate.low), space.learning_rate.high)
    return params
