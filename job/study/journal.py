"""The journal: which objects a run consists of, and in which order they are written.

What a record names is written before it, what it replaces is deleted after it, and the first writer of a record wins.
So a job that is killed between any two writes leaves a run that another job goes on with. Knows no training.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from job.errors import ObjectMissingError, RunMismatchError
from job.records.model import PUBLISHED
from job.records.record import BadRecordError, Record
from job.records.results import (
    PROGRESS,
    RESULTS,
    AttemptFile,
    AttemptRecord,
    Progress,
    RepetitionRecord,
    Results,
    RunRecord,
    StoredModel,
    TrialRecord,
)
from job.settings import Settings
from job.storage.base import Data, Storage

RUN = "run.json"
EVENTS = "tensorboard/"
_WRITE_CHECK = ".write-check"
_JSON = "application/json"
_MODEL_KEY = re.compile(r"models/([-\d]+)\.[0-9a-f]+\.safetensors")
_CHECKPOINT_KEY = re.compile(r"checkpoints/([-\d]+)\.(\d+)\.safetensors")
_REPETITION_KEY = re.compile(r"finals/(\d+)-(\d+)\.json")
_READERS = 16  # records are small, and what takes time is to wait for storage's answers
_NUMBERED = re.compile(r"[a-z]+/(\d+)\.json")

_log = structlog.get_logger()
RecordT = TypeVar("RecordT", bound=Record)
TrialT = TypeVar("TrialT", bound=TrialRecord)

_ADVICE = "restore it, or start a new run"
_RETRAIN = "restore it, or delete it and all later trials to have them trained again"
_REPEAT = "restore it, or delete it to have it trained again"


class Journal:
    """The durable state of one run, in one Storage.

    `advice` is what an error about a damaged or missing record says to do, where it is not a run to go on with.
    """

    def __init__(self, storage: Storage, *, advice: str | None = None) -> None:
        self.storage = storage
        self._advice, self._retrain = advice or _ADVICE, advice or _RETRAIN

    def check_writable(self) -> None:
        """Raise StorageError unless objects can be created, read and deleted here."""
        self.storage.put(_WRITE_CHECK, b"fashiontune-job\n", content_type="text/plain")
        with contextlib.suppress(ObjectMissingError):  # another job, which began at the same time, has deleted it
            self.storage.get(_WRITE_CHECK)
        self.storage.delete(_WRITE_CHECK)

    def run(self) -> RunRecord | None:
        """Return run.json, or None for a run that has not begun.

        Raises RunMismatchError where it is damaged, or missing although there are trials: nothing else tells what they
        were trained with.
        """
        run = self._read(RUN, RunRecord)
        if run is None and self._numbers("trials/"):
            raise RunMismatchError(f"{self.storage.uri}{RUN} is missing although there are trials; {self._advice}")
        return run

    def begin(self, run: RunRecord) -> RunRecord:
        """Create run.json and return it, or the one that another job created first."""
        if self.storage.create(RUN, run.to_json(), content_type=_JSON):
            return run
        stored = self.run()
        assert stored is not None  # noqa: S101 -- run.json is never deleted
        return stored

    def trials(self) -> list[TrialRecord]:
        """Return the records of trials 0, 1, 2, … without a gap.

        Raises RunMismatchError for a record that is damaged or missing, since every later trial depends on it.
        """
        numbers = self._numbers("trials/")
        missing = set(range(len(numbers))) - set(numbers)
        if missing:
            last = _trial_key(numbers[-1])
            message = (
                f"{self.storage.uri}{_trial_key(min(missing))} is missing although {last} is there; {self._retrain}"
            )
            raise RunMismatchError(message)
        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(lambda number: self._read(_trial_key(number), TrialRecord, self._retrain), numbers)
            return [record for record in found if record is not None]

    def repetitions(self) -> list[RepetitionRecord]:
        """Return the records of all repetitions, in order; raises RunMismatchError for one that is damaged."""
        matches = (_REPETITION_KEY.fullmatch(entry.key) for entry in self.storage.list("finals/"))
        keys = [match[0] for match in sorted(filter(None, matches), key=lambda match: (int(match[1]), int(match[2])))]
        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(lambda key: self._read(key, RepetitionRecord, _REPEAT), keys)
            return [record for record in found if record is not None]

    def record_trial(self, record: TrialT) -> TrialT:
        """Create a trial's or a repetition's record and return it, or the one that another job created first."""
        key = f"{'finals' if isinstance(record, RepetitionRecord) else 'trials'}/{record.name}.json"
        if self.storage.create(key, record.to_json(), content_type=_JSON):
            return record
        stored = self._read(key, type(record))
        assert stored is not None  # noqa: S101 -- records are never deleted
        _log.info("trial was recorded by another job, whose record counts", trial=record.number)
        return stored

    def store_model(self, name: str, data: bytes) -> StoredModel:
        """Write a trial's weights, before its record; the key holds their hash, so no other job can overwrite them."""
        sha256 = hashlib.sha256(data).hexdigest()
        key = f"models/{name}.{sha256[:16]}.safetensors"
        self.storage.put(key, data)
        return StoredModel(key=key, sha256=sha256)

    def load_model(self, model: StoredModel) -> bytes:
        """Return a trial's weights, checked; raises RunMismatchError when they are missing or damaged."""
        try:
            data = self.storage.get(model.key)
        except ObjectMissingError:
            data = b""
        if hashlib.sha256(data).hexdigest() != model.sha256:
            state = "damaged" if data else "missing"
            raise RunMismatchError(f"{self.storage.uri}{model.key} is {state}; {self._advice}")
        return data

    def forget_models(self, recorded: Collection[TrialRecord], needed: Iterable[TrialRecord]) -> None:
        """Delete the weights of trials and repetitions that are recorded, but for those that are needed.

        One that is not recorded may be another job's, whose record is about to name its weights; and what results.json
        names stays until it names something else.
        """
        published = self.results()
        kept = {each.model.key for each in needed if each.model} | {published.best.model.key if published else ""}
        names = {each.name for each in recorded}
        for entry in list(self.storage.list("models/")):
            match = _MODEL_KEY.fullmatch(entry.key)
            if match and match[1] in names and entry.key not in kept:
                self.storage.delete(entry.key)

    def checkpoints(self, name: str) -> list[tuple[int, str]]:
        """Return (steps done, key) of the checkpoints of a trial, the oldest first."""
        matches = [_CHECKPOINT_KEY.fullmatch(entry.key) for entry in self.storage.list(f"checkpoints/{name}.")]
        return sorted((int(match[2]), match[0]) for match in matches if match)

    def store_checkpoint(self, name: str, step: int, data: Data, *, keep: int) -> None:
        """Write a checkpoint of a trial after `step` steps, then delete all but the newest `keep` of them."""
        self.storage.put(f"checkpoints/{name}.{step:08}.safetensors", data)
        for _, key in self.checkpoints(name)[:-keep]:
            self.storage.delete(key)

    def forget_checkpoints(self, recorded: Collection[TrialRecord]) -> None:
        """Delete the checkpoints of trials and repetitions that are recorded."""
        names = {each.name for each in recorded}
        for entry in list(self.storage.list("checkpoints/")):
            match = _CHECKPOINT_KEY.fullmatch(entry.key)
            if match and match[1] in names:
                self.storage.delete(entry.key)

    def begin_attempt(self, attempt: AttemptRecord) -> int:
        """Write down that an attempt began and return its number, from 1."""
        number = max(self._numbers("attempts/"), default=0) + 1
        data = AttemptFile(attempt=attempt).to_json()
        while not self.storage.create(_attempt_key(number), data, content_type=_JSON):
            number += 1
        return number

    def update_attempt(self, number: int, attempt: AttemptRecord) -> None:
        """Write an attempt's record in place of the one that is there."""
        self.storage.put(_attempt_key(number), AttemptFile(attempt=attempt).to_json(), content_type=_JSON)

    def attempts(self) -> dict[int, AttemptRecord]:
        """Return all attempts by number, in order; one that is damaged or missing is said, and left out."""
        numbers = self._numbers("attempts/")
        for number in sorted(set(range(1, max(numbers, default=0))) - set(numbers)):
            _log.warning("attempt is missing and left out", key=_attempt_key(number))
        with ThreadPoolExecutor(_READERS) as pool:
            found = dict(zip(numbers, pool.map(self._attempt, numbers), strict=True))
        return {number: attempt for number, attempt in found.items() if attempt is not None}

    def _attempt(self, number: int) -> AttemptRecord | None:
        try:
            file = self._read(_attempt_key(number), AttemptFile)
        except RunMismatchError as error:
            _log.warning("attempt is damaged and left out", error=str(error))
            return None
        return file.attempt if file else None

    def publish(self, files: Sequence[tuple[str, bytes, str]]) -> dict[str, str]:
        """Write the published model, (name, content, content type) each, and return each object's sha256 by key."""
        for name, content, content_type in files:
            self.storage.put(PUBLISHED + name, content, content_type=content_type)
        return {PUBLISHED + name: hashlib.sha256(content).hexdigest() for name, content, _ in files}

    def record_results(self, results: Results) -> None:
        """Write results.json, after all that it names."""
        self.storage.put(RESULTS, results.to_json(), content_type=_JSON)

    def results(self) -> Results | None:
        """Return results.json; None where there is none yet, or a damaged one, which is said: it is made anew."""
        try:
            return self._read(RESULTS, Results)
        except RunMismatchError as error:
            _log.warning("results are damaged and made anew", error=str(error))
            return None

    def finished(self, settings: Settings) -> Results | None:
        """Return the results of a run that has all that is asked for and whose published objects are whole.

        It may have more; it has the repetitions only if as many were asked for of as many trials.
        """
        results = self.results()
        if results is None or results.status != "complete" or len(results.trials) < settings.n_trials:
            return None
        extent = ("final_trials", "final_seeds") if settings.final_trials else ()
        if any(results.settings.get(name, 0) < getattr(settings, name) for name in extent):
            return None
        damaged = [key for key, sha256 in results.published.items() if not self._is_whole(key, sha256)]
        for key in damaged:
            _log.warning("published object is damaged or missing and made anew", key=key)
        return None if damaged else results

    def show_progress(self, progress: Progress) -> None:
        """Write progress.json."""
        self.storage.put(PROGRESS, progress.to_json(), content_type=_JSON)

    def shows_progress(self) -> bool:
        """Say whether there is a progress.json."""
        return any(entry.key == PROGRESS for entry in self.storage.list(PROGRESS))

    def forget_progress(self) -> None:
        """Delete progress.json, after results.json is there."""
        self.storage.delete(PROGRESS)

    def show_events(self, trials: Sequence[TrialRecord], make: Callable[[TrialRecord], bytes]) -> None:
        """Write the event file of each trial that has none; TensorBoard takes each folder for a run of its own."""
        there = {entry.key for entry in self.storage.list(EVENTS)}
        for trial in trials:
            key = f"{EVENTS}{trial.name}/events.out.tfevents.{trial.name}"
            if key not in there:
                self.storage.put(key, make(trial))

    def _is_whole(self, key: str, sha256: str) -> bool:
        try:
            return hashlib.sha256(self.storage.get(key)).hexdigest() == sha256
        except ObjectMissingError:
            return False

    def _numbers(self, prefix: str) -> list[int]:
        matches = (_NUMBERED.fullmatch(entry.key) for entry in self.storage.list(prefix))
        return sorted(int(match[1]) for match in matches if match)

    def _read(self, key: str, record: type[RecordT], advice: str | None = None) -> RecordT | None:
        try:
            data = self.storage.get(key)
        except ObjectMissingError:
            return None
        try:
            return record.from_json(data)
        except BadRecordError as error:
            message = f"{self.storage.uri}{key} is damaged: {error}; {advice or self._advice}"
            raise RunMismatchError(message) from None


def _trial_key(number: int) -> str:
    return f"trials/{number:04}.json"


def _attempt_key(number: int) -> str:
    return f"attempts/{number:04}.json"
