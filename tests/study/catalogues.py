"""The catalogue of a tiny job, as the job itself has it."""

from pathlib import Path

from job.catalogue.catalogue import Catalogue, CatalogueSettings, load_catalogue
from tests.jobs import TINY


def catalogue_of(directory: Path) -> Catalogue:
    """Return the catalogue of the tiny job whose folder this is, with its split."""
    settings = CatalogueSettings(
        uri=str(directory / "catalogue"),
        cache_dir=directory / "cache",
        target_column="subCategory",
        min_class_images=int(TINY["MIN_CLASS_IMAGES"]),
        max_images=0,
        image_height=int(TINY["IMAGE_HEIGHT"]),
        image_width=int(TINY["IMAGE_WIDTH"]),
        validation_fraction=0.15,
        test_fraction=0.15,
        seed=0,
        retry_seconds=1,
    )
    return load_catalogue(settings, lambda *_: None)
