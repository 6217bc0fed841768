"""`job status`: what a run's objects tell of it, whoever works on it and however that ended."""

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from job.cli import main
from job.errors import ExitCode, JobError, StorageUnavailableError
from job.records.now import AtWork, Now
from job.records.outside import Status
from job.records.results import Progress, Results
from job.records.run import AttemptRecord
from job.records.status import DeviceUsed, RunState, RunStatus
from job.storage.local import LocalStorage
from job.study import status as module
from job.study.journal import Journal
from job.study.status import find_status
from tests.compat.folders import unpack
from tests.faulty_proxy import RESET, running_proxy
from tests.jobs import error_of, results_of, run_job, tiny_settings
from tests.page.made import made_progress, made_results
from tests.seaweed import Seaweed
from tests.study.test_journal import run_record
from tests.study.test_resume import kill

DEVICE = DeviceUsed("NVIDIA T4", "7.5", "fp16")
MOMENTS = r"\d+(\.\d)? s"
"""A few seconds; a busy machine makes them more."""
AT_WORK = AtWork(trial=9, params={"learning_rate": 0.1}, epoch=2, step=5, steps=8)


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """The journal of a run that has begun ten seconds ago."""
    journal = Journal(LocalStorage(tmp_path / "run"))
    journal.begin(run_record(created_at=ago(10)))
    return journal


def look(journal: Journal) -> Status:
    """Return what is told of the run, which changes nothing of it."""
    folder = Path(journal.storage.uri)
    before = contents(folder)
    status = find_status(journal.storage.uri)()
    assert contents(folder) == before
    return status


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*.*") if path.is_file()}


def attempt(journal: Journal, seconds: float = 20, **changes: Any) -> AttemptRecord:
    """Write down an attempt that began so many seconds ago."""
    began: dict[str, Any] = {"started_at": ago(seconds), "host": "node-1", "device": DEVICE, "trial": 9, "step": 0}
    record = AttemptRecord(**(began | changes))
    journal.begin_attempt(record)
    return record


def ended(journal: Journal, outcome: str, exit_code: int | None) -> AttemptRecord:
    """Write down an attempt that ended five minutes ago."""
    return attempt(journal, 9000, ended_at=ago(300), outcome=outcome, exit_code=exit_code)


def shows(journal: Journal, seconds: float = 5, number: int = 1) -> Now:
    """Write progress.json, 9 of 30 trials, as an attempt did so many seconds ago."""
    now = Now(at=ago(seconds), attempt=number, at_work=[AT_WORK], seconds_left=100.0, seconds_spent=50.0)
    journal.show_progress(_progress().model_copy(update={"now": now}))
    return now


@cache
def _progress() -> Progress:
    return made_progress(9, 30)


@cache
def _results(n_attempts: int = 1) -> Results:
    return made_results(12, n_attempts=n_attempts)


def test_where_no_run_is_the_uri_is_named(tmp_path: Path) -> None:
    """A folder that is not there holds no run, and is not made; nor does one with something else."""
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(JobError, match=f"there is no run at {folder}/; give the OUTPUT_URI of one that has begun"):
            find_status(str(folder))()
    told = run_job({}, "status", str(tmp_path / "none"))
    assert told.returncode == 42
    assert error_of(told).startswith("there is no run at ")
    assert not (tmp_path / "none").exists()


def test_a_run_that_has_just_begun_is_at_work(journal: Journal) -> None:
    """Before the first attempt is written down nothing is known but its beginning."""
    status = look(journal)
    assert (status.run, status.state) == (journal.storage.uri, RunState.WORKING)
    assert re.fullmatch(rf"it began {MOMENTS} ago \(20.* UTC\), and nothing is trained yet", status.sentence)
    assert (status.trials_done, status.trials, status.best, status.test_accuracy) == (0, None, None, None)
    assert (status.attempt, status.sign_of_life, status.now, status.details) == (None, None, None, None)


def test_a_run_that_began_long_ago_without_an_attempt_is_silent(tmp_path: Path) -> None:
    """Its process was killed before it could write one down."""
    journal = Journal(LocalStorage(tmp_path / "run"))
    journal.begin(run_record(created_at=ago(7200)))
    status = look(journal)
    assert status.state is RunState.SILENT
    assert status.sentence.startswith("it began 2 h ago (20")
    assert status.sentence.endswith("start the job again, and it goes on")


