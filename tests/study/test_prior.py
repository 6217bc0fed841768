"""Starting from earlier runs: what is taken from them, what is refused, and that they are needed only once."""

import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from job.errors import RunMismatchError, SettingsError
from job.records.prior import PriorObservation
from job.records.results import Results
from job.records.run import RunRecord
from job.records.status import TrialStatus
from job.records.trial import EpochRecord, TrialRecord
from job.search.space import parse_search_space
from job.settings import Settings
from job.storage.local import LocalStorage
from job.study.identity import new_run, refuse_other_settings
from job.study.journal import Journal
from job.study.prior import overlapping, read_prior_runs
from tests.jobs import comparable, error_of, events, results_of, run_job, tiny_settings
from tests.page.made import made_results
from tests.study.test_journal import trial
from tests.study.test_resume import kill

PARAMS: dict[str, float | str] = {"learning_rate": 0.01, "momentum": 0.5, "weight_decay": 0.001, "optimizer": "adam"}


def earlier_trial(number: int, status: Any = "complete", **params: float | str) -> TrialRecord:
    """Return a trial that compared by accuracy, which was best after its first epoch; all else was after its second."""
    epochs = [
        EpochRecord(epoch=1, train_loss=1, validation_loss=0.9, accuracy=0.8, macro_f1=0.6, balanced_accuracy=0.7),
        EpochRecord(epoch=2, train_loss=1, validation_loss=0.5, accuracy=0.7, macro_f1=0.65, balanced_accuracy=0.75),
    ]
    value = 0.8 if status == "complete" else None
    return trial(number, value).model_copy(
        update={"status": TrialStatus(status), "params": PARAMS | params, "epochs": epochs}
    )


def write_run(folder: Path, *trials: TrialRecord, **changes: Any) -> Path:
    """Write an earlier run with these trials; `changes` are of its settings."""
    journal = Journal(LocalStorage(folder))
    journal.begin(new_run(Settings(**changes), "fingerprint", None, threads=1))
    for record in trials:
        journal.record_trial(record)
    return folder


def read(*uris: object, weights: str | None = None, **changes: Any) -> list[Any]:
    return read_prior_runs(Settings(warm_start_uri=",".join(map(str, uris)), **changes), weights)


@pytest.mark.parametrize(
    ("objective", "value"), [("accuracy", 0.8), ("macro_f1", 0.65), ("balanced_accuracy", 0.75), ("log_loss", 0.5)]
)
def test_a_complete_trial_tells_the_present_objective(objective: str, value: float) -> None:
    """Whatever the earlier run compared by, its curve has the present objective, and the best epoch of it counts."""
    (told,) = overlapping([earlier_trial(0)], parse_search_space(None), objective)
    assert told.value == value
    assert value in told.scores


def test_a_trial_without_a_value_tells_its_curve_but_not_where_it_failed() -> None:
    """Where a trial diverged another one would, and a pruned one tells how far it had come; a failure says nothing."""
    trials = [earlier_trial(0, "failed"), earlier_trial(1, "diverged"), earlier_trial(2, "pruned")]
    assert overlapping(trials, parse_search_space(None), "accuracy") == [
        PriorObservation(params=PARAMS, status="diverged", value=None, scores=[0.8, 0.7]),
        PriorObservation(params=PARAMS, status="pruned", value=None, scores=[0.8, 0.7]),
    ]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("{}", [0, 1, 2, 3]),
        ('{"learning_rate": {"high": 0.02}}', [0, 1, 3]),
        ('{"optimizer": ["sgd", "nag"]}', [3]),
        ('{"momentum": 0.5}', [0, 2, 3]),
        ('{"momentum": 0.5, "learning_rate": 0.01, "optimizer": "adam"}', [0]),
    ],
)
def test_only_what_lies_in_the_present_space_is_taken(text: str, taken: list[int]) -> None:
    """Each of the four parameters must: in the range, among the optimizers, or the very value that is fixed."""
    changes: list[dict[str, Any]] = [{}, {"momentum": 0.6}, {"learning_rate": 0.05}, {"optimizer": "nag"}]
    trials = [earlier_trial(number, **each) for number, each in enumerate(changes)]
    found = overlapping(trials, parse_search_space(text), "accuracy")
    assert [each.params for each in found] == [trials[number].params for number in taken]


