"""The four optimizers of the search space, their state as tensors, and the learning-rate schedule."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

WARMUP_SHARE = 0.1
"""Share of all steps in which the learning rate rises to its peak."""


def build_optimizer(
    name: str, parameters: Iterable[nn.Parameter], *, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return the optimizer of that name.

    `momentum` is beta1 for adam; `nag` is sgd with Nesterov momentum; weight decay is an L2 penalty in all four.
    """
    match name:
        case "sgd" | "nag":
            return _with_buffers(
                torch.optim.SGD(
                    parameters,
                    lr=learning_rate,
                    momentum=momentum,
                    weight_decay=weight_decay,
                    nesterov=name == "nag" and momentum > 0,
                    fused=True,
                )
            )
        case "adam":
            return torch.optim.Adam(
                parameters, lr=learning_rate, betas=(momentum, 0.999), weight_decay=weight_decay, fused=True
            )
        case "rmsprop":
            return torch.optim.RMSprop(
                parameters, lr=learning_rate, momentum=momentum, weight_decay=weight_decay, foreach=True
            )
    message = f"no optimizer is named {name!r}"
    raise ValueError(message)


def _with_buffers(optimizer: torch.optim.SGD) -> torch.optim.SGD:
    """Give fused SGD its momentum buffers, of zeros, which the first step would begin with anyway.

    It allocates them in its first step without filling them. Where float16 overflows there, the step is skipped, and
    the next one takes what happens to be in memory for momentum (torch 2.14: torch/optim/sgd.py, _fused_sgd).
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's state, each tensor under `<parameter>.<name>`."""
    return {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state that `optimizer_tensors` returned.

    Each tensor gets its parameter's memory layout, as in an optimizer that never stopped: the same layout takes the
    same kernels, and those give the same bits.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        like = parameters[int(index)]
        if value.shape == like.shape:
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)  # noqa: PLW2901 -- the same, laid out anew
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def learning_rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of `step` (from 0) of `steps`: linear warm-up, then half a cosine down to nearly 0.

    The schedule of https://arxiv.org/abs/1608.03983 without restarts.
    """
    warmup = max(1, math.ceil(WARMUP_SHARE * steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
