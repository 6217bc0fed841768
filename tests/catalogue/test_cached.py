"""One cache for many settings: what is taken from it is what would have been read anew, with each photo's own label."""

from pathlib import Path

import numpy as np
import pytest

from job.catalogue.catalogue import Catalogue
from tests.catalogue.test_catalogue import load
from tests.tiny import CLASSES, tiny_files, write_folder


@pytest.mark.parametrize(
    "changes",
    [
        {"target_column": "usage", "min_class_images": 1},
        {"image_height": 40},
        {"image_width": 30},
        {"max_images": 30},
        {"max_images": 30, "seed": 5},
        {"seed": 5},
    ],
    ids=str,
)
def test_other_settings_find_no_photos_of_others_in_the_cache(tmp_path: Path, changes: dict[str, object]) -> None:
    """Column, size and subset are part of what is cached; the seed alone reads no photo again and splits anew."""
    files = tiny_files()
    files["styles.csv"] = files["styles.csv"].replace(b"Watches,Thing,Red,Summer,2012,NA", b"Watches,Thing,,,,Casual")
    folder = write_folder(tmp_path / "c", files)
    load(folder, tmp_path / "one cache")
    load(folder, tmp_path / "one cache", max_images=30)
    shared, alone = (load(folder, tmp_path / name, **changes) for name in ("one cache", "an empty one"))
    assert shared.fingerprint == alone.fingerprint
    assert (shared.classes, shared.ids) == (alone.classes, alone.ids)
    for name in ("images", "labels", "parts"):
        np.testing.assert_array_equal(getattr(shared, name), getattr(alone, name))


def labelled(catalogue: Catalogue) -> dict[str, str]:
    """Return the name of each photo's class by its id."""
    return {name: catalogue.classes[label] for name, label in zip(catalogue.ids, catalogue.labels, strict=True)}


def test_each_id_has_the_label_of_its_row_and_its_own_pixels(tmp_path: Path) -> None:
    """Whatever the order of the table: id, name and photo belong together, and another label is another catalogue."""
    files = tiny_files()
    header, *rows = files["styles.csv"].decode().splitlines()
    turned = files | {"styles.csv": "\n".join([header, *rows[::-1]]).encode()}
    first, second = (
        load(write_folder(tmp_path / name, each), tmp_path / f"{name}-cache")
        for name, each in (("straight", files), ("turned", turned))
    )
    expected = {row.split(",")[0]: row.split(",")[3] for row in rows}
    assert labelled(first) == labelled(second) == expected
    assert first.fingerprint == second.fingerprint
    band = {name: image[:6].mean(axis=(0, 1)) for name, image in zip(first.ids, first.images, strict=True)}
    for name, label in expected.items():  # red bags and blue watches
        if label != CLASSES[1]:
            assert band[name].argmax() == {CLASSES[0]: 0, CLASSES[2]: 2}[label]
    files["styles.csv"] = files["styles.csv"].replace(b"1000,Men,Apparel,Bags", b"1000,Men,Apparel,Shoes")
    other = load(write_folder(tmp_path / "other", files), tmp_path / "other-cache")
    assert labelled(other) == expected | {"1000": "Shoes"}
    assert other.fingerprint != first.fingerprint
