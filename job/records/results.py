"""results.json and progress.json: all that the page shows. These models are their one definition."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from job.records.dataset import Dataset
from job.records.now import Now
from job.records.prior import WarmStart
from job.records.record import SCHEMA_VERSION, Record, checksum_field
from job.records.run import AttemptRecord, Environment
from job.records.status import RunStatus
from job.records.trial import StoredModel, TrialRecord
from job.records.tries import TryRecord

RESULTS = "results.json"
PROGRESS = "progress.json"

_STORED_ONLY = {"model", "repetition", "checksum"}
"""What a trial's own record has and results.json leaves out: its weights may be deleted by then."""


class Final(Record):
    """One of the best trials, trained again with other seeds; the value it was chosen by does not count."""

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
    """The scores of a class on the test part."""

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


class DependenceCurve(Record):
    """The predicted objective at values of one hyperparameter, over the prior of all others."""

    values: list[float | str]
    mean: list[float]
    low: list[float] = Field(description="The 10 % quantile over the others' values.")
    high: list[float] = Field(description="The 90 % quantile.")


class DependenceSurface(Record):
    """The predicted objective at pairs of values of two ranges, the mean over the prior of all others."""

    x: str
    y: str
    xs: list[float]
    ys: list[float]
    mean: list[list[float]] = Field(description="A row for each of ys.")


class Dependence(Record):
    """What the Gaussian process fitted to all trials predicts, in the objective's own unit."""

    curves: dict[str, DependenceCurve] = Field(description="By hyperparameter that was searched.")
    surfaces: list[DependenceSurface] = Field(description="One for each pair of ranges.")


class Run(Record):
    """How the run went; only this part differs between equal runs."""

    attempts: list[AttemptRecord]
    environment: Environment
    seconds: dict[str, float] = Field(
        description="fetch, prepare, train, suggest, checkpoint, evaluate; idle is all the rest since the beginning."
    )
    images_per_second: float | None = Field(description="Training photos a second, over all trials.")
    price_per_hour: float | None = Field(None, description="Of the machine, as PRICE_PER_HOUR gives it.")
    timeline: list[TryRecord] = Field(
        default_factory=list, description="With Ray: who trained which steps of a trial, in the order of their starts."
    )
    efficiency: float | None = Field(
        None,
        description="With Ray: timing.total of all recorded trials and repetitions, over the number of workers in "
        "the timeline times the seconds from its first start to its last start or end, with all that lies between, "
        "such as the time between two attempts; null without a timeline.",
    )
    checksum: str = checksum_field()


class Known(Record):
    """What results.json and progress.json have in common."""

    _hidden: ClassVar[dict[str, Any]] = {"trials": {"__all__": _STORED_ONLY}}

    schema_version: Literal[1] = SCHEMA_VERSION
    status: RunStatus
    settings: dict[str, Any]
    dataset: Dataset
    search_space: dict[str, Any]
    guess_first: bool = Field(default=False, description="The first trial was the best guess.")
    warm_start: list[WarmStart] = Field(default_factory=list, description="Earlier runs that it was begun from.")
    trials: list[TrialRecord]
    finals: list[Final] = Field(default_factory=list, description="In the order of the trials' own values.")
    importance: dict[str, Importance] = Field(
        description="By hyperparameter that was searched: functional ANOVA of the Gaussian process fitted to all "
        "trials; empty where too few of them are complete."
    )
    dependence: Dependence | None = Field(None, description="Null where too few trials are complete.")
    run: Run


class Results(Known):
    """results.json."""

    status: Literal[RunStatus.COMPLETE, RunStatus.BUDGET_SPENT]
    best: Best
    test: Test
    published: dict[str, str] = Field(description="sha256 of each published object, by its key.")


class Progress(Known):
    """progress.json: a run that is not finished."""

    status: Literal[RunStatus.RUNNING] = RunStatus.RUNNING
    best: Best | None
    now: Now | None = Field(None, description="Rewritten at most every 30 s; null where nothing was being trained yet.")


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of results.json."""
    schema = Results.model_json_schema(mode="serialization")
    trial = schema["$defs"]["TrialRecord"]
    for name in _STORED_ONLY:
        del trial["properties"][name]
    trial["required"] = [name for name in trial["required"] if name not in _STORED_ONLY]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fashiontune-job results.json"} | schema
