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
    )


def test_help_lists_commands_settings_and_exit_codes() -> None:
    """`job --help` is all that a user needs to start."""
    result = job("--help")
    assert result.returncode == 0
    for name in Settings.model_fields:
        assert variable_name(name) in result.stdout
    for code in ExitCode:
        assert f"\n  {int(code)} " in result.stdout
    for command in ("run", "check", "sample", "report", "predict", "status", "schema"):
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


@pytest.mark.parametrize(
    "arguments", [("report", "URI"), ("predict", "URI", "1.jpg"), ("status", "URI")], ids=lambda each: each[0]
)
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ('"s3://b/run/"', 'RUN_URI="s3://b/run/": it has quotes around it; allowed are s3://bucket/prefix/'),
        ("s3//b/run/", "RUN_URI=s3//b/run/: it looks like a URI and is none; allowed are"),
        ("gs://b/run/", "RUN_URI=gs://b/run/: it has the scheme gs; allowed are"),
        ("", "RUN_URI='': it is empty; allowed are"),
        ("run\n", "RUN_URI='run\\n': it begins or ends with a blank or a line break; allowed are"),
        ("r\udcffn", "RUN_URI='r\\udcffn': it is no UTF-8; allowed are"),
    ],
)
def test_a_run_that_cannot_be_meant_is_refused(arguments: tuple[str, ...], uri: str, message: str) -> None:
    """A run's URI is looked at like a setting, and the argument is named."""
    result = job(*(uri if argument == "URI" else argument for argument in arguments))
    assert result.returncode == 42
    (line,) = result.stderr.splitlines()
    assert message in json.loads(line)["error"]


@pytest.mark.parametrize("directory", ["s3://bucket/sample/", '"sample"', ""])
def test_sample_is_written_to_no_uri(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A URI is no folder, and no folder of its name is made."""
    assert main(["sample", directory]) == ExitCode.PERMANENT
    assert "allowed are paths of this machine" in capsys.readouterr().err


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
