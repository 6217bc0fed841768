"""Choosing photos by hash: the stratified subset of MAX_IMAGES, and the split into training, validation and test.

Both depend on (seed, ids, classes, groups) alone and not on the order of rows, and change little when a photo is added.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from job.seeds import derive_seed


class Part(IntEnum):
    """The part of the split that a photo belongs to."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


def choose_subset(ids: Sequence[str], labels: Sequence[str], count: int, seed: int) -> set[str]:
    """Return the ids of a subset of `count` photos in which each class has its share, rounded.

    A larger count of the same seed takes nearly all of a smaller one's photos.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for identifier, label in zip(ids, labels, strict=True):
        members[label].append(identifier)
    exact = {label: count * len(members[label]) / len(ids) for label in members}
    taken = {label: math.floor(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: (taken[label] - exact[label], label))
    for label in by_remainder[: count - sum(taken.values())]:
        taken[label] += 1
    return {
        identifier
        for label, names in members.items()
        for identifier in sorted(names, key=lambda name: derive_seed(seed, "subset", name))[: taken[label]]
    }


def split(
    ids: Sequence[str],
    labels: Sequence[int],
    groups: Sequence[str],
    *,
    seed: int,
    validation_fraction: float,
    test_fraction: float,
) -> NDArray[np.int8]:
    """Return the Part of each photo, (N,) int8: grouped, stratified and seeded.

    Photos of one group (pixel-identical ones) share a class and stay together. Within a class the groups are ranked
    by a hash of (seed, the group's smallest id) and cut by rank, so a photo that is added moves at most a few others,
    all of its own class. Each class with three groups or more is in all three parts; with two, in training and test;
    with one, in training alone.
    """
    smallest: dict[str, str] = {}
    rows: dict[str, list[int]] = defaultdict(list)
    classes: dict[int, set[str]] = defaultdict(set)
    for row, (identifier, label, group) in enumerate(zip(ids, labels, groups, strict=True)):
        smallest[group] = min(identifier, smallest.get(group, identifier))
        rows[group].append(row)
        classes[label].add(group)
    parts = np.zeros(len(ids), np.int8)
    for members in classes.values():
        ranked = sorted(members, key=lambda group: (derive_seed(seed, "split", smallest[group]), smallest[group]))
        test, validation = _sizes(len(ranked), validation_fraction, test_fraction)
        for rank, group in enumerate(ranked):
            part = Part.TEST if rank < test else Part.VALIDATION if rank < test + validation else Part.TRAIN
            parts[rows[group]] = part
    return parts


def _sizes(groups: int, validation_fraction: float, test_fraction: float) -> tuple[int, int]:
    """Return how many groups of a class go to test and to validation."""
    if groups == 1:
        return 0, 0
    if groups == 2:  # noqa: PLR2004 -- too few for three parts
        return 1, 0
    test = max(1, round(groups * test_fraction))
    validation = max(1, round(groups * validation_fraction))
    while test + validation >= groups:  # small classes with large fractions keep one group to train on
        if test >= validation:
            test -= 1
        else:
            validation -= 1
    return test, validation
