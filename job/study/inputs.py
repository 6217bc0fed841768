"""What the settings point to: catalogue and initial weights."""

import hashlib

from torch import Tensor

from job.catalogue.cache import prepare_cache_dir
from job.catalogue.catalogue import CatalogueSettings
from job.errors import ObjectMissingError, SettingsError
from job.sample.sample import place_sample
from job.settings import Settings
from job.storage import open_storage, split_uri
from job.training.model import imagenet_weights, weights_from_bytes

SAMPLE_URI = "sample"
_CHECKSUM = "#sha256="


def catalogue_settings(settings: Settings) -> CatalogueSettings:
    """Return the settings that decide what the catalogue holds, having drawn the sample if it is asked for."""
    is_sample = settings.dataset_uri == SAMPLE_URI
    return CatalogueSettings(
        uri=settings.dataset_uri,
        place=place_sample(prepare_cache_dir(settings.cache_dir)) if is_sample else None,
        cache_dir=settings.cache_dir,
        target_column=settings.target_column,
        min_class_images=settings.min_class_images,
        max_images=settings.max_images,
        image_height=settings.image_height,
        image_width=settings.image_width,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        seed=settings.seed,
        retry_seconds=settings.retry_seconds,
        max_missing_share=settings.max_missing_share,
    )


def load_initial_weights(settings: Settings) -> tuple[dict[str, Tensor] | None, str | None]:
    """Return the weights that INIT_WEIGHTS names and their sha256; (None, None) for random ones."""
    if settings.init_weights == "random":
        return None, None
    if settings.init_weights == "imagenet":
        weights = imagenet_weights()
        digest = hashlib.sha256()
        for name in sorted(weights):
            digest.update(weights[name].numpy().tobytes())
        return weights, digest.hexdigest()
    uri, _, sha256 = settings.init_weights.partition(_CHECKSUM)
    folder, key = split_uri(uri)
    try:
        data = open_storage(folder, retry_seconds=settings.retry_seconds).get(key)
    except ObjectMissingError:
        message = f"{uri} does not exist; allowed are random, imagenet, or a path or URI"
        raise SettingsError(message, setting="init_weights") from None
    return weights_from_bytes(data, uri, sha256 or None), hashlib.sha256(data).hexdigest()
