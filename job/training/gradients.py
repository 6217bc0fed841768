"""A batch's loss and gradients: computed kernel by kernel, or on a GPU as one CUDA graph.

A step of ResNet18 is some 300 small kernels. An H100 runs them ten times faster than a processor can launch them, one
by one; of a graph it launches all at once. https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from job.training.device import Device

Gradients = Callable[[Tensor, Tensor], Tensor]
"""Takes inputs, (B, 3, H, W) float32 in channels_last, and classes, (B,) int64, on the device; leaves the gradients,
scaled, in the model's parameters, and returns the mean loss, detached and valid until the next call."""

_WARM_UP = 3  # for libraries that set up, or choose kernels, in the first calls


def eager(forward: Callable[[Tensor], Tensor], device: Device, scaler: torch.amp.GradScaler) -> Gradients:
    """Return a function for batches of any shape; the parameters must have no gradients when it is called."""

    def gradients(inputs: Tensor, labels: Tensor) -> Tensor:
        with device.autocast():
            loss = functional.cross_entropy(forward(inputs), labels)
        scaler.scale(loss).backward()
        return loss.detach()

    return gradients


def graphed(model: nn.Module, device: Device, scaler: torch.amp.GradScaler, shape: tuple[int, int, int]) -> Gradients:
    """Return a function for batches of one shape, (B, H, W), on a GPU; the model must be in training mode.

    It holds the memory of a step for as long as it lives. It reads the weights and the scale where they lie now, so
    they may be changed there, and nowhere else. Raises what torch raises.
    """
    size, height, width = shape
    parameters = list(model.parameters())
    compute = eager(model, device, scaler)
    inputs = torch.zeros((size, height, width, 3), device=device.device).permute(0, 3, 1, 2)
    labels = torch.zeros(size, dtype=torch.int64, device=device.device)
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]  # running statistics, which each call moves
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(_WARM_UP):
            compute(inputs, labels)
            _clear(parameters)
    torch.cuda.current_stream().wait_stream(beside)
    for buffer, before in buffers:
        buffer.copy_(before)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):  # nothing is computed here
        loss = compute(inputs, labels)
    found = [parameter.grad for parameter in parameters]
    _clear(parameters)

    def gradients(new_inputs: Tensor, new_labels: Tensor) -> Tensor:
        inputs.copy_(new_inputs)
        labels.copy_(new_labels)
        graph.replay()
        for parameter, gradient in zip(parameters, found, strict=True):
            parameter.grad = gradient
        return loss

    return gradients


def _clear(parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None
