"""The door: help at once, the schema, and an exit code for every ending."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from job.cli import main
from job.errors import ExitCode
from job.settings import Settings, variable_name


def job(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "job", *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_commands_settings_and_exit_codes() -> None:
    """`job --help` is all that a user needs to start."""
    result = job("--help")
    assert result.returncode == 0
    for name in Settings.model_fields:
        assert variable_name(name) in result.stdout
    for code in ExitCode:
        assert f"\n  {int(code)} " in result.stdout
    for command in ("run", "check", "sample", "report", "predict", "schema"):
        assert f"\n    {command} " in result.stdout


def test_help_and_schema_do_not_import_what_is_heavy() -> None:
    """Help answers at once, since torch, pandas, boto3 and skopt are imported only by what needs them."""
    program = (
        "import sys; from job.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "main(['schema'])\n"
        "heavy = {'torch', 'pandas', 'boto3', 'skopt', 'sklearn', 'scipy', 'PIL', 'numpy'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_schema_is_a_json_schema_of_results() -> None:
    """`job schema` prints the schema, by which results.json can be checked without this package."""
    schema = json.loads(job("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"schema_version", "status", "settings", "dataset", "trials", "best", "test", "run"} <= set(
        schema["required"]
    )


def test_a_bad_setting_is_one_json_event_and_exit_42() -> None:
    """What a user did wrong is one line, one sentence and no traceback."""
    result = job("run", FASHIONTUNE_EPOCHS="0")
    assert result.returncode == 42
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    event = json.loads(line)
    assert event["event"] == "job failed"
    assert event["error"].startswith("FASHIONTUNE_EPOCHS=0: ")
    assert event["exit_code"] == 42


def test_an_unknown_command_is_a_usage_error() -> None:
    """What was typed wrong is said with what is allowed, and has the exit code that no restart will mend."""
    result = job("tune")
    assert result.returncode == 42
    assert "invalid choice: 'tune'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict",), "the following arguments are required: RUN_URI, IMAGE"),
        (("predict", "run/"), "the following arguments are required: IMAGE"),
        (("predict", "run/", "1.jpg", "--top", "0"), "argument --top: '0' is no number from 1 on"),
    ],
)
def test_predict_says_what_it_lacks(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prediction without a run or photos, or of no class, is a usage error with the exit code of all those."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == ExitCode.PERMANENT
    assert message in capsys.readouterr().err


def test_sample_writes_a_catalogue_and_nothing_over_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`job sample DIR` writes the sample, and refuses a folder that holds something."""
    assert main(["sample", str(tmp_path / "sample")]) == ExitCode.DONE
    assert (tmp_path / "sample" / "styles.csv").exists()
    assert main(["sample", str(tmp_path / "sample")]) == ExitCode.PERMANENT
    assert "a new or an empty folder" in capsys.readouterr().err


def test_sample_says_where_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is the user's to mend."""
    (tmp_path / "file").touch()
    assert main(["sample", str(tmp_path / "file" / "sample")]) == ExitCode.PERMANENT
    assert "cannot be written" in capsys.readouterr().err
