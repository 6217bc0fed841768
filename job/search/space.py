"""The search space: which hyperparameters a trial has, and between which values they are searched for.

Plain definitions and the reading of SEARCH_SPACE. Knows no optimiser and imports none: the settings, and with them
`job --help`, need this module.
"""

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, FiniteFloat, Tag, ValidationError

from job.errors import SettingsError

_SHOWN_CHARACTERS = 80
_LEAST_LOGARITHMIC = 1e-30  # far below any use; skopt takes a range for one with 0 where low x high underflows

Prior = Literal["uniform", "log-uniform"]
OptimizerName = Literal["sgd", "adam", "rmsprop", "nag"]
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
"""The optimizers in canonical order; nag is SGD with Nesterov momentum, and Adam's beta1 is `momentum`."""
DEFAULT_OPTIMIZERS: tuple[OptimizerName, ...] = ("sgd", "adam", "rmsprop", "nag")
"""Those that are searched by default. Runs store them, so adding one here refuses every run with the default space."""
AVERAGING: frozenset[OptimizerName] = frozenset({"adam"})
"""The optimizers whose momentum is a mean; that of the others adds steps up, to learning_rate / (1 - momentum)."""


@dataclass(frozen=True)
class Range:
    """A real parameter that is searched for in [low, high], evenly in its value or in its logarithm."""

    low: float
    high: float
    prior: Prior


@dataclass(frozen=True)
class SearchSpace:
    """What is searched for and what is fixed; fields in canonical order, defaults those of a job without SEARCH_SPACE.

    A Range, or a tuple of two or more optimizers in canonical order, is searched for; a single value is fixed.
    """

    learning_rate: Range | float = Range(0.001, 0.1, "log-uniform")
    momentum: Range | float = Range(0.1, 0.9, "uniform")
    weight_decay: Range | float = Range(0.0001, 0.01, "log-uniform")
    optimizer: tuple[OptimizerName, ...] | OptimizerName = DEFAULT_OPTIMIZERS

    @property
    def searched(self) -> dict[str, Range | tuple[OptimizerName, ...]]:
        """The dimensions of the search, by name in canonical order."""
        return {name: value for name in PARAMETERS if isinstance(value := getattr(self, name), Range | tuple)}

    @property
    def fixed(self) -> dict[str, float | str]:
        """The parameters that are the same in every trial, by name in canonical order."""
        return {name: value for name in PARAMETERS if isinstance(value := getattr(self, name), float | str)}

    def holds(self, params: Mapping[str, float | str]) -> bool:
        """Return whether a trial of this space could have these parameters: a fixed one has exactly its value."""
        return all(name in params and _within(getattr(self, name), params[name]) for name in PARAMETERS)

    def to_dict(self) -> dict[str, Any]:
        """Return the space in SEARCH_SPACE's grammar, complete and JSON-safe.

        `parse_search_space(json.dumps(space.to_dict())) == space` for every space that was parsed.
        """
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


PARAMETERS: tuple[str, ...] = tuple(field.name for field in fields(SearchSpace))
"""The names of a trial's parameters in canonical order."""


def _within(allowed: Range | tuple[str, ...] | float | str, value: float | str) -> bool:
    if isinstance(allowed, Range):
        return isinstance(value, float | int) and allowed.low <= value <= allowed.high
    return value in allowed if isinstance(allowed, tuple) else value == allowed


# what the optimizers themselves can be run with: torch refuses, or diverges on, anything else
_LIMITS: dict[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda value: value > 0, "above 0"),
    "momentum": (lambda value: 0 <= value < 1, "at least 0 and below 1"),
    "weight_decay": (lambda value: value >= 0, "at least 0"),
}


def parse_search_space(text: str | None) -> SearchSpace:
    """Return the default search space with the overrides in SEARCH_SPACE's JSON; None or blank text has none.

    The text is an object with any of the four parameters. A real parameter is `{"low": .., "high": .., "prior": ..}`,
    with the default's part for each one left out, or a number, which fixes it. The optimizer is a list of names, or
    one name, which fixes it.

    Raises SettingsError: one sentence with the parameter, its value and what is allowed.
    """
    default = SearchSpace()
    if text is None or not text.strip():
        return default
    model = _validate(_merge(default.to_dict(), _load(text)))
    return SearchSpace(
        learning_rate=_real("learning_rate", model.learning_rate),
        momentum=_real("momentum", model.momentum),
        weight_decay=_real("weight_decay", model.weight_decay),
        optimizer=_optimizer(model.optimizer),
    )


