"""What a run writes as JSON: trial records, run.json, attempts, results.json; these models are the one definition."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from job.records.dataset import Dataset
from job.records.objective import score_name
from job.records.prior import PriorRun, WarmStart
from job.records.record import Record, checksum_field

SCHEMA_VERSION: Literal[1] = 1
RESULTS = "results.json"
PROGRESS = "progress.json"


class StoredModel(Record):
    """Where a trial's weights lie."""

    key: str = Field(description="Key of the safetensors object, relative to the run.")
    sha256: str


class EpochRecord(Record):
    """One point of a learning curve; all but train_loss are of the validation part."""

    epoch: int
    train_loss: float
    validation_loss: float
    accuracy: float
    macro_f1: float
    balanced_accuracy: float

    def value(self, objective: str) -> float:
        """Return the score that the objective names."""
        return float(getattr(self, score_name(objective)))


class TrialTiming(Record):
    """Where a trial's time went, in seconds, and its speed."""

    suggest: float
    train: float
    evaluate: float
    checkpoint: float = Field(description="Time that training stood still for checkpoints.")
    total: float
    images_per_second: float | None = Field(description="Training photos a second.")
    attempt: int = Field(description="Number of the attempt that ended the trial.")
    ended_at: datetime


class TrialResult(Record):
    """A trial as results.json shows it."""

    number: int
    params: dict[str, float | str]
    status: Literal["complete", "diverged", "failed", "pruned"]
    value: float | None = Field(description="The objective at best_epoch; null unless complete.")
    best_epoch: int | None
    epochs: list[EpochRecord]
    error: str | None
    timing: TrialTiming

    def curve(self, objective: str) -> list[float]:
        """Return the objective after each epoch."""
        return [epoch.value(objective) for epoch in self.epochs]


class TrialRecord(TrialResult):
    """One finished trial: immutable, and all that later trials depend on."""

    model: StoredModel | None = Field(description="Weights of best_epoch, where the trial was the best when it ended.")
    checksum: str = checksum_field()

    @property
    def name(self) -> str:
        """What the keys of its objects begin with."""
        return f"{self.number:04}"


class RepetitionRecord(TrialRecord):
    """A trial trained again with another seed; its model is stored where it was the trial's best repetition so far."""

    repetition: int = Field(description="From 1.")

    @property
    def name(self) -> str:
        """What the keys of its objects begin with."""
        return f"{self.number:04}-{self.repetition}"


class RunRecord(Record):
    """run.json: what a run is, fixed when it begins."""

    schema_version: Literal[1] = SCHEMA_VERSION
    settings: dict[str, Any] = Field(description="The settings that define the search.")
    dataset_uri: str
    dataset_fingerprint: str
    initial_weights_sha256: str | None
    threads: int = Field(description="CPU threads of every attempt, since sums depend on their number.")
    versions: dict[str, str]
    created_at: datetime
    warm_start: list[PriorRun] = Field(default_factory=list, description="What the earlier runs tell, one each.")
    checksum: str = checksum_field()


class AttemptRecord(Record):
    """One process's work on the run; ended_at and outcome stay null if it was killed."""

    started_at: datetime
    host: str | None = Field(None, description="The machine or Pod that it ran on.")
    ended_at: datetime | None = None
    trial: int | None = Field(None, description="The last trial that it began or went on with.")
    repetition: int | None = Field(None, description="Of that trial, where it was one.")
    step: int | None = Field(None, description="The step that it went on from in that trial.")
    outcome: str | None = Field(None, description="complete, budget_spent, or what ended it; null: killed or at work.")
    seconds: dict[str, float] = Field(default_factory=dict)


class AttemptFile(Record):
    """An attempt as it is stored."""

    attempt: AttemptRecord
    checksum: str = checksum_field()


class Final(Record):
    """One of the best trials, trained again with other seeds; its own value, of which it was chosen, does not count."""

    trial: int
    values: list[float | None] = Field(description="The objective of each repetition there is; null: not complete.")
    mean: float | None = Field(description="Null unless all of settings.final_seeds repetitions are complete.")
    std: float | None = Field(description="Sample standard deviation; null as the mean, and for a single repetition.")


class Best(Record):
    """The winner of the search."""

    trial: int
    params: dict[str, float | str]
    value: float = Field(description="Of the trial, or the mean of its repetitions where it was chosen by that.")
    repetition: int | None = Field(None, description="Whose model it is, the trial's best one; null: the trial's own.")
    model: StoredModel


class ClassScore(Record):
    """How well a class is told apart on the test part."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class Mistake(Record):
    """A test photo that the winner got wrong."""

    id: str
    true: str
    predicted: str
    probability: float = Field(description="Of the predicted class.")
    thumbnail: str = Field(description="The photo as the model sees it, a JPEG in base64.")


class Test(Record):
    """The winner on the test part, which nothing else in this run saw."""

    accuracy: float
    accuracy_ci95: tuple[float, float] = Field(description="Wilson interval.")
    macro_f1: float
    balanced_accuracy: float
    top3_accuracy: float
    per_class: list[ClassScore]
    confusion: list[list[int]] = Field(
        description="Rows are true classes, columns predicted ones, in the order of dataset.classes."
    )
    mistakes: list[Mistake] = Field(description="The most confident ones, the most confident first.")


class Importance(Record):
    """How much of what the surrogate predicts is due to a hyperparameter, 0 to 1."""

    main: float = Field(description="Its own share of the variance: the first-order Sobol' index.")
    total: float = Field(description="Its share with all interactions that it takes part in: the total Sobol' index.")


class Environment(Record):
    """What the last attempt ran on."""

    device: str
    precision: str
    threads: int
    versions: dict[str, str]
    source_revision: str | None
    image: str | None


class Run(Record):
    """How the run went; differs between runs that are equal in all else."""

    attempts: list[AttemptRecord]
    environment: Environment
    seconds: dict[str, float] = Field(
        description="fetch, prepare, train, suggest, checkpoint, evaluate; idle is all the rest since the beginning."
    )
    images_per_second: float | None = Field(description="Training photos a second, over all trials.")
    price_per_hour: float | None = Field(None, description="Of the machine, as PRICE_PER_HOUR gives it.")
    checksum: str = checksum_field()


class Results(Record):
    """results.json."""

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["complete", "budget_spent"]
    settings: dict[str, Any]
    dataset: Dataset
    search_space: dict[str, Any]
    warm_start: list[WarmStart] = Field(default_factory=list, description="Earlier runs that it was begun from.")
    trials: list[TrialResult]
    finals: list[Final] = Field(default_factory=list, description="In the order of the trials' own values.")
    best: Best
    test: Test
    importance: dict[str, Importance] = Field(
        description="By hyperparameter that was searched: functional ANOVA of the Gaussian process fitted to all "
        "trials; empty where too few of them are complete."
    )
    published: dict[str, str] = Field(description="sha256 of each published object, by its key.")
    run: Run


class Progress(Record):
    """progress.json: a run that is not finished, after its last trial."""

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["running"] = "running"
    settings: dict[str, Any]
    dataset: Dataset
    search_space: dict[str, Any]
    warm_start: list[WarmStart] = Field(default_factory=list, description="Earlier runs that it was begun from.")
    trials: list[TrialResult]
    finals: list[Final] = Field(default_factory=list)
    best: Best | None
    importance: dict[str, Importance]
    run: Run


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of results.json."""
    schema = Results.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fashiontune-job results.json"} | schema
