"""Trials: they learn, repeat to the last bit, and end as diverged or failed without ending the job."""

import dataclasses
import math
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from job.errors import Preempted
from job.records.objective import better
from job.training import state as state_module
from job.training.data import Photos
from job.training.device import Device
from job.training.evaluate import evaluate
from job.training.model import build_model, copy_weights
from job.training.optimizers import learning_rate_at
from job.training.plan import EpochScores, Equipment, TrialOutcome, TrialPlan, step_sizes
from job.training.state import TrialState, fresh_state
from job.training.trial import run_trial, train_epochs
from tests.training.photos import CPU, make_photos, make_plan


def run(
    plan: TrialPlan,
    photos: Photos | None = None,
    after_step: Callable[[TrialState], None] = lambda _: None,
    epochs: list[EpochScores] | None = None,
) -> TrialOutcome:
    equipment = Equipment(photos or make_photos(), CPU, initial=None, compile_model=False)
    state = fresh_state(plan, equipment)
    for scores in train_epochs(plan, equipment, state, after_step):
        if epochs is not None:
            epochs.append(scores)
    return state.outcome


def curve(result: TrialOutcome) -> list[tuple[float, ...]]:
    return [(s.epoch, s.train_loss, s.validation_loss, s.accuracy, s.macro_f1) for s in result.epochs]


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop"])
def test_a_trial_learns(optimizer: str) -> None:
    """With each optimizer an easy task is learnt, and the weights are those of the best epoch."""
    rate = 0.0005 if optimizer in {"adam", "rmsprop"} else 0.05
    photos = make_photos()
    seen: list[EpochScores] = []
    result = run(make_plan(optimizer=optimizer, learning_rate=rate, epochs=6), photos, epochs=seen)
    assert result.status == "complete"
    assert seen == result.epochs
    assert result.value == max(scores.accuracy for scores in result.epochs) > 0.8
    assert result.best_epoch == next(s.epoch for s in result.epochs if s.accuracy == result.value)
    model = build_model(photos.n_classes, 0, None)
    assert result.weights is not None
    model.load_state_dict(result.weights)
    model = model.to(memory_format=torch.channels_last)
    confusion = evaluate(model, photos, photos.validation, CPU).confusion
    assert confusion.trace() / confusion.sum() == pytest.approx(result.value)


def test_a_step_has_the_rate_of_the_whole_schedule_and_gradients_of_its_own() -> None:
    """The rate falls from epoch to epoch, no gradient is left from a step, and each step is one of training."""
    plan, rates = make_plan(epochs=3), []

    def after_step(state: TrialState) -> None:
        assert all(parameter.grad is None for parameter in state.model.parameters())
        if state.model.training:
            rates.append(float(state.optimizer.param_groups[0]["lr"]))

    run(plan, after_step=after_step)
    assert rates == [learning_rate_at(step, 24, plan.learning_rate) for step in range(24)]


def test_the_weights_are_those_of_the_best_epoch_and_not_of_the_last() -> None:
    """A model that is ruined by the last step of the last epoch leaves the weights that it had when it was best."""
    plan, photos = make_plan(epochs=4), make_photos()
    _, steps = step_sizes(len(photos.train), plan.batch_size)
    validated: dict[int, dict[str, torch.Tensor]] = {}

    def after_step(state: TrialState) -> None:
        if not state.model.training:
            validated[state.epoch] = copy_weights(state.model)
        elif (state.epoch, state.step) == (plan.epochs, steps):
            for parameter in state.model.parameters():
                parameter.data.zero_()

    result = run(plan, photos, after_step)
    accuracies = [scores.accuracy for scores in result.epochs]
    assert accuracies[-1] < 0.5
    assert result.value == max(accuracies)
    assert result.best_epoch == accuracies.index(max(accuracies)) + 1 < plan.epochs
    assert result.weights is not None
    kept = validated[result.best_epoch]
    assert all(torch.equal(kept[name], value) for name, value in result.weights.items())


def test_a_trial_can_be_stopped_after_any_epoch() -> None:
    """It yields the scores of each epoch; pruned, it has neither value nor weights, and the epochs that count."""
    equipment = Equipment(make_photos(), CPU, initial=None, compile_model=False)
    plan = make_plan(epochs=5)
    state = fresh_state(plan, equipment)
    epochs = train_epochs(plan, equipment, state)
    seen = [next(epochs) for _ in range(4)]
    epochs.close()
    outcome = state.outcome
    assert [scores.epoch for scores in seen] == [1, 2, 3, 4]
    assert outcome.epochs == seen
    assert outcome.value is not None
    outcome.prune(3)
    assert (outcome.status, outcome.epochs) == ("pruned", seen[:3])
    assert [outcome.value, outcome.best_epoch, outcome.weights] == [None, None, None]


