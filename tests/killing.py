"""The job in a process that kills itself, for real, before or after a named write, or that notes its writes.

`python -m tests.killing` runs `job run`. A write is named by its operation and its place: `put`, `create` and `delete`
are those of the storage, `link` and `rename` those of the file system beneath it and beneath the cache. Named like a
write are also a `step` boundary of the trial in flight and a `call` of what takes long: reading the catalogue, a
suggestion, an evaluation. A place is an object's name, its folder with a slash, or a function; weights, checkpoints and
event files of repetitions have places of their own, the folder with `/-`. Which write it is counts, not when it
happens, so a kill is where it says it is.

KILL_AT is a JSON object: {"operation": "create", "place": "trials/", "occurrence": 2, "when": "after", "signal": 9}.
NOTE_WRITES is a file that gets a line for each write: its operation and place.
So that a busy machine changes nothing of it, CHECKPOINTS=each-step takes a checkpoint after each step and waits until
it is written, a signal may take an hour to be heeded, or GRACE_SECONDS, and progress.json is written at the beginning
and after each trial alone.
"""

import functools
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job import preemption
from job.cli import main
from job.storage.local import LocalStorage
from job.storage.s3 import S3Storage
from job.study import finish, prepare, show, suggestions
from job.study.checkpoints import Checkpoints
from job.training import trial

_PATIENCE = 3600.0

Watch = Callable[[str, str, str], None]
"""Called with an operation, its place, and `before` or `after`."""


def place_of(key: str) -> str:
    """Return the place of a write: keys in one folder have one place, and names that are drawn at random, too."""
    folder, slash, name = key.partition("/")
    if not slash:
        return "." if key.startswith(".") else key
    return f"{folder}/-" if folder != "finals" and re.match(r"\d+-", name) else f"{folder}/"


def _place_of_path(path: str) -> str:
    """Return the place of a file of the output or the cache, and nothing for any other."""
    for name in ("FASHIONTUNE_OUTPUT_URI", "FASHIONTUNE_CACHE_DIR"):
        if path.startswith(f"{os.environ[name]}/"):
            return place_of(path.removeprefix(f"{os.environ[name]}/"))
    return ""


def watch_writes(watch: Watch) -> None:
    """Have `watch` called before and after each write."""
    preemption.GRACE_SECONDS = float(os.environ.get("GRACE_SECONDS", _PATIENCE))
    show.PULSE_SECONDS = _PATIENCE
    if os.environ.get("CHECKPOINTS") == "each-step":
        Checkpoints.after_step = Checkpoints.save_now  # type: ignore[method-assign]

    def wrap(owner: Any, operation: str, place: Callable[..., str], name: str = "") -> None:
        original = getattr(owner, name or operation)

        @functools.wraps(original)
        def write(*arguments: Any, **options: Any) -> Any:
            where = place(*arguments)
            if not where:
                return original(*arguments, **options)
            watch(operation, where, "before")
            result = original(*arguments, **options)
            watch(operation, where, "after")
            return result

        setattr(owner, name or operation, write)

    for storage in (LocalStorage, S3Storage):
        for operation in ("put", "create", "delete"):
            wrap(storage, operation, lambda _self, key, *_: place_of(key))
    wrap(os, "link", lambda _source, target: _place_of_path(str(target)))
    wrap(os, "rename", lambda _source, target: _place_of_path(str(target)))
    wrap(os, "rename", lambda _source, target: _place_of_path(str(target)), name="replace")
    wrap(Checkpoints, "step", lambda *_: "trial", name="after_step")
    for module, name in (
        (prepare, "load_catalogue"),
        (suggestions, "suggest"),
        (trial, "evaluate"),
        (finish, "evaluate"),
    ):
        place = f"{module.__name__}.{name}"
        wrap(module, "call", lambda *_, place=place: place, name=name)


def kill_at(operation: str, place: str, occurrence: int, when: str, signal: int) -> Watch:
    """Return a watch that sends this process a signal at the given write."""
    seen: Counter[str] = Counter()

    def watch(found: str, where: str, moment: str) -> None:
        if (found, where) == (operation, place):
            seen[moment] += 1
            if moment == when and seen[moment] == occurrence:
                os.kill(os.getpid(), signal)

    return watch


def note(path: Path) -> Watch:
    """Return a watch that writes down each write."""

    def watch(operation: str, place: str, moment: str) -> None:
        if moment == "before":
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{operation} {place}\n")

    return watch


if __name__ == "__main__":
    if "NOTE_WRITES" in os.environ:
        watch_writes(note(Path(os.environ["NOTE_WRITES"])))
    else:
        watch_writes(kill_at(**json.loads(os.environ["KILL_AT"])))
    sys.exit(main(sys.argv[1:]))
