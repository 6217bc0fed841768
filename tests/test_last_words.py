"""The termination message of a Pod: the outcome or the error's sentence, whatever the end."""

import re
from pathlib import Path

import pytest

from job import last_words
from job.last_words import MOST_BYTES, leave_last_words
from tests.jobs import run_job, tiny_settings

ENDINGS = {
    "complete": ({}, 0, r"complete: 3 trials, trial \d won, test accuracy 0\.\d{3} \(95 % interval .*results\.json"),
    "for good": ({"FASHIONTUNE_EPOCHS": "0"}, 42, "failed for good: FASHIONTUNE_EPOCHS=0: "),
    "signal": ({"SIGNAL": "15"}, 143, "interrupted by signal 15; the next start goes on$"),
    "signal within an import": ({"SIGNAL": "15", "BUG": "expected a message"}, 143, "interrupted by signal 15; "),
    "bug": ({"BUG": "it cannot be"}, 1, "bug: ValueError: it cannot be$"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_last_word_says_how_it_ended(tmp_path: Path, ending: str) -> None:
    """Where the kubelet reads it, for each exit code."""
    changes, code, words = ENDINGS[ending]
    message = tmp_path / "termination-log"
    message.touch()
    settings = tiny_settings(tmp_path) | changes | {"TERMINATION_LOG": str(message)}
    result = run_job(settings, program="tests.in_a_pod")
    assert result.returncode == code, result.stderr
    assert re.match(words, message.read_text("utf-8")), message.read_text("utf-8")


def test_what_is_too_long_is_cut_and_outside_of_a_pod_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet keeps 4096 bytes, which must end with a whole letter; without its file there is no Pod."""
    monkeypatch.setattr(last_words, "PLACE", tmp_path / "termination-log")
    leave_last_words("nobody reads it")
    assert list(tmp_path.iterdir()) == []
    last_words.PLACE.touch()
    leave_last_words("ü" * MOST_BYTES)
    assert last_words.PLACE.read_text("utf-8") == "ü" * (MOST_BYTES // 2)
    leave_last_words("\udcff")
    assert last_words.PLACE.read_text("utf-8") == "?"
