"""Results: made of records and one evaluation, valid by their schema, and readable."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from job.records.record import Record
from job.records.results import Mistake, Results, Run, results_schema
from job.records.run import AttemptRecord, Environment
from job.records.status import DeviceUsed
from job.records.trial import EpochRecord, TrialRecord, TrialTiming
from job.records.tries import TryRecord
from job.study.results import describe_run, score_test

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_test_part_is_scored_from_its_confusion_matrix() -> None:
    """Accuracy, its interval, top-3 and the scores of each class come from one matrix."""
    mistake = Mistake(id="7", true="Bags", predicted="Shoes", probability=0.9, thumbnail="")
    test = score_test(np.array([[8, 2], [0, 10]]), top3_hits=20, classes=["Bags", "Shoes"], mistakes=[mistake])
    assert test.accuracy == 0.9
    assert test.accuracy_ci95[0] < 0.9 < test.accuracy_ci95[1]
    assert test.top3_accuracy == 1.0
    assert [(row.name, row.recall, row.support) for row in test.per_class] == [("Bags", 0.8, 10), ("Shoes", 1.0, 10)]
    assert test.confusion == [[8, 2], [0, 10]]
    assert test.mistakes == [mistake]


def test_time_that_nothing_accounts_for_is_idle() -> None:
    """Seconds of all attempts and trials are added up, and the rest since the first attempt is idle."""
    attempts = [
        AttemptRecord(started_at=START, seconds={"fetch": 1, "prepare": 2}),
        AttemptRecord(started_at=START + timedelta(seconds=50), seconds={"fetch": 1, "evaluate": 3}),
    ]
    timing = TrialTiming(
        suggest=1, train=10, evaluate=2, checkpoint=0, total=13, images_per_second=20, attempt=1, ended_at=START
    )
    epochs = [
        EpochRecord(epoch=n, train_loss=1, validation_loss=1, accuracy=0, macro_f1=0, balanced_accuracy=0)
        for n in (1, 2)
    ]
    trial = TrialRecord(
        number=0,
        params={},
        status="complete",
        value=0,
        best_epoch=1,
        epochs=epochs,
        error=None,
        model=None,
        timing=timing,
    )
    environment = Environment(
        device="cpu", precision="float32", threads=1, versions={}, source_revision=None, image=None
    )
    run = describe_run(
        attempts, [trial], environment, train_images=100, price_per_hour=None, now=START + timedelta(seconds=100)
    )
    assert run.seconds == {
        "fetch": 2,
        "prepare": 2,
        "train": 10,
        "suggest": 1,
        "checkpoint": 0,
        "evaluate": 5,
        "idle": 80,
    }
    assert run.images_per_second == 20


def work(trial: int, worker: int, start: float, end: float | None) -> TryRecord:
    return TryRecord(
        trial=trial,
        worker=worker,
        host="a",
        device=DeviceUsed("cpu", None, "float32"),
        started_at=START + timedelta(seconds=start),
        step=0,
        ended_at=None if end is None else START + timedelta(seconds=end),
        outcome=None if end is None else "complete",
    )


def run_of(*tries: TryRecord) -> Run:
    """Return a run of two trials that took 13 seconds each."""
    timing = TrialTiming(
        suggest=1, train=10, evaluate=2, checkpoint=0, total=13, images_per_second=20, attempt=1, ended_at=START
    )
    trials = [
        TrialRecord(
            number=number, params={}, status="failed", value=None, best_epoch=None, epochs=[], error="", timing=timing
        )
        for number in range(2)
    ]
    environment = Environment(
        device="cpu", precision="float32", threads=1, versions={}, source_revision=None, image=None
    )
    return describe_run([], trials, environment, 100, price_per_hour=None, now=START, tries=tries)


def test_the_timeline_is_in_the_order_of_its_starts() -> None:
    """Workers' records are read by trial; a run tells them as they followed each other."""
    run = run_of(work(0, 0, 5, 9), work(1, 1, 1, None), work(1, 0, 2, 3))
    assert [(each.trial, each.worker) for each in run.timeline] == [(1, 1), (1, 0), (0, 0)]


@pytest.mark.parametrize(
    ("tries", "efficiency"),
    [
        ([], None),
        ([work(0, 0, 7, None)], None),
        ([work(0, 0, 10, 50)], 26 / 40),
        ([work(0, 0, 10, 30), work(1, 4, 20, 50)], 26 / (2 * 40)),
        ([work(0, 0, 10, None), work(1, 4, 20, 50), work(0, 0, 60, None)], 26 / (2 * 50)),
    ],
    ids=["no workers", "just begun", "one worker", "two workers", "one lost, one at work"],
)
def test_efficiency_is_the_time_of_trials_in_that_of_workers(tries: list[TryRecord], efficiency: float | None) -> None:
    """Seconds of all recorded trials over workers times seconds from the first start to the last start or end."""
    assert run_of(*tries).efficiency == efficiency


def test_results_of_a_run_without_workers_can_be_read() -> None:
    """Older ones have neither a timeline nor its efficiency."""
    stored = run_of().model_dump(mode="json", exclude={"timeline", "efficiency"})
    assert Run.model_validate(stored) == run_of()


def test_numbers_that_are_not_finite_cannot_be_stored() -> None:
    """JSON has no NaN, and a record with one would be read by nobody."""
    with pytest.raises(ValidationError):
        EpochRecord(epoch=1, train_loss=float("nan"), validation_loss=1, accuracy=0, macro_f1=0, balanced_accuracy=0)


def test_the_schema_describes_every_part() -> None:
    """The schema is JSON, requires every field of the results and allows no other."""
    schema = json.loads(json.dumps(results_schema()))
    assert set(schema["required"]) == set(Results.model_fields)
    assert schema["additionalProperties"] is False
    assert all(issubclass(model, Record) for model in (Results, TrialRecord))
