"""Settings: every default, every bound, and errors that name the variable, its value and what is allowed."""

from pathlib import Path

import pytest

from job.errors import SettingsError
from job.settings import SEARCH_DEFINING, Settings, load_settings, variable_name
from job.settings_help import describe_settings, replace_table, settings_as_markdown, settings_as_text
from job.storage.uri import shown


def test_defaults_are_those_of_the_documentation() -> None:
    """With no variable set, the job tunes on its sample with the documented numbers."""
    settings = load_settings()
    assert settings.dataset_uri == "sample"
    assert (settings.image_height, settings.image_width) == (80, 60)
    assert (settings.validation_fraction, settings.test_fraction) == (0.15, 0.15)
    assert (settings.n_trials, settings.n_initial_trials, settings.epochs, settings.batch_size) == (30, 8, 10, 128)
    assert (settings.min_class_images, settings.max_images, settings.seed) == (10, 0, 0)
    assert (settings.objective, settings.pruner, settings.init_weights) == ("accuracy", "median", "random")
    assert (settings.device, settings.precision, settings.compile, settings.deterministic) == (
        "auto",
        "auto",
        False,
        True,
    )
    assert (settings.checkpoint_seconds, settings.time_budget) == (30, 0)
    assert (settings.final_trials, settings.final_seeds) == (0, 3)
    assert settings.target_column == "subCategory"


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come from FASHIONTUNE_ variables, and an empty number or choice is as good as none."""
    monkeypatch.setenv("FASHIONTUNE_EPOCHS", "7")
    monkeypatch.setenv("FASHIONTUNE_COMPILE", "true")
    monkeypatch.setenv("FASHIONTUNE_OBJECTIVE", "macro_f1")
    monkeypatch.setenv("FASHIONTUNE_SEED", "")
    settings = load_settings()
    assert (settings.epochs, settings.compile, settings.objective, settings.seed) == (7, True, "macro_f1", 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("3600", 3600), ("6h30m", 23_400), ("45m", 2700), ("90s", 90), ("1h1m1s", 3661), ("2h", 7200)],
)
def test_time_budget_is_read_as_people_write_it(monkeypatch: pytest.MonkeyPatch, text: str, seconds: int) -> None:
    """Seconds, or hours, minutes and seconds."""
    monkeypatch.setenv("FASHIONTUNE_TIME_BUDGET", text)
    assert load_settings().time_budget == seconds


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("EPOCHS", "0", "greater than or equal to 1"),
        ("EPOCHS", "ten", "valid integer"),
        ("EPOCHS", "10001", "less than or equal to 10000"),
        ("N_TRIALS", "0", "greater than or equal to 1"),
        ("N_TRIALS", "10000", "less than or equal to 9999"),
        ("N_INITIAL_TRIALS", "0", "greater than or equal to 1"),
        ("N_INITIAL_TRIALS", "1025", "less than or equal to 1024"),
        ("FINAL_TRIALS", "-1", "greater than or equal to 0"),
        ("FINAL_TRIALS", "101", "less than or equal to 100"),
        ("FINAL_SEEDS", "0", "greater than or equal to 1"),
        ("FINAL_SEEDS", "101", "less than or equal to 100"),
        ("BATCH_SIZE", "1", "greater than or equal to 2"),
        ("BATCH_SIZE", "65537", "less than or equal to 65536"),
        ("IMAGE_HEIGHT", "15", "greater than or equal to 16"),
        ("IMAGE_HEIGHT", "1025", "less than or equal to 1024"),
        ("IMAGE_WIDTH", "15", "greater than or equal to 16"),
        ("IMAGE_WIDTH", "1025", "less than or equal to 1024"),
        ("VALIDATION_FRACTION", "0", "greater than 0"),
        ("VALIDATION_FRACTION", "0.5", "less than or equal to 0.45"),
        ("TEST_FRACTION", "0", "greater than 0"),
        ("TEST_FRACTION", "nan", "less than or equal to 0.45"),
        ("TEST_FRACTION", "0.5", "less than or equal to 0.45"),
        ("MIN_CLASS_IMAGES", "0", "greater than or equal to 1"),
        ("MAX_IMAGES", "-1", "greater than or equal to 0"),
        ("SEED", "-1", "greater than or equal to 0"),
        ("SEED", "4294967296", "less than 4294967296"),
        ("OBJECTIVE", "f1", "'accuracy', 'macro_f1', 'balanced_accuracy' or 'log_loss'"),
        ("PRUNER", "halving", "'none' or 'median'"),
        ("DEVICE", "gpu", "'auto', 'cpu' or 'cuda'"),
        ("PRECISION", "half", "'auto', 'float32', 'bf16' or 'fp16'"),
        ("COMPILE", "perhaps", "valid boolean"),
        ("EPOCHS", "1_0", "allowed are plain numbers"),
        ("VALIDATION_FRACTION", "0.1_5", "allowed are plain numbers"),
        ("DETERMINISTIC", "2", "valid boolean"),
        ("CHECKPOINT_SECONDS", "0", "greater than 0"),
        ("TIME_BUDGET", "6 hours", "like 6h30m"),
        ("TIME_BUDGET", "h", "like 6h30m"),
        ("TIME_BUDGET", "-5", "like 6h30m"),
        ("TIME_BUDGET", "3_0", "like 6h30m"),
        ("TIME_BUDGET", "6h 30m", "like 6h30m"),
        ("TIME_BUDGET", "\u0663h", "like 6h30m"),
        ("TIME_BUDGET", "\u0663", "like 6h30m"),
        ("TIME_BUDGET", "1" * 5000 + "h", "like 6h30m"),
        ("MAX_FAILED_TRIALS", "0", "greater than or equal to 1"),
        ("MAX_MISSING_SHARE", "-0.1", "greater than or equal to 0"),
        ("MAX_MISSING_SHARE", "10", "less than or equal to 1"),
        ("MAX_MISSING_SHARE", "nan", "less than or equal to 1"),
        ("RETRY_SECONDS", "0", "greater than 0"),
        ("RETRY_SECONDS", "inf", "finite number"),
        ("CHECKPOINT_SECONDS", "inf", "finite number"),
        ("PRICE_PER_HOUR", "inf", "finite number"),
        ("WARM_START_URI", "runs/1,,runs/2", "separated by commas, each once"),
        ("WARM_START_URI", "runs/1, runs/1", "separated by commas, each once"),
        ("LOG_FORMAT", "xml", "'auto', 'console' or 'json'"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_values_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str) -> None:
    """Each bad value is an error that names the variable, the value and what is allowed."""
    monkeypatch.setenv(f"FASHIONTUNE_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"FASHIONTUNE_{name}={value}: ")
    assert allowed in str(error.value)


@pytest.mark.parametrize("value", [" 3", "3 ", "3\n", "3\t", "\u00a03"])
@pytest.mark.parametrize("name", ["EPOCHS", "SEED", "CHECKPOINT_SECONDS", "PRICE_PER_HOUR", "TIME_BUDGET"])
def test_numbers_with_blanks_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A number with a blank or a line break is a mistake in a manifest or an env file, and is shown in quotes."""
    monkeypatch.setenv(f"FASHIONTUNE_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"FASHIONTUNE_{name}={value!r}: ")
    assert "allowed are " in str(error.value)


@pytest.mark.parametrize("value", [" 1h", "1h ", "1h\n"])
def test_durations_with_blanks_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A duration has no blank around it, no more than a number has."""
    monkeypatch.setenv("FASHIONTUNE_TIME_BUDGET", value)
    with pytest.raises(SettingsError, match="allowed are seconds"):
        load_settings()


def test_every_number_is_checked() -> None:
    """No field of a number goes around the check of blanks and underscores."""
    for field, info in Settings.model_fields.items():
        if info.annotation in {int, float}:
            with pytest.raises(ValueError, match=rf"\n{field}\n.*allowed are"):
                Settings.model_validate({field: " 3"})


NAMES = ("DATASET_URI", "OUTPUT_URI", "WARM_START_URI", "INIT_WEIGHTS", "CACHE_DIR", "TARGET_COLUMN")
"""Settings that are a place or a name."""


@pytest.mark.parametrize("value", ['"run"', "'run'", " run", "run\n", "\ufeffrun", "r\tn", "run\udcff", "$RUN"])
@pytest.mark.parametrize("name", NAMES)
def test_names_that_cannot_be_meant_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Quotes, blanks, line breaks, bytes and variables that nothing replaced are refused in one printable sentence."""
    monkeypatch.setenv(f"FASHIONTUNE_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"FASHIONTUNE_{name}={shown(value)}: it ")
    assert "; allowed are " in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("value", ["s3//bucket/x", "s3:/bucket/x", "gs://bucket/x", "S3://bucket/x", "file://host/x"])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "TARGET_COLUMN"])
