"""Logs: structlog events on standard error, for people on a terminal or one JSON object a line for machines."""

import logging
import os
import sys
from typing import Any, Literal

import structlog

from job.text import printable, printable_value

_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_DIGITS = 4
"""Of a number."""
_SHORTEST_SECRET = 8  # shorter ones are no secrets, and hiding them would spoil other words


def configure_logs(log_format: Literal["auto", "console", "json"] = "auto", level: str = "info") -> None:
    """Send every event of this process to standard error; `auto` is console on a terminal, else JSON lines."""
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _meaningful,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        shared[-1] = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        # rich's tracebacks print every local variable, and here those are millions of weights
        plain = structlog.dev.plain_traceback
        coloured = sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
        console_renderer = structlog.dev.ConsoleRenderer(
            colors=coloured, pad_event_to=12, sort_keys=False, exception_formatter=plain
        )
        shared += [console_renderer, _written_out, _Hidden()]
    else:
        shared += [structlog.processors.format_exc_info, _printable, structlog.processors.JSONRenderer(), _Hidden()]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),  # which a live view replaces while it is there
        cache_logger_on_first_use=False,
    )


def _meaningful(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ANN401 -- structlog's form of a processor
    """Leave out what is None, and digits that mean nothing."""
    return {key: _rounded(value) for key, value in event.items() if value is not None}


def _rounded(value: Any) -> Any:  # noqa: ANN401 -- whatever is logged
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


class _Hidden:
    """Removes credentials from rendered events, tracebacks included, whatever library wrote them."""

    def __init__(self) -> None:
        found = (os.environ.get(name, "").strip() for name in _SECRETS)
        self._secrets = [secret for secret in found if len(secret) >= _SHORTEST_SECRET]

    def __call__(self, _logger: Any, _method: str, line: Any) -> str:  # noqa: ANN401 -- structlog's form of a processor
        text = str(line)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _printable(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ANN401 -- structlog's form of a processor
    """Escape what is not text in an event, such as a file name that is not UTF-8."""
    return {key: printable_value(value) for key, value in event.items()}


def _written_out(_logger: Any, _method: str, line: Any) -> str:  # noqa: ANN401 -- likewise
    """Do the same in a rendered event, its traceback included."""
    return printable(line)
