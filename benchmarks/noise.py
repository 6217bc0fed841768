"""Photos of noise, for benchmarks that train and care nothing for what is learned."""

import torch

from job.training.data import Normalisation, Photos
from job.training.device import choose_device
from job.training.plan import Equipment

CLASSES = 45


def noise(train: int, validation: int) -> Equipment:
    """Return so many photos of 80x60 and 45 classes, for the CPU."""
    generator = torch.Generator().manual_seed(0)
    count = train + validation
    photos = Photos(
        images=torch.randint(0, 256, (count, 80, 60, 3), generator=generator, dtype=torch.uint8),
        labels=torch.randint(0, CLASSES, (count,), generator=generator),
        train=torch.arange(train),
        validation=torch.arange(train, count),
        n_classes=CLASSES,
        normalisation=Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    )
    return Equipment(photos, choose_device("cpu", "float32"), None, compile_model=False)
