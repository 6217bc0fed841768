"""Progress bars for fetching and decoding, on a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from job.catalogue.contents import Meter


@contextmanager
def progress_bar() -> Iterator[Meter]:
    """Yield a function that draws how much of a task is done; without a terminal it does nothing."""
    if not sys.stderr.isatty():
        yield lambda _task, _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 -- slow to import, and only terminals need it
    from rich.progress import Progress as Bars  # noqa: PLC0415
    from rich.progress import TaskID  # noqa: PLC0415

    tasks: dict[str, TaskID] = {}
    with Bars(console=Console(stderr=True), transient=True) as bars:

        def draw(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bars.add_task(task, total=total)
            bars.update(tasks[task], completed=done, total=total)

        yield draw
