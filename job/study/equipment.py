"""From a catalogue to what training takes: the photos on the device."""

import structlog
import torch
from torch import Tensor

from job.catalogue.catalogue import Catalogue
from job.catalogue.split import Part
from job.training.data import IMAGENET_MEAN, IMAGENET_STD, Normalisation, Photos, normalisation_of
from job.training.device import Device

_log = structlog.get_logger()


def photos_of(catalogue: Catalogue, device: Device, initial: dict[str, Tensor] | None) -> Photos:
    """Put the photos on the device; normalise by the training part's statistics, or ImageNet's for given weights.

    Images that would take more than half of a GPU's free memory stay on the host.
    """
    train_rows = catalogue.indices(Part.TRAIN)
    if initial is None:
        normalisation = normalisation_of(catalogue.images, train_rows)
    else:
        normalisation = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
    images = torch.from_numpy(catalogue.images)
    if device.device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info()[0] / 2:
        _log.info("photos stay in the host's memory", bytes=images.nbytes, free=torch.cuda.mem_get_info()[0])
    else:
        images = images.to(device.device)
    return Photos(
        images=images,
        labels=torch.from_numpy(catalogue.labels).to(device.device),
        train=torch.from_numpy(train_rows).to(device.device),
        validation=torch.from_numpy(catalogue.indices(Part.VALIDATION)).to(device.device),
        n_classes=len(catalogue.classes),
        normalisation=normalisation,
    )
