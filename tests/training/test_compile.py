"""torch.compile: once a process, not once a trial, and in every process the same program."""

import functools
import shutil
from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from job.training.checkpoint import seal
from job.training.plan import Equipment, TrialOutcome, TrialPlan
from job.training.state import TrialState, fresh_state, restore_state, take_checkpoint
from job.training.trial import run_trial
from tests.training.photos import CPU, make_photos, make_plan

PHOTOS = make_photos(count=48)
COMPILED = Equipment(PHOTOS, CPU, initial=None, compile_model=True)
EAGER = Equipment(PHOTOS, CPU, initial=None, compile_model=False)


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    """Forget what other tests have compiled."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def trial(plan: TrialPlan, gear: Equipment) -> TrialOutcome:
    return run_trial(plan, gear, fresh_state(plan, gear))


def losses(result: TrialOutcome) -> list[tuple[float, float]]:
    return [(scores.train_loss, scores.validation_loss) for scores in result.epochs]


def checkpoint_within_validation(plan: TrialPlan) -> bytes:
    """Return a checkpoint between two batches of the first validation."""
    found: list[bytes] = []

    def after_step(state: TrialState) -> None:
        if not state.model.training and not found:
            data = take_checkpoint(plan, state)
            seal(data)
            found.append(bytes(data))

    run_trial(plan, EAGER, fresh_state(plan, EAGER), after_step)
    return found[0]


def test_all_trials_of_a_process_share_one_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of other weights and optimizers, validations and a trial gone on with compile the one training step once.

    What the compiler is given is run as it is, so that every loss is that of a model that is not compiled.
    """
    counter = CompileCounter()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    gone_on_with = make_plan(number=5, epochs=2)
    checkpoint = checkpoint_within_validation(gone_on_with)
    found = [losses(run_trial(gone_on_with, COMPILED, restore_state(gone_on_with, COMPILED, checkpoint)))]
    plans = [make_plan(number=0, epochs=1), make_plan(number=1, epochs=1, optimizer="adam", learning_rate=0.001)]
    found += [losses(trial(plan, COMPILED)) for plan in plans]
    assert counter.frame_count == 1
    assert found == [losses(trial(plan, EAGER)) for plan in (gone_on_with, *plans)]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler here, and there is no g++")
def test_a_compiled_trial_is_the_same_whatever_was_compiled_before() -> None:
    """With the real compiler a trial's losses do not depend on earlier trials, and are nearly those without it."""
    plan = make_plan(number=1, epochs=1)
    trial(make_plan(number=0, epochs=1), COMPILED)
    second = losses(trial(plan, COMPILED))
    torch.compiler.reset()
    assert losses(trial(plan, COMPILED)) == second
    for found, expected in zip(second, losses(trial(plan, EAGER)), strict=True):
        assert found == pytest.approx(expected, rel=0.05)
