"""The job in a process that notes which photos it uses for what: `python -m tests.noting` runs `job run`.

NOTE_ROWS is a file that gets a JSON line for each use, {"use": …, "rows": […]}: rows of the catalogue's photos. Uses
are `statistics` (mean and deviation), `training`, `validation` and `test`, and `memory`: the photos that are still in
it when the model is published. KILL_AT is that of tests.killing.
"""

import json
import os
import sys
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from job.cli import main
from job.study import equipment, finish, loop
from job.training import trial
from tests.killing import kill_at, watch_writes


def note_rows(path: Path) -> None:
    """Write down the photos of each call that reads any."""

    def wrap(module: Any, name: str, use: str, rows_of: Callable[..., Iterable[Any]]) -> None:
        original = getattr(module, name)

        def noting(*arguments: Any, **named: Any) -> Any:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"use": use, "rows": [int(row) for row in rows_of(*arguments, **named)]}) + "\n")
            return original(*arguments, **named)

        setattr(module, name, noting)

    wrap(equipment, "normalisation_of", "statistics", lambda _images, rows: rows)
    wrap(trial, "training_batch", "training", lambda _photos, plan, start, size: plan.order[start : start + size])
    wrap(trial, "evaluate", "validation", lambda _model, _photos, rows, *_: rows)
    wrap(finish, "evaluate", "test", lambda _model, _photos, rows, *_: rows)
    arrays: list[weakref.ref[Any]] = []
    photos_of = equipment.photos_of

    def remembering(catalogue: Any, *arguments: Any) -> Any:
        arrays.append(weakref.ref(catalogue.images))
        return photos_of(catalogue, *arguments)

    def in_memory(**_: Any) -> Iterable[int]:
        (reference,) = arrays
        images = reference()
        return range(0 if images is None else len(images))

    setattr(loop, "photos_of", remembering)  # noqa: B010 -- to the type checker it is another function
    wrap(finish, "model_files", "memory", in_memory)


if __name__ == "__main__":
    note_rows(Path(os.environ["NOTE_ROWS"]))
    if "KILL_AT" in os.environ:
        watch_writes(kill_at(**json.loads(os.environ["KILL_AT"])))
    sys.exit(main(sys.argv[1:]))
