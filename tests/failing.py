"""The job in a process whose device fails: `python -m tests.failing` runs `job run`.

FAIL_AT is a JSON object: {"trial": 1, "times": 2, "error": "memory"}. The second epoch of that trial fails so often:
`memory` asks torch for more than there is, any other word is that of an error of the device.
"""

import json
import os
import sys
from typing import Any

import torch

from job.cli import main
from job.training import trial


def fail_at(number: int, times: int, error: str) -> None:
    """Have the second epoch of a trial fail."""
    train_epoch = trial._train_epoch
    failed: list[int] = []

    def failing(plan: Any, equipment: Any, state: Any, after_step: Any) -> float:
        if (plan.number, state.epoch) == (number, 2) and len(failed) < times:
            failed.append(state.step)
            if error == "memory":
                torch.empty(1 << 50)
            raise torch.AcceleratorError(error)
        return train_epoch(plan, equipment, state, after_step)

    setattr(trial, "_train_epoch", failing)  # noqa: B010 -- to the type checker it is another function


if __name__ == "__main__":
    where = json.loads(os.environ["FAIL_AT"])
    fail_at(where["trial"], where["times"], where["error"])
    sys.exit(main(sys.argv[1:]))
