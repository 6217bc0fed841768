"""What an attempt works with, from its first trial to its results."""

from dataclasses import dataclass

from job.records.dataset import Dataset
from job.records.run import AttemptRecord, RunRecord
from job.settings import Settings
from job.study.attempt import Attempt
from job.study.journal import Journal
from job.study.preemption import Preemption
from job.training.plan import Equipment


@dataclass(frozen=True)
class Workbench:
    """What an attempt works with."""

    settings: Settings
    journal: Journal
    stop: Preemption
    equipment: Equipment
    run: RunRecord
    dataset: Dataset
    attempt: Attempt

    def earlier_attempts(self) -> dict[int, AttemptRecord]:
        """Return the attempts before this one by number, in order."""
        return {number: each for number, each in self.journal.attempts().items() if number < self.attempt.number}
