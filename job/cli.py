"""The door: parse the command line, set up logs, run the command, and turn every ending into its exit code.

Each command imports what is heavy (torch, pandas, boto3) itself, so that `job --help` answers at once.
"""

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import structlog

from job import __version__
from job.errors import (
    DeviceError,
    ExitCode,
    JobError,
    Preempted,
    ResourcesError,
    StorageUnavailableError,
    WorkersUnavailableError,
)
from job.last_words import leave_last_words
from job.logs import configure_logs
from job.preemption import Preemption
from job.records.status import RunState
from job.settings import Settings, load_settings, variable_name
from job.settings_help import settings_as_text
from job.storage.uri import check_path, check_uri, shown
from job.watch.choose import open_watch

_log = structlog.get_logger()

_EXIT_CODES = """\
exit codes:
  0    done (also: budget spent, results published)
  42   will not get better by itself: settings, data, permissions, a run that does not match
  143  SIGTERM: state saved, start again to go on
  130  SIGINT: the same
  1    anything else: storage down after retries, a GPU that fails, Ray that is gone, or a bug
"""

_FAILED: dict[type[Exception], str] = {
    StorageUnavailableError: "storage unavailable",
    WorkersUnavailableError: "workers unavailable",
    DeviceError: "device failed",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the process's exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a star or a name that a terminal does not know must end no job
    options = _parser().parse_args(arguments)
    configure_logs()
    try:
        command: Callable[[argparse.Namespace], None] = options.command
        command(options)
    except JobError as error:
        named = str(error) if error.setting is None else f"{variable_name(error.setting)}: {error}"
        _log.error("job failed", error=named, exit_code=int(ExitCode.PERMANENT))
        leave_last_words(f"failed for good: {named}")
        return ExitCode.PERMANENT
    except (StorageUnavailableError, WorkersUnavailableError, DeviceError) as error:
        failed = next(words for kind, words in _FAILED.items() if isinstance(error, kind))
        _log.error(failed, error=str(error), exit_code=int(ExitCode.FAILURE))
        leave_last_words(f"{failed}: {error}")
        return ExitCode.FAILURE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Preempted as event:
        code = ExitCode(128 + event.signal_number)
        _log.warning("preempted", signal=event.signal_number, exit_code=int(code))
        leave_last_words(f"interrupted by signal {event.signal_number}; the next start goes on")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a thread that waits for slow storage must not delay the exit
    except BrokenPipeError:  # the reader of our output has gone, e.g. `job schema | head`
        sys.stdout = None
        return ExitCode.FAILURE
    except Exception as error:  # noqa: BLE001 -- the door: whatever it is, it is logged with its traceback
        if lacking := _lacking(error):
            _log.error("resources exhausted", error=lacking, exit_code=int(ExitCode.FAILURE))
            leave_last_words(f"resources exhausted: {lacking}")
        else:
            _log.exception("bug", exit_code=int(ExitCode.FAILURE))
            leave_last_words(f"bug: {type(error).__name__}: {error}")
        return ExitCode.FAILURE
    return ExitCode.DONE


def _lacking(error: Exception) -> str:
    """Return a sentence if the system lacks threads, processes or open files; else nothing."""
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return "no file more can be opened; raise the limit of open files (ulimit -n)"
    if isinstance(error, ResourcesError):
        reason = str(error)
    elif str(error).endswith(
        ("can't start new thread", "Resource temporarily unavailable")
    ):  # Python's; torch's, fork's
        reason = "no thread or process more can be started"
    else:
        return ""
    return f"{reason}; raise the limit of processes (ulimit -u, or the container's pids), or set OMP_NUM_THREADS lower"


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that exits with ExitCode.PERMANENT in place of 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ExitCode.PERMANENT, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="job",
        description="Tune a ResNet18 on a catalogue of product photos, on machines that may vanish at any second.",
        epilog=f"settings, read from the environment:\n{settings_as_text()}\n\n{_EXIT_CODES}".replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("run", help="tune, or go on tuning (the default)").set_defaults(command=_run)
    check = commands.add_parser("check", help="check settings, catalogue and write access before GPU hours are spent")
    check.set_defaults(command=_check)
    sample = commands.add_parser("sample", help="write the built-in sample catalogue into a folder")
    sample.add_argument("directory", metavar="DIR", help="a folder that is empty or not there yet")
    sample.set_defaults(command=_sample)
    predict = commands.add_parser(
        "predict",
        help="tell photos apart with a run's published model",
        description="Tell photos apart with the model that a run has published. Prints a row for each photo on a "
        "terminal, and one JSON object a line elsewhere. Photos that cannot be used are named, the others are done, "
        "and the exit code is then 42. The device is FASHIONTUNE_DEVICE.",
    )
    predict.add_argument(
        "run_uri", metavar="RUN_URI", help="a run's OUTPUT_URI: s3://bucket/prefix/, a path or file://"
    )
    predict.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a photo, or a folder or prefix with photos (.jpg, .jpeg, .png) at any depth; a path, s3:// or file://",
    )
    predict.add_argument("--top", type=_positive, default=3, metavar="K", help="classes to name for a photo (3)")
    predict.add_argument("--json", action="store_true", help="print JSON on a terminal, too")
    predict.set_defaults(command=_predict)
    report = commands.add_parser("report", help="draw a run's report.html and figures again")
    report.add_argument(
        "run_uri", metavar="RUN_URI", help="the run's OUTPUT_URI: s3://bucket/prefix/, a path or file://"
    )
    report.set_defaults(command=_report)
    status = commands.add_parser(
        "status",
        help="print how far a run is, from anywhere",
        description="Print how far a run is and who works on it, from what lies in its storage. The exit code is 42 if "
        "it has failed for good or is not there.",
    )
    status.add_argument("run_uri", metavar="RUN_URI", help="a run's OUTPUT_URI: s3://bucket/prefix/, a path or file://")
    status.add_argument("--watch", action="store_true", help="go on until the run ends")
    status.add_argument("--json", action="store_true", help="print JSON; with --watch at the end")
    status.set_defaults(command=_status)
    commands.add_parser("schema", help="print the JSON Schema of results.json").set_defaults(command=_schema)
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no number from 1 on"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _checked(name: str, text: str, check: Callable[[str], str]) -> str:
    """Return a checked argument; raises JobError, naming it, if `check` raises ValueError."""
    try:
        return check(text)
    except ValueError as error:
        message = f"{name}={shown(text)}: {error}"
        raise JobError(message) from None


