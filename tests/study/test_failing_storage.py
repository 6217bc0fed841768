"""Storage that fails in the middle of a run: what can wait waits, what cannot ends the job, and nothing is lost."""

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from job.preemption import GRACE_SECONDS
from tests.faulty_proxy import Fault, Plan, Request, running_proxy
from tests.jobs import comparable, error_of, events, results_of, run_job, tiny_settings
from tests.seaweed import Seaweed


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The trials of a run that nothing disturbed."""
    directory = tmp_path_factory.mktemp("baseline")
    result = run_job(tiny_settings(directory))
    assert result.returncode == 0, result.stderr
    trials: list[dict[str, object]] = comparable(results_of(directory / "run"))["trials"]
    return trials


def s3_settings(directory: Path, seaweed: Seaweed, endpoint: str, **changes: str) -> dict[str, str]:
    output = {"OUTPUT_URI": f"s3://{seaweed.new_bucket()}/run/"}
    return tiny_settings(directory, **(output | changes)) | seaweed.environment(endpoint=endpoint)


def trials_of(seaweed: Seaweed, settings: dict[str, str]) -> list[dict[str, object]]:
    bucket = settings["FASHIONTUNE_OUTPUT_URI"].split("/")[2]
    trials: list[dict[str, object]] = comparable(json.loads(seaweed.get(bucket, "run/results.json")))["trials"]
    return trials


def refused(part: str, fault: Fault) -> Plan:
    """Return a plan by which nothing can be put where `part` is in the path."""

    def plan(request: Request) -> Fault | None:
        return fault if request.method == "PUT" and part in request.path else None

    return plan


def test_checkpoints_that_cannot_be_written_stop_no_training(
    tmp_path: Path, seaweed: Seaweed, baseline: list[dict[str, object]]
) -> None:
    """It is said, tried again with the next checkpoint, and the results are the same."""
    with running_proxy(seaweed.endpoint, refused("/checkpoints/", Fault(status=403, code="AccessDenied"))) as proxy:
        settings = s3_settings(tmp_path, seaweed, proxy.endpoint, RETRY_SECONDS="60")
        each_step = {"CHECKPOINTS": "each-step", "NOTE_WRITES": os.devnull}
        result = run_job(settings | each_step, program="tests.killing")
    assert result.returncode == 0, result.stderr
    assert len(events(result, "checkpoint not written")) > 1
    assert trials_of(seaweed, settings) == baseline


@pytest.mark.parametrize("part", ["/trials/", "/results.json"])
def test_a_record_that_cannot_be_written_ends_the_job_and_the_next_one_goes_on(
    tmp_path: Path, seaweed: Seaweed, baseline: list[dict[str, object]], part: str
) -> None:
    """After the retry time the job ends with exit code 1 and what it could not write; later it ends as ever."""
    with running_proxy(seaweed.endpoint, refused(part, Fault(status=503, code="SlowDown"))) as proxy:
        settings = s3_settings(
            tmp_path, seaweed, proxy.endpoint, RETRY_SECONDS="9"
        )  # a third of it is what one request may take
        result = run_job(settings)
        assert result.returncode == 1, result.stderr
        error = error_of(result)
        assert part in error
        assert "gave no answer for 9 seconds" in error
        proxy.plan = lambda _: None
        again = run_job(settings | {"FASHIONTUNE_RETRY_SECONDS": "60"})
    assert again.returncode == 0, again.stderr
    assert trials_of(seaweed, settings) == baseline


def test_a_signal_ends_the_job_in_time_where_a_checkpoint_takes_longer(tmp_path: Path, seaweed: Seaweed) -> None:
    """On a slow link the job ends when its grace is over, without the checkpoint; its attempt is known as preempted."""
    point = {"operation": "step", "place": "trial", "occurrence": 1, "when": "after", "signal": int(signal.SIGTERM)}
    with running_proxy(seaweed.endpoint, bytes_per_second=2e6) as proxy:  # 45 seconds for a checkpoint of 90 MB
        settings = s3_settings(tmp_path, seaweed, proxy.endpoint)
        grace = {"GRACE_SECONDS": str(GRACE_SECONDS)}
        stopped = run_job(settings | grace | {"KILL_AT": json.dumps(point)}, program="tests.killing")
    ended = datetime.now(UTC)
    assert stopped.returncode == 143, stopped.stderr
    (event,) = events(stopped, "signal")
    assert GRACE_SECONDS - 1 < (ended - datetime.fromisoformat(event["timestamp"])).total_seconds() < 40
    bucket = settings["FASHIONTUNE_OUTPUT_URI"].split("/")[2]
    assert json.loads(seaweed.get(bucket, "run/attempts/0001.json"))["attempt"]["outcome"] == "signal 15"
    with seaweed.client() as client:
        found = client.list_objects_v2(Bucket=bucket, Prefix="run/checkpoints/")
    assert found["KeyCount"] == 0
