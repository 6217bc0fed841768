"""From a URI to a Catalogue: what can be trained on, in which split, and everything that is quarantined and why."""

import time
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import structlog
from numpy.typing import NDArray

from job.catalogue.cache import Cache, Index, load_prepared, prepare_cache_dir, save_prepared
from job.catalogue.classes import choose_classes, find_conflicts, find_lost, find_similar, warn_of_classes
from job.catalogue.contents import PASSING
from job.catalogue.fetch import find_catalogue
from job.catalogue.missing import refuse_missing, warn_of_missing
from job.catalogue.prepare import CatalogueSettings, prepare
from job.catalogue.split import Part, split
from job.errors import CatalogueError
from job.meter import Meter
from job.records.dataset import ClassCount, Dataset, ExcludedClass, LostClass, Quarantined, QuarantineKind

__all__ = ["Catalogue", "CatalogueSettings", "load_catalogue"]

_log = structlog.get_logger()

_PACK_FORMAT = 5  # part of the cache key: raise it when the decoding or the index changes


@dataclass(frozen=True)
class Catalogue:
    """Photos ready to train on; rows are in order of id."""

    dataset: Dataset
    """As results.json has it."""
    images: NDArray[np.uint8]
    """(N, H, W, 3) RGB; every decoded photo, those of excluded classes too."""
    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) index into `classes`; -1 for a photo that is quarantined."""
    parts: NDArray[np.int8]
    """(N,) the split's Part; -1 for a photo that is quarantined."""
    pixel_hashes: tuple[str, ...]
    classes: tuple[str, ...]
    seconds: dict[str, float]
    """Time spent on `fetch` (finding, listing, downloading) and `prepare` (decoding, packing)."""

    @property
    def fingerprint(self) -> str:
        """Of ids, labels and pixels: equal for the same photos from a zip, a folder or a bucket."""
        return self.dataset.fingerprint

    @property
    def passing(self) -> frozenset[str]:
        """Ids of missing photos that another start may find."""
        return frozenset(item.id for item in self.dataset.quarantined if item.kind in PASSING)

    def indices(self, part: int) -> NDArray[np.int64]:
        """Return the rows of a part of the split, (n,) int64."""
        return np.flatnonzero(self.parts == part)


def load_catalogue(settings: CatalogueSettings, meter: Meter) -> Catalogue:
    """Fetch, read, decode and split the catalogue.

    Raises CatalogueError, StorageError or SettingsError in one sentence; nothing of the data is dropped silently.
    """
    started = time.monotonic()
    cache = Cache(prepare_cache_dir(settings.cache_dir), settings.cache_limit)
    place = find_catalogue(settings.place or settings.uri, cache, settings.retry_seconds, meter)
    directory = cache.directory / "packed" / _cache_key(place.content_key, settings)
    fetched = time.monotonic()
    prepared = load_prepared(directory)
    if prepared is None:
        with place.open() as source:
            fetched = time.monotonic()
            prepared = prepare(source, settings, meter)
        save_prepared(directory, prepared, cache)
    index = prepared.index
    refuse_missing(index.missing, settings.max_missing_share, settings.uri)
    warn_of_missing(index.missing, settings.uri)
    seconds = {"fetch": fetched - started, "prepare": time.monotonic() - fetched}
    if ids := index.repeated:
        _log.warning("rows are there more than once, each time the same, and count once", rows=len(ids), example=ids[0])
    return _assemble(prepared.images, index, settings, seconds)


def _assemble(
    images: NDArray[np.uint8], index: Index, settings: CatalogueSettings, seconds: dict[str, float]
) -> Catalogue:
    """Decide on duplicates, classes and split."""
    conflicts, duplicate_groups = find_conflicts(index.ids, index.pixel_hashes, index.labels)
    clean = [label for row, label in enumerate(index.labels) if row not in conflicts]
    classes, excluded = choose_classes(clean, settings.min_class_images)
    if len(classes) < 2:  # noqa: PLR2004 -- there is nothing to tell apart
        message = (
            f"{settings.uri}: {len(classes)} value(s) of {settings.target_column} have {settings.min_class_images} "
            f"photos or more (of {len(set(clean))} values, {len(clean)} photos); two are needed"
        )
        raise CatalogueError(message, setting="min_class_images")
    codes = {name: code for code, name in enumerate(classes)}
    labels = np.array(
        [-1 if row in conflicts else codes.get(label, -1) for row, label in enumerate(index.labels)], np.int64
    )
    usable = np.flatnonzero(labels >= 0).tolist()
    parts = np.full(len(labels), -1, np.int8)  # (N,)
    parts[usable] = split(
        [index.ids[row] for row in usable],
        labels[usable].tolist(),
        [index.pixel_hashes[row] for row in usable],
        seed=settings.seed,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
    )
    for part in (Part.VALIDATION, Part.TEST):
        if part not in parts:
            message = (
                f"{settings.uri}: no photo is left for {part.name.lower()}, since no class has three distinct photos; "
                "raise this number or add photos"
            )
            raise CatalogueError(message, setting="min_class_images")
    quarantined = [*index.missing.items, *index.spare]
    for row, (identifier, label) in enumerate(zip(index.ids, index.labels, strict=True)):
        if row in conflicts:
            kind, reason = QuarantineKind.CONFLICTING_LABELS, conflicts[row]
        elif label in excluded:
            count = excluded[label]
            kind = QuarantineKind.SMALL_CLASS
            reason = f"class {label} has {count} photo{'s' if count > 1 else ''}, under {settings.min_class_images}"
        else:
            continue
        quarantined.append(Quarantined(id=identifier, reason=reason, kind=kind))
    lost, similar = find_lost(index.missing.classes, clean), find_similar(index.missing.classes)
    warn_of_classes(lost, similar)
    counts = [[int(np.count_nonzero((parts == part) & (labels == code))) for part in Part] for code in codes.values()]
    dataset = Dataset(
        uri=settings.uri,
        fingerprint=_fingerprint(images, index),
        rows=index.rows,
        images=len(usable),
        repaired=list(index.repaired),
        repeated=list(index.repeated),
        companions=index.companions,
        classes=[
            ClassCount(name=name, train=train, validation=validation, test=test)
            for name, (train, validation, test) in zip(classes, counts, strict=True)
        ],
        quarantined=sorted(quarantined, key=lambda item: (item.id, item.reason)),
        missing=index.missing.counts(),
        excluded_classes=[ExcludedClass(name=name, images=count) for name, count in sorted(excluded.items())],
        lost_classes=[LostClass(name=name, rows=rows) for name, rows in lost],
        similar_classes=[list(names) for names in similar],
        duplicate_groups=duplicate_groups,
    )
    return Catalogue(dataset, images, index.ids, labels, parts, index.pixel_hashes, tuple(classes), seconds)


def _cache_key(content_key: str, settings: CatalogueSettings) -> str:
    subset = (settings.max_images, settings.seed) if settings.max_images else None
    size = (settings.image_height, settings.image_width)
    what = (_PACK_FORMAT, content_key, size, settings.target_column, subset)
    return blake2b(repr(what).encode(), digest_size=16).hexdigest()


def _fingerprint(images: NDArray[np.uint8], index: Index) -> str:
    digest = blake2b(repr(images.shape[1:]).encode(), digest_size=32)
    for row in zip(index.ids, index.labels, index.pixel_hashes, strict=True):
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.hexdigest()
