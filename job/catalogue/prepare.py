"""From a source to packed photos with their labels, before any decision on classes and split."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from job.catalogue.cache import Prepared
from job.catalogue.contents import Cause, Unreadable
from job.catalogue.fetch import Progress, Source
from job.catalogue.locate import locate
from job.catalogue.missing import Missing, match, refuse_missing
from job.catalogue.pack import pack
from job.catalogue.read import Quarantined, read_styles
from job.errors import CatalogueError, ChangedError


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


def prepare(source: Source, settings: CatalogueSettings, progress: Progress) -> Prepared:
    """Read and decode the photos that are wanted, and note those that cannot be had.

    Raises CatalogueError, StorageError, and StorageUnavailableError (ChangedError if the catalogue was written to).
    """
    located = locate(source.names(), settings.uri)
    photos = located.photos
    where = f"{settings.uri}: {located.table}"
    styles = read_styles(_read_table(source, located.table, where), settings.target_column, where)
    labels, missing = match(styles, photos, max_images=settings.max_images, seed=settings.seed, uri=settings.uri)
    refuse_missing(missing, settings.max_missing_share, settings.uri)
    wanted = {photos[name]: name for name in labels}
    unread: dict[str, Unreadable] = {}

    def refuse(unusable: Iterable[tuple[str, str]]) -> Missing:
        found = replace(missing, unusable_photos=tuple(Quarantined(*item) for item in unusable))
        passing = {name for name, content in unread.items() if content.cause is Cause.TIME}
        refuse_missing(found, settings.max_missing_share, settings.uri, passing)
        return found

    def contents() -> Iterator[tuple[str, bytes | Unreadable]]:
        for name, content in source.read(list(wanted)):
            if isinstance(content, Unreadable) and content.cause is not Cause.FILE:
                unread[wanted[name]] = content
                refuse((name, f"photo {content.reason}") for name, content in unread.items())  # and ask for no more
            yield wanted[name], content

    packed = pack(
        contents(),
        len(wanted),
        height=settings.image_height,
        width=settings.image_width,
        progress=progress,
    )
    return Prepared(
        packed=packed,
        labels=tuple(labels[name] for name in packed.ids),
        rows=styles.rows,
        repaired=styles.repaired,
        repeated=styles.repeated,
        companions=located.companions,
        missing=refuse(packed.undecodable),
        unread={name: content.cause for name, content in unread.items()},
    )


def _read_table(source: Source, name: str, where: str) -> bytes:
    """Return the table's bytes; raises CatalogueError where there are several tables of this name that differ."""
    contents = set(source.read_every(name))
    if len(contents) > 1:
        message = f"{where} is there {len(contents)} times, each with other rows; put all rows into one"
        raise CatalogueError(message)
    (content,) = contents
    if isinstance(content, Unreadable):
        message = f"{where} {content.reason}"
        raise ChangedError(message) if content.cause is Cause.TIME else CatalogueError(message)
    return content
