"""How a long task tells how much of it is done."""

from collections.abc import Callable
from typing import TypeAlias

Meter: TypeAlias = Callable[[str, int, int], None]
"""Called with (task, done, total), in any thread."""


def silent(_task: str, _done: int, _total: int) -> None:
    """Tell nobody."""