def test_an_attempt_at_work_tells_what_is_going_on(journal: Journal) -> None:
    """Who works, since when and on what, how far the search is, and when progress.json was written."""
    worker = attempt(journal)
    now = shows(journal)
    status = look(journal)
    assert status.state is RunState.WORKING
    began = f"{worker.started_at:%Y-%m-%d %H:%M} UTC"
    sentence, _, written = status.sentence.partition("; it last wrote ")
    assert sentence == (
        f"attempt 1 on node-1, with NVIDIA T4, fp16, has been at work since {began}, the last on trial 9"
    )
    assert re.fullmatch(f"{MOMENTS} ago", written)
    assert (status.trials_done, status.trials, status.best) == (9, 30, _progress().best)
    assert (status.attempt, status.sign_of_life, status.now) == (worker, now.at, now)
    assert isinstance(status.details, Progress)
    assert status.test_accuracy is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trial": None}, " UTC; it last wrote"),
        ({"repetition": 2}, ", the last on trial 9, repetition 2; it last wrote"),
        ({"host": None}, "attempt 1 on a machine without a name, with"),
    ],
    ids=str,
)
def test_an_attempt_without_progress_has_its_beginning_for_a_sign_of_life(
    journal: Journal, changes: dict[str, Any], words: str
) -> None:
    """Before progress.json is there the attempt's own record says what it does."""
    worker = attempt(journal, **changes)
    status = look(journal)
    assert (status.state, status.sign_of_life, status.now) == (RunState.WORKING, worker.started_at, None)
    assert words in status.sentence
    assert status.sentence.endswith(" ago")


def test_a_clock_that_is_behind_the_workers_makes_no_negative_time(journal: Journal) -> None:
    """Whoever looks may have another clock."""
    attempt(journal, -7200)
    shows(journal, -7200)
    status = look(journal)
    assert status.state is RunState.WORKING
    assert status.sentence.endswith("; it last wrote 0.0 s ago")


def test_an_attempt_that_has_not_written_for_two_minutes_is_silent(journal: Journal) -> None:
    """Nobody can tell whether it was killed; the last sign of life is told, and nothing as if it went on."""
    attempt(journal, 7200)
    now = shows(journal, 3600)
    status = look(journal)
    assert status.state is RunState.SILENT
    assert status.sentence.startswith("attempt 1 on node-1 has given no sign of life for 1 h, since 20")
    assert status.sentence.endswith("start the job again, and it goes on")
    assert (status.sign_of_life, status.now, status.trials_done) == (now.at, None, 9)


def test_a_sign_of_life_of_another_attempt_is_none(journal: Journal) -> None:
    """progress.json that a killed attempt has left does not tell when the next one began."""
    attempt(journal, 7200)
    shows(journal, 600)
    second = attempt(journal, 60)
    status = look(journal)
    assert (status.state, status.attempt, status.sign_of_life) == (RunState.WORKING, second, second.started_at)


