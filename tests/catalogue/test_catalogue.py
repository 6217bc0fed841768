"""Catalogues: the same from a folder, a zip or a tar; every trap reported; what is no catalogue refused."""

import dataclasses
import re
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from job.catalogue.cache import load_prepared
from job.catalogue.catalogue import Catalogue, CatalogueSettings, load_catalogue
from job.catalogue.split import Part
from job.errors import CatalogueError, SettingsError, StorageError
from job.records.dataset import ExcludedClass, QuarantineKind
from tests.tiny import CLASSES, HEADER, photo, row, tiny_files, write_folder, write_tar, write_zip


def settings_for(uri: Path | str, cache: Path, **changes: object) -> CatalogueSettings:
    settings = CatalogueSettings(
        uri=str(uri),
        cache_dir=cache,
        target_column="subCategory",
        min_class_images=3,
        max_images=0,
        image_height=32,
        image_width=24,
        validation_fraction=0.15,
        test_fraction=0.15,
        seed=0,
        retry_seconds=1,
    )
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


def load(uri: Path | str, cache: Path, **changes: object) -> Catalogue:
    return load_catalogue(settings_for(uri, cache, **changes), lambda *_: None)


def reasons(catalogue: Catalogue) -> dict[str, str]:
    return {item.id: item.reason for item in catalogue.dataset.quarantined}


def with_rows(files: dict[str, bytes], *rows: str) -> dict[str, bytes]:
    return files | {"styles.csv": files["styles.csv"] + ("\n".join(rows) + "\n").encode()}


WRITERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "folder": write_folder,
    "c.zip": write_zip,
    "c.tar": write_tar,
    "c.tar.gz": write_tar,
    "CAPITALS.ZIP": write_zip,
    "CAPITALS.TAR": write_tar,
    "CAPITALS.TAR.GZ": write_tar,
    "Capital.Tgz": write_tar,
}


def test_all_forms_give_the_same_catalogue(tmp_path: Path) -> None:
    """Folder, zip, tar and tar.gz of the same files have the same fingerprint, photos, classes and split."""
    files = tiny_files()
    found = [load(write(tmp_path / name, files), tmp_path / f"cache-{name}") for name, write in WRITERS.items()]
    found.append(load(f"file://{tmp_path}/c.zip", tmp_path / "cache-uri"))
    found.append(load(f"{tmp_path}/folder/", tmp_path / "cache-slash"))
    first = found[0]
    assert first.classes == CLASSES
    assert len(first.ids) == 60
    assert first.dataset.quarantined == []
    for other in found[1:]:
        assert other.fingerprint == first.fingerprint
        assert other.ids == first.ids
        np.testing.assert_array_equal(other.images, first.images)
        np.testing.assert_array_equal(other.parts, first.parts)


