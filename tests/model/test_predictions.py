"""Predictions as they are printed: JSON lines that any program reads, rows that no name can disturb."""

import json
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from job.model.predictions import Prediction, print_json, print_table

CLASSES = ("Bags", "Flip Flops", "鞋子")
PREDICTIONS = (
    Prediction("a.jpg", (("Flip Flops", 0.75), ("鞋子", 0.25))),
    Prediction("no.jpg", (), "there is nothing at no.jpg"),
    Prediction("\x1b[2J\n\udcff.jpg", (("鞋子", 0.6), ("Bags", 0.4))),
)


def test_json_lines_have_predictions_or_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Each photo is one object on one line, in ASCII, whatever its name; bytes that are no text are written out."""
    print_json(PREDICTIONS)
    out = capsys.readouterr().out
    assert out.isascii()
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "image": "a.jpg",
            "predictions": [{"label": "Flip Flops", "probability": 0.75}, {"label": "鞋子", "probability": 0.25}],
        },
        {"image": "no.jpg", "error": "there is nothing at no.jpg"},
        {
            "image": "\x1b[2J\n\\xff.jpg",
            "predictions": [{"label": "鞋子", "probability": 0.6}, {"label": "Bags", "probability": 0.4}],
        },
    ]


def test_rows_are_aligned_and_send_a_terminal_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as the widest class, also where a letter takes two cells; errors are left to the log."""
    print_table(PREDICTIONS, CLASSES)
    rows = capsys.readouterr().out.splitlines()
    assert rows == [
        "Flip Flops  0.750   鞋子        0.250   a.jpg",
        "鞋子        0.600   Bags        0.400   \ufffd[2J\ufffd\ufffd.jpg",
    ]
    assert len({cell_len(row[: row.rindex("   ")]) for row in rows}) == 1


def test_each_line_is_printed_as_soon_as_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to wait for the last photo to read of the first."""
    seen = []

    def slowly() -> Iterator[Prediction]:
        for prediction in PREDICTIONS:
            yield prediction
            seen.append(capsys.readouterr().out.count("\n"))

    print_json(slowly())
    assert seen == [1, 1, 1]
