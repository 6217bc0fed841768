"""A figure that a benchmark has measured, and what it was meant to be."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Figure:
    """One figure; `is_met` says whether it is on the right side of its target."""

    name: str
    value: float
    target: float | None
    unit: str
    less_is_better: bool = field(default=False, kw_only=True)
    details: Mapping[str, float | str] = field(default_factory=dict)
    """What it was made of, such as the medians of both sides of a ratio."""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.less_is_better else self.value >= self.target


def print_figures(figures: Iterable[Figure]) -> None:
    """Print figures as JSON, with the machine that they were measured on."""
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    listed = [asdict(figure) | {"is_met": figure.is_met} for figure in figures]
    print(json.dumps({"machine": machine, "figures": listed}, indent=2))
