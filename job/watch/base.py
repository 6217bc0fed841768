"""How people watch a job at work: the Protocol. Knows no study; it is told what to show."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from job.records.results import Progress


class Watch(AbstractContextManager["Watch"], Protocol):
    """Shows what a job does, from the beginning of its `with` block to the end."""

    shows_trials: bool
    """Whether people have seen a row for each trial."""

    def meter(self, task: str, done: int, total: int) -> None:
        """Show how much is done of a task such as fetching; nothing of it is shown once all of it is."""
        ...

    def follow(self, look: Callable[[], Progress]) -> AbstractContextManager[None]:
        """Show the search within the block; `look` tells how far it is, at any time and in any thread."""
        ...
