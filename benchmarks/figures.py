"""What a benchmark comes to: figures by name, with their unit and, where there is one, their target."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    target: float | None = None
    """The least value that is good enough."""

    def __str__(self) -> str:
        """Return the figure as a line."""
        line = f"{self.name}: {self.value:g} {self.unit}".rstrip()
        if self.target is None:
            return line
        return f"{line} (target: at least {self.target:g}, {'met' if self.value >= self.target else 'missed'})"