def test_a_second_start_reads_the_cache_and_not_the_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are decoded once: a warm start decodes none and has the same catalogue."""
    archive = write_zip(tmp_path / "c.zip", tiny_files())
    first = load(archive, tmp_path / "cache")
    monkeypatch.setattr("job.catalogue.prepare.pack", None)
    second = load(archive, tmp_path / "cache")
    assert second.fingerprint == first.fingerprint
    assert second.dataset == first.dataset
    np.testing.assert_array_equal(second.images, first.images)


def test_a_catalogue_that_changes_is_read_anew(tmp_path: Path) -> None:
    """The cache is keyed by content: another photo in the same place is seen."""
    folder = write_folder(tmp_path / "c", tiny_files())
    first = load(folder, tmp_path / "cache")
    (folder / "images" / "1000.jpg").write_bytes(photo(0, 99_999))
    assert load(folder, tmp_path / "cache").fingerprint != first.fingerprint


@pytest.mark.parametrize("name", ["images.npy", "index.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, name: str, damage: str) -> None:
    """A flipped bit, a cut-off or missing file in the cache costs time and never a wrong result."""
    folder = write_folder(tmp_path / "c", tiny_files(per_class=5))
    first = load(folder, tmp_path / "cache")
    (path,) = (tmp_path / "cache" / "packed").glob(f"*/{name}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = {"flip": bytes(data), "cut": bytes(data[: len(data) // 2]), "empty": b""}
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    assert load_prepared(path.parent) is None
    again = load(folder, tmp_path / "cache")
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.images, first.images)
    assert load_prepared(path.parent) is not None


def test_every_id_that_is_left_out_has_its_reason(tmp_path: Path) -> None:
    """Missing, undecodable, unlabelled, unlisted, conflicting and too rare photos are all named."""
    files = tiny_files()
    twin = files["images/1000.jpg"]
    files |= {"images/81.jpg": b"broken", "images/82.jpg": photo(0, 82), "images/83.jpg": twin}
    files |= {"images/84.jpg": photo(0, 84), "images/85.jpg": photo(0, 85)}
    rows = [row("80", "Bags"), row("81", "Bags"), row("82", ""), row("83", "Shoes"), row("84", "Rare")]
    catalogue = load(write_zip(tmp_path / "c.zip", with_rows(files, *rows)), tmp_path / "cache")
    conflict = "the same photo (1000, 83) is labelled Bags and Shoes"
    assert reasons(catalogue) == {
        "80": "no photo in images/",
        "81": reasons(catalogue)["81"],
        "82": "no value of subCategory",
        "83": conflict,
        "84": "class Rare has 1 photo, under 3",
        "85": "photo without a row in styles.csv",
        "1000": conflict,
    }
    assert reasons(catalogue)["81"].startswith("photo does not decode")
    assert catalogue.dataset.excluded_classes == [ExcludedClass(name="Rare", images=1)]
    assert catalogue.dataset.duplicate_groups == 1
    assert catalogue.dataset.rows == 65
    left_out = {name for name, part in zip(catalogue.ids, catalogue.parts, strict=True) if part < 0}
    assert left_out == {"83", "84", "1000"}


def test_a_second_photo_of_an_id_is_named(tmp_path: Path) -> None:
    """Of `1000.jpg` and `1000.png` the first counts, and of two members of one name the last; results.json has both."""
    files = tiny_files()
    archive = write_zip(tmp_path / "c.zip", files | {"images/1000.png": photo(0, 7)})
    with zipfile.ZipFile(archive, "a") as opened, warnings.catch_warnings(action="ignore"):
        opened.writestr("images/1001.jpg", photo(0, 8))
    for _ in range(2):  # the second time from the cache
        catalogue = load(archive, tmp_path / "cache")
        assert [(item.id, item.reason, item.kind) for item in catalogue.dataset.quarantined] == [
            ("1000.png", "id 1000 has another photo, images/1000.jpg, which counts", QuarantineKind.SECOND_PHOTO),
            ("1001.jpg", "is in the archive 2 times; the last one counts", QuarantineKind.SECOND_MEMBER),
        ]
        assert catalogue.dataset.missing is not None
        assert (len(catalogue.ids), catalogue.dataset.missing.share) == (60, 0)
    expected = write_folder(tmp_path / "c", files | {"images/1001.jpg": photo(0, 8)})
    assert load(expected, tmp_path / "cache").fingerprint == catalogue.fingerprint


def test_identical_photos_stay_on_one_side_of_the_split(tmp_path: Path) -> None:
    """Copies of a photo, under whatever id, are in the same part."""
    files = tiny_files()
    for copy in range(20):
        files[f"images/{9000 + copy}.jpg"] = files[f"images/{1000 + copy}.jpg"]
    rows = [row(str(9000 + copy), "Bags") for copy in range(20)]
    catalogue = load(write_zip(tmp_path / "c.zip", with_rows(files, *rows)), tmp_path / "cache")
    assert catalogue.dataset.duplicate_groups == 20
    parts = dict(zip(catalogue.ids, catalogue.parts.tolist(), strict=True))
    assert all(parts[str(9000 + copy)] == parts[str(1000 + copy)] for copy in range(20))
    assert set(parts.values()) == set(Part)


def test_the_shallowest_styles_csv_counts(tmp_path: Path) -> None:
    """A nested copy of the catalogue, as the published archive has one, is not read."""
    files = tiny_files()
    nested = {f"nested/{name}": content for name, content in tiny_files(per_class=3).items()}
    archive = write_zip(tmp_path / "c.zip", nested | files)
    assert load(archive, tmp_path / "cache").dataset.rows == 60


def test_a_catalogue_below_a_folder_is_found(tmp_path: Path) -> None:
    """An archive of a folder works like one of its content, and so does one made with `tar c ./`."""
    below = {f"fashion/{name}": content for name, content in tiny_files().items()}
    dotted = {f"./{name}": content for name, content in tiny_files().items()}
    assert load(write_zip(tmp_path / "c.zip", below), tmp_path / "cache").dataset.rows == 60
    assert load(write_tar(tmp_path / "c.tar", dotted), tmp_path / "cache").dataset.rows == 60
    assert load(write_zip(tmp_path / "d.zip", dotted), tmp_path / "cache").dataset.rows == 60


def test_max_images_takes_a_stratified_subset(tmp_path: Path) -> None:
    """MAX_IMAGES counts photos that exist, class by class."""
    archive = write_zip(tmp_path / "c.zip", tiny_files())
    catalogue = load(archive, tmp_path / "cache", max_images=30)
    assert len(catalogue.ids) == 30
    assert [each.train + each.validation + each.test for each in catalogue.dataset.classes] == [10, 10, 10]


def test_another_target_column_makes_other_classes(tmp_path: Path) -> None:
    """The column to predict is the user's choice, and `NA` is one of its values."""
    files = tiny_files()
    files["styles.csv"] = files["styles.csv"].replace(
        b"Watches,Thing,Red,Summer,2012,NA", b"Watches,Thing,Red,Summer,2012,Casual"
    )
    catalogue = load(write_zip(tmp_path / "c.zip", files), tmp_path / "cache", target_column="usage")
    assert catalogue.classes == ("Casual", "NA")


def broken_zip(path: Path) -> Path:
    write_zip(path, tiny_files())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def broken_tar(path: Path) -> Path:
    write_tar(path, tiny_files())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def tar_cut_between_members(path: Path) -> Path:
    write_tar(path, tiny_files())
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[30].offset
    path.write_bytes(path.read_bytes()[:offset])
    return path


