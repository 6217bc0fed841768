"""Which rows have a photo, what is missing, and how much of the catalogue may be.

A catalogue that is mostly missing is a failed copy, and a model trained on the rest would look like a good one.
"""

import math
from collections import Counter
from collections.abc import Mapping

import structlog
from pydantic import Field

from job.catalogue.causes import likely_cause
from job.catalogue.contents import PASSING
from job.catalogue.read import Styles
from job.catalogue.split import choose_subset
from job.errors import CatalogueError, ChangedError
from job.records import dataset as records
from job.records.dataset import Quarantined, QuarantineKind
from job.records.record import Record

_log = structlog.get_logger()


class Missing(Record):
    """What cannot be used. Each id of the catalogue, from a row or a photo, is listed once or present."""

    unusable_rows: tuple[Quarantined, ...]
    rows_without_photo: tuple[Quarantined, ...]
    photos_without_row: tuple[Quarantined, ...]
    present: int
    """Rows with their photo."""
    read: int
    """Of these photos, those that were read: all of them, or MAX_IMAGES."""
    unusable_photos: tuple[Quarantined, ...] = ()
    """Of those that were read."""
    classes: dict[str, int] = Field(default_factory=dict)
    """Rows of each label, of those labels that MAX_IMAGES has left photos of."""

    @property
    def ids(self) -> int:
        """How many ids the catalogue has."""
        return len(self.unusable_rows) + len(self.rows_without_photo) + len(self.photos_without_row) + self.present

    @property
    def share(self) -> float:
        """The share of the ids that is missing; photos that were not read count like those that were."""
        photos = len(self.unusable_photos) * self.present / self.read if self.read else 0
        return (self.ids - self.present + photos) / self.ids

    @property
    def items(self) -> tuple[Quarantined, ...]:
        """All that is missing."""
        return self.unusable_rows + self.rows_without_photo + self.photos_without_row + self.unusable_photos

    @property
    def cause(self) -> str:
        """Why rows have most likely no photo; empty if nothing tells."""
        return likely_cause(
            [item.id for item in self.rows_without_photo], [item.id for item in self.photos_without_row]
        )

    def counts(self) -> records.Missing:
        """Return the share and the number of each kind, as results.json has them."""
        return records.Missing(
            share=self.share,
            rows_without_photo=len(self.rows_without_photo),
            photos_without_row=len(self.photos_without_row),
            unusable_rows=len(self.unusable_rows),
            unusable_photos=len(self.unusable_photos),
        )

    def describe(self) -> str:
        """Return the number of each kind and an example."""
        read = "" if self.read == self.present else f" of the {self.read} that were read"
        kinds = (
            (self.rows_without_photo, "without a photo in images/", False),
            (self.photos_without_row, "without a row in styles.csv", False),
            (self.unusable_rows, "whose row cannot be used", True),
            (self.unusable_photos, f"{read} whose photo cannot be used".strip(), True),
        )
        return ", ".join(
            f"{len(items)} {words} (such as {items[0].id}{f': {items[0].reason}' if with_reason else ''})"
            for items, words, with_reason in kinds
            if items
        )


def match(
    styles: Styles, photos: Mapping[str, str], *, max_images: int, seed: int, uri: str
) -> tuple[dict[str, str], Missing]:
    """Return label by id of the photos to decode, and what is missing; `photos` are names by id.

    Raises CatalogueError if no row has a photo.
    """
    labels = styles.labels
    present = {identifier: label for identifier, label in labels.items() if identifier in photos}
    if not present:
        cause = likely_cause(list(labels), photos)
        message = f"{uri}: no row of styles.csv has a photo in images/ named after its id" + (cause and f"; {cause}")
        raise CatalogueError(message)
    known = labels.keys() | {item.id for item in styles.quarantined}
    chosen = present
    if 0 < max_images < len(present):
        subset = choose_subset(list(present), list(present.values()), max_images, seed)
        chosen = {identifier: label for identifier, label in present.items() if identifier in subset}
    not_chosen = set(present.values()) - set(chosen.values())
    missing = Missing(
        unusable_rows=tuple(styles.quarantined),
        rows_without_photo=tuple(
            Quarantined(id=each, reason="no photo in images/", kind=QuarantineKind.NO_PHOTO)
            for each in labels
            if each not in photos
        ),
        photos_without_row=tuple(
            Quarantined(id=each, reason="photo without a row in styles.csv", kind=QuarantineKind.NO_ROW)
            for each in photos
            if each not in known
        ),
        present=len(present),
        read=len(chosen),
        classes=dict(Counter(label for label in labels.values() if label not in not_chosen)),
    )
    return chosen, missing


def refuse_missing(missing: Missing, max_share: float, uri: str) -> None:
    """Raise CatalogueError if more than `max_share` of the catalogue is missing.

    Raises ChangedError if it is too much only for photos that another start may find.
    """
    if missing.share <= max_share:
        return
    passed = [item for item in missing.unusable_photos if item.kind in PASSING]
    others = tuple(item for item in missing.unusable_photos if item.kind not in PASSING)
    if passed and missing.model_copy(update={"unusable_photos": others}).share <= max_share:
        message = (
            f"{uri}: {len(passed)} photos that were there when it was listed could not be read (such as "
            f"{passed[0].id}: {passed[0].reason}); start again, and let nothing write to it meanwhile"
        )
        raise ChangedError(message)
    cause = missing.cause
    message = (
        f"{uri}: {100 * missing.share:.4g} % of its {missing.ids} ids are missing: {missing.describe()}"
        f"{cause and '; '}{cause}; complete the catalogue, or raise this setting from "
        f"{max_share:g} to {math.ceil(100 * missing.share) / 100:g}"
    )
    raise CatalogueError(message, setting="max_missing_share")


def warn_of_missing(missing: Missing, uri: str) -> None:
    """Log what is missing, if anything is."""
    if missing.items:
        cause = {"cause": missing.cause} if missing.cause else {}
        share, ids = round(missing.share, 6), missing.ids
        _log.warning(
            "part of the catalogue is missing", uri=uri, share=share, ids=ids, missing=missing.describe(), **cause
        )
