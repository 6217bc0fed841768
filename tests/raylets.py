"""A job on a cluster of Ray on this machine, with something that goes wrong: `python -m tests.raylets FAULT`.

It runs in a namespace of its own, within `python -m tests.loopback`, with the settings in the environment. FAULT
happens once two trials have been recorded: `none`, `raylet` (a machine is lost: its raylet and its workers are killed),
`raylet-alone` (its workers live on), `driver` (it is killed, and started again) or `signal` (it gets SIGTERM, and is
started again). KILL_AT has one worker kill itself at a write, as in `tests.killing`. The last line of the output is a
JSON list of the driver's exit codes.

`python -m tests.raylets all FOLDER` has each fault happen, a worker killed before and after each of its writes among
them, and compares the records with those of a run without Ray; about half an hour. FOLDER is empty.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray.cluster_utils

from tests.jobs import environment, tiny_settings
from tests.killing import watch_writes

NODES = 3
RECORDED = 2
FAULTS = ("none", "raylet", "raylet-alone", "driver", "signal")
WRITES = (
    ("create", "tries/-"),
    ("put", "checkpoints/"),
    ("delete", "checkpoints/"),
    ("put", "models/"),
    ("put", "tries/-"),
    ("step", "trial"),
)
"""What a worker does to storage, and its training."""
SETTINGS = {
    "N_TRIALS": "12",
    "N_INITIAL_TRIALS": "4",
    "PARALLEL_TRIALS": "4",
    "EPOCHS": "3",
    "PRUNER": "median",
    "FINAL_TRIALS": "2",
    "FINAL_SEEDS": "2",
    "CHECKPOINT_SECONDS": "0.2",
}
_HOOK = "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"
"""Ray's workers call the function that it names before anything else."""


def watch_worker() -> None:
    """Have this worker kill itself at KILL_AT, if no other has."""
    fault, count = json.loads(os.environ["KILL_AT"]), 0
    once = Path(os.environ["KILLED"])

    def watch(operation: str, place: str, when: str) -> None:
        nonlocal count
        if (operation, place, when) != (fault["operation"], fault["place"], fault["when"]):
            return
        count += 1
        if count == fault["occurrence"] and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    watch_writes(watch)


@contextmanager
def raylets() -> Iterator[Any]:
    """Yield a cluster of three machines with two CPUs each; the driver's has none."""
    os.environ |= {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "4"}
    os.environ |= {"RAY_agent_register_timeout_ms": "120000", "RAY_worker_niceness": "0"}
    root = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])  # of the workers
    if "KILL_AT" in os.environ:
        os.environ[_HOOK] = "tests.raylets.watch_worker"
    cluster = ray.cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=2)
        os.environ.pop(_HOOK, None)
        yield cluster
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(child) for child in found]


def lose(cluster: Any, *, workers: bool) -> None:
    """Kill a raylet that has workers, with or without them."""
    for node in cluster.worker_nodes:
        (raylet,) = node.all_processes["raylet"]
        pid = raylet.process.pid
        found = children(pid)
        if any(b"Slot" in Path(f"/proc/{child}/cmdline").read_bytes() for child in found):
            for each in [pid, *(found if workers else [])]:
                os.kill(each, signal.SIGKILL)
            return
    raise AssertionError("no raylet has a worker")


def run_driver(cluster: Any, fault: str) -> int:
    """Run the job and return its exit code; the fault happens meanwhile."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "job"],
        env=os.environ | {"RAY_ADDRESS": cluster.address, "FASHIONTUNE_LOG_FORMAT": "json"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert driver.stderr is not None
    recorded = 0
    for line in driver.stderr:
        sys.stdout.write(line)
        sys.stdout.flush()
        recorded += '"event": "trial"' in line
        if recorded == RECORDED and fault != "none":
            if fault.startswith("raylet"):
                lose(cluster, workers=fault == "raylet")
            else:
                driver.send_signal(signal.SIGKILL if fault == "driver" else signal.SIGTERM)
            fault = "none"
    return driver.wait()


def torture(folder: Path) -> int:
    """Have each fault happen; return how many runs ended otherwise than the one without Ray."""
    settings = tiny_settings(folder, **SETTINGS)
    baseline = subprocess.run([sys.executable, "-m", "job"], env=environment(settings), check=True, capture_output=True)
    assert baseline.returncode == 0
    kills = [
        {"KILL_AT": json.dumps({"operation": operation, "place": place, "occurrence": 2, "when": when})}
        for operation, place in WRITES
        for when in ("before", "after")
    ]
    different = 0
    for number, (fault, kill) in enumerate([*((fault, {}) for fault in FAULTS), *(("none", kill) for kill in kills)]):
        there = folder / f"{number}"
        there.mkdir()
        run = environment(tiny_settings(there, **SETTINGS, EXECUTOR="ray", CPUS_PER_TRIAL="1")) | kill
        run |= {"KILLED": str(there / "killed")}
        command = [sys.executable, "-m", "tests.loopback", sys.executable, "-m", "tests.raylets", fault]
        ended = subprocess.run(command, env=run, check=False, capture_output=True, text=True)
        same = records(there / "run") == records(folder / "run")
        met = not kill or (there / "killed").exists()
        different += not (same and met)
        words = f"{fault} {kill.get('KILL_AT', '')} {ended.stdout.splitlines()[-1:]}"
        sys.stdout.write(f"{'same' if same else 'DIFFERENT'}{'' if met else ', NOT KILLED'}: {words}\n")
        sys.stdout.flush()
        if not same:
            sys.stdout.write(ended.stdout + ended.stderr)
    sys.stdout.write(f"{number + 1} runs, {different} different\n")
    return different


def records(run: Path) -> dict[str, Any]:
    """Return the records of a run without their times."""
    found = {}
    for path in sorted([*run.glob("trials/*.json"), *run.glob("finals/*.json")]):
        record = json.loads(path.read_bytes())
        del record["timing"], record["checksum"]
        found[path.name] = record
    assert found
    return found


def main() -> None:
    """Run the driver until it ends by itself."""
    fault = sys.argv[1]
    if fault == "all":
        sys.exit(min(1, torture(Path(sys.argv[2]).absolute())))
    codes = []
    with raylets() as cluster:
        codes.append(run_driver(cluster, fault))
        if fault in {"driver", "signal"}:
            codes.append(run_driver(cluster, "none"))
    sys.stdout.write(json.dumps(codes) + "\n")


if __name__ == "__main__":
    main()
