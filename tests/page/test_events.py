"""TensorBoard's event files: its own reader finds the learning curve and the hyperparameters."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from job.page.events import event_file
from job.records.trial import EpochRecord, TrialRecord, TrialTiming

ENDED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def trial(value: float | None) -> TrialRecord:
    timing = TrialTiming(
        suggest=0, train=1, evaluate=1, checkpoint=0, total=2, images_per_second=1, attempt=1, ended_at=ENDED
    )
    epochs = [
        EpochRecord(
            epoch=epoch,
            train_loss=2 / epoch,
            validation_loss=3 / epoch,
            accuracy=0.25 * epoch,
            macro_f1=0.1,
            balanced_accuracy=0.2,
        )
        for epoch in (1, 2)
    ]
    return TrialRecord(
        number=3,
        params={"learning_rate": 0.01, "momentum": 0.5, "weight_decay": 0.001, "optimizer": "adam"},
        status="diverged" if value is None else "complete",
        value=value,
        best_epoch=None if value is None else 2,
        epochs=epochs,
        error=None,
        model=None,
        timing=timing,
    )


def read(folder: Path, content: bytes) -> Any:
    (folder / "events.out.tfevents.0003").write_bytes(content)
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


@pytest.mark.parametrize("value", [0.5, None])
def test_tensorboard_reads_the_curve_and_the_hyperparameters(tmp_path: Path, value: float | None) -> None:
    """A scalar per epoch and metric, at the time of the trial's end, and the trial's hyperparameters."""
    found = read(tmp_path, event_file(trial(value)))
    curve = {"train_loss", "validation_loss", "accuracy", "macro_f1", "balanced_accuracy"}
    assert set(found.Tags()["scalars"]) == curve | ({"value"} if value is not None else set())
    points = found.Scalars("accuracy")
    assert [(point.step, point.value) for point in points] == [(1, 0.25), (2, 0.5)]
    assert {point.wall_time for point in points} == {ENDED.timestamp()}
    start = HParamsPluginData.FromString(
        found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info
    assert start.hparams["optimizer"].string_value == "adam"
    assert start.hparams["learning_rate"].number_value == 0.01
