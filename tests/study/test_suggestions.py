"""The check of the replay: an attempt that would suggest other parameters than the records hold says so and goes on."""

import json
from pathlib import Path

import pytest

from job.records.run import Replay, RunRecord
from job.records.trial import TrialRecord
from job.search.usual import best_guess
from job.settings import Settings
from job.study.identity import new_run
from job.study.ledger import Ledger
from job.study.suggestions import check_replay, suggest_params
from tests.jobs import events, results_of, run_job, tiny_settings
from tests.study.test_journal import run_record, trial

SETTINGS = Settings(n_trials=9, n_initial_trials=4)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """A run of seven trials, each as it is suggested: four of the initial design, three of the process."""
    trials: list[TrialRecord] = []
    for number in range(7):
        known = Ledger(SETTINGS, tuple(trials))
        params = suggest_params(run_record(), known, known.starts(number))
        trials.append(trial(number, 0.5 + number % 3 / 10).model_copy(update={"params": params}))
    return Ledger(SETTINGS, tuple(trials))


def changed(ledger: Ledger, *numbers: int) -> Ledger:
    """Return the ledger with another momentum in these trials, in the last digit."""
    trials = [
        each.model_copy(update={"params": each.params | {"momentum": float(each.params["momentum"]) + 1e-15}})
        if each.number in numbers
        else each
        for each in ledger.trials
    ]
    return Ledger(SETTINGS, tuple(trials))


def test_what_is_suggested_as_it_was_is_no_difference(ledger: Ledger) -> None:
    """Nor is a run without a trial."""
    assert check_replay(ledger, run_record()) is None
    assert check_replay(Ledger(SETTINGS), run_record()) is None


def test_the_newest_difference_is_told_with_both_points(ledger: Ledger) -> None:
    """The newest trial is looked at first, those of the initial design too."""
    found = check_replay(changed(ledger, 2, 6), run_record())
    assert found is not None
    assert found.trial == 6
    assert found.suggested == ledger.trials[6].params
    assert found.recorded["momentum"] != found.suggested["momentum"]
    early = changed(Ledger(SETTINGS, ledger.trials[:4]), 2)
    assert check_replay(early, run_record()) == Replay(
        trial=2, recorded=early.trials[2].params, suggested=ledger.trials[2].params
    )


def test_the_check_ends_when_its_time_is_up(ledger: Ledger) -> None:
    """The newest trial is always looked at, and without time no other."""
    early = changed(Ledger(SETTINGS, ledger.trials[:4]), 2)
    assert check_replay(early, run_record(), seconds=0) is None
    assert check_replay(changed(ledger, 6), run_record(), seconds=0) is not None


def test_a_run_goes_on_from_a_record_that_would_be_suggested_otherwise(tmp_path: Path) -> None:
    """It is logged once, stands in the attempt and the results, and the record is kept as it is."""
    settings = tiny_settings(tmp_path, N_TRIALS="2")
    assert run_job(settings).returncode == 0
    path = tmp_path / "run" / "trials" / "0001.json"
    stored = TrialRecord.from_json(path.read_bytes())
    other = stored.model_copy(update={"params": stored.params | {"learning_rate": 0.05}, "checksum": ""})
    path.write_bytes(other.to_json())
    result = run_job(settings | {"FASHIONTUNE_N_TRIALS": "3"})
    assert result.returncode == 0, result.stderr
    (event,) = [each for each in map(json.loads, result.stderr.splitlines()) if "suggested" in each]
    assert (event["level"], event["trial"]) == ("warning", 1)
    results = results_of(tmp_path / "run")
    assert results["trials"][1]["params"]["learning_rate"] == 0.05
    first, second = results["run"]["attempts"]
    assert first["replay"] is None
    assert second["replay"] == {"trial": 1, "recorded": other.params, "suggested": stored.params}
    assert len(events(result, "trial")) == 1


def test_a_run_keeps_the_design_that_it_began_with() -> None:
    """A new run begins with the best guess; one that is older has a point of the design there."""
    ledger = Ledger(SETTINGS)
    new = new_run(SETTINGS, "f", None, threads=1)
    older = RunRecord.model_validate(new.model_dump(exclude={"guess_first"}))
    first, older_first = (suggest_params(run, ledger, ledger.starts(0)) for run in (new, older))
    assert first == best_guess(SETTINGS.space)
    assert older_first != first
