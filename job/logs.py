"""Logs: structlog events on standard error, for people on a terminal or one JSON object a line for machines."""

import logging
import os
import sys
from typing import Any, Literal

import structlog

from job.text import printable, printable_value

_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
_SHORTEST_SECRET = 8  # shorter ones are no secrets, and hiding them would spoil other words


def configure_logs(log_format: Literal["auto", "console", "json"] = "auto", level: str = "info") -> None:
    """Send every event of this process to standard error; `auto` is console on a terminal, else JSON lines."""
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        shared[-1] = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        # rich's tracebacks print every local variable, and here those are millions of weights
        plain = structlog.dev.plain_traceback
        console_renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=12, sort_keys=False, exception_formatter=plain
        )
        shared += [console_renderer, _written_out, _Hidden()]
    else:
        shared += [structlog.processors.format_exc_info, _printable, structlog.processors.JSONRenderer(), _Hidden()]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


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
