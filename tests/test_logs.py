"""Logs: JSON lines for machines, short lines for people, tracebacks that fit a screen."""

import json
from typing import Literal

import pytest
import structlog

from job.logs import configure_logs


def test_json_logs_have_one_object_a_line_with_bound_context(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is one JSON object with time, level and what was bound."""
    configure_logs("json")
    with structlog.contextvars.bound_contextvars(run="r", trial=3):
        structlog.get_logger().info("epoch", epoch=1, accuracy=0.5)
    captured = capsys.readouterr()
    assert captured.out == ""
    event = json.loads(captured.err)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "epoch", "level": "info", "run": "r", "trial": 3, "epoch": 1, "accuracy": 0.5}


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_is_none_is_in_no_line(log_format: Literal["json", "console"], capsys: pytest.CaptureFixture[str]) -> None:
    """A value that does not exist says nothing; 0, False and an empty text are values."""
    configure_logs(log_format)
    structlog.get_logger().info("trial", error=None, value=0.0, pruned=False, key="", best_epoch=0)
    line = capsys.readouterr().err
    assert "error" not in line
    assert "None" not in line
    assert "null" not in line
    for name in ("value", "pruned", "key", "best_epoch"):
        assert name in line


def test_numbers_have_the_digits_that_mean_something(capsys: pytest.CaptureFixture[str]) -> None:
    """Floats have four significant ones, however deep in the event; whole numbers and texts stay as they are."""
    configure_logs("json")
    structlog.get_logger().info(
        "trial",
        learning_rate=0.00123456,
        seconds=12.0,
        images_per_second=123456.7,
        tiny=-1.23456e-9,
        rows=123456,
        key="0.123456",
        ci95=(0.123456, 0.654321),
        there={"momentum": [0.987654, {"epoch": 12345, "loss": 1.000049}], "none": None},
    )
    event = json.loads(capsys.readouterr().err)
    del event["timestamp"]
    assert event == {
        "event": "trial",
        "level": "info",
        "learning_rate": 0.001235,
        "seconds": 12.0,
        "images_per_second": 123500.0,
        "tiny": -1.235e-9,
        "rows": 123456,
        "key": "0.123456",
        "ci95": [0.1235, 0.6543],
        "there": {"momentum": [0.9877, {"epoch": 12345, "loss": 1.0}], "none": None},
    }


def test_what_is_logged_is_not_altered(capsys: pytest.CaptureFixture[str]) -> None:
    """The same values go into records, to the last digit."""
    configure_logs("json")
    params = {"learning_rate": 0.00123456, "decay": [0.123456]}
    structlog.get_logger().info("trial", params=params)
    assert json.loads(capsys.readouterr().err)["params"] == {"learning_rate": 0.001235, "decay": [0.1235]}
    assert params == {"learning_rate": 0.00123456, "decay": [0.123456]}


def test_a_traceback_is_in_the_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug keeps its traceback, and is still one line."""
    configure_logs("json")
    try:
        raise ValueError("what went wrong")
    except ValueError:
        structlog.get_logger().exception("bug")
    (line,) = capsys.readouterr().err.splitlines()
    assert "what went wrong" in json.loads(line)["exception"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_credentials_are_taken_out_of_whatever_is_logged(
    log_format: Literal["json", "console"], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library's error may hold what it was given; neither an event nor a traceback shows it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "made-up-token\n")
    monkeypatch.setenv("AWS_SECURITY_TOKEN", "run")  # too short to be one
    configure_logs(log_format)
    try:
        raise ValueError(b"made-up-token\n")
    except ValueError as error:
        structlog.get_logger().exception("bug", error=str(error), run="made-up-secret/")
    printed = capsys.readouterr().err
    assert "made-up" not in printed
    assert printed.count("***") >= 3
    assert "run" in printed


def test_a_traceback_on_a_console_prints_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Local variables of a training step are millions of numbers."""
    configure_logs("console")
    try:
        secret = "x" * 10
        raise ValueError(secret[:2])
    except ValueError:
        structlog.get_logger().exception("bug")
    text = capsys.readouterr().err
    assert "ValueError: xx" in text
    assert "xxxxxxxxxx" not in text


def test_events_below_the_level_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """LOG_LEVEL decides what is seen."""
    configure_logs("json", "warning")
    structlog.get_logger().info("epoch")
    structlog.get_logger().warning("storage retry")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "storage retry"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_names_that_are_no_text_are_written_out(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "console"]
) -> None:
    """A lone surrogate, as of a file whose name is no UTF-8, is in no line, and what it stands for is."""
    configure_logs(log_format)
    structlog.get_logger().info("quarantined", id="caf\udce9", examples=["b\udce9"])
    try:
        raise ValueError("a\udce9")
    except ValueError:
        structlog.get_logger().exception("bug")
    text = capsys.readouterr().err
    text.encode()
    if log_format == "json":
        first, second = map(json.loads, text.splitlines())
        assert (first["id"], first["examples"]) == ("caf\\xe9", ["b\\xe9"])
        text = second["exception"]
    assert text.rstrip().endswith("ValueError: a\\xe9")
