"""Photos on the CPU for the tests of training."""

import numpy as np
import torch

from job.training.data import Photos, normalisation_of
from job.training.device import Device
from job.training.plan import TrialPlan

CPU = Device(torch.device("cpu"), None, scale_gradients=False)


def make_photos(count: int = 96, n_classes: int = 3, height: int = 32, width: int = 24) -> Photos:
    """Return photos whose class is a bright band; two thirds train and the rest validates.

    The first class's band is red, and every eighth photo of the second class has it, too: those two overlap.
    """
    random = np.random.default_rng(0)
    images = random.integers(0, 90, (count, height, width, 3), dtype=np.uint8)
    labels = np.arange(count) % n_classes
    band = height // n_classes
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        seen = 0 if label == 1 and index // n_classes % 8 == 1 else label
        image[seen * band : (seen + 1) * band] += np.array((150, 0, 0) if seen == 0 else (150,) * 3, np.uint8)
    train = np.arange(count * 2 // 3)
    return Photos(
        images=torch.from_numpy(images),
        labels=torch.from_numpy(labels.astype(np.int64)),
        train=torch.from_numpy(train),
        validation=torch.arange(len(train), count),
        n_classes=n_classes,
        normalisation=normalisation_of(images, train),
    )


def make_plan(**changes: object) -> TrialPlan:
    """Return the plan of a trial that learns these photos in seconds."""
    values = {
        "number": 3,
        "seed": 0,
        "learning_rate": 0.05,
        "momentum": 0.8,
        "weight_decay": 1e-4,
        "optimizer": "sgd",
        "epochs": 3,
        "batch_size": 8,
        "objective": "accuracy",
    }
    return TrialPlan(**(values | changes))  # type: ignore[arg-type]
