"""The journal: order of writes, first writer wins, and what is damaged named."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from job.errors import RunMismatchError
from job.records.run import AttemptRecord, RunRecord
from job.records.trial import StoredModel, TrialRecord, TrialTiming
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study.identity import new_run, refuse_other_settings
from job.study.journal import Journal
from job.study.ledger import Ledger
from tests.page.made import made_results

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def trial(number: int, value: float | None = 0.5, model: StoredModel | None = None) -> TrialRecord:
    return TrialRecord(
        number=number,
        params={"learning_rate": 0.1},
        status="complete" if value is not None else "failed",
        value=value,
        best_epoch=1,
        epochs=[],
        error=None,
        model=model,
        timing=TrialTiming(
            suggest=0, train=0, evaluate=0, checkpoint=0, total=0, images_per_second=None, attempt=1, ended_at=NOW
        ),
    )


def repetition(number: int, which: int, value: float | None = 0.5) -> TrialRecord:
    return trial(number, value).model_copy(update={"repetition": which})


def run_record(**changes: object) -> RunRecord:
    record = RunRecord(
        settings={"epochs": 1},
        dataset_uri="sample",
        dataset_fingerprint="f",
        initial_weights_sha256=None,
        threads=1,
        versions={},
        created_at=NOW,
    )
    return record.model_copy(update=changes)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of a run that has not begun."""
    return Journal(LocalStorage(tmp_path / "run"))


def test_the_first_to_begin_a_run_decides_what_it_is(journal: Journal) -> None:
    """Two jobs that begin at once agree on the first one's run.json."""
    assert journal.run() is None
    first = journal.begin(run_record())
    assert journal.begin(run_record(threads=8)) == first == journal.run()


def test_the_first_record_of_a_trial_counts(journal: Journal) -> None:
    """The loser of the race gets the winner's record and nothing is overwritten."""
    first = journal.record_trial(trial(0, 0.7))
    assert journal.record_trial(trial(0, 0.9)) == first
    assert journal.trials() == [first]


def test_records_survive_their_way_through_json(journal: Journal) -> None:
    """What is read is what was written, to the last digit."""
    record = trial(0, 0.1 + 0.2, StoredModel(key="models/0000.aa.safetensors", sha256="bb"))
    journal.record_trial(record)
    assert journal.trials() == [record]


def test_a_gap_in_the_records_is_named(journal: Journal) -> None:
    """A record that is missing before another is an error, since later trials depend on it."""
    journal.record_trial(trial(0))
    journal.record_trial(trial(2))
    with pytest.raises(RunMismatchError, match=r"trials/0001\.json is missing although trials/0002\.json is there"):
        journal.trials()


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"\xff\xfe"])
def test_a_damaged_record_is_named(journal: Journal, damage: bytes) -> None:
    """What is no record is never taken for one."""
    journal.storage.put("trials/0000.json", damage)
    with pytest.raises(RunMismatchError, match=r"trials/0000\.json is damaged"):
        journal.trials()


def test_models_are_checked_when_they_are_read(journal: Journal) -> None:
    """Weights that are missing or altered are named and never used."""
    model = journal.store_model("0003", b"weights")
    assert journal.load_model(model) == b"weights"
    journal.storage.put(model.key, b"Weights")
    with pytest.raises(RunMismatchError, match=r"models/0003\..* is damaged"):
        journal.load_model(model)
    journal.storage.delete(model.key)
    with pytest.raises(RunMismatchError, match=r"models/0003\..* is missing"):
        journal.load_model(model)


def test_forgetting_models_keeps_the_best_and_what_another_job_may_be_about_to_name(journal: Journal) -> None:
    """Weights that the best trial has made useless go; those of a trial or repetition without a record stay."""
    names = ("0000", "0001", "0001-1", "0001-2", "0003")
    stored = {name: journal.store_model(name, name.encode()) for name in names}
    best = trial(1, model=stored["0001"])
    ledger = Ledger(Settings(), (trial(0, 0.4), best), (repetition(1, 1),))
    assert ledger.needed == [best, best]
    journal.forget(ledger)
    kept = [stored[name].key for name in ("0001-2", "0001", "0003")]
    assert [entry.key for entry in journal.storage.list("models/")] == kept


def test_the_first_record_of_a_repetition_counts_and_is_none_of_the_trials(journal: Journal) -> None:
    """Repetitions are read in the order of their trials and numbers, beside the trials, which they leave alone."""
    journal.record_trial(trial(2))
    first = [journal.record_trial(repetition(*place)) for place in ((12, 1), (2, 10), (2, 9))]
    assert journal.record_trial(repetition(2, 9, value=0.9)) == first[2]
    assert journal.repetitions() == first[::-1]
    assert [entry.key for entry in journal.storage.list("trials/")] == ["trials/0002.json"]


