"""Warm start: what a new run learns from earlier runs. Read when it begins, and then part of its run.json.

So the run goes on unchanged even if the earlier runs are deleted. Nothing is written to them.
"""

from collections.abc import Sequence

import structlog

from job.errors import RunMismatchError, SettingsError, StorageError
from job.records.objective import sense
from job.records.prior import PriorObservation, PriorRun
from job.records.trial import TrialRecord
from job.search.space import SearchSpace
from job.settings import Settings, variable_name
from job.storage import open_storage
from job.study.identity import differing_settings
from job.study.journal import RUN, Journal

VARIABLE = variable_name("warm_start_uri")
_ADVICE = f"restore it, or leave the run out of {VARIABLE}"

_STEERING = {"n_initial_trials", "search_space", "acquisition", "pruner", "warm_start_uri"}
"""Settings that decide which trials there are, but not their outcomes."""

_log = structlog.get_logger()


def read_prior_runs(settings: Settings, initial_weights_sha256: str | None) -> list[PriorRun]:
    """Read the runs in WARM_START_URI, in its order.

    Raises SettingsError for a URI without a run, with a damaged one, or with no complete trial in the search space.
    """
    found: dict[str, PriorRun] = {}
    for uri in settings.warm_start_uris:
        try:
            storage = open_storage(uri, retry_seconds=settings.retry_seconds)
            if storage.uri in found:
                raise SettingsError(f"{VARIABLE}={uri} is the run {found[storage.uri].uri} again; name each one once")
            found[storage.uri] = _read(uri, Journal(storage, advice=_ADVICE), settings, initial_weights_sha256)
        except (RunMismatchError, StorageError) as error:
            raise SettingsError(f"{VARIABLE}={uri}: {error}") from None
    return list(found.values())


def _read(uri: str, journal: Journal, settings: Settings, initial_weights_sha256: str | None) -> PriorRun:
    run = journal.run()
    if run is None:
        message = f"{VARIABLE}={uri} is no run, for there is no {journal.storage.uri}{RUN}; give the OUTPUT_URI of one"
        raise SettingsError(message)
    trials = journal.trials(run.parallel_trials)
    observations = overlapping(trials, settings.space, settings.objective)
    if all(observation.value is None for observation in observations):
        complete = sum(trial.status == "complete" for trial in trials)
        message = (
            f"{VARIABLE}={uri} has nothing to learn from: {complete} of its {len(trials)} trials are complete, none of "
            f"which lies in this search space; give a run that has one there, or widen {variable_name('search_space')}"
        )
        raise SettingsError(message)
    differs = [name for name in differing_settings(run, settings) if name not in _STEERING]
    if run.initial_weights_sha256 != initial_weights_sha256 and "init_weights" not in differs:
        differs.append("init_weights")
    taken, left_out = len(observations), len(trials) - len(observations)
    _log.info("earlier run", uri=uri, trials=taken, left_out=left_out, differs=differs)
    return PriorRun(
        uri=uri,
        dataset_fingerprint=run.dataset_fingerprint,
        differs=differs,
        left_out=left_out,
        observations=observations,
    )


def overlapping(trials: Sequence[TrialRecord], space: SearchSpace, objective: str) -> list[PriorObservation]:
    """Return what a search of this space learns from the trials of an earlier run.

    A trial is taken if all its parameters lie in the space: within the range, among the optimizers, or exactly the
    fixed value. A complete trial gives this run's objective at its best epoch, a pruned one its curve so far, a
    diverged one only that it diverged. A failed trial is left out.
    """
    return [_told(trial, objective) for trial in trials if trial.status != "failed" and space.holds(trial.params)]


def _told(trial: TrialRecord, objective: str) -> PriorObservation:
    scores = trial.curve(objective)
    value = min(scores, key=lambda score: sense(objective) * score) if trial.status == "complete" else None
    return PriorObservation(params=trial.params, status=trial.status, value=value, scores=scores)
