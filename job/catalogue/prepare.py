"""From a source to packed photos with their labels, before any decision on classes and split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from job.catalogue.cache import Index, Prepared
from job.catalogue.contents import NOT_GIVEN, PASSING, Unreadable
from job.catalogue.fetch import Source
from job.catalogue.locate import locate
from job.catalogue.missing import Missing, match, refuse_missing
from job.catalogue.pack import pack
from job.catalogue.read import read_styles
from job.errors import CatalogueError, ChangedError
from job.meter import Meter
from job.records.dataset import Quarantined


@dataclass(frozen=True)
class CatalogueSettings:
    """The settings that decide what a catalogue holds; their meaning is in job.settings."""

    uri: str
    cache_dir: Path
    target_column: str
    min_class_images: int
    max_images: int
    image_height: int
    image_width: int
    validation_fraction: float
    test_fraction: float
    seed: int
    retry_seconds: float
    max_missing_share: float = 0.1
    cache_limit: int = 0
    place: str | None = None
    """Where the catalogue lies if not at `uri`, which then is its name."""


def prepare(source: Source, settings: CatalogueSettings, meter: Meter) -> Prepared:
    """Read and decode the photos that are wanted.

    Raises CatalogueError, StorageError, and StorageUnavailableError (ChangedError if the catalogue was written to).
    """
    located = locate(source.names(), settings.uri)
    where = f"{settings.uri}: {located.table}"
    styles = read_styles(_read_table(source, located.table, where), settings.target_column, where)
    labels, missing = match(
        styles, located.photos, max_images=settings.max_images, seed=settings.seed, uri=settings.uri
    )
    refuse_missing(missing, settings.max_missing_share, settings.uri)
    ids = {located.photos[identifier]: identifier for identifier in labels}  # by name
    not_given: list[Quarantined] = []

    def with_unusable(unusable: Sequence[Quarantined]) -> Missing:
        found = missing.model_copy(update={"unusable_photos": tuple(unusable)})
        refuse_missing(found, settings.max_missing_share, settings.uri)
        return found

    def contents() -> Iterator[tuple[str, bytes | Unreadable]]:
        for name, content in source.read(list(ids)):
            if isinstance(content, Unreadable) and content.kind in NOT_GIVEN:
                not_given.append(Quarantined(id=ids[name], reason=f"photo {content.reason}", kind=content.kind))
                with_unusable(not_given)  # once it is too much, no other is asked for
            yield ids[name], content

    packed = pack(contents(), list(labels), height=settings.image_height, width=settings.image_width, meter=meter)
    index = Index(
        ids=packed.ids,
        pixel_hashes=packed.pixel_hashes,
        labels=tuple(labels[identifier] for identifier in packed.ids),
        rows=styles.rows,
        repaired=tuple(styles.repaired),
        repeated=tuple(styles.repeated),
        companions=located.companions,
        spare=located.spare,
        missing=with_unusable(packed.unusable),
    )
    return Prepared(packed.images, index)


def _read_table(source: Source, name: str, where: str) -> bytes:
    """Return the table's bytes; raises CatalogueError if there are several tables of this name that differ."""
    contents = set(source.read_every(name))
    if len(contents) > 1:
        message = f"{where} is there {len(contents)} times, each with other rows; put all rows into one"
        raise CatalogueError(message)
    (content,) = contents
    if isinstance(content, Unreadable):
        message = f"{where} {content.reason}"
        raise ChangedError(message) if content.kind in PASSING else CatalogueError(message)
    return content
