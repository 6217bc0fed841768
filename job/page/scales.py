"""Scales: from values to places along an axis, and the few round values that stand beside it.

Knows no colours and no markup.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from job.words import minus, significant

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Linear:
    """Evenly in the value; `percent` labels ticks so, and `whole` has whole numbers alone."""

    low: float
    high: float
    start: float
    end: float
    percent: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value; one beyond an end of the scale is put there."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return about `count` round values within the scale, with what is written beside each."""
        factor = 100 if self.percent else 1
        low, high = self.low * factor, self.high * factor
        if not high > low:
            return [(self.low, _plain(low, 3) + ("\xa0%" if self.percent else ""))]
        step = round_step((high - low) / max(count, 1))
        if self.whole:
            step = max(1.0, float(math.ceil(step)))
        places = max(0, -math.floor(math.log10(step) + 1e-9), _places(step))
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        unit = "\xa0%" if self.percent else ""
        return [(i * step / factor, _plain(i * step, places) + unit) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Log:
    """Evenly in the logarithm; low must be above 0."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; one beyond an end of the scale is put there."""
        inside = min(max(value, self.low), self.high)
        width = math.log(self.high / self.low)
        share = math.log(inside / self.low) / width if width > 0 else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return about `count` round values within the scale, with what is written beside each."""
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / max(count, 1)))
        best: list[float] = []
        for digits in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)) if every == 1 else ((1,),):
            values = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in digits]
            values = [value for value in values if round(math.log10(value)) % every == 0] if every > 1 else values
            inside = [value for value in values if self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9)]
            if best and len(inside) > count:
                break
            best = inside
        return [(value, significant(value)) for value in best or [self.low, self.high]]


Scale: TypeAlias = Linear | Log
"""An axis of real values from `low`, at pixel `start`, to `high`, at `end`; start may be greater than end."""


@dataclass(frozen=True)
class Band:
    """One place for each of several names."""

    names: Sequence[str]
    start: float
    end: float

    @property
    def step(self) -> float:
        """The room of a name."""
        return (self.end - self.start) / max(len(self.names), 1)

    def __call__(self, name: str) -> float:
        """Return the middle of a name's room."""
        return self.start + (self.names.index(name) + 0.5) * self.step


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def rounded_out(low: float, high: float, count: int) -> tuple[float, float]:
    """Return the ends of a scale that begins and ends at ticks and holds both values."""
    if not high > low:
        room = abs(low) / 10 or 1.0
        low, high = low - room, high + room
    step = round_step((high - low) / count)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _places(step: float) -> int:
    """Return the decimals that a step of 2.5 times a power of ten has more than the power."""
    return 0 if step >= 1 and step == int(step) else len(f"{step:.10f}".rstrip("0").split(".")[1])


def _plain(value: float, places: int) -> str:
    text = f"{value:,.{places}f}"
    return minus("0" if float(text.replace(",", "")) == 0 else text)
