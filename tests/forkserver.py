"""A process that imports what a job needs once and forks a process for each job that a test asks for.

Reads one JSON request a line: program, arguments, environment, the directory that gets its `out` and `err`, and when
it shall be sent which signal: [seconds, signal], ["out", signal] as soon as it has printed something, or null.
Answers with the wait status of the process. It never trains itself, so the forked processes find no threads.
"""

import json
import os
import runpy
import select
import subprocess
import sys
import traceback
from typing import Any

import boto3  # noqa: F401 -- imported for the processes that are forked
import pandas as pd  # noqa: F401

import job.study.loop  # noqa: F401
from job.page import charts, page, theme


def run_forked(request: dict[str, Any]) -> None:
    """Become the job that is asked for; never returns."""
    code = 1
    try:
        for descriptor, name in ((0, os.devnull), (1, "out"), (2, "err")):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT
            os.dup2(os.open(os.path.join(request["directory"], name), flags, 0o600), descriptor)  # noqa: PTH118
        os.chdir(request["working_directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["program"], *request["arguments"]]
        runpy.run_module(request["program"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 -- what a fresh interpreter would have printed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def has_ended(child: int, moment: float | str, out: str) -> bool:
    """Wait so many seconds, or until the file `out` holds something; return whether the process ended before."""
    descriptor = os.pidfd_open(child)
    try:
        if not isinstance(moment, str):
            return bool(select.select([descriptor], [], [], moment)[0])
        while not (os.path.exists(out) and os.path.getsize(out)):  # noqa: PTH110, PTH202
            if select.select([descriptor], [], [], 0.01)[0]:
                return True
        return False
    finally:
        os.close(descriptor)


def main() -> None:
    """Serve requests until standard input ends."""
    # bundling takes longer than a tiny job, and V8, which does it, must not run in a process that is forked
    code = "import sys; from job.page.charts import script; sys.stdout.write(script())"
    bundle = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for module in (charts, page):
        setattr(module, "script", lambda: bundle)  # noqa: B010 -- to the type checker it is another function
    for weight in theme.WEIGHTS:  # the rest of a first page that needs no V8
        theme.font_face(weight, page.COMMON)
    for name in page._templates().list_templates(extensions=["html"]):
        page._templates().get_template(name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            run_forked(request)
        if request["kill"]:
            moment, number = request["kill"]
            if not has_ended(child, moment, os.path.join(request["directory"], "out")):  # noqa: PTH118
                os.kill(child, number)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
