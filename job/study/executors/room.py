"""How much an executor can do at a time; for Ray, what the machine or the cluster has."""

import logging
import os
import re
import signal
import socket
from dataclasses import dataclass

from job.errors import SettingsError, WorkersUnavailableError
from job.settings import Settings
from job.storage.uri import shown
from job.training.cpus import usable_threads
from job.training.failures import first_line

_HOST_AND_PORT = re.compile(r"\[?([\w.:-]+?)\]?:([0-9]{1,5})")
_ANSWER_SECONDS = 10.0
_STORE_BYTES = 100_000_000
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_worker_niceness": "0",  # it would be 15, and workers starve beside anything else
    "RAY_agent_register_timeout_ms": "120000",  # on a busy machine an agent may need more than 15 s to start
}
"""What a Ray that is started here is told, where the user says nothing else."""


@dataclass(frozen=True)
class Room:
    """What there is room for."""

    trials: int
    """At a time."""
    threads: int
    """CPU threads of each."""
    gpus: float = 0.0
    """GPUs of each, where Ray gives them out."""

    def trials_of(self, settings: Settings) -> int:
        """Return PARALLEL_TRIALS, or what there is room for."""
        return self.trials if settings.parallel_trials == "auto" else settings.parallel_trials


def find_room(settings: Settings) -> Room:
    """Return what a run that begins now has room for; connects to Ray if that is what EXECUTOR names.

    Raises SettingsError if Ray is not installed, and what `connect` raises.
    """
    if settings.executor == "local":
        return Room(trials=1, threads=usable_threads())
    try:
        import ray  # noqa: F401, PLC0415 -- an extra
    except ImportError:
        message = "Ray is not installed; install fashiontune-job[ray], or build the image with EXTRAS=ray"
        raise SettingsError(message, setting="executor") from None
    return connect(settings)


def connect(settings: Settings) -> Room:
    """Connect to RAY_ADDRESS, or start Ray on this machine; return what there is room for.

    Raises SettingsError for an address at which there is no Ray, or if no node has what a trial needs, and
    WorkersUnavailableError for one that does not answer.
    """
    import ray  # noqa: PLC0415 -- an extra

    address = os.environ.get("RAY_ADDRESS") or "local"  # without one, Ray would join any cluster that it finds here
    if not ray.is_initialized():
        _refuse_dead_address(address)
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        # nothing large goes through Ray's object store, which would take 30 % of the memory
        store = _STORE_BYTES if address == "local" else None
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            ray.init(
                address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=store,
            )
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            if address == "auto" and isinstance(error, ConnectionError):
                message = "RAY_ADDRESS=auto: no Ray runs here; start one, or leave the variable out"
                raise SettingsError(message) from None
            raise WorkersUnavailableError(f"Ray at {address} does not answer: {first_line(error)}") from None
        finally:
            for number, handler in handlers.items():  # Ray takes SIGTERM for itself
                signal.signal(number, handler)
    nodes = [
        node["Resources"]
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]
    return room_of(settings, nodes)


def _refuse_dead_address(address: str) -> None:
    """Raise SettingsError for an address of another form, WorkersUnavailableError if nobody listens there.

    Ray itself tries for minutes.
    """
    if address in {"auto", "local"}:
        return
    match = _HOST_AND_PORT.fullmatch(address)
    if not match:
        message = f"RAY_ADDRESS={shown(address)}: allowed are auto, local and HOST:PORT, where Ray's GCS listens"
        raise SettingsError(message)
    try:
        socket.create_connection((match[1], int(match[2])), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WorkersUnavailableError(f"Ray at {address} does not answer: {reason}") from None


def room_of(settings: Settings, nodes: list[dict[str, float]]) -> Room:
    """Return how many trials nodes with these resources (CPU, GPU) have room for, and the threads of each.

    Raises SettingsError if that is none, unless PARALLEL_TRIALS says how many there will be: a cluster may grow.
    """
    some = any(node.get("GPU", 0.0) > 0 for node in nodes)
    if settings.device == "cuda" and not some and settings.parallel_trials == "auto":
        message = f"no node of Ray has a GPU, and {len(nodes)} are there; set PARALLEL_TRIALS if some will come"
        raise SettingsError(message, setting="gpus_per_trial")
    share = settings.gpus_per_trial if settings.device == "cuda" or (some and settings.device == "auto") else 0.0
    fitting = [node for node in nodes if node.get("CPU", 0.0) >= 1 and node.get("GPU", 0.0) >= share]
    if settings.cpus_per_trial != "auto":
        threads = settings.cpus_per_trial
    else:
        shares = [int(node["CPU"]) // _at_a_time(node["GPU"], share) for node in fitting] if share else []
        threads = max(1, min(shares, default=1))
    room = [int(node["CPU"]) // threads for node in fitting]
    if share:
        room = [min(most, _at_a_time(node["GPU"], share)) for most, node in zip(room, fitting, strict=True)]
    trials = sum(room)
    if not trials and settings.parallel_trials == "auto":
        most = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
        message = f"{threads} CPUs are more than any node of Ray has for a trial; the largest has {most:g}"
        raise SettingsError(message, setting="cpus_per_trial")
    return Room(trials=trials, threads=threads, gpus=share)


def _at_a_time(gpus: float, share: float) -> int:
    """Return how many trials a node's GPUs take: one that needs a part of a GPU never takes parts of two."""
    return int(gpus) * int(1 / share)
