"""A batch's loss and gradients: computed kernel by kernel, or on a GPU as one CUDA graph.

A step of ResNet18 is some 300 small kernels. An H100 runs them ten times faster than a processor can launch them, one
by one; of a graph it launches all at once. https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from job.training.device import Device
from job.training.failures import first_error

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


def graphed(model: nn.Module, device: Device, scaler: torch.amp.GradScaler) -> Gradients:
    """Return a function for batches of one shape, on a GPU, which records the graph when it is called first.

    From then on it holds the memory of a step for as long as it lives, and reads the weights and the scale where they
    lay: they may be changed there, and nowhere else. Raises what torch raises.
    """
    compute = eager(model, device, scaler)
    graph: _Graph | None = None

    def gradients(inputs: Tensor, labels: Tensor) -> Tensor:
        nonlocal graph
        if graph is None:
            graph = _Graph(compute, model, inputs, labels)
        return graph.replay(inputs, labels)

    return gradients


class _Graph:
    """What `compute` does for a model in training mode, with batches that are copied to one place."""

    def __init__(self, compute: Gradients, model: nn.Module, inputs: Tensor, labels: Tensor) -> None:
        self._inputs, self._labels = inputs.clone(), labels.clone()
        self._parameters = list(model.parameters())
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]  # running statistics, which each call moves
        # A stream of its own: with the graph what libraries keep for its stream is freed, and no other graph uses it.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                compute(self._inputs, self._labels)
                self._clear()
        torch.cuda.current_stream().wait_stream(stream)
        for buffer, before in buffers:
            buffer.copy_(before)
        self._graph = torch.cuda.CUDAGraph()
        with first_error(), torch.cuda.graph(self._graph, stream=stream):  # nothing is computed here
            self._loss = compute(self._inputs, self._labels)
        self._gradients = [parameter.grad for parameter in self._parameters]
        self._clear()

    def replay(self, inputs: Tensor, labels: Tensor) -> Tensor:
        self._inputs.copy_(inputs)
        self._labels.copy_(labels)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return self._loss

    def _clear(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
