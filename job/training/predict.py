"""Prediction: from photos to the probability of each class."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from job.training.data import Normalisation, moments_of, normalise
from job.training.device import Device


@torch.inference_mode()
def predict(
    model: nn.Module, images: NDArray[np.uint8], normalisation: Normalisation, device: Device
) -> NDArray[np.float32]:
    """Return the probabilities of the classes, (B, C), of photos, (B, H, W, 3) RGB; `model` is in evaluation mode."""
    photos = torch.from_numpy(images).to(device.device)
    inputs = normalise(photos, moments_of(normalisation, photos))
    with device.autocast():
        logits = model(inputs)  # (B, C)
    probabilities: NDArray[np.float32] = logits.float().softmax(dim=1).cpu().numpy()
    return probabilities