def test_what_differs_is_named(tmp_path: Path) -> None:
    """Named are settings that change what a value means or who was compared, not those that only steer the search."""
    steered = {"pruner": "none", "n_initial_trials": 3, "search_space": '{"momentum": 0.5}'}
    first = write_run(tmp_path / "first", earlier_trial(0), earlier_trial(1, "failed"), epochs=5, seed=3, **steered)
    second = write_run(tmp_path / "second", earlier_trial(0), init_weights="imagenet")
    found = read(first, second, init_weights="imagenet", weights="other weights")
    assert [(each.uri, each.left_out) for each in found] == [(str(first), 1), (str(second), 0)]
    assert [each.differs for each in found] == [["epochs", "seed", "init_weights"], ["init_weights"]]
    assert found[0].dataset_fingerprint == "fingerprint"


def test_an_earlier_run_may_have_had_another_acquisition_function(tmp_path: Path) -> None:
    """It only steered that search, as the settings above."""
    journal, run = Journal(LocalStorage(tmp_path)), new_run(Settings(), "fingerprint", None, threads=1)
    journal.begin(run.model_copy(update={"settings": run.settings | {"acquisition": "LCB"}}))
    journal.record_trial(earlier_trial(0))
    (found,) = read(tmp_path)
    assert found.differs == []


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """An earlier run is read, and not a file of it is written."""
    folder = write_run(tmp_path / "run", earlier_trial(0))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*.*")}
    read(folder)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*.*")} == before


def damaged(name: str) -> Callable[[Path], str]:
    def make(directory: Path) -> str:
        path = write_run(directory / "run", earlier_trial(0), earlier_trial(1)) / name
        path.write_bytes(path.read_bytes().replace(b"1", b"2"))
        return str(directory / "run")

    return make


def without(name: str) -> Callable[[Path], str]:
    def make(directory: Path) -> str:
        (write_run(directory / "run", earlier_trial(0), earlier_trial(1)) / name).unlink()
        return str(directory / "run")

    return make


def of(*trials: TrialRecord) -> Callable[[Path], str]:
    return lambda directory: str(write_run(directory / "run", *trials))


RUNS: dict[str, tuple[Callable[[Path], str], str]] = {
    "no folder": (lambda directory: str(directory / "run"), "/run is no run, for there is no "),
    "a file of a run": (
        lambda directory: f"{write_run(directory / 'run', earlier_trial(0))}/run.json",
        "/run/run.json is no run, for there is no ",
    ),
    "run.json damaged": (damaged("run.json"), "run.json is damaged: its content does not fit its checksum; restore it"),
    "record damaged": (damaged("trials/0001.json"), "trials/0001.json is damaged: "),
    "no run.json": (without("run.json"), "run.json is missing although there are trials; restore it, or leave the run"),
    "record missing": (without("trials/0000.json"), "0000.json is missing although trials/0001.json is there; restore"),
    "no trial": (of(), "0 of its 0 trials are complete"),
    "nothing complete": (
        of(earlier_trial(0, "failed"), earlier_trial(1, "diverged")),
        "0 of its 2 trials are complete",
    ),
    "outside": (of(earlier_trial(0, learning_rate=0.5)), "1 of its 1 trials are complete, none of which lies in this"),
    "the same twice": (
        lambda directory: f"{write_run(directory / 'run', earlier_trial(0))},{directory}/run/",
        "/run/ is the run ",
    ),
}


@pytest.mark.parametrize("case", RUNS)
def test_runs_that_nothing_can_be_learned_from_are_refused(tmp_path: Path, case: str) -> None:
    """One sentence has the variable, the URI and what to do, which is not what to do of a run that is to go on."""
    make, message = RUNS[case]
    with pytest.raises(SettingsError) as error:
        read(make(tmp_path))
    assert str(error.value).startswith("FASHIONTUNE_WARM_START_URI=")
    assert message in str(error.value)
    assert "start a new run" not in str(error.value)
    assert "trained again" not in str(error.value)


