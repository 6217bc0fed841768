"""The photos on the device: a batch is an index, a flip and shift, and a normalisation, all done there.

Which photos, in which order and how they are moved depends on (seed, trial, epoch) alone, so training can go on from
any step of any epoch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from job.seeds import derive_seed

MAX_SHIFT = 4
"""Pixels by which a training photo is moved at most, each way; what leaves the frame is replaced by the border."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, of pixels scaled to 0..1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Photos:
    """Photos, their classes, and which of them train and which validate, on one device."""

    images: Tensor
    """(N, H, W, 3) uint8."""
    labels: Tensor
    """(N,) int64; read only where an index points."""
    train: Tensor
    """(n,) int64, rows of `images`."""
    validation: Tensor
    """(m,) int64, rows of `images`."""
    n_classes: int
    normalisation: Normalisation


@dataclass(frozen=True)
class EpochPlan:
    """The order and the random moves of one epoch's photos, on the device."""

    order: Tensor
    """(n,) int64, rows of `images`."""
    flip: Tensor
    """(n,) bool."""
    shift: Tensor
    """(n, 2) int64, rows and columns."""


def normalisation_of(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> Normalisation:
    """Return mean and standard deviation over the given rows of `images`, (N, H, W, 3), and no others."""
    total = np.zeros(3)
    squares = np.zeros(3)
    for start in range(0, len(rows), 1024):  # in slices: a float copy of all photos is four times their size
        part = images[rows[start : start + 1024]].reshape(-1, 3).astype(np.float32) / 255
        total += part.sum(axis=0, dtype=np.float64)
        squares += np.square(part).sum(axis=0, dtype=np.float64)
    pixels = len(rows) * images.shape[1] * images.shape[2]
    mean = total / pixels
    std = np.sqrt(np.maximum(squares / pixels - mean**2, 1e-6))
    red, green, blue = (float(value) for value in mean)
    red_std, green_std, blue_std = (float(value) for value in std)
    return Normalisation((red, green, blue), (red_std, green_std, blue_std))


def plan_epoch(photos: Photos, seed: int, trial: int, epoch: int) -> EpochPlan:
    """Return the plan of an epoch, a pure function of the arguments; drawn on the CPU, so equal on every device."""
    count = len(photos.train)
    generator = torch.Generator().manual_seed(derive_seed(seed, "epoch", trial, epoch))
    order = torch.randperm(count, generator=generator)
    flip = torch.rand(count, generator=generator) < 0.5  # noqa: PLR2004 -- every second photo
    shift = torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, (count, 2), generator=generator)
    device = photos.images.device
    return EpochPlan(photos.train[order.to(device)], flip.to(device), shift.to(device))


def training_batch(photos: Photos, plan: EpochPlan, start: int, size: int) -> tuple[Tensor, Tensor]:
    """Return inputs (B, 3, H, W) float32 in channels_last, and classes (B,), of a step that begins at photo `start`."""
    rows = plan.order[start : start + size]
    shift = plan.shift[start : start + size]
    height, width = photos.images.shape[1:3]
    y = torch.arange(height, device=rows.device)[None, :] + shift[:, :1]
    x = torch.arange(width, device=rows.device)[None, :] + shift[:, 1:]
    y, x = y.clamp_(0, height - 1), x.clamp_(0, width - 1)  # (B, H), (B, W)
    x = torch.where(plan.flip[start : start + size, None], width - 1 - x, x)
    # one gather picks, moves and flips; the photos are never copied whole
    images = photos.images[rows[:, None, None], y[:, :, None], x[:, None, :]]  # (B, H, W, 3)
    return normalise(images, photos.normalisation), photos.labels[rows]


def normalise(images: Tensor, normalisation: Normalisation) -> Tensor:
    """Turn (B, H, W, 3) uint8 into (B, 3, H, W) float32, whose memory layout is channels_last as it stands."""
    mean = torch.tensor(normalisation.mean, device=images.device) * 255
    std = torch.tensor(normalisation.std, device=images.device) * 255
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)
