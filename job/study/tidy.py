"""What a run needs no more when its results are written."""

from collections.abc import Sequence

from job.records.results import RepetitionRecord, TrialRecord
from job.settings import Settings
from job.study.finals import needed
from job.study.journal import Journal


def tidy(
    journal: Journal, settings: Settings, records: Sequence[TrialRecord], repetitions: Sequence[RepetitionRecord]
) -> None:
    """Delete weights and checkpoints that are of no more use, and then progress.json.

    It comes last, so where it is still there beside the results, a kill has left something, and this is done again.
    """
    recorded = [*records, *repetitions]
    journal.forget_models(recorded, needed(records, repetitions, settings))
    journal.forget_checkpoints(recorded)
    journal.forget_progress()
