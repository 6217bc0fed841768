"""The four optimizers of the search space and the learning-rate schedule."""

import math
from collections.abc import Iterable

import torch
from torch import nn

WARMUP_SHARE = 0.1
"""Share of all steps in which the learning rate rises linearly to its full value."""


def build_optimizer(
    name: str, parameters: Iterable[nn.Parameter], *, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return the optimizer of that name.

    `momentum` is beta1 for adam; `nag` is sgd with Nesterov momentum; weight decay is an L2 penalty in all four.
    """
    match name:
        case "sgd" | "nag":
            return torch.optim.SGD(
                parameters,
                lr=learning_rate,
                momentum=momentum,
                weight_decay=weight_decay,
                nesterov=name == "nag" and momentum > 0,
                fused=True,
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


def learning_rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate of `step` (from 0) of `steps`: linear warm-up, then half a cosine down to nearly 0.

    The schedule of https://arxiv.org/abs/1608.03983 without restarts.
    """
    warmup = max(1, math.ceil(WARMUP_SHARE * steps))
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
