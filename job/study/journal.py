"""The journal: which objects a run consists of, and in which order they are written.

What a record names is written before it, what it replaces is deleted after it, and the first writer of a record wins.
So a job that is killed between any two writes leaves a run that another job goes on with. Knows no training.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from job.errors import ObjectMissingError, RunMismatchError
from job.records.model import PUBLISHED
from job.records.record import BadRecordError, Record
from job.records.results import PROGRESS, RESULTS, Progress, Results
from job.records.run import AttemptFile, AttemptRecord, RunRecord
from job.records.status import RunStatus
from job.records.trial import StoredModel, TrialRecord
from job.records.tries import TryFile, TryRecord
from job.settings import Settings
from job.storage.base import Data, Storage
from job.study.ledger import Ledger

RUN = "run.json"
EVENTS = "tensorboard/"
_WRITE_CHECK = ".write-check"
_JSON = "application/json"
_MODEL_KEY = re.compile(r"models/([-\d]+)\.[0-9a-f]+\.safetensors")
_CHECKPOINT_KEY = re.compile(r"checkpoints/([-\d]+)\.(\d+)\.safetensors")
_REPETITION_KEY = re.compile(r"finals/(\d+)-(\d+)\.json")
_TRY_KEY = re.compile(r"tries/(\d{4}(?:-\d+)?)-\d{4}\.json")
_NUMBERED = re.compile(r"[a-z]+/(\d+)\.json")
_READERS = 16  # records are small: reading them is waiting for storage's answers

_log = structlog.get_logger()
RecordT = TypeVar("RecordT", bound=Record)

_ADVICE = "restore it, or start a new run"
_RETRAIN = "restore it, or delete it and all later trials to have them trained again"
_REPEAT = "restore it, or delete it to have it trained again"


class Journal:
    """The durable state of one run, in one Storage.

    `advice` replaces the usual advice in errors about damaged or missing records.
    """

    def __init__(self, storage: Storage, *, advice: str | None = None) -> None:
        self.storage = storage
        self._advice, self._retrain, self._repeat = advice or _ADVICE, advice or _RETRAIN, advice or _REPEAT

    def check_writable(self) -> None:
        """Raise StorageError unless objects can be created, read and deleted here."""
        self.storage.put(_WRITE_CHECK, b"fashiontune-job\n", content_type="text/plain")
        with contextlib.suppress(ObjectMissingError):  # deleted by another job that began at the same time
            self.storage.get(_WRITE_CHECK)
        self.storage.delete(_WRITE_CHECK)

    def run(self) -> RunRecord | None:
        """Return run.json, or None for a run that has not begun.

        Raises RunMismatchError if it is damaged, or missing although there are trials: nothing else tells what they
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

    def ledger(self, settings: Settings, run: RunRecord) -> Ledger:
        """Return all trials and repetitions; raises RunMismatchError for one that is damaged or missing."""
        trials = self.trials(run.parallel_trials)
        return Ledger(settings, tuple(trials), tuple(self.repetitions()), run.parallel_trials)

    def trials(self, parallel: int = 1) -> list[TrialRecord]:
        """Return the records of the trials, by number.

        Where `parallel` trials are trained at a time, one fewer may be missing before the last: those at work. Raises
        RunMismatchError for a record that is damaged, or if more are missing, since every later trial depends on it.
        """
        numbers = self._numbers("trials/")
        missing = set(range(max(numbers, default=0))) - set(numbers)
        if len(missing) >= parallel:
            first, last = f"trials/{min(missing):04}.json", f"trials/{numbers[-1]:04}.json"
            message = f"{self.storage.uri}{first} is missing although {last} is there; {self._retrain}"
            raise RunMismatchError(message)
        return self._read_trials([f"trials/{number:04}.json" for number in numbers], self._retrain)

    def repetitions(self) -> list[TrialRecord]:
        """Return the records of all repetitions, in order; raises RunMismatchError for one that is damaged."""
        matches = (_REPETITION_KEY.fullmatch(entry.key) for entry in self.storage.list("finals/"))
        keys = [match[0] for match in sorted(filter(None, matches), key=lambda match: (int(match[1]), int(match[2])))]
        return self._read_trials(keys, self._repeat)

    def _read_trials(self, keys: Sequence[str], advice: str) -> list[TrialRecord]:
        with ThreadPoolExecutor(_READERS) as pool:
            found = pool.map(lambda key: self._read(key, TrialRecord, advice), keys)
            return [record for record in found if record is not None]

    def record_trial(self, record: TrialRecord) -> TrialRecord:
        """Create a trial's or a repetition's record and return it, or the one that another job created first."""
        key = f"{'finals' if record.repetition else 'trials'}/{record.name}.json"
        if self.storage.create(key, record.to_json(), content_type=_JSON):
            return record
        stored = self._read(key, TrialRecord)
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
        """Return a trial's weights, checked; raises RunMismatchError if they are missing or damaged."""
        try:
            data = self.storage.get(model.key)
        except ObjectMissingError:
            data = b""
        if hashlib.sha256(data).hexdigest() != model.sha256:
            state = "damaged" if data else "missing"
            raise RunMismatchError(f"{self.storage.uri}{model.key} is {state}; {self._advice}")
        return data

    def checkpoints(self, name: str) -> list[tuple[int, str]]:
        """Return (steps done, key) of the checkpoints of a trial, the oldest first."""
        matches = [_CHECKPOINT_KEY.fullmatch(entry.key) for entry in self.storage.list(f"checkpoints/{name}.")]
        return sorted((int(match[2]), match[0]) for match in matches if match)

    def store_checkpoint(self, name: str, step: int, data: Data, *, keep: int) -> None:
        """Write a checkpoint of a trial after `step` steps, then delete all but the newest `keep` of them."""
        self.storage.put(f"checkpoints/{name}.{step:08}.safetensors", data)
        for _, key in self.checkpoints(name)[:-keep]:
            self.storage.delete(key)

    def forget(self, ledger: Ledger) -> None:
        """Delete the checkpoints of recorded trials, and the weights of those that are not needed.

        Objects of unrecorded trials stay: another job may be about to record them. So do the weights in results.json.
        """
        recorded = {record.name for record in ledger.records}
        self._forget("checkpoints/", _CHECKPOINT_KEY, recorded, kept=())
        published = self.results()
        kept = {record.model.key for record in ledger.needed if record.model}
        self._forget("models/", _MODEL_KEY, recorded, kept | ({published.best.model.key} if published else set()))

    def tidy(self, ledger: Ledger) -> None:
        """Delete what a finished run no longer needs, progress.json last.

        If progress.json is still there beside the results, a kill came in between, and this is done again.
        """
        self.forget(ledger)
        self.storage.delete(PROGRESS)

    def _forget(self, prefix: str, form: re.Pattern[str], recorded: set[str], kept: Iterable[str]) -> None:
        for entry in list(self.storage.list(prefix)):
            match = form.fullmatch(entry.key)
            if match and match[1] in recorded and entry.key not in kept:
                self.storage.delete(entry.key)

    def begin_attempt(self, attempt: AttemptRecord) -> int:
        """Write down that an attempt began and return its number, from 1."""
        number = max(self._numbers("attempts/"), default=0) + 1
        data = AttemptFile(attempt=attempt).to_json()
        while not self.storage.create(_attempt_key(number), data, content_type=_JSON):
            number += 1
        return number

    def update_attempt(self, number: int, attempt: AttemptRecord) -> None:
        """Overwrite an attempt's record."""
        self.storage.put(_attempt_key(number), AttemptFile(attempt=attempt).to_json(), content_type=_JSON)

    def attempts(self) -> dict[int, AttemptRecord]:
        """Return all attempts by number, in order. A damaged or missing one is logged and left out."""
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

    def begin_try(self, name: str, work: TryRecord) -> str:
        """Write down that a worker takes up a trial or a repetition, and return the key."""
        number = len(self.tries(name)) + 1
        while not self.storage.create(_try_key(name, number), TryFile(work=work).to_json(), content_type=_JSON):
            number += 1
        return _try_key(name, number)

    def update_try(self, key: str, work: TryRecord) -> None:
        """Overwrite a worker's record."""
        self.storage.put(key, TryFile(work=work).to_json(), content_type=_JSON)

    def tries(self, name: str = "") -> list[TryRecord]:
        """Return who has worked on a trial or a repetition, or on all, in order. A damaged record is left out."""
        keys = sorted(entry.key for entry in self.storage.list(f"tries/{name}-" if name else "tries/"))
        keys = [key for key in keys if (match := _TRY_KEY.fullmatch(key)) and name in {"", match[1]}]
        with ThreadPoolExecutor(_READERS) as pool:
            return [work for work in pool.map(self._try, keys) if work is not None]

    def _try(self, key: str) -> TryRecord | None:
        try:
            file = self._read(key, TryFile)
        except RunMismatchError as error:
            _log.warning("try is damaged and left out", error=str(error))
            return None
        return file.work if file else None

    def publish(self, files: Sequence[tuple[str, bytes, str]]) -> dict[str, str]:
        """Write the published model, (name, content, content type) each, and return each object's sha256 by key."""
        for name, content, content_type in files:
            self.storage.put(PUBLISHED + name, content, content_type=content_type)
        return {PUBLISHED + name: hashlib.sha256(content).hexdigest() for name, content, _ in files}

    def record_results(self, results: Results) -> None:
        """Write results.json, after all that it names."""
        self.storage.put(RESULTS, results.to_json(), content_type=_JSON)

    def results(self) -> Results | None:
        """Return results.json. None if missing. A damaged file is logged, and rebuilt when the run next ends."""
        try:
            return self._read(RESULTS, Results)
        except RunMismatchError as error:
            _log.warning("results are damaged and made anew", error=str(error))
            return None

    def finished(self, settings: Settings) -> Results | None:
        """Return the results of a run that has all that is asked for and whose published objects are whole.

        More trials than asked for are fine. FINAL_TRIALS and FINAL_SEEDS must not exceed those of the results.
        """
        results = self.results()
        if results is None or results.status is not RunStatus.COMPLETE or len(results.trials) < settings.n_trials:
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

    def progress(self) -> Progress | None:
        """Return progress.json, None if missing; raises RunMismatchError if it is damaged."""
        return self._read(PROGRESS, Progress, "start the job again, which makes it anew")

    def shows_progress(self) -> bool:
        """Say whether there is a progress.json."""
        return any(entry.key == PROGRESS for entry in self.storage.list(PROGRESS))

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


def _try_key(name: str, number: int) -> str:
    return f"tries/{name}-{number:04}.json"


def _attempt_key(number: int) -> str:
    return f"attempts/{number:04}.json"
