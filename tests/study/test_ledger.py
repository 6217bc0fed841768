"""The ledger: what is due, and which trial wins; runs that repeat their best trials, also after kills."""

import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from job.records.trial import TrialRecord
from job.settings import Settings
from job.study.ledger import Due, Ledger
from tests.jobs import comparable, events, results_of, run_job, tiny_settings
from tests.study.test_honest_test import noted
from tests.study.test_journal import trial
from tests.study.test_resume import kill

FINALS = {"FINAL_TRIALS": "2", "FINAL_SEEDS": "2"}


def records(*values: float | None) -> list[TrialRecord]:
    return [trial(number, value) for number, value in enumerate(values)]


def repetitions(values: Mapping[int, Sequence[float | None]]) -> list[TrialRecord]:
    """Return repetitions by trial, the last one first, since their order must not matter."""
    return [
        trial(number, value).model_copy(update={"repetition": which})
        for number, found in values.items()
        for which, value in enumerate(found, start=1)
    ][::-1]


def settings(trials: int = 2, seeds: int = 2, **others: Any) -> Settings:
    return Settings(final_trials=trials, final_seeds=seeds, **others)


def place(record: TrialRecord | None) -> tuple[int, int] | None:
    """Return the trial and repetition of a record; repetition 0 is the trial itself."""
    return record if record is None else (record.number, record.repetition if isinstance(record, TrialRecord) else 0)


def ledger(
    wanted: Settings, found: Mapping[int, Sequence[float | None]] | None = None, trials: Sequence[TrialRecord] = ()
) -> Ledger:
    """Return the ledger of a run that has searched, with these repetitions."""
    searched = tuple(trials or SEARCHED)
    wanted = wanted.model_copy(update={"n_trials": len(searched)})
    return Ledger(wanted, searched, tuple(repetitions(found or {})))


SEARCHED = records(0.7, 0.9, None, 0.8, 0.9)
"""Trials 1, 4, 3 and 0, the best first."""


@pytest.mark.parametrize(
    ("wanted", "found", "winner"),
    [
        (settings(0), {4: [1.0, 1.0]}, (1, 0)),  # not asked for
        (settings(), {}, (1, 0)),
        (settings(), {1: [0.7, 0.8], 4: [0.76, 0.75]}, (4, 1)),
        (settings(), {1: [0.7, 0.8], 4: [0.7, 0.8]}, (1, 2)),  # the earlier of equal ones
        (settings(), {1: [0.8, 0.8], 4: [0.7, 0.7]}, (1, 1)),
        (settings(), {1: [0.7, 0.8], 4: [0.99]}, (1, 2)),  # not all there, so it is not compared
        (settings(), {1: [0.7]}, (1, 0)),  # none can be compared
        (settings(), {1: [None, 0.99], 4: [0.3, 0.2]}, (4, 1)),  # one that diverged is behind all that never did
        (settings(), {1: [None, 0.9], 4: [0.9, None]}, (1, 0)),
        (settings(), {1: [0.7, 0.8], 4: [0.6, 0.6], 3: [1.0, 1.0]}, (1, 2)),  # no longer among the best two
        (settings(3), {1: [0.7, 0.8], 4: [0.6, 0.6], 3: [1.0, 1.0]}, (3, 1)),
        (settings(seeds=1), {1: [0.7, 1.0], 4: [0.8, 0.0]}, (4, 1)),  # fewer seeds are asked for than there are
        (settings(objective="log_loss"), {0: [0.2, 0.3], 3: [0.1, 0.3]}, (3, 1)),
        (settings(9), {1: [0.1, 0.1], 4: [0.2, 0.2], 3: [0.3, 0.3], 0: [0.4, 0.5]}, (0, 2)),
    ],
)
def test_the_winner_is_the_trial_with_the_best_mean_over_other_seeds(
    wanted: Settings, found: dict[int, list[float | None]], winner: tuple[int, int]
) -> None:
    """Its best repetition is the run's model; where nothing can be compared, it is the best trial's own."""
    assert place(ledger(wanted, found).winner) == winner


