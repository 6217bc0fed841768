"""`job status`: a run as it is seen from outside, printed once or again and again."""

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from job.errors import StorageUnavailableError
from job.records.outside import Status
from job.records.results import Progress
from job.records.status import RunState
from job.watch import picture
from job.watch.choose import is_screen
from job.watch.terminal import Screen
from job.words import duration

EVERY_SECONDS = 5.0
"""Between two looks."""

_ENDED = {RunState.COMPLETE, RunState.BUDGET_SPENT, RunState.FAILED}
_BAD = {RunState.SILENT, RunState.STOPPED, RunState.FAILED}


def print_status(status: Status) -> None:
    """Print the trials that have ended, what is going on, and the state in a sentence."""
    console = Console(force_terminal=sys.stdout.isatty(), highlight=False, soft_wrap=True)
    for line in [*_rows(status, picture.Rows()), *_present(status, console.width - 1), _sentence(status)]:
        console.print(line)


def watch_run(look: Callable[[], Status]) -> Status:
    """Print what happens until the run has ended; return its last status.

    A storage that does not answer for a while is waited for. Raises JobError if there is no run (any more).
    """
    screen = Screen(sys.stdout) if is_screen(sys.stdout) else None
    status, rows, said = look(), picture.Rows(), ""
    silent: float | None = None
    with screen or nullcontext():
        while True:
            lines = _rows(status, rows)
            if screen is None:
                told = f"{status.state} {status.trials_done}"
                lines += [*_standing(status), _sentence(status)] if told != said else []
                said = told
                for line in lines:
                    print(line.plain, flush=True)
            else:
                screen.print(lines)
                width, height = screen.size
                screen.draw([*_present(status, width, height - 2), *_wrapped(status, width, screen.console)])
            if status.state in _ENDED:
                break
            time.sleep(EVERY_SECONDS)
            began = time.monotonic()
            try:
                status = look()
                if silent is not None:
                    _tell(screen, f"storage answers again, after {duration(time.monotonic() - silent)}")
                silent = None
            except StorageUnavailableError as error:
                if silent is None:
                    silent = began
                    _tell(screen, f"storage does not answer, and is asked again until it does: {error}")
    if screen is not None:
        screen.console.print(_sentence(status))
    return status


def _rows(status: Status, rows: picture.Rows) -> list[Text]:
    return [] if status.details is None else rows.new(status.details)


def _present(status: Status, width: int, height: int = 1000) -> list[Text]:
    run = status.details
    if isinstance(run, Progress) and status.now is not None:
        return picture.going_on(run, status.now, width, height)
    return _standing(status)


def _standing(status: Status) -> list[Text]:
    run = status.details
    if isinstance(run, Progress):  # what was going on is no longer, unless a process works on the run
        run = run.model_copy(update={"now": status.now})
    return [] if run is None else picture.standing(run, datetime.now(UTC))


def _sentence(status: Status) -> Text:
    style = "yellow" if status.state in _BAD else "green" if status.state in _ENDED else ""
    return Text.assemble(" ", (f"{status.state}: ", f"bold {style}".strip()), status.sentence)


def _wrapped(status: Status, width: int, console: Console) -> list[Text]:
    return list(_sentence(status).wrap(console, width))


def _tell(screen: Screen | None, sentence: str) -> None:
    if screen is None:
        print(f" {sentence}", flush=True)
    else:
        screen.print([Text(f" {sentence}", style="yellow")])
