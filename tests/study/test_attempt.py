"""An attempt's record: what it gains while the attempt lives is there when it ends, in results.json and on the page."""

import re
import signal
import time
from pathlib import Path

import pytest

from job.records.run import AttemptRecord
from job.records.status import DeviceUsed
from job.storage.local import LocalStorage
from job.study.attempt import Attempt
from job.study.journal import Journal
from tests.jobs import results_of, run_job, tiny_settings
from tests.study.test_resume import kill

DEVICE = DeviceUsed("NVIDIA T4", "7.5", "fp16")


def stored(journal: Journal) -> AttemptRecord:
    (record,) = journal.attempts().values()
    return record


@pytest.mark.parametrize("outcome", ["complete", "budget_spent", "signal 15", "there is no such bucket"])
def test_an_attempt_keeps_its_place_when_it_ends(tmp_path: Path, outcome: str) -> None:
    """Trial, repetition, step, host and seconds stand in the record that is written last."""
    journal = Journal(LocalStorage(tmp_path))
    attempt = Attempt(journal, time.monotonic() - 60, {"fetch": 1.5}, DEVICE)
    attempt.take_up(3, 0, 40)
    assert (stored(journal).trial, stored(journal).repetition, stored(journal).step) == (3, None, 40)
    attempt.take_up(3, 2, 17)
    at_work = stored(journal)
    assert (at_work.outcome, at_work.ended_at) == (None, None)
    attempt.end(outcome, 1)
    ended = stored(journal)
    assert (ended.trial, ended.repetition, ended.step) == (3, 2, 17)
    assert (ended.host, ended.started_at) == (at_work.host, at_work.started_at)
    assert ended.device == DEVICE
    assert (ended.outcome, ended.exit_code) == (outcome, 1)
    assert ended.ended_at
    assert ended.seconds["fetch"] == 1.5
    assert ended.seconds["total"] >= 60


def test_what_came_first_is_not_lost_with_what_comes_last(tmp_path: Path) -> None:
    """A signal that is noted before the next trial is keeps its outcome; an end after an end adds to its seconds."""
    journal = Journal(LocalStorage(tmp_path))
    attempt = Attempt(journal, time.monotonic(), {}, DEVICE)
    attempt.end("signal 15", 143, evaluate=2.5)
    attempt.take_up(4, 0, 0)
    assert (stored(journal).trial, stored(journal).outcome) == (4, "signal 15")
    attempt.end("storage is gone", 1)
    assert stored(journal).outcome == "storage is gone"
    assert stored(journal).seconds["evaluate"] == 2.5


def test_results_and_page_say_where_each_attempt_was(tmp_path: Path) -> None:
    """Put down in a trial, then in a repetition, then brought to its end: each attempt has its place, and no dash."""
    settings = tiny_settings(tmp_path, N_TRIALS="2", FINAL_TRIALS="1", FINAL_SEEDS="1")
    settings |= {
        "POD_NAME": "pod-\udcff",
        "IMAGE": "image-\udcff",
    }  # bytes that are no text keep no result from being written
    for _ in range(2):  # in the first step of trial 1, then in that of the repetition
        stopped = run_job(settings | kill("put", "attempts/", 2, "after", signal.SIGTERM), program="tests.killing")
        assert stopped.returncode == 143, stopped.stderr
    last = run_job(settings)
    assert last.returncode == 0, last.stderr
    results = results_of(tmp_path / "run")
    assert results["run"]["environment"]["image"] == r"image-\xff"
    assert {each["host"] for each in results["run"]["attempts"]} == {r"pod-\xff"}
    best = results["finals"][0]["trial"]
    places = [(each["trial"], each["repetition"], each["step"]) for each in results["run"]["attempts"]]
    assert places == [(1, None, 0), (best, 1, 0), (best, 1, 1)]
    assert [each["outcome"] for each in results["run"]["attempts"]] == ["signal 15", "signal 15", "complete"]
    assert [each["exit_code"] for each in results["run"]["attempts"]] == [143, 143, 0]
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    table = page[page.index("All attempts") :].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    assert [row[-1] for row in rows] == ["1", f"{best}, repetition 1", f"{best}, repetition 1"]