def _settings() -> Settings:
    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level)
    return settings


@contextmanager
def _preemptible() -> Iterator[Preemption]:
    """Handle signals from now on, before the seconds that importing torch takes.

    An error after a signal is taken for its work: C code that imports a module may turn Preempted into any other.
    """
    stop = Preemption()
    stop.install()
    try:
        yield stop
    except Exception:
        stop.check()
        raise


def _run(_options: argparse.Namespace) -> None:
    with _preemptible() as stop:
        settings = _settings()
        structlog.contextvars.bind_contextvars(run=settings.output_uri)
        with open_watch(settings.log_format, settings.output_uri) as watch:
            from job.study.start import run_job  # noqa: PLC0415
            from job.watch.summary import in_a_sentence, print_summary  # noqa: PLC0415

            outcome = run_job(settings, stop, watch)
        leave_last_words(in_a_sentence(outcome.results, outcome.uri))
        if _for_people(settings):
            print_summary(outcome.results, outcome.uri, trials=not watch.shows_trials)


def _check(_options: argparse.Namespace) -> None:
    with _preemptible():
        settings = _settings()
        with open_watch(settings.log_format, settings.output_uri) as watch:
            from job.study.prepare import check_job  # noqa: PLC0415 -- imports torch
            from job.watch.summary import print_check  # noqa: PLC0415

            dataset = check_job(settings, watch.meter)
        if _for_people(settings):
            print_check(dataset)


def _sample(options: argparse.Namespace) -> None:
    from job.sample.sample import write_sample  # noqa: PLC0415 -- imports Pillow

    directory = Path(_checked("DIR", options.directory, check_path))
    try:
        write_sample(directory)
    except OSError as error:
        message = f"{directory} cannot be written: {error.strerror}"
        raise JobError(message) from None
    _log.info("sample catalogue written", directory=str(directory))


def _predict(options: argparse.Namespace) -> None:
    with _preemptible():
        run_uri = _checked("RUN_URI", options.run_uri, check_uri)
        settings = _settings()
        from job.model.loading import load_published  # noqa: PLC0415 -- imports torch
        from job.model.predict import predict_photos  # noqa: PLC0415
        from job.model.predictions import print_json, print_table  # noqa: PLC0415

        published = load_published(run_uri, settings)
        found = predict_photos(published, options.images, top=options.top, retry_seconds=settings.retry_seconds)
        if options.json or not sys.stdout.isatty():
            print_json(found)
        else:
            print_table(found, published.description.classes)


def _report(options: argparse.Namespace) -> None:
    from job.page.files import redraw  # noqa: PLC0415 -- imports altair

    run_uri = _checked("RUN_URI", options.run_uri, check_uri)
    keys = redraw(run_uri)
    _log.info("report drawn", run=run_uri, objects=keys)


def _status(options: argparse.Namespace) -> None:
    from job.study.status import find_status  # noqa: PLC0415
    from job.watch.status import print_status, watch_run  # noqa: PLC0415 -- imports rich

    run_uri = _checked("RUN_URI", options.run_uri, check_uri)
    look = find_status(run_uri)
    status = watch_run(look) if options.watch else look()
    if options.json:
        print(json.dumps(json.loads(status.to_json()), indent=2))
    elif not options.watch:
        print_status(status)
    if status.state is RunState.FAILED:
        sys.exit(ExitCode.PERMANENT)


def _schema(_options: argparse.Namespace) -> None:
    from job.records.results import results_schema  # noqa: PLC0415

    print(json.dumps(results_schema(), indent=2))


def _for_people(settings: Settings) -> bool:
    return settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