def test_a_run_from_before_there_were_warm_starts_goes_on() -> None:
    """Its run.json has neither the setting nor the field, and is that of a run without them."""
    new = json.loads(new_run(Settings(), "fingerprint", None, threads=1).to_json()) | {"checksum": ""}
    new.pop("warm_start")
    new["settings"].pop("warm_start_uri")
    text = json.dumps(new)
    old = text.replace('"checksum": ""', f'"checksum": "{hashlib.sha256(text.encode()).hexdigest()}"')
    run = RunRecord.from_json(old.encode())
    assert run.warm_start == []
    refuse_other_settings(run, Settings(), "here")
    with pytest.raises(RunMismatchError, match="FASHIONTUNE_WARM_START_URI is not set there and runs/1 here"):
        refuse_other_settings(run, Settings(warm_start_uri="runs/1"), "here")
    results = made_results(2, 3, 1, statuses={})
    assert Results.model_validate(results.model_dump(exclude={"warm_start"})) == results


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three trials, compared by macro F1. Not to be written to."""
    directory = tmp_path_factory.mktemp("earlier")
    result = run_job(tiny_settings(directory, OBJECTIVE="macro_f1"))
    assert result.returncode == 0, result.stderr
    return directory / "run"


WARM = {"N_INITIAL_TRIALS": "3", "SEED": "1"}
"""Settings of a run whose design has two trials instead of three, since the earlier run had as many."""


def test_killed_and_started_again_without_the_earlier_run(tmp_path: Path, earlier: Path) -> None:
    """What the earlier run told is part of the new one: with it gone, the results are those of a job never killed."""
    place = tmp_path / "earlier"
    shutil.copytree(earlier, place)
    settings = tiny_settings(tmp_path, WARM_START_URI=str(place), **WARM)
    whole = run_job(settings)
    assert whole.returncode == 0, whole.stderr
    expected = results_of(tmp_path / "run")
    for write in (("create", "run.json", 1, "after"), ("create", "trials/", 2, "after")):
        shutil.copytree(earlier, place, dirs_exist_ok=True)
        other = settings | {"FASHIONTUNE_OUTPUT_URI": str(tmp_path / write[1].rstrip("/"))}
        killed = run_job(other | kill(*write), program="tests.killing")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        shutil.rmtree(place)
        again = run_job(other)
        assert again.returncode == 0, again.stderr
        assert comparable(results_of(tmp_path / write[1].rstrip("/"))) == comparable(expected)
    assert expected["warm_start"] == [
        {"uri": str(place), "same_data": True, "differs": ["seed", "objective"], "trials": 3, "left_out": 0}
    ]
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert f"3 of {place} (same data, other seed and objective)." in page
    refused = run_job(settings | {"FASHIONTUNE_WARM_START_URI": ""})
    assert refused.returncode == 42
    assert f"FASHIONTUNE_WARM_START_URI is {place} there and not set here" in error_of(refused)


def test_the_earlier_run_is_learned_from(tmp_path: Path, earlier: Path) -> None:
    """The first trials are those of the design, the third, which would be one, is the process's own."""
    assert run_job(tiny_settings(tmp_path, **WARM)).returncode == 0
    cold = results_of(tmp_path / "run")["trials"]
    settings = tiny_settings(tmp_path, WARM_START_URI=str(earlier), OUTPUT_URI=str(tmp_path / "warm"), **WARM)
    checked = run_job(settings, "check")
    assert checked.returncode == 0, checked.stderr
    assert [(each["trials"], each["differs"]) for each in events(checked, "earlier run")] == [
        (3, ["seed", "objective"])
    ]
    assert run_job(settings).returncode == 0
    warm = results_of(tmp_path / "warm")["trials"]
    assert [trial["params"] for trial in warm[:2]] == [trial["params"] for trial in cold[:2]]
    assert warm[2]["params"] != cold[2]["params"]


def test_a_check_refuses_what_a_run_would(tmp_path: Path) -> None:
    """That there is no earlier run is known before any GPU hour is spent."""
    result = run_job(tiny_settings(tmp_path, WARM_START_URI="s3:///run/"), "check")
    assert result.returncode == 42
    assert "FASHIONTUNE_WARM_START_URI=s3:///run/: it names no bucket" in error_of(result)
