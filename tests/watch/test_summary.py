"""The summary on a terminal: the winner, what it was chosen by, and its scores."""

import pytest

from job.watch.summary import print_summary
from tests.page.made import made_results


@pytest.mark.parametrize("n_finals", [0, 3])
def test_the_winner_and_its_scores_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, n_finals: int
) -> None:
    """A row for each trial, then the winner, the repetitions that chose it, the test scores and both places."""
    monkeypatch.setenv("COLUMNS", "200")
    results = made_results(8, 5, 4, n_finals=n_finals)
    print_summary(results, "s3://bucket/run/results.json", trials=True)
    out = capsys.readouterr().out
    for trial in results.trials:
        assert any(line.lstrip("★ ").split()[:2] == [str(trial.number), trial.status] for line in out.splitlines())
    words = " ".join(out.split())
    best, low = results.best, results.test.accuracy_ci95[0]
    chosen = f", with a mean of {best.value:.4f} over {len(results.finals[0].values)} other seeds" if n_finals else ""
    assert f"Trial {best.trial} won{chosen}. On " in words
    assert f"accuracy {results.test.accuracy:.3f} (95 % interval {low:.3f} to " in words
    assert out.splitlines()[-2:] == ["Results: s3://bucket/run/results.json", "Page: s3://bucket/run/report.html"]


def test_trials_that_were_shown_are_not_shown_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a live view there are no rows, of trials or of repetitions; the rest is the same."""
    monkeypatch.setenv("COLUMNS", "200")
    results = made_results(8, 5, 4, n_finals=2)
    print_summary(results, "s3://bucket/run/results.json", trials=True)
    whole = capsys.readouterr().out.splitlines()
    print_summary(results, "s3://bucket/run/results.json", trials=False)
    short = capsys.readouterr().out.splitlines()
    assert short == whole[whole.index("") + 1 :]
    assert not any(line.split()[1:2] == ["complete"] or "again, with" in line for line in short)
