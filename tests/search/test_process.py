"""What the Gaussian process is told of a point."""

import math

import numpy as np
import pytest

from job.search.cube import Params, to_unit
from job.search.process import Observation, Process
from job.search.space import parse_search_space

SPACE = parse_search_space("{}")
DECADES = 2  # of the learning rate


def features(rate: float, momentum: float, optimizer: str) -> list[float]:
    """Return what the process is told of a trial."""
    params: Params = {"learning_rate": rate, "momentum": momentum, "weight_decay": 0.001, "optimizer": optimizer}
    process = Process(SPACE, [Observation(params, loss) for loss in (0.1, 0.2)], np.array([0.1, 0.2]))
    return [float(value) for value in process._features(np.array([to_unit(SPACE, params)]))[0]]


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "rmsprop", "adam"])
def test_momentum_adds_up_steps_but_for_adam(optimizer: str) -> None:
    """The second column of the rate is that of rate / (1 - momentum); Adam's momentum is a mean and adds nothing up."""
    for momentum in (0.1, 0.9):
        own, summed, *_ = features(0.01, momentum, optimizer)
        assert own == pytest.approx(0.5)
        raised = 0.0 if optimizer == "adam" else -math.log10(1 - momentum) / DECADES
        assert summed == pytest.approx(own + raised)


def test_each_optimizer_has_a_column_of_its_own() -> None:
    """None lies between two others."""
    columns = [features(0.01, 0.5, name)[-4:] for name in SPACE.searched["optimizer"]]  # type: ignore[union-attr]
    assert columns == np.eye(4).tolist()
