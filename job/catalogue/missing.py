"""Which rows have a photo, what of a catalogue is missing, and how much of it may be.

A catalogue of which most is missing is a failed copy, and a model trained on the rest would look like a good one.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import structlog

from job.catalogue.causes import likely_cause
from job.catalogue.read import Quarantined, Styles
from job.catalogue.split import choose_subset
from job.errors import CatalogueError, ChangedError

_log = structlog.get_logger()


@dataclass(frozen=True)
class Missing:
    """What of a catalogue cannot be used. Each of its ids, from a row or a photo, is in one place or present."""

    unusable_rows: tuple[Quarantined, ...]
    rows_without_photo: tuple[Quarantined, ...]
    photos_without_row: tuple[Quarantined, ...]
    present: int
    """Rows with their photo."""
    read: int
    """Of these photos, those that were read: all of them, or MAX_IMAGES."""
    unusable_photos: tuple[Quarantined, ...] = ()
    """Of those that were read."""
    classes: Mapping[str, int] = field(default_factory=dict)
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
        """Why rows have most likely no photo; empty where nothing tells."""
        return likely_cause(
            [item.id for item in self.rows_without_photo], [item.id for item in self.photos_without_row]
        )

    def counts(self) -> dict[str, float]:
        """Return the share and the number of each kind, as results.json has them."""
        return {
            "share": self.share,
            "rows_without_photo": len(self.rows_without_photo),
            "photos_without_row": len(self.photos_without_row),
            "unusable_rows": len(self.unusable_rows),
            "unusable_photos": len(self.unusable_photos),
        }

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

    Raises CatalogueError where no row has a photo.
    """
    labels = dict(zip(styles.table["id"].tolist(), styles.table["label"].tolist(), strict=True))
    present = {name: label for name, label in labels.items() if name in photos}
    if not present:
        cause = likely_cause(list(labels), photos)
        message = f"{uri}: no row of styles.csv has a photo in images/ named after its id" + (cause and f"; {cause}")
        raise CatalogueError(message)
    known = labels.keys() | {item.id for item in styles.quarantined}
    chosen = present
    if 0 < max_images < len(present):
        names = choose_subset(list(present), list(present.values()), max_images, seed)
        chosen = {name: label for name, label in present.items() if name in names}
    not_chosen = set(present.values()) - set(chosen.values())
    missing = Missing(
        unusable_rows=styles.quarantined,
        rows_without_photo=tuple(Quarantined(name, "no photo in images/") for name in labels if name not in photos),
        photos_without_row=tuple(
            Quarantined(name, "photo without a row in styles.csv") for name in photos if name not in known
        ),
        present=len(present),
        read=len(chosen),
        classes=dict(Counter(label for label in labels.values() if label not in not_chosen)),
    )
    return chosen, missing


def refuse_missing(missing: Missing, max_share: float, uri: str, passing: Collection[str] = ()) -> None:
    """Raise CatalogueError if more than `max_share` of the catalogue is missing.

    `passing` are ids of photos that another start may find. Where these alone make it too much, raises ChangedError.
    """
    if missing.share > max_share:
        passed = [item for item in missing.unusable_photos if item.id in passing]
        others = tuple(item for item in missing.unusable_photos if item.id not in passing)
        if passed and replace(missing, unusable_photos=others).share <= max_share:
            message = (
                f"{uri}: {len(passed)} photos that were there when it was listed could not be read (such as "
                f"{passed[0].id}: {passed[0].reason}); start again, and let nothing write to it meanwhile"
            )
            raise ChangedError(message)
        cause = missing.cause
        message = (
            f"{uri}: {100 * missing.share:.4g} % of its {missing.ids} ids are missing: {missing.describe()}"
            f"{cause and '; '}{cause}; complete the catalogue, or allow it by "
            f"FASHIONTUNE_MAX_MISSING_SHARE={math.ceil(100 * missing.share) / 100:g} "
            f"(it is {max_share:g})"
        )
        raise CatalogueError(message)


def warn_of_missing(missing: Missing, uri: str) -> None:
    """Log what is missing, if anything is."""
    if missing.items:
        share = round(missing.share, 6)
        cause = missing.cause
        _log.warning(
            "part of the catalogue is missing",
            uri=uri,
            share=share,
            ids=missing.ids,
            missing=missing.describe(),
            **({"cause": cause} if cause else {}),
        )
