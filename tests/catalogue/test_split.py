"""The split and the subset: grouped, stratified, seeded, and stable when the catalogue changes."""

import random
from collections import Counter

import numpy as np
import pytest

from job.catalogue.split import Part, choose_subset, split

Photo = tuple[str, int, str]


def photos(seed: int, sizes: tuple[int, ...] = (200, 60, 12, 3)) -> list[Photo]:
    """Make (id, class, group) triples: `sizes[c]` groups of class c, some of them of several photos."""
    chance = random.Random(seed)
    rows = []
    for label, groups in enumerate(sizes):
        for group in range(groups):
            copies = range(chance.choice([1, 1, 1, 1, 2, 3]))
            rows += [
                (f"{chance.randrange(10**9)}-{label}-{group}-{copy}", label, f"{label}/{group}") for copy in copies
            ]
    return rows


def parts_of(rows: list[Photo], seed: int = 0) -> dict[str, int]:
    ids, labels, groups = zip(*rows, strict=True)
    parts = split(ids, labels, groups, seed=seed, validation_fraction=0.15, test_fraction=0.15)
    return dict(zip(ids, parts.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_together_and_classes_are_in_all_parts(seed: int) -> None:
    """No group straddles the split, and every class of three groups or more is in all three parts."""
    rows = photos(seed)
    parts = parts_of(rows, seed)
    by_group: dict[str, set[int]] = {}
    for identifier, _, group in rows:
        by_group.setdefault(group, set()).add(parts[identifier])
    assert all(len(found) == 1 for found in by_group.values())
    for label in range(4):
        assert {parts[identifier] for identifier, own, _ in rows if own == label} == set(Part)


def test_shares_are_those_asked_for() -> None:
    """Each class has its share of groups in validation and test."""
    parts = parts_of([(str(number), 0, str(number)) for number in range(1000)])
    assert Counter(parts.values()) == {Part.TRAIN: 700, Part.VALIDATION: 150, Part.TEST: 150}


@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    """Rows in any order give every photo the same part."""
    rows = photos(seed)
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert parts_of(shuffled) == parts_of(rows)


def test_group_names_do_not_matter() -> None:
    """The split depends on which photos belong together, not on what their group is called."""
    rows = photos(1)
    assert parts_of([(identifier, label, f"x{group}") for identifier, label, group in rows]) == parts_of(rows)


def test_another_seed_gives_another_split() -> None:
    """The seed decides."""
    assert parts_of(photos(0), seed=1) != parts_of(photos(0), seed=2)


@pytest.mark.parametrize("seed", range(50))
def test_a_photo_that_is_added_moves_at_most_a_few_of_its_class(seed: int) -> None:
    """Adding one photo moves at most two groups, all of its own class."""
    rows = photos(seed)
    before, after = parts_of(rows), parts_of([*rows, (f"new{seed}", 1, "new")])
    moved = {(label, group) for identifier, label, group in rows if before[identifier] != after[identifier]}
    assert len(moved) <= 2
    assert {label for label, _ in moved} <= {1}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (1, {Part.TRAIN}),
        (2, {Part.TRAIN, Part.TEST}),
        (3, set(Part)),
    ],
)
def test_classes_of_few_groups(groups: int, expected: set[Part]) -> None:
    """One group trains, two train and test, three are in all parts."""
    assert set(parts_of([(str(number), 0, str(number)) for number in range(groups)]).values()) == expected


def test_large_fractions_leave_something_to_train_on() -> None:
    """Even at the largest fractions a small class keeps a group to train on."""
    ids = [str(number) for number in range(4)]
    parts = split(ids, [0] * 4, ids, seed=0, validation_fraction=0.45, test_fraction=0.45)
    assert np.count_nonzero(parts == Part.TRAIN) == 1 or set(parts.tolist()) == set(Part)
    assert Part.TRAIN in parts


def test_subset_is_stratified_exact_and_independent_of_order() -> None:
    """The subset has the number asked for, each class its share, whatever the order of rows."""
    ids = [str(number) for number in range(1000)]
    labels = ["a"] * 700 + ["b"] * 250 + ["c"] * 50
    chosen = choose_subset(ids, labels, 100, seed=3)
    assert len(chosen) == 100
    assert Counter(labels[int(name)] for name in chosen) == {"a": 70, "b": 25, "c": 5}
    assert choose_subset(ids[::-1], labels[::-1], 100, seed=3) == chosen
    assert choose_subset(ids, labels, 100, seed=4) != chosen


def test_larger_subset_holds_the_smaller_one() -> None:
    """Raising MAX_IMAGES adds photos and keeps those there were."""
    ids = [str(number) for number in range(1000)]
    labels = ["a", "b"] * 500
    assert choose_subset(ids, labels, 100, seed=0) < choose_subset(ids, labels, 200, seed=0)