@pytest.mark.parametrize(
    ("outcome", "exit_code", "state", "words"),
    [
        ("signal 15", 143, RunState.INTERRUPTED, "was interrupted by signal 15 5 min ago"),
        ("signal 2", 130, RunState.INTERRUPTED, "was interrupted by signal 2 5 min ago"),
        ("cuda does not work", 1, RunState.STOPPED, "ended 5 min ago"),
        ("none of 3 trials has trained", 42, RunState.FAILED, "failed for good 5 min ago"),
        ("signal 9 is no photo", 42, RunState.FAILED, ": signal 9 is no photo"),
        ("complete", 0, RunState.PUBLISHING, "has trained all and began to publish 5 min ago"),
        ("budget_spent", 0, RunState.PUBLISHING, "has trained all and began to publish 5 min ago"),
        # before attempts had an exit code
        ("complete", None, RunState.PUBLISHING, "has trained all"),
        ("budget_spent", None, RunState.PUBLISHING, "has trained all"),
        ("signal 15", None, RunState.INTERRUPTED, "was interrupted by signal 15"),
        ("there is no such bucket", None, RunState.STOPPED, ": there is no such bucket; started again, it goes on"),
    ],
)
def test_how_an_attempt_ended_is_told(
    journal: Journal, outcome: str, exit_code: int | None, state: RunState, words: str
) -> None:
    """Interrupted and stopped runs go on when started again, failed ones do not, others are being published."""
    last = ended(journal, outcome, exit_code)
    shows(journal, 40)
    status = look(journal)
    assert status.state is state
    assert status.sentence.startswith("attempt 1 on node-1 ")
    assert words in status.sentence
    goes_on = state in {RunState.INTERRUPTED, RunState.STOPPED}
    assert status.sentence.endswith("; started again, it goes on") is goes_on
    assert (outcome in status.sentence) is (state is not RunState.PUBLISHING)
    assert (status.attempt, status.sign_of_life, status.now) == (last, last.ended_at, None)
    assert (status.trials_done, status.trials) == (9, 30)


def test_what_is_published_for_ten_minutes_is_not_published_any_more(journal: Journal) -> None:
    """A process that was killed while it published has noted that all is trained, and leaves no results.json."""
    attempt(journal, 9000, ended_at=ago(660), outcome="complete", exit_code=0)
    shows(journal, 700)
    status = look(journal)
    assert status.state is RunState.SILENT
    assert "began to publish 11 min ago (20" in status.sentence
    assert status.sentence.endswith(
        "and has not finished: it was killed, or it is cut off from storage; start the job again, and it goes on"
    )


def test_attempts_of_before_there_were_exit_codes_are_read(tmp_path: Path) -> None:
    """Runs that older code wrote are told of: a finished one, and one that was killed."""
    finished = find_status(str(unpack("finished", tmp_path)))()
    assert finished.state is RunState.COMPLETE
    assert finished.attempt is not None
    assert (finished.attempt.outcome, finished.attempt.exit_code) == ("complete", None)
    killed = find_status(str(unpack("interrupted", tmp_path)))()
    assert killed.state is RunState.SILENT
    assert killed.trials_done > 0


@pytest.mark.parametrize("status", [RunStatus.COMPLETE, RunStatus.BUDGET_SPENT])
def test_results_are_the_end(journal: Journal, status: RunStatus) -> None:
    """With results.json there is a winner and its test accuracy, whatever progress.json still says."""
    results = _results().model_copy(update={"status": status})
    last = ended(journal, status, 0)
    shows(journal)
    journal.record_results(results)
    told = look(journal)
    assert told.state.value == status.value
    accuracy = f"{100 * results.test.accuracy:.1f} %"
    assert (
        f"after 12 trials; trial {results.best.trial} won, with a test accuracy of {accuracy} (95 % in" in told.sentence
    )
    assert told.sentence.startswith("the time budget is spent, ") is (status is RunStatus.BUDGET_SPENT)
    assert (told.trials_done, told.trials, told.best) == (12, 12, results.best)
    assert told.test_accuracy == results.test.accuracy
    assert (told.attempt, told.sign_of_life, told.now) == (last, last.ended_at, None)
    assert isinstance(told.details, Results)


def test_a_newer_attempt_on_a_finished_run_is_at_work(journal: Journal) -> None:
    """N_TRIALS was raised: until progress.json is there the old results are known, then how far the search is."""
    ended(journal, "complete", 0)
    journal.record_results(_results())
    assert look(journal).state is RunState.COMPLETE
    second = attempt(journal)
    begun = look(journal)
    assert (begun.state, begun.attempt, begun.trials_done) == (RunState.WORKING, second, 12)
    assert begun.test_accuracy == _results().test.accuracy
    now = shows(journal, number=2)
    status = look(journal)
    assert (status.state, status.now, status.trials_done, status.trials) == (RunState.WORKING, now, 9, 30)
    assert status.test_accuracy is None


