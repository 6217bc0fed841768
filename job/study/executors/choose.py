"""What EXECUTOR names."""

from job.study.attempt import Workbench
from job.study.executors.base import Executor
from job.study.executors.local import LocalExecutor
from job.study.executors.room import Room
from job.study.trials import AttemptDiary
from job.study.worker import Worker


def open_executor(bench: Workbench, room: Room) -> Executor:
    """Return what trains the trials."""
    if bench.settings.executor == "local":
        return LocalExecutor(Worker(bench.settings, bench.journal, bench.equipment, bench.stop, AttemptDiary(bench)))
    from job.study.executors.ray import RayExecutor  # noqa: PLC0415 -- an extra

    return RayExecutor(bench.settings, bench.run, room, bench.stop)
