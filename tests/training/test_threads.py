"""Threads: with as many of them a trial repeats to the last bit, and goes on from a checkpoint as if never stopped."""

from collections.abc import Iterator

import pytest
import torch

from job.training.checkpoint import seal
from job.training.plan import Equipment, TrialPlan
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint
from job.training.trial import run_trial
from tests.training.photos import CPU, make_photos, make_plan

STEPS = 3


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many threads torch has."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(("height", "width"), [(40, 30), (80, 60)])
@pytest.mark.parametrize("learning_rate", [0.001, 0.1])
@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop"])
def test_a_trial_repeats_and_goes_on_to_the_last_bit(
    threads: int, optimizer: str, learning_rate: float, height: int, width: int
) -> None:
    """Trained twice, and once more from the checkpoint of its second step, a trial has the same weights and losses."""
    gear = Equipment(make_photos(18, height=height, width=width), CPU, initial=None, compile_model=False)
    plan = make_plan(optimizer=optimizer, learning_rate=learning_rate, epochs=1, batch_size=12 // STEPS)
    first, checkpoint = _train(plan, gear, fresh_state(plan, gear))
    second, _ = _train(plan, gear, fresh_state(plan, gear))
    resumed, _ = _train(plan, gear, restore_state(plan, gear, checkpoint))
    assert first == second == resumed, f"with {threads} threads"


def _train(plan: TrialPlan, gear: Equipment, state: TrialState) -> tuple[bytes, bytes]:
    """Train to the end; return the last state, which is one checkpoint of weights, optimizer and losses, and step 2."""
    found: dict[int, bytes] = {}

    def after_step(state: TrialState) -> None:
        if state.model.training:
            state.train_seconds = 0.0  # of all that a checkpoint holds, what may differ
            data = take_checkpoint(plan, state)
            seal(data)
            found[state.step] = bytes(data)

    run_trial(plan, gear, state, after_step)
    return found[STEPS], found.get(2, b"")