def test_uris_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What looks like a URI and is none never becomes a folder's name."""
    monkeypatch.setenv(f"FASHIONTUNE_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"FASHIONTUNE_{name}={value}: it ")
    assert "; allowed are " in str(error.value)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "WARM_START_URI"])
def test_a_place_that_is_empty_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An empty variable is not its default: in a container that is a folder which is lost. No earlier run is none."""
    monkeypatch.setenv("FASHIONTUNE_WARM_START_URI", "")
    assert load_settings().warm_start_uris == []
    monkeypatch.setenv(f"FASHIONTUNE_{name}", "")
    with pytest.raises(SettingsError, match=f"FASHIONTUNE_{name}='': it is empty; allowed are "):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WARM_START_URI", "s3://bucket/1/,s3//bucket/2/", "it looks like a URI and is none; allowed are"),
        ("INIT_WEIGHTS", "s3://bucket", "it names no file; allowed are random, imagenet,"),
        ("INIT_WEIGHTS", "weights/", "it names no file; allowed are random, imagenet,"),
        ("INIT_WEIGHTS", "w.pth#sha256=", "allowed are 64 hexadecimal digits"),
        ("INIT_WEIGHTS", "w.pth#sha256=abc", "allowed are 64 hexadecimal digits"),
        ("CACHE_DIR", "s3://bucket/cache/", "it looks like a URI; allowed are paths of this machine"),
        ("CACHE_DIR", "file:///cache", "it looks like a URI; allowed are paths of this machine"),
    ],
)
def test_names_are_of_the_kind_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    """Each URI of a list is looked at, weights are a file, their checksum is one, and a cache is a local folder."""
    monkeypatch.setenv(f"FASHIONTUNE_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"FASHIONTUNE_{name}={value}: ")
    assert allowed in str(error.value)


def test_earlier_runs_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """One or more URIs; blanks beside a comma do not make another setting."""
    assert load_settings().warm_start_uris == []
    monkeypatch.setenv("FASHIONTUNE_WARM_START_URI", "s3://bucket/runs/1/,  runs/2")
    assert load_settings().warm_start_uris == ["s3://bucket/runs/1/", "runs/2"]
    assert load_settings().defining()["warm_start_uri"] == "s3://bucket/runs/1/,runs/2"


def test_several_bad_values_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is wrong is said at once, so that one start is enough to mend it."""
    monkeypatch.setenv("FASHIONTUNE_EPOCHS", "0")
    monkeypatch.setenv("FASHIONTUNE_DEVICE", "tpu")
    with pytest.raises(SettingsError, match=r"EPOCHS=0: .*; FASHIONTUNE_DEVICE=tpu: "):
        load_settings()