def tar_with_a_damaged_header(path: Path) -> Path:
    write_tar(path, tiny_files())
    with tarfile.open(path) as archive:
        offset = archive.getmembers()[30].offset
    data = bytearray(path.read_bytes())
    data[offset : offset + 200] = bytes(200)
    data[offset] = 7
    path.write_bytes(bytes(data))
    return path


def two_photos_a_class() -> dict[str, bytes]:
    files = tiny_files(per_class=12)
    photos = sorted(name for name in files if name.endswith("jpg"))
    return files | {name: files[photos[index // 12 * 12 + index % 2]] for index, name in enumerate(photos)}


def text_as_zip(path: Path) -> Path:
    path.write_text("no archive")
    return path


def archive(files: dict[str, bytes]) -> Callable[[Path], Path]:
    return lambda path: write_zip(path, files)


def table(*lines: str) -> dict[str, bytes]:
    return tiny_files() | {"styles.csv": "".join(f"{line}\n" for line in lines).encode()}


def only(*prefixes: str) -> dict[str, bytes]:
    return {name: content for name, content in tiny_files().items() if name.startswith(prefixes)}


def one_class() -> dict[str, bytes]:
    files = table(HEADER, *(row(str(1000 + n), "Bags") for n in range(20)))
    return {name: content for name, content in files.items() if not name.startswith(("images/2", "images/3"))}


def one_in_eight_broken() -> dict[str, bytes]:
    files = tiny_files()
    for number, name in enumerate(sorted(name for name in files if name.endswith("jpg"))):
        if number % 8 == 0:
            files[name] = b"broken"
    return files


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (broken_zip, "c.zip", "is not a whole zip archive"),
        (text_as_zip, "c.zip", "is not a whole zip archive"),
        (text_as_zip, "c.tar", "is not a whole tar archive"),
        (text_as_zip, "c.rar", "is a file of an unknown kind"),
        (broken_tar, "c.tar", "is not a whole tar archive"),
        (tar_cut_between_members, "c.tar", "is not a whole tar archive"),
        (tar_with_a_damaged_header, "c.tar", "is not a whole tar archive"),
        (archive(two_photos_a_class()), "c.zip", "no photo is left for validation"),
        (broken_tar, "c.tar.gz", "is not a whole tar archive"),
        (archive(tiny_files() | {"../../x": b"x"}), "c.zip", "'../../x', which points outside"),
        (archive(tiny_files() | {"/etc/x": b"x"}), "c.zip", "'/etc/x', which points outside"),
        (lambda path: write_tar(path, tiny_files() | {"../x": b"x"}), "c.tar", "'../x', which points outside"),
        (archive(only("images/")), "c.zip", "has no styles.csv"),
        (archive(only("styles")), "c.zip", "has no photo"),
        (archive(table()), "c.zip", "styles.csv is empty"),
        (archive(table(HEADER)), "c.zip", "has a header and no row"),
        (archive(table("name,subCategory", "1,Bags")), "c.zip", "has no column id"),
        (archive(table("id,name", "1,Bags")), "c.zip", "has no column subCategory; its columns are id, name"),
        (archive(table(HEADER, row("7", "Bags"), row("7", "Shoes"))), "c.zip", "has the id 7 twice, in lines 2 and 3"),
        (archive(table(HEADER, row("7", "Bags"))), "c.zip", "no row of styles.csv has a photo"),
        (archive(one_class()), "c.zip", "two are needed"),
        (archive(one_in_eight_broken()), "c.zip", "13.33 % of its 60 ids are missing: 8 whose photo cannot be used"),
    ],
)
def test_what_is_no_catalogue_is_refused(tmp_path: Path, make: Callable[[Path], Path], name: str, message: str) -> None:
    """Each broken catalogue is one sentence that names the file and what is wrong."""
    path = make(tmp_path / name)
    with pytest.raises(CatalogueError, match=re.escape(str(path))) as error:
        load(path, tmp_path / "cache")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_of_a_hostile_archive_touches_the_disk(tmp_path: Path) -> None:
    """Neither a path out of the archive nor a link in it makes a file."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    archive_path = write_zip(tmp_path / "deep" / "er" / "c.zip", tiny_files() | {"../../x": b"x"})
    with pytest.raises(CatalogueError):
        load(archive_path, tmp_path / "deep" / "cache")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]


@pytest.mark.parametrize("name", ["missing.zip", "missing", "missing/"])
def test_a_place_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    """A wrong DATASET_URI is an error with that URI in it."""
    with pytest.raises(StorageError, match=re.escape(f"{tmp_path}/{name} does not exist")) as error:
        load(f"{tmp_path}/{name}", tmp_path / "cache")
    assert error.value.setting == "dataset_uri"


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """CACHE_DIR must be a folder that can be written."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"/file/cache cannot be written: Not a directory") as error:
        load(write_zip(tmp_path / "c.zip", tiny_files()), tmp_path / "file" / "cache")
    assert error.value.setting == "cache_dir"
