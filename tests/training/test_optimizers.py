"""Optimizers and the learning-rate schedule."""

import pytest
import torch

from job.training.optimizers import build_optimizer, learning_rate_at


def build(name: str) -> torch.optim.Optimizer:
    parameter = torch.nn.Parameter(torch.zeros(3))
    return build_optimizer(name, [parameter], learning_rate=0.1, momentum=0.7, weight_decay=0.01)


def test_momentum_means_what_the_documentation_says() -> None:
    """Momentum is beta1 for adam; nag is sgd with Nesterov momentum."""
    assert build("adam").defaults["betas"] == (0.7, 0.999)
    assert build("rmsprop").defaults["momentum"] == 0.7
    assert (build("sgd").defaults["momentum"], build("sgd").defaults["nesterov"]) == (0.7, False)
    assert build("nag").defaults["nesterov"] is True


@pytest.mark.parametrize("name", ["sgd", "nag", "adam", "rmsprop"])
def test_each_optimizer_descends_and_decays(name: str) -> None:
    """Each minimises a quadratic, and weight decay alone draws weights to zero."""
    weights = torch.nn.Parameter(torch.tensor([4.0, -3.0]))
    optimizer = build_optimizer(name, [weights], learning_rate=0.05, momentum=0.5, weight_decay=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        (weights**2).sum().backward()
        optimizer.step()
    assert weights.abs().max() < 0.1
    decayed = torch.nn.Parameter(torch.ones(2))
    optimizer = build_optimizer(name, [decayed], learning_rate=0.05, momentum=0.5, weight_decay=0.01)
    decayed.grad = torch.zeros(2)
    optimizer.step()
    assert (decayed < 1).all()


def test_unknown_optimizer_is_an_error() -> None:
    """A name that is not in the search space's vocabulary cannot pass."""
    with pytest.raises(ValueError, match="lion"):
        build("lion")


def test_schedule_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    """The rate warms up over a tenth of the steps, peaks there, and only falls afterwards."""
    rates = [learning_rate_at(step, 100, 0.5) for step in range(100)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert max(rates) == 0.5
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_schedule_of_a_single_step_trains_at_full_rate() -> None:
    """The shortest possible trial still trains."""
    assert learning_rate_at(0, 1, 0.5) == 0.5
