"""The dataset part of results.json: what the catalogue held, how it was split, and what was quarantined."""

from enum import StrEnum

from pydantic import Field

from job.records.record import Record
from job.words import significant


class ClassCount(Record):
    """A class and its photos in each part of the split."""

    name: str
    train: int
    validation: int
    test: int


class QuarantineKind(StrEnum):
    """Why a photo or row is quarantined; its reason says more."""

    ROW_WITHOUT_ID = "row_without_id"
    ROW_LENGTH = "row_length"
    NO_LABEL = "no_label"
    NO_PHOTO = "no_photo"
    NO_ROW = "no_row"
    UNDECODABLE = "undecodable"
    AMBIGUOUS = "ambiguous"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    GONE = "gone"
    NO_ANSWER = "no_answer"
    CONFLICTING_LABELS = "conflicting_labels"
    SMALL_CLASS = "small_class"
    SECOND_PHOTO = "second_photo"
    SECOND_MEMBER = "second_member"


class Quarantined(Record):
    """A photo or row that nothing is trained on or tested with."""

    id: str
    reason: str = Field(description="In words; those of a photo follow its name.")
    kind: QuarantineKind | None = Field(
        None,
        description="Of a row: row_without_id, row_length (too many or too few fields), no_label, no_photo. Of a "
        "photo: no_row, undecodable, ambiguous (its colours cannot be known), too_large, unreadable (a link, "
        "encrypted, or damaged within an archive), refused (by the storage), gone (since it was listed), no_answer "
        "(from the storage), conflicting_labels (of pixel-identical photos), small_class, second_photo (of an id that "
        "has another), second_member (of an archive that has a later one of its name). Null in older results.",
    )


class ExcludedClass(Record):
    """A class with too few photos."""

    name: str
    images: int


class LostClass(Record):
    """A class that has rows, and no photo that can be used."""

    name: str
    rows: int


class Missing(Record):
    """How much of the catalogue was missing; each id, of a row or a photo, counts once."""

    share: float = Field(description="Of all ids; where MAX_IMAGES photos were read, the others count like those.")
    rows_without_photo: int
    photos_without_row: int
    unusable_rows: int = Field(description="Without an id or a label, or with too many or too few fields.")
    unusable_photos: int = Field(description="Damaged, too large, or not to be had.")

    def describe(self) -> str:
        """Return what is missing in a sentence, nothing where all is there."""
        kinds = (
            (self.rows_without_photo, "without a photo"),
            (self.photos_without_row, "without a row"),
            (self.unusable_rows, "whose row cannot be used"),
            (self.unusable_photos, "whose photo cannot be used"),
        )
        found = ", ".join(f"{number:,} {words}" for number, words in kinds if number)
        return f"{significant(100 * self.share, 2)} % of the catalogue's ids are missing: {found}." if found else ""


class Dataset(Record):
    """What the catalogue held and what became of it."""

    uri: str
    fingerprint: str
    rows: int
    images: int = Field(description="Photos that were split.")
    repaired: list[str] = Field(description="Ids of rows whose name, with unquoted commas, was re-joined.")
    repeated: list[str] = Field(
        default_factory=list,
        description="Ids of rows that are there more than once, each time the same; they count once.",
    )
    companions: int = Field(0, description="Files that macOS puts beside others (`._1.jpg`), which were passed over.")
    classes: list[ClassCount]
    quarantined: list[Quarantined]
    missing: Missing | None = Field(None, description="Null in results that are older than this field.")
    excluded_classes: list[ExcludedClass]
    lost_classes: list[LostClass] = Field(default_factory=list)
    similar_classes: list[list[str]] = Field(
        default_factory=list, description="Groups of names that differ in case, blanks or form alone."
    )
    duplicate_groups: int = Field(description="Groups of pixel-identical photos.")

    def warnings(self) -> list[str]:
        """Return what whoever trusts the results should know of the catalogue, in sentences."""
        found = [self.missing.describe()] if self.missing else []
        if self.lost_classes:
            lost = ", ".join(
                f"{each.name} ({each.rows:,} {'row' if each.rows == 1 else 'rows'})" for each in self.lost_classes
            )
            found.append(f"Classes that are lost, for none of their rows has a photo that can be used: {lost}.")
        if self.similar_classes:
            groups = "; ".join(" and ".join(names) for names in self.similar_classes)
            found.append(f"Names of classes that differ in case, blanks or form alone: {groups}.")
        return [words for words in found if words]
