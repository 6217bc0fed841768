"""Which photos and classes can be trained on: identical photos of different labels, and classes that are too small."""

from collections import Counter, defaultdict
from collections.abc import Sequence


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
