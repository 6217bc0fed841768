"""A job's log where there is no terminal: an event `progress` again and again, which says what is going on."""

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from job.logs import configure_logs
from job.records.results import Progress
from job.watch import lines
from job.watch.lines import Lines
from tests.watch.made import at_moment, working

Events = queue.Queue[dict[str, Any]]
_PATIENCE = 60.0


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """What is logged, as it is with logs of JSON; lines come as fast as they can."""
    found: Events = queue.Queue()

    def put(_logger: Any, _method: str, event: Any) -> Any:
        found.put(dict(event))
        raise structlog.DropEvent

    monkeypatch.setattr(lines, "EVERY_SECONDS", 0.001)
    configure_logs("json")
    first_two = structlog.get_config()["processors"][:2]
    structlog.configure(processors=[*first_two, put])
    return found


def until(events: Events, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for the next event that is such."""
    for _ in range(10_000):
        event = events.get(timeout=_PATIENCE)
        if seen(event):
            return event
    raise AssertionError(event)


def test_a_task_is_told_until_it_is_done(events: Events) -> None:
    """Before, between and after tasks an event says no more than that the process lives."""
    with Lines() as watch:
        assert until(events, lambda _: True) == {"event": "progress"}
        watch.meter("fetching", 3, 9)
        assert until(events, lambda event: "task" in event) == {
            "event": "progress",
            "task": "fetching",
            "done": 3,
            "total": 9,
        }
        watch.meter("fetching", 8, 9)
        assert until(events, lambda event: event["done"] != 3)["done"] == 8
        watch.meter("fetching", 9, 9)
        assert until(events, lambda event: "task" not in event) == {"event": "progress"}


def test_each_trial_at_work_is_told(events: Events) -> None:
    """Its place in the training and in the search; the repetition, the worker and the time left where there are any."""
    at_work = [working(4), working(2, repetition=3, worker=7, epoch=5, step=11, steps=12)]
    with Lines() as watch, watch.follow(lambda: at_moment(3, *at_work, seconds_left=99.0)):
        until(events, lambda event: event.get("trial") == 2)
        first, second = (events.get(timeout=_PATIENCE) for _ in at_work)
    common = {"event": "progress", "trials_done": 3, "seconds_left": 99.0}
    assert first == common | {"trial": 4, "epoch": 3, "step": 60, "steps": 120}
    assert second == common | {"trial": 2, "repetition": 3, "epoch": 5, "step": 11, "steps": 12, "worker": 7}


def test_a_search_in_which_nothing_trains_is_told(events: Events) -> None:
    """How many trials are done is known, and while a task such as reading goes on beside it, that is told."""
    with Lines() as watch, watch.follow(lambda: at_moment(3)):
        assert until(events, lambda event: "trials_done" in event) == {"event": "progress", "trials_done": 3}
        watch.meter("reading", 1, 2)
        assert until(events, lambda event: "trials_done" not in event)["task"] == "reading"


def test_nothing_is_asked_after_the_search(events: Events) -> None:
    """Publishing follows a search; who could tell of trials is gone by then, however the search ended."""

    def search(watch: Lines) -> None:
        with watch.follow(lambda: at_moment(3, working(4))):
            until(events, lambda event: "trial" in event)
            raise KeyError

    with Lines() as watch:
        with pytest.raises(KeyError):
            search(watch)
        assert until(events, lambda event: "trial" not in event) == {"event": "progress"}


def test_a_failure_to_look_is_told_once_and_ends_no_lines(events: Events) -> None:
    """The next line may be told again, and the log is never silent."""
    asked = threading.Semaphore(0)
    fails = True

    def look() -> Progress:
        asked.release()
        if fails:
            raise KeyError("trial 4")
        return at_moment(3, working(4))

    with Lines() as watch, watch.follow(look):
        for _ in range(3):
            assert asked.acquire(timeout=_PATIENCE)
        fails = False
        told: list[dict[str, Any]] = []
        while not told or "trial" not in told[-1]:
            told.append(events.get(timeout=_PATIENCE))
    (warning,) = [event for event in told if event["event"] != "progress"]
    assert warning == {"event": "not shown", "what": "progress", "error": "'trial 4'"}


def test_lines_name_the_run_and_end_with_it(events: Events) -> None:
    """What was bound before is in each line, although a thread of its own writes them; the thread ends."""
    with structlog.contextvars.bound_contextvars(run="s3://shop/run/"), Lines():
        assert until(events, lambda _: True)["run"] == "s3://shop/run/"
    assert "lines" not in {thread.name for thread in threading.enumerate()}


def test_a_short_job_has_no_line(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line comes after a while, and nothing waits for it."""
    monkeypatch.setattr(lines, "EVERY_SECONDS", 3600.0)
    with Lines() as watch:
        watch.meter("fetching", 1, 2)
    assert events.empty()
    assert not watch.shows_trials
