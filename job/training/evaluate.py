"""A model's confusion matrix, loss and top-3 hits over a set of photos, read from the device after the last batch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from job.training.data import Photos, normalise
from job.training.device import Device
from job.training.failures import is_out_of_memory, release_memory

BATCH_SIZE = 512
CPU_BATCH_SIZE = 128
"""On two cores 512 photos of 80x60 at a time are 5 % faster, and take 240 MB more than training."""
_PIXELS = 80 * 60
"""Of a photo, up to which so many are evaluated at a time; of larger ones fewer are."""


@dataclass(frozen=True)
class Evaluation:
    """A model's scores on a set of photos."""

    confusion: NDArray[np.int64]
    """(C, C): rows true classes, columns predicted ones."""
    loss: float
    """Mean cross-entropy."""
    top3_hits: int
    """Number of photos whose class is among the three most probable ones."""
    predicted: NDArray[np.int64]
    """(m,) the most probable class of each photo."""
    probability: NDArray[np.float32]
    """(m,) the probability of that class."""


@torch.inference_mode()
def evaluate(
    model: nn.Module, photos: Photos, rows: Tensor, device: Device, between: Callable[[], None] = lambda: None
) -> Evaluation:
    """Evaluate `model` on rows of `photos`, (m,) int64; leaves the model in evaluation mode.

    `between` is called after each batch and may raise to interrupt. Where a batch does not fit into memory, half of it
    is tried; raises what torch raises if a single photo does not.
    """
    model.eval()
    n_classes = photos.n_classes
    loss = torch.zeros((), dtype=torch.float64, device=rows.device)
    top3 = torch.zeros((), dtype=torch.int64, device=rows.device)
    predicted, probability = [], []
    places = rows.cpu() if photos.on_host else rows
    size, start = photos_at_once(device.device, *photos.images.shape[1:3]), 0
    while start < len(rows):
        part = slice(start, start + size)
        try:
            scores = _score(model, photos.pick(places[part]), photos.moments, photos.labels[rows[part]], device)
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            scores = None
        if scores is None:  # here the error, which holds the batch's memory, is gone
            release_memory()
            size //= 2
            continue
        loss += scores[0].double()
        top3 += scores[1]
        predicted.append(scores[2])
        probability.append(scores[3])
        start += size
        between()
    truth, found = photos.labels[rows].cpu().numpy(), torch.cat(predicted).cpu().numpy()
    cells = np.bincount(truth * n_classes + found, minlength=n_classes * n_classes)
    return Evaluation(
        confusion=cells.reshape(n_classes, n_classes),
        loss=float(loss) / len(rows),
        top3_hits=int(top3),
        predicted=found,
        probability=torch.cat(probability).cpu().numpy(),
    )


def photos_at_once(device: torch.device, height: int, width: int) -> int:
    """Return how many photos of this size to evaluate at a time."""
    most = CPU_BATCH_SIZE if device.type == "cpu" else BATCH_SIZE
    return max(1, min(most, most * _PIXELS // (height * width)))


def _score(
    model: nn.Module, images: Tensor, moments: Tensor, labels: Tensor, device: Device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return a batch's summed loss, its top-3 hits, and of each photo the best class and its probability."""
    with device.autocast():
        logits = model(normalise(images, moments))  # (B, C)
    logits = logits.float()
    loss = functional.cross_entropy(logits, labels, reduction="sum")
    best = logits.topk(min(3, logits.shape[1]), dim=1).indices  # (B, 3)
    hits = (best == labels[:, None]).sum()
    return loss, hits, best[:, 0], logits.softmax(dim=1).gather(1, best[:, :1])[:, 0]
