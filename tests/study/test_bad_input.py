"""Bad input: each ends with its exit code and one sentence naming what and where, and leaves nothing half-written."""

import html
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobs import error_of, events, results_of, run_job, tiny_settings
from tests.seaweed import Seaweed
from tests.tiny import HEADER, photo, row, tiny_files, write_folder, write_tar, write_zip


def huge_png() -> bytes:
    """A PNG whose header claims 50,000 x 50,000 pixels."""
    header = b"IHDR" + (50_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    signature = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4)
    return signature + header + zlib.crc32(header).to_bytes(4) + (0).to_bytes(4) + b"IDAT" + bytes(4)


def table(*lines: str) -> dict[str, bytes]:
    return tiny_files() | {"styles.csv": "".join(f"{line}\n" for line in lines).encode()}


def without(prefix: str) -> dict[str, bytes]:
    return {name: content for name, content in tiny_files().items() if not name.startswith(prefix)}


def one_class() -> dict[str, bytes]:
    files = table(HEADER, *(row(str(1000 + n), "Bags") for n in range(20)))
    return {name: content for name, content in files.items() if not name.startswith(("images/2", "images/3"))}


def one_in_eight_broken() -> dict[str, bytes]:
    files = tiny_files()
    broken = sorted(name for name in files if name.endswith("jpg"))[::8]
    return files | dict.fromkeys(broken, b"broken")


def half_uploaded() -> dict[str, bytes]:
    files = tiny_files()
    return {name: content for name, content in files.items() if name == "styles.csv" or name.endswith("0.jpg")}


def zipped(files: dict[str, bytes]) -> Callable[[Path], str]:
    return lambda directory: str(write_zip(directory / "c.zip", files))


def cut_off(directory: Path) -> str:
    path = write_zip(directory / "c.zip", tiny_files())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return str(path)


def text(directory: Path) -> str:
    (directory / "c.zip").write_text("this is no archive")
    return str(directory / "c.zip")


def joined_zips(directory: Path) -> str:
    path = write_zip(directory / "c.zip", tiny_files())
    path.write_bytes(2 * path.read_bytes())
    return str(path)


