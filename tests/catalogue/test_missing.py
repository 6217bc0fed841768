"""What of a catalogue is missing: all kinds count towards one share, which is refused or said."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from job.errors import CatalogueError
from job.records.dataset import Dataset
from job.watch.summary import print_check
from tests.catalogue.test_catalogue import load, reasons
from tests.tiny import photo, row, tiny_files, write_folder, write_tar, write_zip


def without_photos(count: int) -> dict[str, bytes]:
    """300 rows, `count` of which have no photo: an upload that was cut off."""
    files = tiny_files(per_class=100)
    names = sorted(name for name in files if name != "styles.csv")
    return {name: content for name, content in files.items() if name not in names[::-1][:count]}


def without_rows(count: int) -> dict[str, bytes]:
    """300 photos, of `count` of which the table tells nothing: a table that was cut off."""
    files = tiny_files(per_class=100)
    return files | {"styles.csv": b"\n".join(files["styles.csv"].splitlines()[:-count]) + b"\n"}


def without_labels(count: int) -> dict[str, bytes]:
    """300 rows, `count` of which have no label."""
    files = tiny_files(per_class=100)
    return files | {"styles.csv": files["styles.csv"].replace(b"Apparel,Watches", b"Apparel,", count)}


def undecodable(count: int) -> dict[str, bytes]:
    """300 photos, `count` of which are damaged."""
    files = tiny_files(per_class=100)
    return files | dict.fromkeys(sorted(name for name in files if name != "styles.csv")[:count], b"broken")


def mixed(count: int) -> dict[str, bytes]:
    """300 ids of which four times `count` are missing, in each way the same number."""
    files = undecodable(count)
    lines = files["styles.csv"].replace(b"Apparel,Watches", b"Apparel,", count).splitlines()
    for name in sorted(name for name in files if name.startswith("images/2"))[:count]:
        del files[name]
    return files | {"styles.csv": b"\n".join(lines[:-count]) + b"\n"}


KINDS: dict[str, tuple[Callable[[int], dict[str, bytes]], int, str, tuple[int, int, int, int]]] = {
    "rows without a photo": (without_photos, 1, "{} without a photo in images/ (such as 3", (1, 0, 0, 0)),
    "photos without a row": (without_rows, 1, "{} without a row in styles.csv (such as 3", (0, 1, 0, 0)),
    "rows without a label": (
        without_labels,
        1,
        "{} whose row cannot be used (such as 3000: no value of subCategory)",
        (0, 0, 1, 0),
    ),
    "photos that do not decode": (
        undecodable,
        1,
        "{} whose photo cannot be used (such as 1000: photo does not decode: ",
        (0, 0, 0, 1),
    ),
    "some of each": (mixed, 4, "{0} without a photo in images/ (such as 2000), {0} without a row", (1, 1, 1, 1)),
}


@pytest.mark.parametrize(("name", "write"), [("c", write_folder), ("c.zip", write_zip), ("c.tar", write_tar)])
@pytest.mark.parametrize("kind", KINDS)
def test_more_than_a_tenth_is_refused_by_its_number(
    tmp_path: Path, kind: str, name: str, write: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    """Of 300 ids 32 are missing: one sentence has the share, the number of each kind, an example and the setting."""
    make, ways, words, _ = KINDS[kind]
    place = write(tmp_path / name, make(32 // ways))
    with pytest.raises(CatalogueError) as refused:
        load(place, tmp_path / "cache")
    message = str(refused.value)
    assert message.startswith(f"{place}: 10.67 % of its 300 ids are missing: ")
    assert words.format(32 // ways) in message
    assert message.endswith("; complete the catalogue, or raise this setting from 0.1 to 0.11")
    assert refused.value.setting == "max_missing_share"
    assert "\n" not in message
    missing = load(place, tmp_path / "cache", max_missing_share=0.11).dataset.missing
    assert missing is not None
    assert missing.share == pytest.approx(32 / 300)


def test_missing_photos_are_refused_before_any_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names alone tell that most photos are missing, and nobody waits for the others."""
    monkeypatch.setattr("job.catalogue.prepare.pack", None)
    with pytest.raises(CatalogueError, match="90 % of its 300 ids"):
        load(write_zip(tmp_path / "c.zip", without_photos(270)), tmp_path / "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tenth_is_said_and_trained_without(tmp_path: Path, kind: str) -> None:
    """Of 300 ids 28 are missing: a warning has the share, and so have results.json and what a person reads."""
    make, ways, words, counts = KINDS[kind]
    with capture_logs() as logs:
        catalogue = load(write_zip(tmp_path / "c.zip", make(28 // ways)), tmp_path / "cache")
    (warning,) = (log for log in logs if log["event"] == "part of the catalogue is missing")
    assert (warning["log_level"], warning["share"], warning["ids"]) == ("warning", 0.093333, 300)
    assert words.format(28 // ways) in warning["missing"]
    missing = catalogue.dataset.missing
    assert missing is not None
    assert missing.share == 28 / 300
    found = (missing.rows_without_photo, missing.photos_without_row, missing.unusable_rows, missing.unusable_photos)
    assert found == tuple(28 // ways * count for count in counts)
    assert len(reasons(catalogue)) == 28
    assert len({item.kind for item in catalogue.dataset.quarantined}) == ways


def test_the_limit_itself_is_allowed_and_nothing_missing_is_not_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """30 of 300 are a tenth; with a limit of 0 one is too many, and where none is missing there is no warning."""
    place = write_zip(tmp_path / "c.zip", without_photos(30))
    print_check(load(place, tmp_path / "cache").dataset)
    assert "10 % of the catalogue's ids are missing: 30 without a photo." in capsys.readouterr().out
    one = write_zip(tmp_path / "one.zip", undecodable(1))
    with pytest.raises(CatalogueError, match=re.escape("1 whose photo cannot be used")):
        load(one, tmp_path / "cache", max_missing_share=0)
    with capture_logs() as logs:
        whole = load(write_zip(tmp_path / "whole.zip", tiny_files()), tmp_path / "cache", max_missing_share=0)
    print_check(whole.dataset)
    assert "missing" not in capsys.readouterr().out
    assert logs == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_start_refuses_and_says_the_same(tmp_path: Path, kind: str) -> None:
    """What was allowed once is in the cache, and is held against the limit all the same."""
    place = write_zip(tmp_path / "c.zip", KINDS[kind][0](40))
    first = load(place, tmp_path / "cache", max_missing_share=0.9)
    with pytest.raises(CatalogueError, match="ids are missing"):
        load(place, tmp_path / "cache", max_missing_share=0.1)
    with capture_logs() as logs:
        again = load(place, tmp_path / "cache", max_missing_share=0.9)
    assert [log["event"] for log in logs] == ["part of the catalogue is missing"]
    assert again.dataset == first.dataset


def test_a_subset_is_held_to_the_share_of_the_catalogue(tmp_path: Path) -> None:
    """With MAX_IMAGES rows and photos are counted in the whole catalogue, and photos that were not read like others."""
    few = write_zip(tmp_path / "few.zip", without_photos(28))
    found = load(few, tmp_path / "cache", max_images=60)
    assert found.dataset.missing is not None
    assert (len(found.ids), found.dataset.missing.share) == (60, 28 / 300)
    many = write_zip(tmp_path / "many.zip", without_photos(32))
    with pytest.raises(CatalogueError, match=re.escape("10.67 % of its 300 ids are missing: 32 without a photo")):
        load(many, tmp_path / "cache", max_images=60)
    broken = write_zip(tmp_path / "broken.zip", undecodable(100))  # of one class, hence 20 of the 60
    with pytest.raises(CatalogueError, match=r"33\.33 % .* 20 of the 60 that were read whose photo cannot be used"):
        load(broken, tmp_path / "cache", max_images=60)


def test_an_id_counts_once(tmp_path: Path) -> None:
    """A row that cannot be used and its photo are one id, whether the photo is there or not."""
    files = tiny_files() | {"images/70.jpg": photo(0, 70)}
    rows = [row("70", ""), row("71", "")]
    table = files["styles.csv"] + "".join(f"{line}\n" for line in rows).encode()
    found = load(write_zip(tmp_path / "c.zip", files | {"styles.csv": table}), tmp_path / "cache")
    assert found.dataset.missing is not None
    assert found.dataset.missing.share == 2 / 62
    assert reasons(found) == {"70": "no value of subCategory", "71": "no value of subCategory"}


def test_results_that_are_older_than_the_share_are_read() -> None:
    """A dataset part without it is read, and nothing is said of what was not counted."""
    older = {
        "uri": "c.zip",
        "fingerprint": "f",
        "rows": 2,
        "images": 2,
        "repaired": [],
        "classes": [],
        "quarantined": [],
        "excluded_classes": [],
        "duplicate_groups": 0,
    }
    assert Dataset.model_validate(older).missing is None