def test_an_earlier_attempt_that_is_still_at_work_is_told_of(journal: Journal) -> None:
    """Two jobs on one run: that the second has ended does not end the first."""
    first = attempt(journal, 600)
    now = shows(journal, 20, number=1)
    attempt(journal, 10, ended_at=ago(5), outcome="signal 15", exit_code=143)
    status = look(journal)
    assert (status.state, status.attempt, status.now) == (RunState.WORKING, first, now)
    assert status.sentence.startswith("attempt 1 on ")


@pytest.mark.parametrize(("began", "told"), [(300, 1), (10, 2)])
def test_of_two_attempts_at_work_that_is_told_of_which_wrote_last(journal: Journal, began: float, told: int) -> None:
    """The second one may have been killed, and the first one need not have been."""
    attempts = {1: attempt(journal, 600), 2: attempt(journal, began)}
    now = shows(journal, 40, number=1)
    status = look(journal)
    assert (status.state, status.attempt) == (RunState.WORKING, attempts[told])
    assert status.sign_of_life == {1: now.at, 2: attempts[2].started_at}[told]


def test_an_earlier_attempt_that_has_ended_is_not_told_of(journal: Journal) -> None:
    """However fresh its progress.json still is."""
    attempt(journal, 600, ended_at=ago(60), outcome="signal 15", exit_code=143)
    shows(journal, 60, number=1)
    second = attempt(journal, 50, ended_at=ago(40), outcome="Ray has no room", exit_code=42)
    status = look(journal)
    assert (status.state, status.attempt) == (RunState.FAILED, second)


def test_an_earlier_attempt_that_was_killed_is_not_told_of(journal: Journal) -> None:
    """How the next one ended is what counts, although it has shown nothing."""
    attempt(journal, 7200)
    shows(journal, 600, number=1)
    second = ended(journal, "Ray has no room", 42)
    status = look(journal)
    assert (status.state, status.attempt, status.sign_of_life) == (RunState.FAILED, second, second.ended_at)


def test_an_attempt_that_is_not_there_is_not_told_of(journal: Journal) -> None:
    """progress.json may name an attempt whose record is lost."""
    second = ended(journal, "signal 15", 143)
    shows(journal, number=7)
    assert look(journal).attempt == second


def test_a_damaged_progress_json_is_named(journal: Journal, tmp_path: Path) -> None:
    """It is one sentence that says what to do, and no restart of `job status` will mend it."""
    attempt(journal)
    shows(journal)
    path = tmp_path / "run" / "progress.json"
    path.write_bytes(path.read_bytes()[:-100])
    told = run_job({}, "status", str(tmp_path / "run"))
    assert told.returncode == 42
    sentence = error_of(told)
    assert sentence.startswith(f"{path} is damaged: ")
    assert sentence.endswith("; start the job again, which makes it anew")
    assert told.stdout == ""


@pytest.mark.parametrize(("exit_code", "code"), [(42, 42), (1, 0), (143, 0), (None, 0)])
def test_the_exit_code_is_that_of_a_run_that_failed_for_good(
    journal: Journal, tmp_path: Path, exit_code: int | None, code: int
) -> None:
    """Scripts can tell by it that no restart helps; whatever else a run's state is, it could be told."""
    ended(journal, "what ended it", exit_code)
    told = run_job({}, "status", str(tmp_path / "run"))
    assert (told.returncode, told.stderr) == (code, "")
    assert told.stdout.strip().startswith("failed: " if code else "stopped: ")
    assert run_job({}, "status", str(tmp_path / "run"), "--json").returncode == code


def test_json_is_the_status_without_the_details(journal: Journal, tmp_path: Path) -> None:
    """`--json` prints one object that has all but progress.json itself."""
    attempt(journal)
    now = shows(journal)
    told = run_job({}, "status", str(tmp_path / "run"), "--json")
    assert (told.returncode, told.stderr) == (0, "")
    values = json.loads(told.stdout)
    assert values.keys() == Status.model_fields.keys() - {"details"}
    assert values["now"] == now.model_dump(mode="json")
    expected = json.loads(look(journal).to_json())
    for each in (values, expected):
        each["sentence"] = each["sentence"].partition("; it last wrote ")[0]
    assert values == expected
    assert "details" not in expected


