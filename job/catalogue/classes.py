"""Which photos and classes can be trained on: identical photos of other labels, classes too small, lost or alike."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import structlog

from job.text import likeness

_log = structlog.get_logger()


def find_conflicts(
    ids: Sequence[str], pixel_hashes: Sequence[str], labels: Sequence[str]
) -> tuple[dict[int, str], int]:
    """Return the rows of pixel-identical photos whose labels differ, with the reason, and the number of all groups.

    Which of the labels is right cannot be known, so none of the group is used.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for row, pixels in enumerate(pixel_hashes):
        groups[pixels].append(row)
    duplicates = [rows for rows in groups.values() if len(rows) > 1]
    conflicts = {}
    for rows in duplicates:
        found = sorted({labels[row] for row in rows})
        if len(found) > 1:
            names = ", ".join(ids[row] for row in rows)
            for row in rows:
                conflicts[row] = f"the same photo ({names}) is labelled {' and '.join(found)}"
    return conflicts, len(duplicates)


def choose_classes(labels: Sequence[str], min_images: int) -> tuple[list[str], dict[str, int]]:
    """Return the classes with at least `min_images` photos, sorted, and (name: photos) of the others."""
    counts = Counter(labels)
    classes = sorted(label for label, count in counts.items() if count >= min_images)
    return classes, {label: count for label, count in counts.items() if count < min_images}


def find_lost(rows: Mapping[str, int], usable: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return (name, rows) of the classes that have rows and are no photo's label in `usable`."""
    used = set(usable)
    return tuple(sorted((label, count) for label, count in rows.items() if label not in used))


def find_similar(labels: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of labels that people would take for one."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        groups[likeness(label)].append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def warn_of_classes(lost: Iterable[tuple[str, int]], similar: Iterable[Sequence[str]]) -> None:
    """Log what `find_lost` and `find_similar` have found."""
    for name, rows in lost:
        _log.warning("class is lost, for none of its rows has a photo that can be used", name=name, rows=rows)
    for names in similar:
        _log.warning("classes differ in case, blanks or form alone", classes=list(names))