def write_odd_folder(directory: Path) -> Path:
    """A catalogue with a photo whose name is no UTF-8, companions of macOS, a class in two spellings and one lost."""
    files = tiny_files(per_class=30) | {"images/._1000.jpg": b"companion", "__MACOSX/._styles.csv": b"companion"}
    lines = files["styles.csv"].decode().splitlines()
    spelled = [line.replace(",Bags,", ",BAGS,") if n % 2 else line for n, line in enumerate(lines)]
    files["styles.csv"] = "\n".join([*spelled, lines[-1], row("7", "Hats")]).encode()
    write_folder(directory, files)
    (directory / "images" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(files["images/1000.jpg"])
    return directory


def test_what_is_odd_in_a_catalogue_is_said_and_nothing_ends(tmp_path: Path) -> None:
    """A name that is no UTF-8 reaches results.json and the page in print, at both starts; what is odd is named in each.

    `job check` says the same as `job run`.
    """
    catalogue = write_odd_folder(tmp_path / "odd")
    settings = tiny_settings(tmp_path, DATASET_URI=str(catalogue), N_TRIALS="1", EPOCHS="1")
    for command in ("check", "run", "run"):
        result = run_job(settings, command)
        assert result.returncode == 0, result.stderr
        result.stderr.encode()
        if not events(result, "nothing is left to do"):
            (lost,) = events(result, "class is lost, for none of its rows has a photo that can be used")
            (alike,) = events(result, "classes differ in case, blanks or form alone")
            assert (lost["name"], alike["classes"]) == ("Hats", ["BAGS", "Bags"])
    dataset = results_of(tmp_path / "run")["dataset"]
    assert {item["id"]: item["reason"] for item in dataset["quarantined"]} == {
        "7": "no photo in images/",
        r"caf\xe9": "photo without a row in styles.csv",
    }
    assert (dataset["companions"], dataset["repeated"]) == (2, ["3029"])
    assert (dataset["lost_classes"], dataset["similar_classes"]) == ([{"name": "Hats", "rows": 1}], [["BAGS", "Bags"]])
    page = html.unescape((tmp_path / "run" / "report.html").read_text("utf-8"))
    for words in (r"caf\xe9", "form alone: BAGS and Bags.", "can be used: Hats (1 row)."):
        assert words in page


CATALOGUES: dict[str, tuple[Callable[[Path], str], str]] = {
    "zip cut off": (cut_off, "c.zip is not a whole zip archive"),
    "text called zip": (text, "c.zip is not a whole zip archive"),
    "path that points outside": (zipped(tiny_files() | {"../../x": b"x"}), "'../../x', which points outside"),
    "no styles.csv": (zipped(without("styles")), "c.zip has no styles.csv"),
    "empty styles.csv": (zipped(table()), "styles.csv is empty"),
    "no id column": (zipped(table("name,subCategory", "1,Bags")), "styles.csv has no column id"),
    "no target column": (zipped(table("id,name", "1,Bags")), "no column subCategory; its columns are id, name"),
    "an id twice": (zipped(table(HEADER, row("7", "Bags"), row("7", "Shoes"))), "the id 7 twice, in lines 2 and 3"),
    "no photo": (zipped(without("images")), "has no photo"),
    "one class": (zipped(one_class()), "two are needed"),
    "a tenth does not decode": (zipped(one_in_eight_broken()), "13.33 % of its 60 ids are missing: 8 whose photo"),
    "half uploaded": (
        zipped(half_uploaded()),
        "90 % of its 60 ids are missing: 54 without a photo in images/ (such as 1001); complete the catalogue",
    ),
    "labels in another encoding": (
        zipped(tiny_files() | {"styles.csv": tiny_files()["styles.csv"].replace(b"Bags", b"S\xe4cke")}),
        "styles.csv, line 2: subCategory is S\\xe4cke (bytes 53 e4 63 6b 65), which is no text; save the table as UTF",
    ),
    "semicolons": (
        zipped(tiny_files() | {"styles.csv": tiny_files()["styles.csv"].replace(b",", b";")}),
        "its fields are separated by semicolons: save it with commas between them",
    ),
    "ID": (zipped(table(HEADER.replace("id", "ID", 1), row("1000", "Bags"))), "rename ID to id"),
    "decimal ids": (
        zipped(table(HEADER, *(row(f"{1000 + n}.0", "Bags") for n in range(20)))),
        "most likely, 1000.0 was made a decimal number of 1000; write the ids as text (as 20 ids)",
    ),
    "zeros lost": (
        zipped({name.replace("images/1", "images/01"): content for name, content in tiny_files().items()}),
        "most likely, 1000 and 01000 differ in leading zeros, as by a spreadsheet; write the ids as text (as 20 ids)",
    ),
    "joined zips": (joined_zips, "is several archives joined into one, of which only the last, a zip, can be read"),
    "does not exist": (lambda directory: str(directory / "none.zip"), "none.zip does not exist"),
}


@pytest.mark.parametrize("case", CATALOGUES)
def test_bad_catalogues(tmp_path: Path, case: str) -> None:
    """Each catalogue that cannot be used is refused with exit 42 before anything is written."""
    make, message = CATALOGUES[case]
    result = run_job(tiny_settings(tmp_path, DATASET_URI=make(tmp_path)))
    assert result.returncode == 42, result.stderr
    assert message in error_of(result)
    assert not any(path.is_file() for path in (tmp_path / "run").rglob("*"))


@pytest.mark.parametrize(("name", "write"), [("c", write_folder), ("c.zip", write_zip), ("c.tar.gz", write_tar)])
def test_a_photo_that_is_too_large_costs_itself_alone(
    tmp_path: Path, name: str, write: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    """Too many pixels or too many bytes: the photo is left out, unread, with its reason, and the others are used."""
    files = tiny_files()
    files |= {"images/1000.jpg": huge_png(), "images/1001.jpg": files["images/1001.jpg"] + bytes(65 * 2**20)}
    place = write(tmp_path / name, files)
    result = run_job(tiny_settings(tmp_path, DATASET_URI=str(place)), "check")
    assert result.returncode == 0, result.stderr
    assert [(event["id"], event["reason"]) for event in events(result, "quarantined")] == [
        ("1000", "photo has an absurd size (50000 x 50000); at most 64000000 pixels are decoded"),
        ("1001", f"photo has {len(files['images/1001.jpg'])} bytes; at most 67108864 are read of one file"),
    ]


def test_what_is_missing_is_said_everywhere(tmp_path: Path) -> None:
    """Below the limit `job check` and `job run` warn with the share, and results.json and the page have it."""
    files = tiny_files()
    del files["images/1003.jpg"], files["images/2005.jpg"]
    settings = tiny_settings(
        tmp_path, DATASET_URI=zipped(files | {"images/7.jpg": photo(0, 7)})(tmp_path), N_TRIALS="1", EPOCHS="1"
    )
    for command in ("check", "run"):
        result = run_job(settings, command)
        assert result.returncode == 0, result.stderr
        (warning,) = events(result, "part of the catalogue is missing")
        assert (warning["level"], warning["share"], warning["ids"]) == ("warning", 0.04918, 61)
        assert "2 without a photo in images/ (such as 1003), 1 without a row" in warning["missing"]
    missing = results_of(tmp_path / "run")["dataset"]["missing"]
    assert missing == {
        "share": 3 / 61,
        "rows_without_photo": 2,
        "photos_without_row": 1,
        "unusable_rows": 0,
        "unusable_photos": 0,
    }
    said = "4.9 % of the catalogue's ids are missing: 2 without a photo, 1 without a row."
    assert said in html.unescape((tmp_path / "run" / "report.html").read_text("utf-8"))
    again = run_job(settings | {"FASHIONTUNE_LOG_FORMAT": "console"})
    assert said in " ".join(again.stdout.split())


SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    "out of range": ({"EPOCHS": "0"}, "FASHIONTUNE_EPOCHS=0: "),
    "unknown": ({"EPOCH": "3"}, "FASHIONTUNE_EPOCH is not a setting; the nearest one is FASHIONTUNE_EPOCHS"),
    "no such column": ({"TARGET_COLUMN": "colour"}, "has no column colour; its columns are id, gender,"),
    "lower-case name in another coding": ({"EPOCH\udcff": "3"}, "'FASHIONTUNE_EPOCH\\udcff' is not a setting"),
    "low above high": ({"SEARCH_SPACE": '{"momentum": {"low": 0.9, "high": 0.1}}'}, "FASHIONTUNE_SEARCH_SPACE"),
    "unknown parameter": ({"SEARCH_SPACE": '{"learningrate": 0.1}'}, "learning_rate"),
    "bad JSON": ({"SEARCH_SPACE": '{"momentum": '}, "FASHIONTUNE_SEARCH_SPACE"),
    "no GPU": ({"DEVICE": "cuda"}, "FASHIONTUNE_DEVICE: no NVIDIA driver is visible"),
    "half precision on a CPU": ({"PRECISION": "fp16"}, "FASHIONTUNE_PRECISION: fp16 needs a GPU"),
    "another scheme": (
        {"OUTPUT_URI": "gs://b/run/"},
        "FASHIONTUNE_OUTPUT_URI=gs://b/run/: it has the scheme gs; allowed",
    ),
    "no bucket": ({"OUTPUT_URI": "s3:///run/"}, "FASHIONTUNE_OUTPUT_URI=s3:///run/: it names no bucket; allowed are"),
    "quotes": ({"OUTPUT_URI": '"s3://b/run/"'}, 'FASHIONTUNE_OUTPUT_URI="s3://b/run/": it has quotes around it; '),
    "quotes around a column": ({"TARGET_COLUMN": "'subCategory'"}, "TARGET_COLUMN='subCategory': it has quotes around"),
    "a blank before": (
        {"OUTPUT_URI": " s3://b/run/"},
        "FASHIONTUNE_OUTPUT_URI=' s3://b/run/': it begins or ends with a",
    ),
    "no colon": ({"OUTPUT_URI": "s3//b/run/"}, "FASHIONTUNE_OUTPUT_URI=s3//b/run/: it looks like a URI and is none"),
    "empty output": ({"OUTPUT_URI": ""}, "FASHIONTUNE_OUTPUT_URI='': it is empty; allowed are s3://bucket/prefix/,"),
    "line break": ({"DATASET_URI": "s3://b/c.zip\n"}, "FASHIONTUNE_DATASET_URI='s3://b/c.zip\\n': it begins or ends"),
    "no UTF-8": ({"CACHE_DIR": "/data/\udcff"}, "FASHIONTUNE_CACHE_DIR='/data/\\udcff': it is no UTF-8"),
    "cache not writable": ({"CACHE_DIR": "/proc/cache"}, "FASHIONTUNE_CACHE_DIR: /proc/cache cannot be written"),
    "cache in nobody's home": ({"CACHE_DIR": "~nobody-at-all/x"}, "FASHIONTUNE_CACHE_DIR: ~nobody-at-all/x cannot"),
    "output not writable": ({"OUTPUT_URI": "/proc/run/"}, "/proc/run/"),
    "no such weights": ({"INIT_WEIGHTS": "/nonexistent/w.pth"}, "FASHIONTUNE_INIT_WEIGHTS: /nonexistent/w.pth does"),
    "no such earlier run": ({"WARM_START_URI": "/none/"}, "FASHIONTUNE_WARM_START_URI=/none/ is no run, for there is"),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_bad_settings(tmp_path: Path, case: str) -> None:
    """Each setting that cannot be used is refused with exit 42, naming it."""
    changes, message = SETTINGS[case]
    result = run_job(tiny_settings(tmp_path, **changes))
    assert result.returncode == 42, result.stderr
    assert message in error_of(result)
    assert not any(path.is_file() for path in (tmp_path / "run").rglob("*"))


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    """A file that is no ResNet18 state dict is refused before the catalogue is touched."""
    (tmp_path / "w.safetensors").write_bytes(b"these are no weights")
    result = run_job(tiny_settings(tmp_path, INIT_WEIGHTS=str(tmp_path / "w.safetensors")))
    assert result.returncode == 42
    assert "w.safetensors is no .safetensors or .pth state dict" in error_of(result)


def test_output_that_holds_another_run(tmp_path: Path) -> None:
    """A run.json of other settings is respected, and each difference is named."""
    first = run_job(tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="1"))
    assert first.returncode == 0, first.stderr
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json")}
    for command in ("run", "check"):
        result = run_job(tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="2"), command)
        assert result.returncode == 42
        assert "holds another run: FASHIONTUNE_EPOCHS is 1 there and 2 here" in error_of(result)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json")} == before


