"""The job in a process that kills itself, for real, before or after a named write.

`python -m tests.killing` runs `job run`; KILL_AT is JSON: {"operation": "create", "key": "trials/", "occurrence": 2,
"when": "after", "signal": 9}. Which write it is counts, not when it happens, so a kill is where it says it is.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from job.cli import main
from job.storage.local import LocalStorage
from job.storage.s3 import S3Storage


def install(operation: str, key: str, occurrence: int, when: str, signal: int) -> None:
    """Make the storages kill this process at the given write."""
    seen = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: Any, name: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal seen
            hit = str(name).startswith(key)
            seen += hit
            if hit and seen == occurrence and when == "before":
                os.kill(os.getpid(), signal)
            result = original(self, name, *arguments, **options)
            if hit and seen == occurrence and when == "after":
                os.kill(os.getpid(), signal)
            return result

        return write

    for storage in (LocalStorage, S3Storage):
        setattr(storage, operation, wrap(getattr(storage, operation)))


if __name__ == "__main__":
    install(**json.loads(os.environ["KILL_AT"]))
    sys.exit(main(sys.argv[1:]))
