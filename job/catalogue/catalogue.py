"""From a URI to a Catalogue: what can be trained on, in which split, and everything that was left out and why."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from job.catalogue.cache import Prepared, load_prepared, prepare_cache_dir, save_prepared
from job.catalogue.classes import choose_classes, find_conflicts, find_lost, find_similar, warn_of_classes
from job.catalogue.fetch import Place, Progress, find_catalogue
from job.catalogue.missing import Missing, refuse_missing, warn_of_missing
from job.catalogue.pack import Packed
from job.catalogue.prepare import CatalogueSettings, prepare
from job.catalogue.read import Quarantined
from job.catalogue.split import Part, split
from job.errors import CatalogueError
from job.sample.sample import place_sample

__all__ = ["Catalogue", "CatalogueSettings", "load_catalogue", "summarise"]

SAMPLE_URI = "sample"

_log = structlog.get_logger()

_PACK_FORMAT = 4  # part of the cache key: raise it when the decoding changes


@dataclass(frozen=True)
class Catalogue:
    """Photos ready to train on; rows are in order of id."""

    uri: str
    fingerprint: str
    """Of ids, labels and pixels: equal for the same photos from a zip, a folder or a bucket."""
    rows: int
    repaired: tuple[str, ...]
    repeated: tuple[str, ...]
    """Ids of the rows that are there more than once, each time the same."""
    companions: int
    """Files of macOS that were passed over."""
    images: NDArray[np.uint8]
    """(N, H, W, 3) RGB; every decoded photo, those of excluded classes too, which `usable` passes over."""
    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) index into `classes`; -1 for a photo that is left out."""
    parts: NDArray[np.int8]
    """(N,) the split's Part; -1 for a photo that is left out."""
    pixel_hashes: tuple[str, ...]
    classes: tuple[str, ...]
    quarantined: tuple[Quarantined, ...]
    """All that is left out, what is missing included."""
    missing: Missing
    passing: frozenset[str]
    """Ids of missing photos that another start may find."""
    excluded_classes: tuple[tuple[str, int], ...]
    """(name, photos) of the classes with too few of them."""
    lost_classes: tuple[tuple[str, int], ...]
    """(name, rows) of the classes that have rows and no usable photo."""
    similar_classes: tuple[tuple[str, ...], ...]
    """Names that differ in case, blanks or form alone."""
    duplicate_groups: int
    seconds: dict[str, float]
    """Time spent on `fetch` (finding, listing, downloading) and `prepare` (decoding, packing)."""

    def indices(self, part: int) -> NDArray[np.int64]:
        """Return the rows of a part of the split, (n,) int64."""
        return np.flatnonzero(self.parts == part)

    def count(self, part: int, label: int) -> int:
        """Return how many photos of a class are in a part."""
        return int(np.count_nonzero((self.parts == part) & (self.labels == label)))


def load_catalogue(settings: CatalogueSettings, progress: Progress) -> Catalogue:
    """Fetch, read, decode and split the catalogue.

    Raises CatalogueError, StorageError or SettingsError in one sentence; nothing of the data is dropped silently.
    """
    started = time.monotonic()
    cache_dir = prepare_cache_dir(settings.cache_dir)
    uri = settings.uri if settings.uri != SAMPLE_URI else place_sample(cache_dir)
    place = find_catalogue(uri, cache_dir, settings.retry_seconds, progress)
    directory = cache_dir / "packed" / _cache_key(place, settings)
    fetched = time.monotonic()
    prepared = load_prepared(directory)
    if prepared is None:
        with place.open() as source:
            fetched = time.monotonic()
            prepared = prepare(source, settings, progress)
        if not prepared.unread:
            save_prepared(directory, prepared)
    refuse_missing(prepared.missing, settings.max_missing_share, settings.uri)
    warn_of_missing(prepared.missing, settings.uri)
    seconds = {"fetch": fetched - started, "prepare": time.monotonic() - fetched}
    catalogue = _assemble(prepared, settings, seconds)
    if catalogue.repeated:
        ids = catalogue.repeated
        _log.warning("rows are there more than once, each time the same, and count once", rows=len(ids), example=ids[0])
    warn_of_classes(catalogue.lost_classes, catalogue.similar_classes)
    return catalogue


