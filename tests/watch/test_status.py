"""`job status`: printed once, or again and again until the run has ended."""

import contextlib
import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from rich.text import Text

from job.errors import JobError, StorageUnavailableError
from job.records.outside import Status
from job.records.results import Progress, Results
from job.records.status import RunState
from job.watch import picture, status
from job.watch.status import print_status, watch_run
from tests.page.made import made_results
from tests.watch.made import AT, PLANNED, at_moment, working
from tests.watch.terminals import Drawn

SENTENCE = "attempt 2 on a-machine, with a GPU, has been at work since 2026-03-02 09:15 UTC"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once, and terminals are those of `Drawn`."""
    monkeypatch.setattr(status, "EVERY_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def status_of(state: RunState, details: Progress | Results | None, sentence: str = SENTENCE) -> Status:
    """Return what storage tells of a run in that state."""
    at_work = isinstance(details, Progress) and state is RunState.WORKING
    return Status(
        run="s3://shop/run/",
        state=state,
        sentence=sentence,
        trials_done=len(details.trials) if details else 0,
        trials=PLANNED if details else None,
        best=details.best if details else None,
        test_accuracy=None,
        attempt=None,
        sign_of_life=None,
        now=details.now if at_work and isinstance(details, Progress) else None,
        details=details,
    )


def complete() -> Status:
    return status_of(RunState.COMPLETE, made_results(6, 5, 4, n_finals=1), "after 6 trials; trial 2 won")


def looking(*answers: Status | Exception) -> Callable[[], Status]:
    """Return a function that gives one answer after the other; to ask once more is a failure."""
    left: Iterator[Status | Exception] = iter(answers)

    def look() -> Status:
        answer = next(left, None)
        if answer is None:
            pytest.fail("asked once more")
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def printed(look: Callable[[], Status]) -> list[str]:
    """Return what is printed, into a file, of a run that is watched until it ends."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        watch_run(look)
    return out.getvalue().splitlines()


def test_a_status_is_rows_what_is_going_on_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal, it has no codes, and no line is wrapped."""
    run = at_moment(4, working(4), seconds_left=60.0, seconds_allowed=3600.0)
    assert run.now is not None
    print_status(status_of(RunState.WORKING, run, "a" * 200))
    going_on = plain(picture.going_on(run, run.now, 79, 99))
    expected = [*plain(picture.Rows().new(run)), *going_on, f" working: {'a' * 200}"]
    assert capsys.readouterr().out.splitlines() == expected


def test_a_run_that_nobody_works_on_has_nothing_that_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """What progress.json last told of a trial at work and of the time left is no longer so."""
    run = at_moment(4, working(4, checkpoint_at=AT), seconds_left=1234.0, seconds_allowed=3600.0)
    print_status(status_of(RunState.INTERRUPTED, run, "started again, it goes on"))
    (stands,) = plain(picture.standing(run.model_copy(update={"now": None}), AT))
    assert " left" not in stands
    rows = plain(picture.Rows().new(run))
    expected = [*rows, stands, " interrupted: started again, it goes on"]
    assert capsys.readouterr().out.splitlines() == expected


def test_a_run_that_has_just_begun_has_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first progress.json no more is known."""
    print_status(status_of(RunState.WORKING, None, "it began 2 s ago"))
    assert capsys.readouterr().out == " working: it began 2 s ago\n"


def test_a_log_of_a_run_has_each_row_once_and_a_sentence_when_something_changes() -> None:
    """A number of trials or a state that is the same again says nothing."""
    runs = [at_moment(n, working(n), seconds_left=60.0, seconds_allowed=3600.0) for n in (0, 2, 2, 5)]
    last = at_moment(5)
    answers = [status_of(RunState.WORKING, run) for run in runs]
    stopped = status_of(RunState.FAILED, last, "failed for good")
    lines = printed(looking(*answers, status_of(RunState.INTERRUPTED, last, "interrupted"), stopped))
    rows = plain(picture.Rows().new(last))
    assert [line for line in lines if line in rows] == rows
    said = f" working: {SENTENCE}"
    assert [line for line in lines if line.startswith((" working", " inter", " failed"))] == [
        *[said] * 3,
        " interrupted: interrupted",
        " failed: failed for good",
    ]
    assert lines[:3] == [*plain(picture.standing(runs[0], AT)), said]
    assert len(lines) == len(rows) + 3 * 3 + 2 * 2