def test_a_damaged_repetition_is_named(journal: Journal) -> None:
    """What is no record is never taken for one; where it is deleted, it is trained again."""
    journal.storage.put("finals/0000-1.json", b"{}")
    with pytest.raises(
        RunMismatchError, match=r"finals/0000-1\.json is damaged: .* delete it to have it trained again"
    ):
        journal.repetitions()


def test_forgetting_checkpoints_keeps_those_of_what_has_no_record(journal: Journal) -> None:
    """Those of a recorded trial go, and those of its repetition in flight stay."""
    for name in ("0000", "0001", "0001-1", "0001-11"):
        journal.store_checkpoint(name, 3, name.encode(), keep=2)
    journal.forget(Ledger(Settings(), (trial(0), trial(1)), (repetition(1, 1),)))
    assert [entry.key for entry in journal.storage.list("checkpoints/")] == ["checkpoints/0001-11.00000003.safetensors"]
    assert journal.checkpoints("0001-1") == []


def test_the_newest_checkpoints_are_kept(journal: Journal) -> None:
    """By their steps as numbers, and of this trial alone."""
    journal.store_checkpoint("0002", 1, b"another trial's", keep=2)
    for step in (9, 10, 100_000_000, 11):
        journal.store_checkpoint("0001", step, str(step).encode(), keep=2)
    assert [(step, journal.storage.get(key)) for step, key in journal.checkpoints("0001")] == [
        (11, b"11"),
        (100_000_000, b"100000000"),
    ]
    assert len(journal.checkpoints("0002")) == 1


def test_what_results_name_is_deleted_last_and_progress_after_all(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that results.json names stay, whatever else is better by now; progress.json goes when nothing is left."""
    stored = [journal.store_model(name, name.encode()) for name in ("0000", "0001", "0002")]
    records = [trial(number, 0.5 + number / 10, model) for number, model in enumerate(stored)]
    journal.store_checkpoint("0001", 3, b"checkpoint", keep=2)
    results = made_results(3, 3, 1, statuses={})
    journal.record_results(results.model_copy(update={"best": results.best.model_copy(update={"model": stored[1]})}))
    gone: list[str] = []
    delete = journal.storage.delete

    def deleting(key: str) -> None:
        delete(key)
        gone.append(key)

    monkeypatch.setattr(journal.storage, "delete", deleting)
    journal.tidy(Ledger(Settings(), tuple(records)))
    assert gone == ["checkpoints/0001.00000003.safetensors", stored[0].key, "progress.json"]
    assert [entry.key for entry in journal.storage.list("models/")] == [stored[1].key, stored[2].key]


def test_a_setting_that_is_there_no_more_is_a_difference() -> None:
    """A run that was made with one, which this version does not know, is not gone on with."""
    run = new_run(Settings(), "fingerprint", None, threads=1)
    refuse_other_settings(run, Settings(), "here")
    older = run.model_copy(update={"settings": run.settings | {"dropout": 0.5}})
    with pytest.raises(RunMismatchError, match=r"FASHIONTUNE_DROPOUT is 0\.5 there and not set here"):
        refuse_other_settings(older, Settings(), "here")


def test_a_run_of_the_only_acquisition_function_that_is_left_goes_on() -> None:
    """Runs once chose among four."""
    run = new_run(Settings(), "fingerprint", None, threads=1)
    refuse_other_settings(run.model_copy(update={"settings": run.settings | {"acquisition": "EI"}}), Settings(), "here")
    older = run.model_copy(update={"settings": run.settings | {"acquisition": "LCB"}})
    with pytest.raises(RunMismatchError, match=r"FASHIONTUNE_ACQUISITION is LCB there and EI here"):
        refuse_other_settings(older, Settings(), "here")


def test_two_write_checks_at_once_do_not_disturb_each_other(journal: Journal) -> None:
    """Jobs that begin together both find the output writable."""
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(journal.check_writable) for _ in range(40)]:
            done.result()


def test_attempts_are_numbered_even_when_two_begin_at_once(journal: Journal) -> None:
    """Each attempt has a number of its own, and one that was killed is there without an end."""
    begun = AttemptRecord(started_at=NOW)
    assert [journal.begin_attempt(begun) for _ in range(3)] == [1, 2, 3]
    journal.update_attempt(2, begun.model_copy(update={"outcome": "complete", "ended_at": NOW}))
    assert {number: each.outcome for number, each in journal.attempts().items()} == {1: None, 2: "complete", 3: None}


def test_the_write_check_leaves_nothing(journal: Journal) -> None:
    """Checking that the output can be written leaves no object."""
    journal.check_writable()
    assert list(journal.storage.list()) == []


def test_records_are_frozen() -> None:
    """A record cannot be changed after it was made."""
    with pytest.raises((dataclasses.FrozenInstanceError, ValueError), match="frozen"):
        trial(0).number = 1  # type: ignore[misc]
