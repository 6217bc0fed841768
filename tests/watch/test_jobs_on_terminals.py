"""Whole jobs as people see them: on a terminal, killed on one, and where nothing can be drawn over."""

import json
import re
import signal
from pathlib import Path

from job.records.results import Results
from job.watch import picture
from tests.jobs import run_job, tiny_settings
from tests.watch.terminals import job_on_terminal

ROW = re.compile(r"[★ ] +(\d+) complete ")


def trials_in(lines: list[str]) -> list[int]:
    """Return the trials that have a row."""
    return [int(found[1]) for line in lines if (found := ROW.match(line))]


def test_a_job_leaves_its_rows_and_its_summary(tmp_path: Path) -> None:
    """After the end a row for each trial and repetition, once, then the summary; no log of epochs and no view."""
    with job_on_terminal(tiny_settings(tmp_path, FINAL_TRIALS="1", FINAL_SEEDS="2", EPOCHS="1")) as job:
        assert job.end() == 0
    results = Results.model_validate_json((tmp_path / "run" / "results.json").read_bytes())
    lines = job.screen.text
    rows = [line.plain for line in picture.Rows().new(results)]
    assert trials_in(lines) == [0, 1, 2]
    assert [line for line in lines if line in rows] == rows
    end = "".join(lines[lines.index(rows[-1]) + 1 :])  # long lines are wrapped
    assert re.match(rf" 3 of 3 trials · 2 of 2 repetitions · best .*Trial {results.best.trial} won", end)
    assert end.endswith(f"Results: {tmp_path}/run/results.jsonPage: {tmp_path}/run/report.html")
    assert not any("epoch=" in line or line.startswith(" results: ") for line in lines)
    assert not job.screen.cursor.hidden


def test_a_job_that_is_preempted_leaves_its_rows_and_says_so(tmp_path: Path) -> None:
    """What was shown stays, the terminal works as before, and the view is gone."""
    with job_on_terminal(tiny_settings(tmp_path, N_TRIALS="200", N_INITIAL_TRIALS="200")) as job:
        seen = trials_in(job.until(lambda text: bool(trials_in(text))))
        job.process.send_signal(signal.SIGTERM)
        assert job.end() == 143
    lines = job.screen.text
    trials = trials_in(lines)
    assert seen == trials[: len(seen)]
    assert trials == list(range(len(trials)))
    assert re.search(r"\[warning  \] preempted .*signal=15 exit_code=143 run=", "".join(lines))
    assert not any("epoch=" in line or line.startswith(" results: ") for line in lines)
    assert not job.screen.cursor.hidden


def test_a_terminal_that_cannot_be_drawn_over_gets_plain_lines(tmp_path: Path) -> None:
    """With TERM=dumb, as in an editor's shell, the log is a console's, without colours, and a summary follows."""
    with job_on_terminal(tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="1"), term="dumb") as job:
        assert job.end() == 0
    text = job.written.decode()
    assert "\x1b" not in text
    assert "epoch=1" in text
    assert trials_in(text.splitlines()) == [0]
    assert f"Page: {tmp_path}/run/report.html" in text


def test_json_on_a_terminal_is_json(tmp_path: Path) -> None:
    """LOG_FORMAT=json is for machines, wherever it goes: each line is an object."""
    with job_on_terminal(tiny_settings(tmp_path, LOG_FORMAT="json"), "check") as job:
        assert job.end() == 0
    assert b"\x1b" not in job.written
    assert all(json.loads(line)["level"] == "info" for line in job.written.splitlines())
    assert job.written


def test_a_console_log_in_a_file_is_plain(tmp_path: Path) -> None:
    """LOG_FORMAT=console without a terminal has a line for each event, and no codes for colours."""
    result = run_job(tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="1", LOG_FORMAT="console") | {"TERM": "xterm"})
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert "epoch=1" in result.stderr
    assert trials_in(result.stdout.splitlines()) == [0]
