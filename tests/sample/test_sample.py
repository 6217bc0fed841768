"""The built-in sample catalogue has the form of the real one and its traps, and comes out the same every time."""

import hashlib
import io
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from job.errors import CatalogueError
from job.sample.sample import SAMPLE_TRAPS, write_sample
from job.sample.shop import ARTICLES


@dataclass(frozen=True)
class Written:
    """A sample as it lies on the disk, read by nothing of the project's own."""

    directory: Path
    lines: list[str]  # without the header
    labels: dict[str, str]  # subCategory by id
    files: dict[str, bytes]  # by id
    photos: dict[str, Image.Image]  # by id, of the files that decode


def written_files(directory: Path) -> dict[str, str]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def decoded(file: bytes) -> Image.Image | None:
    photo = Image.open(io.BytesIO(file))
    try:
        photo.load()
    except OSError:
        return None
    return photo


def same_pixels(written: Written) -> list[list[str]]:
    groups = defaultdict(list)
    for number, photo in written.photos.items():
        groups[photo.mode, photo.size, photo.tobytes()].append(number)
    return [group for group in groups.values() if len(group) > 1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    directory = tmp_path_factory.mktemp("catalogue") / "made" / "sample"
    write_sample(directory)
    lines = (directory / "styles.csv").read_bytes().decode().split("\n")[1:-1]
    files = {path.stem: path.read_bytes() for path in (directory / "images").iterdir()}
    photos = {number: photo for number, file in files.items() if (photo := decoded(file)) is not None}
    labels = {fields[0]: fields[3] for fields in (line.split(",") for line in lines)}
    return Written(directory, lines, labels, files, photos)


@pytest.fixture
def small_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many kinds of things, and fewer of each, so that it can be written several times in a test."""
    few = tuple(replace(article, photos=min(article.photos, 12)) for article in ARTICLES)
    monkeypatch.setattr("job.sample.sample.ARTICLES", few)
    monkeypatch.setattr("job.sample.sample.SAMPLE_TRAPS", replace(SAMPLE_TRAPS, least_photos=12))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, small_shop: None) -> None:
    """Two samples of one seed hold the same files, byte for byte; an empty folder is as good as none."""
    (tmp_path / "two").mkdir()
    write_sample(tmp_path / "one", seed=3)
    write_sample(tmp_path / "two", seed=3)
    assert written_files(tmp_path / "one") == written_files(tmp_path / "two")


def test_another_seed_writes_another_catalogue(written: Written, tmp_path: Path, small_shop: None) -> None:
    """With another seed the table and every photo differ."""
    write_sample(tmp_path / "other", seed=1)
    other = written_files(tmp_path / "other")
    assert not set(other.values()) & set(written_files(written.directory).values())


def test_a_folder_that_holds_something_is_refused(written: Written, tmp_path: Path) -> None:
    """Nothing is written over what is there, be it a sample, another file, or a file in the folder's place."""
    (tmp_path / "file").write_text("mine")
    before = written_files(written.directory)
    for place in (written.directory, tmp_path, tmp_path / "file"):
        with pytest.raises(CatalogueError, match="empty folder"):
            write_sample(place)
    assert written_files(written.directory) == before


def test_it_is_as_large_and_as_uneven_as_promised(written: Written) -> None:
    """About 1,500 rows with unique ids, a class that holds a third, ten and more to train on, and a long tail."""
    counts = Counter(written.labels.values())
    assert 1400 <= len(written.lines) <= 1600
    assert len(written.labels) == len(written.lines)
    assert 0.25 < counts.most_common(1)[0][1] / len(written.lines) < 0.4
    assert sum(count >= 10 for count in counts.values()) >= 10
    assert sum(1 < count < 10 for count in counts.values()) in {1, 2}
    assert sum(count == 1 for count in counts.values()) == 1


def test_the_table_has_the_columns_of_the_real_one(written: Written) -> None:
    """The header is the real data set's, lines end in a line feed alone, and every label is there."""
    table = (written.directory / "styles.csv").read_bytes()
    header = b"id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
    assert table.startswith(header)
    assert b"\r" not in table
    assert table.endswith(b"\n")
    assert all(written.labels.values())


def test_some_names_hold_commas(written: Written) -> None:
    """The stated numbers of rows have eleven and twelve fields, all others ten."""
    fields = Counter(line.count(",") + 1 for line in written.lines)
    assert fields[11] == SAMPLE_TRAPS.one_comma_names
    assert fields[12] == SAMPLE_TRAPS.two_comma_names
    assert set(fields) == {10, 11, 12}


def test_some_names_hold_one_stray_quote(written: Written) -> None:
    """A quote that nothing closes stands within a name, and one at a name's beginning."""
    names = [line.split(",", 9)[9] for line in written.lines if '"' in line]
    assert all(name.count('"') == 1 for name in names)
    assert sum(name.startswith('"') for name in names) == SAMPLE_TRAPS.quotes_before_name
    assert sum(not name.startswith('"') for name in names) == SAMPLE_TRAPS.quotes_in_name


def test_some_fields_are_na_or_empty(written: Written) -> None:
    """The stated number of usages is the word NA, and of fields in columns other than the label nothing at all."""
    rows = [line.split(",", 9) for line in written.lines]
    assert sum(row[8] == "NA" for row in rows) == SAMPLE_TRAPS.na_usages
    assert sum(row.count("") for row in rows) == SAMPLE_TRAPS.empty_fields


def test_some_listed_photos_are_missing_or_broken(written: Written) -> None:
    """The stated numbers of rows have no file, and a file that starts as a JPEG and does not decode."""
    assert len(written.labels.keys() - written.files.keys()) == SAMPLE_TRAPS.missing_images
    assert len(written.files.keys() - written.photos.keys()) == SAMPLE_TRAPS.truncated_images
    assert not written.files.keys() - written.labels.keys()


def test_some_photos_are_grey_or_of_another_size(written: Written) -> None:
    """The stated numbers of photos have one channel, and each of the stated sizes; all others are 60 x 80 in colour."""
    assert Counter(photo.mode for photo in written.photos.values())["L"] == SAMPLE_TRAPS.greyscale_images
    assert {photo.mode for photo in written.photos.values()} == {"L", "RGB"}
    others = [photo.size for photo in written.photos.values() if photo.size != (60, 80)]
    assert sorted(others) == sorted(SAMPLE_TRAPS.other_sizes)


def test_some_photos_carry_kilobytes_of_exif(written: Written) -> None:
    """The stated number of files holds a readable EXIF block of more than two kilobytes."""
    blocks = [photo.info["exif"] for photo in written.photos.values() if "exif" in photo.info]
    assert len(blocks) == SAMPLE_TRAPS.exif_images + SAMPLE_TRAPS.duplicate_groups_with_exif
    assert all(len(block) > 2000 for block in blocks)


def test_some_photos_are_pixel_identical(written: Written) -> None:
    """The groups have the stated sizes; the stated number of them holds different bytes, or labels that conflict."""
    groups = same_pixels(written)
    assert sorted(map(len, groups)) == sorted(SAMPLE_TRAPS.duplicate_groups)
    unlike = [group for group in groups if len({written.files[number] for number in group}) > 1]
    assert len(unlike) == SAMPLE_TRAPS.duplicate_groups_with_exif
    labels = [{written.labels[number] for number in group} for group in groups]
    conflicting = [group for group in labels if len(group) > 1]
    assert sorted(map(sorted, conflicting)) == sorted(map(sorted, SAMPLE_TRAPS.conflicting_groups))


def test_a_second_copy_is_nested(written: Written) -> None:
    """`myntradataset/` repeats some ids under other labels and with other photos."""
    nested = written.directory / "myntradataset"
    lines = (nested / "styles.csv").read_text(encoding="utf-8").split("\n")[1:-1]
    assert len(lines) == SAMPLE_TRAPS.nested_rows
    for number, label in ((fields[0], fields[3]) for fields in (line.split(",") for line in lines)):
        assert written.labels[number] != label
        assert (nested / "images" / f"{number}.jpg").read_bytes() != written.files.get(number)