def _kind(value: object) -> str:
    return "several" if isinstance(value, dict | list) else "one"


class _RangeModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    low: FiniteFloat
    high: FiniteFloat
    prior: Prior


# pydantic would report every member of a plain union that does not fit; the value's kind says which was meant
_RealModel = Annotated[
    Annotated[_RangeModel, Tag("several")] | Annotated[FiniteFloat, Tag("one")], Discriminator(_kind)
]
_OptimizerModel = Annotated[
    Annotated[list[OptimizerName], Tag("several")] | Annotated[OptimizerName, Tag("one")], Discriminator(_kind)
]


class _SpaceModel(BaseModel):
    """SEARCH_SPACE with nothing left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    learning_rate: _RealModel
    momentum: _RealModel
    weight_decay: _RealModel
    optimizer: _OptimizerModel


def _load(text: str) -> dict[str, Any]:
    try:
        overrides = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"{_shown(text)} is not JSON: {error}") from None
    if not isinstance(overrides, dict):
        raise _refusal(f'{_shown(overrides)} must be a JSON object, such as {{"momentum": 0.9}}')
    return overrides


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:  # json.loads would silently keep the last value
            raise _refusal(f"{_shown(name)} is there twice; allowed is each name once")
        found[name] = value
    return found


def _merge(default: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    merged = default | overrides
    for name, part in default.items():
        if isinstance(part, dict) and isinstance(merged[name], dict):
            merged[name] = part | merged[name]
    return merged


def _validate(merged: dict[str, Any]) -> _SpaceModel:
    try:
        return _SpaceModel.model_validate(merged)
    except ValidationError as error:
        raise _refusal("; ".join(_sentence(detail) for detail in error.errors())) from None


def _sentence(detail: Any) -> str:  # noqa: ANN401 -- pydantic's ErrorDetails
    path = [*detail["loc"][:1], *detail["loc"][2:]]  # without the discriminator's tag
    if detail["type"] == "extra_forbidden":
        known = PARAMETERS if len(path) == 1 else tuple(_RangeModel.model_fields)
        nearest = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.0)[0]
        owner = "" if len(path) == 1 else f"{path[0]}."
        return (
            f"{owner}{_shown(path[-1])} is unknown; the nearest name is {nearest}, and allowed are {', '.join(known)}"
        )
    name = ".".join(part for part in path if isinstance(part, str))
    return f"{name}={_shown(detail['input'])} must be {_allowed(path)}"


def _allowed(path: list[str | int]) -> str:
    if path[0] == "optimizer":
        one = f"one of {', '.join(OPTIMIZERS)}"
        return one if len(path) > 1 else f"{one}, or a list of them"
    if path[-1] == "prior":
        return f"one of {', '.join(get_args(Prior))}"
    return "a finite number" if len(path) > 1 else "a finite number, or an object with low, high and prior"


def _real(name: str, value: _RangeModel | float) -> Range | float:
    holds, limit = _LIMITS[name]
    if isinstance(value, float):
        if not holds(value):
            raise _refusal(f"{name}={_shown(value)} must be {limit}")
        return value
    for end, border in (("low", value.low), ("high", value.high)):
        if not holds(border):
            raise _refusal(f"{name}.{end}={_shown(border)} must be {limit}")
    if value.low >= value.high:
        raise _refusal(
            f"{name}.low={_shown(value.low)} must be below {name}.high={_shown(value.high)}; "
            "a plain number fixes the parameter"
        )
    if value.prior == "log-uniform" and value.low < _LEAST_LOGARITHMIC:
        raise _refusal(
            f"{name}.low={_shown(value.low)} must be at least {_LEAST_LOGARITHMIC} with the prior log-uniform; "
            "the prior uniform allows less"
        )
    return Range(value.low, value.high, value.prior)


def _optimizer(value: list[OptimizerName] | OptimizerName) -> tuple[OptimizerName, ...] | OptimizerName:
    if isinstance(value, str):
        return value
    if not value or len(set(value)) < len(value):
        raise _refusal(f"optimizer={_shown(value)} must name each optimizer once, of {', '.join(OPTIMIZERS)}")
    # sorted, so that a run goes on whose setting lists the same optimizers in another order
    return value[0] if len(value) == 1 else tuple(name for name in OPTIMIZERS if name in value)


def _refusal(sentence: str) -> SettingsError:
    return SettingsError(sentence, setting="search_space")


def _shown(value: Any) -> str:  # noqa: ANN401 -- whatever came in
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
