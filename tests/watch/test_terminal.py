"""The live view: what has ended scrolls by, what is going on stands below, and nothing of that is left at the end."""

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog
from rich.text import Text

from job.logs import configure_logs
from job.records.results import Progress
from job.watch import picture, terminal
from job.watch.terminal import Screen, Terminal
from tests.watch.made import AT, PLANNED, at_moment, working
from tests.watch.terminals import ROWS, Drawn

PLACE = "s3://shop/run/"
RESULTS = f" results: {PLACE}"


def has(words: str) -> Callable[[list[str]], bool]:
    """Return whether a line begins with these words and the view is whole below it."""
    return lambda text: any(line.startswith(words) for line in text) and text[-1] == RESULTS


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals are those of `Drawn`, and the view is drawn as fast as it can be."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(terminal, "EVERY_SECONDS", 0.01)


@contextmanager
def standard_error(rows: int = ROWS) -> Iterator[Drawn]:
    """Make standard error a terminal, with a console's logs on it."""
    with contextlib.redirect_stderr(Drawn(rows)) as drawn:
        configure_logs("console")
        yield drawn


@contextmanager
def view(rows: int = ROWS) -> Iterator[tuple[Drawn, Terminal]]:
    """Draw the view there."""
    with standard_error(rows) as drawn, Terminal(drawn, PLACE) as watch:
        yield drawn, watch


def test_rows_scroll_by_and_the_last_lines_are_what_is_going_on() -> None:
    """More trials than the terminal has rows: each has its row once, and there is one view, at the bottom."""
    run = at_moment(0)
    with view() as (drawn, watch), watch.follow(lambda: run):
        for n_trials in range(PLANNED):
            run = at_moment(n_trials, working(n_trials))
            lines = drawn.until(has(f" trial {n_trials}, epoch 3"))
    assert lines[-1] == RESULTS
    assert run.now is not None
    below = plain(picture.going_on(run, run.now, 79, 22))
    assert lines[-1 - len(below) : -1] == below
    assert lines[: -1 - len(below)] == plain(picture.Rows().new(run))


def test_before_the_search_and_after_it_the_view_says_so() -> None:
    """Starting takes seconds, and publishing too; rows are shown from the beginning of the search on."""
    with view() as (drawn, watch):
        assert drawn.until(has(RESULTS)) == [" starting", RESULTS]
        assert not watch.shows_trials
        with watch.follow(lambda: at_moment(1)):
            pass
        assert drawn.until(has(" ending"))[-2:] == [" ending", RESULTS]
        assert watch.shows_trials


def test_what_is_logged_meanwhile_appears_above() -> None:
    """Once and whole; the run's name, which every line would have, is not repeated, nor is what rows tell."""
    log = structlog.get_logger()
    structlog.contextvars.bind_contextvars(run=PLACE)
    with view() as (drawn, watch), watch.follow(lambda: at_moment(2, working(2))):
        drawn.until(has(" trial 2"))
        for name in ("epoch", "trial", "repetition", "run"):
            log.info(name, value=0.5)
        log.warning("storage retry", object="a" * 90)
        sys.stderr.write("a library's warning\n")
        lines = drawn.until(has("a library's warning"))
    (place,) = [number for number, line in enumerate(lines) if "storage retry" in line]
    assert "".join(lines[place : place + 3]).count("a" * 90) == 1
    assert lines.count("a library's warning") == 1
    assert "value" not in "".join(drawn.screen.text)
    assert PLACE not in "".join(lines[:-1])


def test_all_is_logged_again_after_the_view() -> None:
    """Log and standard error are as they were before, also after an error."""

    def fail(watch: Terminal) -> None:
        with watch:
            raise KeyError

    with standard_error() as drawn:
        processors = structlog.get_config()["processors"]
        with pytest.raises(KeyError):
            fail(Terminal(drawn, PLACE))
        assert sys.stderr is drawn
        assert structlog.get_config()["processors"] == processors
        structlog.get_logger().info("epoch", value=0.5)
    assert "epoch" in drawn.screen.text[-1]


def test_a_task_has_a_bar_until_it_is_done() -> None:
    """Above what else is going on, beneath all rows."""
    with view() as (drawn, watch), watch.follow(lambda: at_moment(2, working(2))):
        watch.meter("fetching", 3, 4)
        bar = picture.task("fetching", 3, 4, 79).plain
        lines = drawn.until(has(bar))
        assert lines.index(bar) == len(picture.Rows().new(at_moment(2)))
        watch.meter("fetching", 4, 4)
        drawn.until(lambda text: not has(" fetching")(text) and text[-1] == RESULTS)