def test_a_finished_job_is_told_of(published: Path) -> None:
    """`job status` of a real run prints its trials, and the winner with its test accuracy."""
    results = results_of(published / "run")
    before = contents(published / "run")
    told = run_job({}, "status", str(published / "run"))
    assert (told.returncode, told.stderr) == (0, "")
    *_, sentence = told.stdout.splitlines()
    accuracy = f"{100 * results['test']['accuracy']:.1f} %"
    assert sentence.startswith(
        f" complete: after 3 trials; trial {results['best']['trial']} won, with a test accuracy of {accuracy} "
    )
    values = json.loads(run_job({}, "status", str(published / "run"), "--json").stdout)
    assert (values["state"], values["trials_done"], values["trials"]) == ("complete", 3, 3)
    assert (values["best"], values["test_accuracy"]) == (results["best"], results["test"]["accuracy"])
    assert values["attempt"] == results["run"]["attempts"][0]
    assert contents(published / "run") == before


@pytest.mark.parametrize("option", [(), ("--watch",), ("--json",)])
def test_letters_that_a_terminal_lacks_end_no_command(published: Path, option: tuple[str, ...]) -> None:
    """The best trial's star, say, where all is ASCII."""
    command = [sys.executable, "-m", "job", "status", str(published / "run"), *option]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    if option == ("--json",):
        assert json.loads(told.stdout)["state"] == "complete"
    else:
        assert "?   " in told.stdout
        assert " complete: after 3 trials" in told.stdout


def test_a_job_that_was_killed_is_silent_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real job killed after its second trial seems to be at work, until it has been silent for long enough."""
    settings = tiny_settings(tmp_path)
    killed = run_job(settings | kill("put", "progress.json", 3, "after"), program="tests.killing")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    told = run_job({}, "status", str(tmp_path / "run"))
    assert told.returncode == 0, told.stderr
    *_, sentence = told.stdout.splitlines()
    assert sentence.startswith(" working: attempt 1 on ")
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.0)
    status = find_status(str(tmp_path / "run"))()
    assert (status.state, status.trials_done, status.trials) == (RunState.SILENT, 2, 3)
    assert isinstance(status.details, Progress)
    assert status.details.now is not None
    assert status.sign_of_life == status.details.now.at
    monkeypatch.undo()
    assert run_job(settings).returncode == 0
    assert find_status(str(tmp_path / "run"))().state is RunState.COMPLETE


@pytest.fixture
def in_a_bucket(seaweed: Seaweed) -> str:
    """The URI of a run in a bucket that has begun."""
    bucket = seaweed.new_bucket()
    seaweed.put(bucket, "run/run.json", run_record(created_at=ago(10)).to_json())
    return f"s3://{bucket}/run/"


def test_the_right_to_read_is_enough_and_needed(seaweed: Seaweed, in_a_bucket: str) -> None:
    """Credentials that may not write are told the status; others are told that they may not read it."""
    told = run_job(seaweed.environment(readonly=True), "status", in_a_bucket)
    assert told.returncode == 0, told.stderr
    assert "working: it began " in told.stdout
    refused = run_job(seaweed.environment() | {"AWS_SECRET_ACCESS_KEY": "another-secret"}, "status", in_a_bucket)
    assert refused.returncode == 42
    assert in_a_bucket in error_of(refused)
    assert refused.stdout == ""


def test_storage_that_is_down_is_asked_again_for_a_while(
    seaweed: Seaweed, in_a_bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After RETRY_SECONDS without an answer the exit code is that of what may pass."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 1.0)
    with running_proxy(seaweed.endpoint) as proxy:
        for name, value in seaweed.environment(endpoint=proxy.endpoint).items():
            monkeypatch.setenv(name, value)
        look = find_status(in_a_bucket)
        assert look().state is RunState.WORKING
        proxy.plan = lambda _: RESET
        with pytest.raises(StorageUnavailableError, match="gave no answer for 1 seconds"):
            look()
        assert main(["status", in_a_bucket]) == ExitCode.FAILURE
        proxy.plan = lambda _: None
        assert look().state is RunState.WORKING
    *_, last = capsys.readouterr().err.splitlines()
    assert json.loads(last)["event"] == "storage unavailable"
