"""What was most likely done to ids that have no photo, and which classes are lost or alike: all of it is named."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from job.catalogue.catalogue import Catalogue
from job.catalogue.causes import likely_cause
from job.errors import CatalogueError
from job.records.dataset import Dataset, LostClass
from job.watch.summary import print_check
from tests.catalogue.test_catalogue import load
from tests.tiny import CLASSES, row, tiny_files, write_zip


@pytest.mark.parametrize(
    ("ids", "photos", "cause"),
    [
        (
            ["1163.0", "7.0"],
            ["1163", "7"],
            "1163.0 was made a decimal number of 1163; write the ids as text (as 2 ids)",
        ),
        (["1163,00"], ["01163"], "1163,00 was made a decimal number of 01163"),
        (["12"], ["0012"], "12 and 0012 differ in leading zeros, as by a spreadsheet; write the ids as text"),
        (["0012"], ["12"], "0012 and 12 differ in leading zeros"),
        (["12.jpg"], ["12"], "the id 12.jpg has a file's ending, and the id of its photo is 12; leave it out"),
        (["images/12.JPG"], ["12"], "the id images/12.JPG has a file's ending"),
        (
            ["SKU-1"],
            ["sku-1"],
            "the id SKU-1 differs in case, blanks or form from its photo's, sku-1; write them alike",
        ),
        (['="0012"'], ["0012"], '="0012" has a spreadsheet\'s marks around 0012; write the ids as text'),
        (["1.23457E+11"], ["123457000001"], "1.23457E+11 was rounded by a spreadsheet"),
        (["鞋子"], ["\\xd0\\xac"], "names of photos are in another encoding than UTF-8, such as \\xd0\\xac"),
        (["Обувь-1"], ["Äíπó∞-1"], "names of photos are in another encoding than UTF-8, such as Äíπó∞-1"),
        (["12", "13", "14.0"], ["012", "013", "14"], "12 and 012 differ in leading zeros"),
    ],
)
def test_what_was_done_to_ids_is_told(ids: list[str], photos: list[str], cause: str) -> None:
    """The cause that explains most ids is named, with an example and what to do."""
    assert likely_cause(ids, photos).startswith(f"most likely, {cause}")


@pytest.mark.parametrize(
    ("ids", "photos"), [([], []), (["1"], []), ([], ["1"]), (["1", "0", ""], ["2", "00"]), (["1"], ["é"])]
)
def test_no_cause_is_made_up(ids: list[str], photos: list[str]) -> None:
    """Ids that have nothing to do with each other have no cause."""
    assert likely_cause(ids, photos) == ""


def zeros_lost(count: int, per_class: int = 20) -> dict[str, bytes]:
    """Return a catalogue of which `count` photos, the first class's first, have a zero that the table has not."""
    files = tiny_files(per_class)
    for name in sorted(name for name in files if name.endswith("jpg"))[:count]:
        files[name.replace("images/", "images/0")] = files.pop(name)
    return files


def test_a_refusal_and_a_warning_name_the_cause(tmp_path: Path) -> None:
    """Whether all ids, many or a few are not those of photos, the cause is said."""
    for count in (60, 20):
        with pytest.raises(CatalogueError, match=r"1000 and 01000 differ in leading zeros.* \(as \d\d ids\)"):
            load(write_zip(tmp_path / "c.zip", zeros_lost(count)), tmp_path / "cache")
    with capture_logs() as logs:
        load(write_zip(tmp_path / "c.zip", zeros_lost(2)), tmp_path / "cache")
    (warning,) = [log for log in logs if log["event"] == "part of the catalogue is missing"]
    assert "1000 and 01000 differ in leading zeros" in warning["cause"]


def dataset_of(catalogue: Catalogue) -> Dataset:
    return catalogue.dataset


