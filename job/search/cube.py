"""The unit cube, in which a search looks: how its points stand for parameters, each in its prior.

Points are rows, (points, dimensions) in [0, 1]. Knows no optimiser and imports none.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from job.search.space import AVERAGING, PARAMETERS, Range, SearchSpace

Params = dict[str, float | str]


def point(space: SearchSpace, unit: npt.NDArray[np.float64]) -> Params:
    """Return all parameters of a trial at a point of the unit cube, (dimensions,) in [0, 1)."""
    params = space.fixed
    for (name, dimension), u in zip(space.searched.items(), unit.tolist(), strict=True):
        params[name] = from_unit(dimension, u)
    return {name: params[name] for name in PARAMETERS}


def from_unit(dimension: Range | tuple[str, ...], u: float) -> float | str:
    """Return the value of a dimension below which the share `u`, in [0, 1), of its prior lies."""
    if isinstance(dimension, tuple):
        return dimension[int(u * len(dimension))]
    if dimension.prior == "log-uniform":
        value = math.exp(math.log(dimension.low) + u * (math.log(dimension.high) - math.log(dimension.low)))
    else:
        value = dimension.low + u * (dimension.high - dimension.low)
    return min(max(value, dimension.low), dimension.high)  # rounding can step over a border


def to_unit(space: SearchSpace, params: Mapping[str, float | str]) -> list[float]:
    """Return the point of the unit cube that `point` maps to these parameters; of an optimizer, the middle of its part.

    Parameters beyond a range, as an earlier run may have had, stand beyond the cube.
    """
    unit = []
    for name, dimension in space.searched.items():
        if isinstance(dimension, tuple):
            unit.append((dimension.index(str(params[name])) + 0.5) / len(dimension))
        elif dimension.prior == "log-uniform":
            unit.append(math.log(float(params[name]) / dimension.low) / math.log(dimension.high / dimension.low))
        else:
            unit.append((float(params[name]) - dimension.low) / (dimension.high - dimension.low))
    return unit


def values_of(dimension: Range, column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return `from_unit` of many points, (points,)."""
    if dimension.prior == "log-uniform":
        return np.asarray(dimension.low * np.exp(column * math.log(dimension.high / dimension.low)))
    return np.asarray(dimension.low + column * (dimension.high - dimension.low))


def codes(dimension: tuple[str, ...], column: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return which member of a list each value of its column stands for, (points,)."""
    return np.minimum((column * len(dimension)).astype(np.int64), len(dimension) - 1)


def steps(space: SearchSpace, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the step of a learning rate of 1 at points, (points,): 1 / (1 - momentum), to which steps add up.

    It is 1 with a momentum that is a mean (AVERAGING), which adds nothing up.
    """
    names = list(space.searched)
    momentum = np.full(len(unit), space.momentum)
    if isinstance(space.momentum, Range):
        momentum = values_of(space.momentum, unit[:, names.index("momentum")])
    return np.where(np.isin(optimizers(space, unit), list(AVERAGING)), 1.0, 1 / (1 - momentum))


def optimizers(space: SearchSpace, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.str_]:
    """Return the names of the optimizers of points, (points,)."""
    if not isinstance(space.optimizer, tuple):
        return np.full(len(unit), space.optimizer)
    return np.array(space.optimizer)[codes(space.optimizer, unit[:, list(space.searched).index("optimizer")])]