def test_a_trial_repeats_to_the_last_bit_in_another_process() -> None:
    """The same plan gives the same curve and weights, whatever ran before, in this process and in a fresh one."""
    program = (
        "import hashlib, torch; torch.set_num_threads(1)\n"
        "from tests.training.test_trial import curve, run\n"
        "from tests.training.photos import make_plan\n"
        "result = run(make_plan(epochs=2))\n"
        "digest = hashlib.sha256(b''.join(v.numpy().tobytes() for v in result.weights.values()))\n"
        "print(curve(result), digest.hexdigest())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_trials_differ_by_number_and_seed() -> None:
    """Another trial or another seed means other initial weights and another order."""
    first = curve(run(make_plan(epochs=1)))
    assert curve(run(make_plan(epochs=1, number=4))) != first
    assert curve(run(make_plan(epochs=1, seed=1))) != first


def test_validation_photos_do_not_influence_training() -> None:
    """Replacing every validation photo by noise leaves the training loss as it was, to the last bit."""
    photos = make_photos()
    images = photos.images.clone()
    images[photos.validation] = 255 - images[photos.validation]
    noise = dataclasses.replace(photos, images=images)
    losses = [[s.train_loss for s in run(make_plan(epochs=2), p).epochs] for p in (photos, noise)]
    assert losses[0] == losses[1]


def test_a_loss_that_is_not_finite_ends_the_trial_at_once() -> None:
    """A learning rate that blows up is recorded as diverged, with its reason and no value."""
    steps = 0

    def count(_: TrialState) -> None:
        nonlocal steps
        steps += 1

    result = run(make_plan(learning_rate=1e30, epochs=50), after_step=count)
    assert result.status == "diverged"
    assert (result.value, result.best_epoch, result.weights) == (None, None, None)
    assert result.error is not None
    assert result.error.startswith("the loss was not finite in epoch")
    assert steps < 40


def small_model(*_: object) -> nn.Module:
    """Return a model a hundredth of a ResNet18's size, which a CPU takes long for in float16."""
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())
    return nn.Sequential(*body, nn.Linear(128, 3))


@pytest.fixture
def filled_memory() -> Iterator[None]:
    """Fill memory that nobody has written to with NaN, where else anything may lie."""
    before = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    yield
    torch.use_deterministic_algorithms(before[0], warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = before[1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop"])
@pytest.mark.usefixtures("filled_memory")
def test_a_gradient_that_overflows_costs_float16_one_step(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, dtype: torch.dtype, step: int
) -> None:
    """The scaler skips that step, the first one, too, and training goes on; without a scaler the trial diverges."""
    device = Device(torch.device("cpu"), None if dtype == torch.float32 else dtype, dtype == torch.float16)
    gear = Equipment(make_photos(count=48), device, initial=None, compile_model=False)
    plan = make_plan(optimizer=optimizer, learning_rate=0.001, epochs=2, batch_size=4)
    monkeypatch.setattr(state_module, "build_model", small_model)
    state = fresh_state(plan, gear)
    overflown = []

    def overflow(gradient: torch.Tensor) -> torch.Tensor:
        if (state.epoch, state.step) != (1, step - 1):
            return gradient
        overflown.append(copy_weights(state.model))
        return torch.full_like(gradient, math.inf)

    def after_step(now: TrialState) -> None:
        if now.model.training and (now.epoch, now.step) == (1, step) and device.scale_gradients:
            weights = copy_weights(now.model)
            learnt = dict(now.model.named_parameters())
            assert all(torch.equal(weights[name], overflown[0][name]) for name in learnt)

    next(iter(state.model.parameters())).register_hook(overflow)
    outcome = run_trial(plan, gear, state, after_step)
    assert len(overflown) == 1
    if device.scale_gradients:
        assert outcome.status == "complete"
        assert max(float(each.detach().abs().max()) for each in state.model.parameters()) < 10
    else:
        assert outcome.status == "diverged"


def test_other_errors_and_preemption_pass_through() -> None:
    """A bug and too little memory keep their traceback, and a preemption puts the trial down between two steps."""

    def bug(_: TrialState) -> None:
        raise RuntimeError("shape mismatch")

    def preempt(_: TrialState) -> None:
        raise Preempted(15)

    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(make_plan(), after_step=bug)
    with pytest.raises(Preempted):
        run(make_plan(), after_step=preempt)


def test_log_loss_is_minimised() -> None:
    """With that objective the value is the smallest validation loss."""
    result = run(make_plan(objective="log_loss", epochs=3))
    assert result.value == min(scores.validation_loss for scores in result.epochs)


def test_better_prefers_the_first_of_equal_values() -> None:
    """Equal values do not replace the earlier one, and the direction follows the objective."""
    assert better(0.5, None, "accuracy")
    assert better(0.6, 0.5, "accuracy")
    assert not better(0.5, 0.5, "accuracy")
    assert better(0.4, 0.5, "log_loss")
    assert not better(0.6, 0.5, "log_loss")


def test_batches_are_always_full() -> None:
    """A batch larger than the training part shrinks to it; what is left over is dropped for this epoch."""
    assert step_sizes(100, 32) == (32, 3)
    assert step_sizes(10, 32) == (10, 1)