def test_no_trial_wins_where_none_is_complete() -> None:
    """There is nothing to repeat and nothing to choose."""
    none = ledger(settings(), trials=records(None, None))
    assert (none.best, none.winner, none.due()) == (None, None, None)
    assert Ledger(settings()).best is None
    assert Ledger(settings()).due() == Due(0)


def test_a_trials_own_value_is_none_of_its_mean() -> None:
    """Mean and sample standard deviation are those of the repetitions; there is none where one has no value."""
    values: list[float | None] = [0.5, 0.6, 0.8]
    found: dict[int, list[float | None]] = {1: values, 4: [0.5, None, 0.7], 3: [0.5]}
    first, second, third = ledger(settings(4, 3), found).finals
    assert (first.trial, first.values) == (1, values)
    assert (first.mean, first.std) == (fmean([0.5, 0.6, 0.8]), stdev([0.5, 0.6, 0.8]))
    assert (second.trial, second.values, second.mean, second.std) == (4, [0.5, None, 0.7], None, None)
    assert (third.trial, third.values, third.mean) == (3, [0.5], None)
    (single, *_) = ledger(settings(1, 1), found).finals
    assert (single.mean, single.std) == (0.5, None)


def test_one_trial_after_the_other_is_repeated_the_best_first() -> None:
    """So a run whose time is spent has compared whole trials; a record that was lost is made again."""
    known = ledger(settings(3))
    order = []
    while (due := known.due()) is not None:
        order.append((due.number, due.repetition))
        known = known.plus(trial(due.number, 0.5).model_copy(update={"repetition": due.repetition}))
    assert order == [(1, 1), (1, 2), (4, 1), (4, 2), (3, 1), (3, 2)]
    lost = tuple(each for each in known.repetitions if place(each) != (4, 1))
    assert replace(known, repetitions=lost).due() == Due(4, 1)


def test_weights_are_needed_of_the_best_trial_the_winner_and_the_trial_being_repeated() -> None:
    """Those of a trial that has lost, and of a repetition that another of its trial has beaten, are not."""
    found = {1: [0.7, 0.8], 4: [0.9, 0.8], 3: [0.3]}
    assert {place(each) for each in ledger(settings(3), found).needed} == {(1, 0), (4, 1), (3, 1)}
    assert {place(each) for each in ledger(settings(2), found).needed} == {(1, 0), (4, 1)}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with repetitions that nothing interrupted."""
    directory = tmp_path_factory.mktemp("finals")
    notes = {"NOTE_ROWS": str(directory / "notes")}
    result = run_job(tiny_settings(directory, **FINALS) | notes, program="tests.noting")
    assert result.returncode == 0, result.stderr
    assert [(event["trial"], event["repetition"]) for event in events(result, "repetition")] == [
        (final["trial"], which) for final in results_of(directory / "run")["finals"] for which in (1, 2)
    ]
    return directory


def left(directory: Path) -> dict[str, Any]:
    """Return what a run has left: its results but for times and places, and the names of its other objects."""
    results = comparable(results_of(directory / "run"))
    results["dataset"] = results["dataset"] | {"uri": ""}
    names = {
        str(path.relative_to(directory / "run"))
        for path in (directory / "run").rglob("*")
        if path.is_file() and path.parent.name != "attempts"
    }
    return results | {"names": names}


def test_results_say_which_model_it_is(baseline: Path) -> None:
    """The winner is the trial with the best mean, its model the best repetition's, and nobody needs other weights."""
    run = baseline / "run"
    results = results_of(run)
    best, finals = results["best"], results["finals"]
    searched = sorted(results["trials"], key=lambda each: -each["value"])
    assert [final["trial"] for final in finals] == [each["number"] for each in searched[:2]]
    assert best["value"] == max(final["mean"] for final in finals)
    (final,) = [final for final in finals if final["trial"] == best["trial"]]
    assert final["values"][best["repetition"] - 1] == max(final["values"])
    assert best["params"] == results["trials"][best["trial"]]["params"]
    kept = {f"models/{path.name}" for path in (run / "models").iterdir()}
    own = json.loads((run / "trials" / f"{searched[0]['number']:04}.json").read_bytes())["model"]["key"]
    assert kept == {best["model"]["key"], own}
    published = run / "model" / "model.safetensors"
    assert published.read_bytes() == (run / best["model"]["key"]).read_bytes()
    about = json.loads((run / "model" / "model.json").read_bytes())["run"]
    assert (about["trial"], about["repetition"]) == (best["trial"], best["repetition"])