def test_at_the_end_rows_are_left_and_no_view() -> None:
    """The last rows are printed even if the search ended before they were drawn; what follows comes right below."""
    run = at_moment(9, working(9), seconds_left=60.0, seconds_allowed=3600.0)
    with view() as (drawn, watch), watch.follow(lambda: run):
        drawn.until(has(" trial 9"))
        run = at_moment(12, seconds_allowed=3600.0)
    drawn.write("Trial 2 won.")
    rows, (stands, _budget) = picture.Rows().new(run), picture.standing(run, AT)
    assert drawn.screen.text == [*plain(rows), stands.plain, "Trial 2 won."]
    assert "terminal" not in {thread.name for thread in threading.enumerate()}


def test_the_cursor_is_never_left_hidden() -> None:
    """A process that is killed could not show it again."""
    with view() as (drawn, _):
        drawn.until(has(RESULTS))
        assert not drawn.screen.cursor.hidden


def test_a_failure_to_look_is_told_once_and_ends_no_job() -> None:
    """The view stands still until it can be drawn again."""
    asked = threading.Semaphore(0)
    fails = True

    def look() -> Progress:
        asked.release()
        if fails:
            raise KeyError("trial 4")
        return at_moment(4, working(4))

    with view() as (drawn, watch), watch.follow(look):
        for _ in range(3):
            assert asked.acquire(timeout=60)
        fails = False
        lines = drawn.until(has(" trial 4, epoch 3"))
    (told,) = [line for line in drawn.screen.text if "not shown" in line]
    assert "'trial 4'" in told
    assert told in lines


def test_a_failure_to_look_hides_no_error() -> None:
    """How the search ended is what the job reports."""

    def look() -> Progress:
        raise ValueError("a look")

    def search(watch: Terminal) -> None:
        with watch.follow(look):
            raise KeyError("how it ended")

    with view() as (_, watch), pytest.raises(KeyError, match="how it ended"):
        search(watch)


@pytest.mark.parametrize("rows", [4, 8])
def test_a_small_terminal_shows_what_fits(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """With more trials at work than it has rows, the view is drawn over itself all the same; nothing scrolls away."""
    monkeypatch.setenv("LINES", str(rows))
    run = at_moment(0)
    with view(rows) as (drawn, watch), watch.follow(lambda: run):
        for epoch in range(1, 4):
            run = at_moment(0, *(working(number, epoch=epoch) for number in range(10)))
            lines = drawn.until(has(f" trial 0, epoch {epoch}"))
    assert len(lines) == rows - 1
    assert lines[-2:] == [" 0 of 30 trials", RESULTS]


def test_what_is_drawn_is_cut_to_the_terminal() -> None:
    """A line that wrapped would take a row more than is erased before the next drawing; what is printed may wrap."""
    sentence = "words " * 25 + "end"
    with standard_error() as drawn, Screen(drawn) as screen:
        for letter in "abc":
            screen.draw([Text(letter * 200), Text("below")])
        assert drawn.screen.text == ["c" * 78 + "…", "below"]
        screen.print([Text(sentence)])
        assert drawn.screen.text == [sentence[:80].rstrip(), sentence[80:], "c" * 78 + "…", "below"]
        screen.draw([Text(str(number)) for number in range(ROWS)])
        assert drawn.screen.text[2:] == [str(number) for number in range(ROWS - 1)]


@pytest.mark.parametrize("columns", [100, 80, 50, 20])
def test_a_terminal_with_another_width_is_drawn_over_whole(columns: int) -> None:
    """One that is made narrower wraps what was drawn: 79 columns are two rows of 50, or four of 20."""
    with standard_error() as drawn, Screen(drawn) as screen:
        for letter in "ab":
            screen.print([Text(f"row {letter}")])
            screen.draw([Text(letter * 200), Text(""), Text(letter * 40)])
            drawn.resize(columns)
            screen.console.width = columns
            screen.draw([Text("view"), Text("below")])
            assert drawn.screen.text[-2:] == ["view", "below"]
        assert drawn.screen.text == ["row a", "row b", "view", "below"]
        screen.console.width = 80
        drawn.resize(80)
        screen.draw([Text("a" * 200), Text("b" * 200)])
        drawn.resize(columns)
        screen.console.width = columns
    assert drawn.screen.text == ["row a", "row b"]


def test_a_log_that_goes_elsewhere_is_left_alone() -> None:
    """`job status --watch 2>file` draws on standard output; standard error is for the file."""
    drawn = Drawn()
    with contextlib.redirect_stderr(io.StringIO()) as file, Screen(drawn):
        sys.stderr.write("to the file\n")
    assert file.getvalue() == "to the file\n"
    assert drawn.screen.text == []
