"""A job is watched by a live view only where one can be drawn."""

import contextlib
import io
from typing import Literal

import pytest

from job.watch.choose import open_watch
from job.watch.lines import Lines
from job.watch.terminal import Terminal
from tests.watch.terminals import Drawn


@pytest.mark.parametrize(
    ("log_format", "terminal", "term", "drawn"),
    [
        ("auto", True, "xterm", True),
        ("console", True, "xterm-256color", True),
        ("json", True, "xterm", False),
        ("auto", False, "xterm", False),
        ("console", False, "xterm", False),
        ("auto", True, "dumb", False),
        ("console", True, "unknown", False),
        ("console", True, None, False),
    ],
)
def test_a_view_is_drawn_where_people_look_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    log_format: Literal["auto", "console", "json"],
    terminal: bool,  # noqa: FBT001 -- a case
    term: str | None,
    drawn: bool,  # noqa: FBT001 -- likewise
) -> None:
    """JSON, a file, a pipe, and a terminal that cannot move its cursor get lines."""
    if term is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", term)
    with contextlib.redirect_stderr(Drawn() if terminal else io.StringIO()):
        assert type(open_watch(log_format, "run")) is (Terminal if drawn else Lines)