@pytest.fixture(scope="module")
def searched(baseline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has ended without repetitions, which were not asked for."""
    directory = tmp_path_factory.mktemp("searched")
    result = run_job(tiny_settings(baseline, OUTPUT_URI=str(directory / "run")))
    assert result.returncode == 0, result.stderr
    return directory


def copied(source: Path, tmp_path: Path, baseline: Path, **changes: str) -> dict[str, str]:
    """Copy a run and return the settings of a job that goes on with it and repeats trials."""
    shutil.copytree(source / "run", tmp_path / "run")
    return tiny_settings(baseline, OUTPUT_URI=str(tmp_path / "run"), **FINALS | changes)


def test_the_test_part_is_evaluated_once(baseline: Path) -> None:
    """Three trials and four repetitions of two epochs are fourteen validations; the winner alone is tested."""
    uses = noted(baseline / "notes")
    assert (len(uses["validation"]), len(uses["test"])) == (14, 1)


def test_switched_on_for_a_run_that_has_ended_they_end_as_if_they_always_had_been(
    baseline: Path, searched: Path, tmp_path: Path
) -> None:
    """They change no trial, and a run that has them has no less when fewer are asked for, or none."""
    first = results_of(searched / "run")
    assert (first["finals"], first["best"]["repetition"]) == ([], None)
    started = copied(searched, tmp_path, baseline)
    on = run_job(started)
    assert on.returncode == 0, on.stderr
    assert not events(on, "trial")
    assert left(tmp_path) == left(baseline)
    for fewer in ({"FINAL_TRIALS": "0"}, {"FINAL_TRIALS": "1", "FINAL_SEEDS": "1"}):
        again = run_job(started | {f"FASHIONTUNE_{name}": value for name, value in fewer.items()})
        assert (again.returncode, len(events(again, "nothing is left to do"))) == (0, 1)


@pytest.mark.parametrize(
    "write",
    [
        ("put", "checkpoints/-", 1, "after"),
        ("put", "models/-", 1, "after"),
        ("create", "finals/", 1, "after"),
        ("create", "finals/", 4, "before"),
        ("create", "finals/", 4, "after"),
        ("delete", "models/-", 1, "before"),
        ("put", "attempts/", 1, "after", signal.SIGTERM),  # is put down at the first step of a repetition
        ("create", "finals/", 2, "after", signal.SIGTERM),
    ],
    ids=str,
)
def test_killed_in_a_repetition_and_started_again_ends_with_the_same_results(
    baseline: Path, searched: Path, tmp_path: Path, write: tuple[Any, ...]
) -> None:
    """A kill at a named write of a repetition, then a second start: all that the run leaves is as if there was none."""
    started = copied(searched, tmp_path, baseline)
    checkpoints = {"CHECKPOINTS": "each-step"} if "checkpoints/-" in write else {}
    killed = run_job(started | checkpoints | kill(*write), program="tests.killing")
    assert killed.returncode == (143 if signal.SIGTERM in write else -signal.SIGKILL), killed.stderr
    assert not results_of(tmp_path / "run")["finals"]
    again = run_job(started)
    assert again.returncode == 0, again.stderr
    assert bool(events(again, "trial goes on")) == (write[1] in {"checkpoints/-", "attempts/"})
    assert left(tmp_path) == left(baseline)


def test_more_trials_leave_the_repetitions_there_are(baseline: Path, tmp_path: Path) -> None:
    """N_TRIALS raised, the search goes on where it was, and only trials that have none yet are repeated."""
    more = run_job(copied(baseline, tmp_path, baseline, N_TRIALS="6"))
    assert more.returncode == 0, more.stderr
    assert [event["trial"] for event in events(more, "trial")] == [3, 4, 5]
    (tmp_path / "whole").mkdir()
    whole = run_job(tiny_settings(tmp_path / "whole", **FINALS, N_TRIALS="6"))
    assert whole.returncode == 0, whole.stderr
    assert left(tmp_path)["trials"] == left(tmp_path / "whole")["trials"]
    made = {path.name: path.read_bytes() for path in (tmp_path / "run" / "finals").iterdir()}
    for path in (baseline / "run" / "finals").iterdir():
        assert made.pop(path.name) == path.read_bytes()
    assert len(made) == len(events(more, "repetition"))
    for part in ("finals", "best", "test"):
        assert left(tmp_path)[part] == left(tmp_path / "whole")[part]


def test_more_seeds_add_to_those_there_are(baseline: Path, tmp_path: Path) -> None:
    """FINAL_SEEDS raised, each trial gets what it lacks, and the first values stay."""
    more = run_job(copied(baseline, tmp_path, baseline, FINAL_SEEDS="3"))
    assert more.returncode == 0, more.stderr
    assert [event["repetition"] for event in events(more, "repetition")] == [3, 3]
    values = [[final["values"] for final in results_of(where / "run")["finals"]] for where in (baseline, tmp_path)]
    assert [each[:2] for each in values[1]] == values[0]


def test_lost_weights_of_a_repetition_are_trained_again(baseline: Path, tmp_path: Path) -> None:
    """A repetition is a pure function, too: trained once more, it gives the weights that its record names."""
    started = copied(baseline, tmp_path, baseline)
    (tmp_path / "run" / "results.json").unlink()
    (tmp_path / "run" / results_of(baseline / "run")["best"]["model"]["key"]).unlink()
    again = run_job(started)
    assert again.returncode == 0, again.stderr
    assert events(again, "weights are lost, and their trial is trained again")
    assert left(tmp_path) == left(baseline)


def test_a_repetition_that_kills_its_process_three_times_takes_its_trial_out(
    baseline: Path, searched: Path, tmp_path: Path
) -> None:
    """It is recorded as failed, which ends no job, and another trial wins."""
    started = copied(searched, tmp_path, baseline, FINAL_SEEDS="1", MAX_FAILED_TRIALS="1")
    for _ in range(3):
        # the first rewriting of the attempt marks the repetition that begins
        killed = run_job(started | kill("put", "attempts/", 1, "after"), program="tests.killing")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run_job(started)
    assert again.returncode == 0, again.stderr
    first, second = results_of(tmp_path / "run")["finals"]
    assert (first["values"], first["mean"]) == ([None], None)
    assert results_of(tmp_path / "run")["best"]["trial"] == second["trial"]


def test_a_spent_time_budget_leaves_out_what_has_not_been_repeated_to_the_end(baseline: Path, tmp_path: Path) -> None:
    """No repetition is begun that would not end in time; given more time, the run goes on."""
    started = copied(baseline, tmp_path, baseline)
    (tmp_path / "run" / "results.json").unlink()
    lost = results_of(baseline / "run")["finals"][1]["trial"]
    (tmp_path / "run" / "finals" / f"{lost:04}-2.json").unlink()
    spent = run_job(started | {"FASHIONTUNE_TIME_BUDGET": "1s"})
    assert spent.returncode == 0, spent.stderr
    results = results_of(tmp_path / "run")
    assert results["status"] == "budget_spent"
    assert [len(final["values"]) for final in results["finals"]] == [2, 1]
    assert results["finals"][1]["mean"] is None
    assert results["best"]["trial"] == results["finals"][0]["trial"]
    still = run_job(started | {"FASHIONTUNE_TIME_BUDGET": "1s"})
    assert (still.returncode, len(events(still, "nothing is left to do"))) == (0, 1)
    more = run_job(started)
    assert more.returncode == 0, more.stderr
    assert left(tmp_path) == left(baseline)
