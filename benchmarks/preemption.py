"""From SIGTERM to exit, where storage is S3 behind 50 Mbit/s and a checkpoint does not pass in time.

    python -m benchmarks.preemption

Jobs of ResNet18 with Adam at its real size, photos of 80x60, batches of 32, on SeaweedFS behind a proxy with one link
of 50 Mbit/s. Each gets SIGTERM at a seeded instant, in start, training, checkpoints and validation alike; the figure
is the time until the process has gone. The jobs are forked from a process that has imported torch.
"""

import json
import os
import platform
import random
import signal
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from job.sample.sample import write_sample
from tests.faulty_proxy import running_proxy
from tests.jobs import events, run_job
from tests.seaweed import running_seaweed

RUNS = 20
BYTES_PER_SECOND = 50e6 / 8


def main() -> None:
    """Print the figures as JSON."""
    generator = random.Random(0)
    seconds, outcomes = [], []
    with (
        tempfile.TemporaryDirectory() as directory,
        tempfile.TemporaryDirectory() as objects,
        running_seaweed(Path(objects)) as server,
        running_proxy(server.endpoint, bytes_per_second=BYTES_PER_SECOND) as proxy,
    ):
        write_sample(Path(directory) / "sample")
        for run in range(RUNS):
            bucket = server.new_bucket()
            settings = {
                "FASHIONTUNE_DATASET_URI": f"{directory}/sample",
                "FASHIONTUNE_CACHE_DIR": f"{directory}/cache",
                "FASHIONTUNE_OUTPUT_URI": f"s3://{bucket}/run/",
                "FASHIONTUNE_SEARCH_SPACE": '{"optimizer": "adam"}',
                "FASHIONTUNE_BATCH_SIZE": "32",
                "FASHIONTUNE_CHECKPOINT_SECONDS": "10",
                "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
            }
            kill = (generator.uniform(3, 35), int(signal.SIGTERM))
            ended = run_job(settings | server.environment(endpoint=proxy.endpoint), kill=kill)
            now = datetime.now(UTC)
            assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
            (event,) = events(ended, "signal")
            seconds.append((now - datetime.fromisoformat(event["timestamp"])).total_seconds())
            attempt = json.loads(server.get(bucket, "run/attempts/0001.json"))["attempt"]
            outcomes.append(attempt["outcome"])
            print(f"{run}: {seconds[-1]:.2f} s, {attempt['outcome']}", file=sys.stderr, flush=True)
    figures = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "runs": RUNS,
        "signal_to_exit_seconds_median": round(statistics.median(seconds), 2),
        "signal_to_exit_seconds_worst": round(max(seconds), 2),
        "attempts_known_as_preempted": outcomes.count("signal 15"),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