def _assemble(prepared: Prepared, settings: CatalogueSettings, seconds: dict[str, float]) -> Catalogue:
    """Decide on duplicates, classes and split."""
    packed, labels = prepared.packed, prepared.labels
    conflicts, duplicate_groups = find_conflicts(packed.ids, packed.pixel_hashes, labels)
    clean = [label for row, label in enumerate(labels) if row not in conflicts]
    classes, excluded = choose_classes(clean, settings.min_class_images)
    if len(classes) < 2:  # noqa: PLR2004 -- there is nothing to tell apart
        message = (
            f"{settings.uri}: {len(classes)} value(s) of {settings.target_column} have the {settings.min_class_images} "
            f"photos that FASHIONTUNE_MIN_CLASS_IMAGES asks for (of {len(set(clean))} values, {len(clean)} photos); "
            "two are needed"
        )
        raise CatalogueError(message)
    quarantined = [
        *prepared.missing.items,
        *(Quarantined(packed.ids[row], reason) for row, reason in conflicts.items()),
        *(
            Quarantined(row_id, _too_small(label, excluded[label], settings.min_class_images))
            for row, (row_id, label) in enumerate(zip(packed.ids, labels, strict=True))
            if label in excluded and row not in conflicts
        ),
    ]
    codes = {name: code for code, name in enumerate(classes)}
    encoded = [-1 if row in conflicts else codes.get(label, -1) for row, label in enumerate(labels)]
    usable = [row for row, code in enumerate(encoded) if code >= 0]
    parts = np.full(len(labels), -1, np.int8)  # (N,)
    parts[usable] = split(
        [packed.ids[row] for row in usable],
        [encoded[row] for row in usable],
        [packed.pixel_hashes[row] for row in usable],
        seed=settings.seed,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
    )
    for part in (Part.VALIDATION, Part.TEST):
        if part not in parts:
            message = (
                f"{settings.uri}: no photo is left for {part.name.lower()}, since no class has three distinct photos; "
                "raise FASHIONTUNE_MIN_CLASS_IMAGES or add photos"
            )
            raise CatalogueError(message)
    return Catalogue(
        uri=settings.uri,
        fingerprint=_fingerprint(packed, labels),
        rows=prepared.rows,
        repaired=prepared.repaired,
        repeated=prepared.repeated,
        companions=prepared.companions,
        images=packed.images,
        ids=packed.ids,
        labels=np.array(encoded, np.int64),
        parts=parts,
        pixel_hashes=packed.pixel_hashes,
        classes=tuple(classes),
        quarantined=tuple(sorted(quarantined, key=lambda item: (item.id, item.reason))),
        missing=prepared.missing,
        passing=prepared.passing,
        excluded_classes=tuple(sorted(excluded.items())),
        lost_classes=find_lost(prepared.missing.classes, clean),
        similar_classes=find_similar(prepared.missing.classes),
        duplicate_groups=duplicate_groups,
        seconds=seconds,
    )


def _too_small(label: str, photos: int, least: int) -> str:
    return f"class {label} has {photos} photo{'s' if photos > 1 else ''}, under {least}"


def _cache_key(place: Place, settings: CatalogueSettings) -> str:
    subset = (settings.max_images, settings.seed) if settings.max_images else None
    size = (settings.image_height, settings.image_width)
    what = (_PACK_FORMAT, place.content_key, size, settings.target_column, subset)
    return blake2b(repr(what).encode(), digest_size=16).hexdigest()


def _fingerprint(packed: Packed, labels: Sequence[str]) -> str:
    digest = blake2b(repr(packed.images.shape[1:]).encode(), digest_size=32)
    for row in zip(packed.ids, labels, packed.pixel_hashes, strict=True):
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.hexdigest()


def summarise(catalogue: Catalogue) -> dict[str, Any]:
    """Return the catalogue as the `dataset` part of results.json."""
    return {
        "uri": catalogue.uri,
        "fingerprint": catalogue.fingerprint,
        "rows": catalogue.rows,
        "images": int(np.count_nonzero(catalogue.parts >= 0)),
        "repaired": list(catalogue.repaired),
        "repeated": list(catalogue.repeated),
        "companions": catalogue.companions,
        "classes": [
            {
                "name": name,
                "train": catalogue.count(Part.TRAIN, code),
                "validation": catalogue.count(Part.VALIDATION, code),
                "test": catalogue.count(Part.TEST, code),
            }
            for code, name in enumerate(catalogue.classes)
        ],
        "quarantined": [{"id": item.id, "reason": item.reason} for item in catalogue.quarantined],
        "missing": catalogue.missing.counts(),
        "excluded_classes": [{"name": name, "images": images} for name, images in catalogue.excluded_classes],
        "lost_classes": [{"name": name, "rows": rows} for name, rows in catalogue.lost_classes],
        "similar_classes": [list(names) for names in catalogue.similar_classes],
        "duplicate_groups": catalogue.duplicate_groups,
    }
