"""The settings of a job: each FASHIONTUNE_ environment variable with its meaning, default and allowed values.

`job --help` and docs/settings.md are made from these fields. AWS credentials, region and endpoint are not here; they
come from boto3's own chain.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from job.errors import SettingsError
from job.search.pruning import Pruner
from job.search.space import SearchSpace, parse_search_space
from job.storage.uri import URIS, check_path, check_text, check_uri, shown, split_uri

PREFIX = "FASHIONTUNE_"

SEARCH_DEFINING = frozenset(
    {
        "target_column",
        "min_class_images",
        "max_images",
        "image_height",
        "image_width",
        "validation_fraction",
        "test_fraction",
        "n_initial_trials",
        "epochs",
        "batch_size",
        "seed",
        "objective",
        "search_space",
        "pruner",
        "warm_start_uri",
        "init_weights",
        "precision",
    }
)
"""Settings that change what a trial's value means or which trial comes next. They never change within a run."""

BEFORE_THEY_EXISTED = {"pruner": "none", "warm_start_uri": ""}
"""Values of settings that define the search, for runs that are older than the setting."""

GONE = {"acquisition": "EI"}
"""Settings that once defined the search, and what all searches have now in their place."""

_NEVER_EMPTY = {"dataset_uri", "output_uri", "cache_dir", "target_column", "init_weights"}
"""Settings that are refused when empty: someone forgot to fill in the value, and the default would lose results."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MOST = 1024
"""Trials at a time, or CPUs of one."""
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")


def _check_number(value: Any) -> Any:  # noqa: ANN401 -- a pydantic validator gets whatever came in
    if isinstance(value, str) and re.search(r"[\s_]", value):  # pydantic reads " 3", "1\n" and 1_0
        message = "it has a blank, a line break or an underscore in it; allowed are plain numbers such as 10"
        raise ValueError(message)
    return value


def _parse_count(value: Any) -> Any:  # noqa: ANN401 -- a pydantic validator gets whatever came in
    text = str(value)
    if text == "auto":
        return value
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST:
        return int(text)
    message = f"allowed are auto and whole numbers from 1 to {_MOST}"
    raise ValueError(message)


def _parse_duration(value: Any) -> Any:  # noqa: ANN401 -- a pydantic validator gets whatever came in
    if not isinstance(value, str) or (value.isascii() and value.isdigit()):
        return value
    match = _DURATION.fullmatch(value)
    if not match:
        message = "allowed are seconds, or hours, minutes and seconds like 6h30m, 45m or 90s"
        raise ValueError(message)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _check_search_space(text: str) -> str:
    parse_search_space(text)
    return text


def _check_cache_dir(path: str | Path) -> Path:
    return Path(check_path(str(path)))


def _check_uris(text: str) -> str:
    if not text:
        return text
    uris = [uri.strip() for uri in check_text(text, URIS).split(",")]
    if not all(uris) or len(set(uris)) < len(uris):
        message = "write the URIs of one or more runs, separated by commas, each once"
        raise ValueError(message)
    return ",".join(check_uri(uri) for uri in uris)


def _check_weights(text: str) -> str:
    uri, mark, sha256 = text.partition("#sha256=")
    check_uri(uri)
    if not split_uri(uri)[1]:
        message = "it names no file; allowed are random, imagenet, and the path or URI of a .safetensors or .pth file"
        raise ValueError(message)
    if mark and not _SHA256.fullmatch(sha256):
        message = "it has no sha256 behind #sha256=; allowed are 64 hexadecimal digits"
        raise ValueError(message)
    return text


def _check_column(text: str) -> str:
    return check_text(text, "the names of columns as they stand in styles.csv")


Uri: TypeAlias = Annotated[str, AfterValidator(check_uri)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_check_number)]
Count: TypeAlias = Annotated[Literal["auto"] | int, BeforeValidator(_parse_count)]
Number: TypeAlias = Annotated[float, BeforeValidator(_check_number)]


class Settings(BaseSettings):
    """All settings of a job, read from FASHIONTUNE_ environment variables; frozen."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=False)

    dataset_uri: Uri = Field(
        "sample",
        description="The catalogue: a .zip, .tar or .tar.gz, or a folder or prefix, with styles.csv and images/; "
        "`s3://bucket/key`, `file://` or a path. `sample` is the built-in sample catalogue.",
    )
    output_uri: Uri = Field(
        "fashiontune-output/",
        description="Where the run keeps its state and results: `s3://bucket/prefix/`, `file://` or a path. "
        "Each run needs its own.",
    )
    cache_dir: Annotated[Path, BeforeValidator(_check_cache_dir)] = Field(
        Path("~/.cache/fashiontune-job"),
        description="Local folder for the downloaded archive and the decoded photos. It may be deleted at any time.",
    )
    cache_limit: Whole = Field(
        0,
        ge=0,
        description="Bytes that CACHE_DIR may take; 0 is no limit. An archive that does not fit, or not into the free "
        "space, is refused before it is downloaded; decoded photos that do not fit are not kept.",
    )
    target_column: Annotated[str, AfterValidator(_check_column)] = Field(
        "subCategory", description="Column of styles.csv to predict."
    )
    min_class_images: Whole = Field(
        10, ge=1, description="Leave out classes with fewer photos, counted after MAX_IMAGES, and name them."
    )
    max_images: Whole = Field(0, ge=0, description="Use a stratified subset of this many photos; 0 uses all.")
    max_missing_share: Number = Field(
        0.1,
        ge=0,
        le=1,
        description="End the job with an error if a larger share of the catalogue's ids is missing; warn of a smaller "
        "one. Missing are rows without a photo, photos without a row, and rows and photos that cannot be used.",
    )
    image_height: Whole = Field(80, ge=16, le=1024, description="Height of the model's input in pixels.")
    image_width: Whole = Field(60, ge=16, le=1024, description="Width of the model's input in pixels.")
    validation_fraction: Number = Field(0.15, gt=0, le=0.45, description="Share of each class that scores the trials.")
    test_fraction: Number = Field(
        0.15, gt=0, le=0.45, description="Share of each class that measures the winner, once, at the end."
    )
    n_trials: Whole = Field(30, ge=1, le=9999, description="Number of trials. May be raised on an existing run.")
    n_initial_trials: Whole = Field(
        8,
        ge=1,
        le=1024,
        description="Trials of the initial design: a best guess, then points spread over the search space. The "
        "Gaussian process chooses the rest.",
    )
    final_trials: Whole = Field(
        0,
        ge=0,
        le=100,
        description="Train this many of the best trials again after the search, with other seeds; the best mean wins. "
        "0 repeats none. May be set or raised on an existing run.",
    )
    final_seeds: Whole = Field(3, ge=1, le=100, description="Repetitions of each of the FINAL_TRIALS.")
    epochs: Whole = Field(10, ge=1, le=10_000, description="Epochs per trial.")
    batch_size: Whole = Field(128, ge=2, le=65_536, description="Photos per training step.")
    seed: Whole = Field(0, ge=0, lt=2**32, description="Seed of every random choice.")
    objective: Literal["accuracy", "macro_f1", "balanced_accuracy", "log_loss"] = Field(
        "accuracy", description="Validation metric that compares the trials; log_loss is minimised."
    )
    search_space: Annotated[str, AfterValidator(_check_search_space)] = Field(
        "{}",
        description="JSON that overrides parts of the default search space, e.g. "
        '`{"learning_rate": {"low": 0.001, "high": 0.03}, "momentum": 0.9, "optimizer": ["sgd", "nag"]}`. '
        "A single value fixes a parameter; with all four fixed, N_TRIALS must be 1.",
    )
    pruner: Pruner = Field(
        "median",
        description="Which trials stop early. `median`: after any epoch, those behind the median of the others. "
        "`none`: no trial.",
    )
    warm_start_uri: Annotated[str, AfterValidator(_check_uris)] = Field(
        "",
        description="Earlier runs to learn from: OUTPUT_URIs, separated by commas. The search uses their trials that "
        "lie in its space. If these tell as much as N_INITIAL_TRIALS would, the initial design has 2 trials.",
    )
    init_weights: Annotated[str, AfterValidator(_check_weights)] = Field(
        "random",
        description="Initial weights: `random`, `imagenet` (torchvision's), or the path or URI of a ResNet18 state "
        "dict (.safetensors or .pth) for inputs normalised as ImageNet's, with an optional `#sha256=...`.",
    )
    executor: Literal["local", "ray"] = Field(
        "local",
        description="What trains the trials: this process, one after the other, or the workers of Ray, several at a "
        "time. Ray needs the extra `ray`; RAY_ADDRESS names a cluster, else all GPUs of this machine are used.",
    )
    parallel_trials: Count = Field(
        "auto",
        description="Trials at a time: each is suggested without knowing those that are at work. auto is 1, or what "
        "Ray has room for when the run begins. A run keeps it, and its results depend on nothing else of Ray.",
    )
    gpus_per_trial: Number = Field(
        1,
        gt=0,
        le=1,
        description="With Ray: GPUs of a trial; 0.5 lets two share one. Without any GPU it has no meaning.",
    )
    cpus_per_trial: Count = Field(
        "auto",
        description="With Ray: CPU threads of a trial. auto shares the CPUs of a node among its GPUs; without GPUs it "
        "is 1.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to train; auto takes the GPU if there is one. Of several it takes one."
    )
    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        "auto",
        description="Arithmetic of training; auto is bf16 on a GPU of capability 8.0 or later, "
        "fp16 from 7.0 on, else float32.",
    )
    compile: bool = Field(default=False, description="Compile the model with torch.compile.")
    deterministic: bool = Field(default=True, description="Use deterministic algorithms, so that runs can be repeated.")
    checkpoint_seconds: Number = Field(
        30, gt=0, allow_inf_nan=False, description="Seconds between checkpoints of the trial in flight."
    )
    time_budget: Annotated[int, BeforeValidator(_parse_duration)] = Field(
        0,
        ge=0,
        description="Time for all attempts together: seconds, or like `6h30m`; 0 is no limit. A trial that would not "
        "end in time does not start; the winner so far is published.",
    )
    max_failed_trials: Whole = Field(
        3, ge=1, description="End the job with an error after this many failed trials. Diverged trials do not count."
    )
    retry_seconds: Number = Field(
        300, gt=0, allow_inf_nan=False, description="Seconds to retry a request that storage does not answer."
    )
    price_per_hour: Number = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="Price of the machine per hour, in any currency, for the report; 0 is unknown.",
    )
    tensorboard: bool = Field(default=True, description="Write TensorBoard event files under tensorboard/.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto is console on a terminal, else one JSON object per line."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take the default for an empty number or choice. An empty place or column goes on to its check."""
        return {name: value for name, value in values.items() if value != "" or name in _NEVER_EMPTY}

    @model_validator(mode="after")
    def _parts_leave_enough_to_train_on(self) -> Self:
        if self.validation_fraction + self.test_fraction > 0.8:  # noqa: PLR2004 -- the limit that the message names
            message = (
                f"{PREFIX}VALIDATION_FRACTION={self.validation_fraction} and {PREFIX}TEST_FRACTION="
                f"{self.test_fraction} must add up to 0.8 or less"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _a_single_point_is_one_trial(self) -> Self:
        if not self.space.searched and self.n_trials > 1:
            message = (
                f"all four parameters are fixed, and {PREFIX}N_TRIALS={self.n_trials}; allowed is 1, which trains this "
                "point alone, or a range or a list to search"
            )
            raise SettingsError(message, setting="search_space")
        return self

    @property
    def space(self) -> SearchSpace:
        """The search space, with SEARCH_SPACE's overrides."""
        return parse_search_space(self.search_space)

    @property
    def warm_start_uris(self) -> list[str]:
        """The earlier runs to learn from."""
        return self.warm_start_uri.split(",") if self.warm_start_uri else []

    def defining(self) -> dict[str, Any]:
        """Return the settings that define the search, JSON-safe, in order of definition."""
        values = self.model_dump(mode="json", include=set(SEARCH_DEFINING))
        return values | {"search_space": self.space.to_dict()}

    def shown(self) -> dict[str, Any]:
        """Return the settings in results.json: those that define the search, and its numbers of trials and seeds."""
        extent = self.model_dump(mode="json", include={"n_trials", "final_trials", "final_seeds"})
        return self.defining() | extent


def variable_name(field: str) -> str:
    """Return the environment variable of a field of Settings."""
    return PREFIX + field.upper()


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises SettingsError with each bad variable, its value and what is allowed. For an unknown variable it names the
    nearest known one.
    """
    known = [variable_name(field) for field in Settings.model_fields]
    for name in sorted(os.environ):
        # pydantic-settings ignores case: a lower-case name is the same variable
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
            message = f"{shown(name)} is not a setting; the nearest one is {nearest} (see job --help)"
            raise SettingsError(message)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(detail) for detail in error.errors())) from None


def _sentence(detail: Any) -> str:  # noqa: ANN401 -- pydantic's ErrorDetails
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return str(message)
    return f"{variable_name(str(detail['loc'][0]))}={shown(str(detail['input']))}: {message[0].lower()}{message[1:]}"