def test_a_class_that_is_lost_whole_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A class may be lost although little is missing: log, results and summary name it, also from the cache."""
    files = tiny_files()
    files["styles.csv"] += f"{row('7', 'Hats')}\n{row('8', 'Hats')}\n".encode()
    path = write_zip(tmp_path / "c.zip", files)
    for _ in range(2):
        with capture_logs() as logs:
            dataset = dataset_of(load(path, tmp_path / "cache"))
        (warning,) = [log for log in logs if log["event"].startswith("class is lost")]
        assert (warning["log_level"], warning["name"], warning["rows"]) == ("warning", "Hats", 2)
        assert [each.model_dump() for each in dataset.lost_classes] == [{"name": "Hats", "rows": 2}]
        assert dataset.excluded_classes == []
    print_check(dataset)
    assert "photo that can be used: Hats (2 rows)." in " ".join(capsys.readouterr().out.split())


def test_a_class_whose_photos_conflict_is_lost_too(tmp_path: Path) -> None:
    """A class is lost as well if each of its photos is one of another class."""
    files = tiny_files()
    files["images/7.jpg"] = files["images/1000.jpg"]
    files["styles.csv"] += f"{row('7', 'Hats')}\n".encode()
    assert load(write_zip(tmp_path / "c.zip", files), tmp_path / "cache").dataset.lost_classes == [
        LostClass(name="Hats", rows=1)
    ]


def test_what_a_subset_leaves_out_is_not_lost(tmp_path: Path) -> None:
    """A class of which MAX_IMAGES takes no photo has its photos still."""
    files = tiny_files()
    files["images/7.jpg"] = files["images/1000.jpg"] + b"another file"
    files["styles.csv"] += f"{row('7', 'Hats')}\n".encode()
    catalogue = load(write_zip(tmp_path / "c.zip", files), tmp_path / "cache", max_images=30)
    assert catalogue.dataset.lost_classes == []


def test_classes_that_are_alike_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`Bags`, `BAGS` and `Ba gs` are three classes, which a person is told in the log, the results and the summary."""
    files = tiny_files(per_class=30)
    lines = files["styles.csv"].decode().splitlines()
    spelled = [line.replace(",Bags,", f",{('Bags', 'BAGS', 'Ba gs')[n % 3]},") for n, line in enumerate(lines)]
    path = write_zip(tmp_path / "c.zip", files | {"styles.csv": "\n".join(spelled).encode()})
    for _ in range(2):
        with capture_logs() as logs:
            dataset = dataset_of(load(path, tmp_path / "cache"))
        assert [log["classes"] for log in logs if log["event"].startswith("classes differ")] == [
            ["BAGS", "Ba gs", "Bags"]
        ]
        assert dataset.similar_classes == [["BAGS", "Ba gs", "Bags"]]
    assert [each.name for each in dataset.classes] == ["BAGS", "Ba gs", "Bags", *CLASSES[1:]]
    print_check(dataset)
    assert "differ in case, blanks or form alone: BAGS and Ba gs and Bags." in " ".join(capsys.readouterr().out.split())


def test_rows_that_are_there_twice_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An identical row counts once and stands in the results, also from the cache."""
    files = tiny_files()
    files["styles.csv"] += row("1000", "Bags").encode() + b"\n"
    path = write_zip(tmp_path / "c.zip", files)
    for _ in range(2):
        with capture_logs() as logs:
            dataset = dataset_of(load(path, tmp_path / "cache"))
        assert [(log["rows"], log["example"]) for log in logs if log["event"].startswith("rows are")] == [(1, "1000")]
        assert (dataset.rows, dataset.repeated, dataset.quarantined) == (60, ["1000"], [])
    print_check(dataset)
    assert "60 rows, 1 rows twice" in capsys.readouterr().out


def test_names_of_classes_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A class may be named like rich's markup, and is printed as it is named."""
    files = tiny_files()
    table = files["styles.csv"].replace(b",Bags,", b",[/red],").replace(b",Shoes,", b",[bold],")
    table += f"{row('7', '[/x]')}\n{row('8', '[/X]')}\n".encode()
    print_check(dataset_of(load(write_zip(tmp_path / "c.zip", files | {"styles.csv": table}), tmp_path / "cache")))
    out = capsys.readouterr().out
    assert all(name in out for name in ("[/red]", "[bold]", "[/x] (1 row)", "[/X] and [/x]"))