@pytest.mark.parametrize("state", [RunState.COMPLETE, RunState.BUDGET_SPENT, RunState.FAILED])
def test_watching_ends_when_the_run_has_ended(state: RunState) -> None:
    """No look follows the one that tells so, and its status is returned; all other states may go on."""
    going_on = set(RunState) - {RunState.COMPLETE, RunState.BUDGET_SPENT, RunState.FAILED}
    answers = [status_of(each, at_moment(1)) for each in sorted(going_on)]
    end = status_of(state, made_results(6, 5, 4), "the end")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert watch_run(looking(*answers, end)) is end
    assert out.getvalue().splitlines()[-1] == f" {state}: the end"


def test_a_storage_that_does_not_answer_for_a_while_is_told_once_and_waited_for() -> None:
    """And once when it answers again; another outage is told again."""
    working_on = status_of(RunState.WORKING, at_moment(1, working(1)))
    away = StorageUnavailableError("the endpoint refuses")
    lines = printed(looking(working_on, away, away, working_on, working_on, away, complete()))
    told = [line for line in lines if "storage" in line]
    assert told[0::2] == [" storage does not answer, and is asked again until it does: the endpoint refuses"] * 2
    assert [line.split(", after ")[0] for line in told[1::2]] == [" storage answers again"] * 2


def test_a_run_that_is_not_there_is_an_error() -> None:
    """From the beginning, as a storage that does not answer then, or when its folder is deleted later."""
    for error in (JobError("there is no run"), StorageUnavailableError("the endpoint refuses")):
        with pytest.raises(type(error)):
            printed(looking(error))
    with pytest.raises(JobError):
        printed(looking(status_of(RunState.WORKING, at_moment(1)), JobError("there is no run")))


def test_on_a_terminal_rows_scroll_by_above_what_is_going_on() -> None:
    """The state stands below, also at the end; storage that does not answer is told above."""
    seen = []
    runs = [at_moment(n, working(n)) for n in (1, 2)]

    def look() -> Status:
        seen.append(drawn.screen.text)
        if len(seen) == 2:
            raise StorageUnavailableError("the endpoint refuses")
        return status_of(RunState.WORKING, runs[len(seen) // 2]) if len(seen) < 4 else complete()

    with contextlib.redirect_stdout(Drawn()) as drawn:
        watch_run(look)
    rows = [plain(picture.Rows().new(run)) for run in runs]
    assert seen[0] == []
    for number, run, before in ((1, runs[0], rows[0]), (3, runs[1], None)):
        assert run.now is not None
        text = seen[number]
        below = plain(picture.going_on(run, run.now, 79, 99))
        assert text[-len(below) - 2 : -2] == below
        assert " ".join(text[-2:]).replace("  ", " ") == f" working: {SENTENCE}"
        assert before is None or text[: -len(below) - 2] == before
    assert [line for line in seen[3] if line in rows[1]] == rows[1]
    assert sum("storage does not answer" in line for line in seen[3]) == 1
    end = drawn.screen.text
    assert end[-1] == " complete: after 6 trials; trial 2 won"
    assert not any("working:" in line or "epoch 3 of 10" in line for line in end)
    assert any("again, with another seed" in line for line in end)


def test_a_long_outage_is_told_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the look that failed first to the one that was answered."""
    clock = (100 * number**2 for number in range(10))
    monkeypatch.setattr(status, "time", SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=lambda _: None))
    away = StorageUnavailableError("the endpoint refuses")
    lines = printed(looking(status_of(RunState.WORKING, at_moment(1)), away, away, complete()))
    assert " storage answers again, after 15\xa0min" in lines