POINT = '{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0, "optimizer": ["sgd"]}'


def test_a_space_of_one_point_has_one_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known best is trained once more with N_TRIALS=1; more trials of it are refused, for they would be the same."""
    monkeypatch.setenv("FASHIONTUNE_SEARCH_SPACE", POINT)
    monkeypatch.setenv("FASHIONTUNE_N_TRIALS", "1")
    assert load_settings().space.searched == {}
    monkeypatch.setenv("FASHIONTUNE_N_TRIALS", "2")
    with pytest.raises(SettingsError, match="all four parameters are fixed, and FASHIONTUNE_N_TRIALS=2; ") as error:
        load_settings()
    assert error.value.setting == "search_space"


def test_fractions_must_leave_something_to_train_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fraction may be allowed while their sum is not."""
    monkeypatch.setenv("FASHIONTUNE_VALIDATION_FRACTION", "0.45")
    monkeypatch.setenv("FASHIONTUNE_TEST_FRACTION", "0.4")
    with pytest.raises(SettingsError, match=r"must add up to 0\.8 or less"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("FASHIONTUNE_EPOCH", "FASHIONTUNE_EPOCHS"),
        ("FASHIONTUNE_DATA_URI", "FASHIONTUNE_DATASET_URI"),
        ("FASHIONTUNE_TRIALS", "FASHIONTUNE_N_TRIALS"),
        ("fashiontune_epoch", "FASHIONTUNE_EPOCHS"),
    ],
)
def test_unknown_variables_are_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    """A misspelt variable is never passed over."""
    monkeypatch.setenv(name, "5")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value) == f"{name} is not a setting; the nearest one is {nearest} (see job --help)"


def test_defining_settings_leave_out_what_does_not_change_a_value() -> None:
    """Every field is classified: what defines the search is kept, budgets, places, logs and devices are free."""
    free = {
        "dataset_uri",  # its content counts, by fingerprint
        "output_uri",
        "cache_dir",
        "cache_limit",
        "n_trials",
        "final_trials",
        "final_seeds",
        "executor",
        "parallel_trials",  # run.json keeps what it came to
        "gpus_per_trial",
        "cpus_per_trial",  # run.json keeps the threads
        "device",
        "compile",
        "deterministic",
        "checkpoint_seconds",
        "time_budget",
        "max_failed_trials",
        "max_missing_share",
        "retry_seconds",
        "price_per_hour",
        "tensorboard",
        "log_format",
        "log_level",
    }
    assert set(Settings.model_fields) == SEARCH_DEFINING | free
    assert set(load_settings().defining()) == SEARCH_DEFINING


def test_every_setting_is_described() -> None:
    """Help has a sentence for each setting, with its variable and default."""
    rows = describe_settings()
    assert [row.variable for row in rows] == [variable_name(field) for field in Settings.model_fields]
    assert all(row.meaning.endswith(".") for row in rows)
    assert "FASHIONTUNE_EPOCHS=10\n" in settings_as_text()


def test_the_table_in_the_docs_is_the_settings_own() -> None:
    """It is made from the settings; `make settings` writes it."""
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")
    assert settings_as_markdown() in page
    assert replace_table(page) == page