S3_CASES: dict[str, tuple[dict[str, str], dict[str, str], int, str]] = {
    "no such bucket to read": ({"DATASET_URI": "s3://no-such-bucket/c.zip"}, {}, 42, "no such bucket"),
    "no such bucket to write": ({"OUTPUT_URI": "s3://no-such-bucket/run/"}, {}, 42, "no such bucket"),
    "no such bucket of an earlier run": ({"WARM_START_URI": "s3://no-such-bucket/run/"}, {}, 42, "WARM_START_URI=s3:"),
    "no such key": ({"DATASET_URI": "s3://BUCKET/none.zip"}, {}, 42, "none.zip does not exist"),
    "no such prefix": ({"DATASET_URI": "s3://BUCKET/none/"}, {}, 42, "none/ does not exist"),
    "wrong secret": ({"OUTPUT_URI": "s3://BUCKET/run/"}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, 42, "secret"),
    "unknown key id": ({"OUTPUT_URI": "s3://BUCKET/run/"}, {"AWS_ACCESS_KEY_ID": "nobody"}, 42, "access key id"),
    "no permission to write": ({"OUTPUT_URI": "s3://BUCKET/run/"}, {"READER": "yes"}, 42, "s3:PutObject"),
    "endpoint that does not answer": (
        {"OUTPUT_URI": "s3://BUCKET/run/", "RETRY_SECONDS": "1"},
        {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
        1,
        "http://127.0.0.1:9 gave no answer for 1 seconds",
    ),
}


@pytest.mark.parametrize("case", S3_CASES)
def test_bad_object_storage(tmp_path: Path, seaweed: Seaweed, case: str) -> None:
    """What storage refuses is exit 42 and what to check; a storage that is not there is exit 1 after the retries."""
    changes, variables, code, message = S3_CASES[case]
    bucket = seaweed.new_bucket()
    changes = {name: value.replace("BUCKET", bucket) for name, value in changes.items()}
    aws = seaweed.environment(readonly=variables.pop("READER", None) is not None) | variables
    result = run_job(tiny_settings(tmp_path, **changes) | aws)
    assert result.returncode == code, result.stderr
    assert message in error_of(result)
