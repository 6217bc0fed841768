"""Photos by name: from files, folders and S3, in order, decoded as in training, and what cannot be read said."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.catalogue.contents import MAX_FILE_BYTES
from job.catalogue.decode import decode
from job.catalogue.photos import Photo, read_photos
from tests.seaweed import Seaweed
from tests.tiny import photo, write_folder

HEIGHT, WIDTH = 32, 24


def read(*names: Path | str) -> list[Photo]:
    return list(read_photos([str(name) for name in names], height=HEIGHT, width=WIDTH, retry_seconds=1))


def test_files_and_folders_come_in_the_order_asked_for(tmp_path: Path) -> None:
    """A folder's photos come in order of their names, at any depth, and are named as the folder was."""
    files = {f"shoes/{n}/{n}.JPG": photo(1, n, size=(200, 300)) for n in (3, 1, 2)}
    write_folder(tmp_path, files | {"shoes/notes.txt": b"no photo", "a.png": photo(0, 9)})
    found = read(tmp_path / "a.png", tmp_path / "shoes", f"file://{tmp_path}/shoes/2/2.JPG")
    assert [item.error for item in found] == [None] * 5
    assert [item.name for item in found] == [
        f"{tmp_path}/a.png",
        *(f"{tmp_path}/shoes/{n}/{n}.JPG" for n in (1, 2, 3)),
        f"file://{tmp_path}/shoes/2/2.JPG",
    ]
    expected = [photo(0, 9), *(files[f"shoes/{n}/{n}.JPG"] for n in (1, 2, 3, 2))]
    for item, content in zip(found, expected, strict=True):
        np.testing.assert_array_equal(item.pixels, decode(content, HEIGHT, WIDTH))


def test_names_are_those_of_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names, `.`, `..` and names with spaces and signs lead where a shell would look."""
    write_folder(tmp_path, {"in here/50% #1.jpg": photo(0, 1), "in here/sub/x.jpg": photo(0, 2)})
    monkeypatch.chdir(tmp_path / "in here" / "sub")
    names = ["x.jpg", ".", "..", "../50% #1.jpg"]
    assert [item.name for item in read(*names)] == ["x.jpg", "./x.jpg", "../50% #1.jpg", "../sub/x.jpg", names[3]]
    uri = f"file://{tmp_path}/in%20here/"
    found = read(uri)
    assert [item.name for item in found] == [f"{uri}50%25%20%231.jpg", f"{uri}sub/x.jpg"]
    assert read(found[0].name)[0].error is None


def test_what_cannot_be_read_is_said_and_the_rest_is_done(tmp_path: Path) -> None:
    """Each bad name or file comes in its place with a sentence that tells why."""
    good = photo(0, 1)
    write_folder(tmp_path, {"1.jpg": good, "text.jpg": b"no photo", "cut.jpg": good[:400], "notes/n.txt": b""})
    (tmp_path / "empty").mkdir()
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    names = ["1.jpg", "text.jpg", "cut.jpg", "missing.jpg", "notes", "empty", "huge.jpg"]
    found = read(*(tmp_path / name for name in names), "http://shop/1.jpg", tmp_path / "1.jpg")
    errors = [item.error for item in found]
    assert errors[0] is None
    assert errors[-1] is None
    for error, expected in zip(
        errors[1:-1],
        [
            "it is no JPEG or PNG",
            "photo does not decode: ",
            f"there is nothing at {tmp_path}/missing.jpg",
            "there is no photo (.jpeg, .jpg, .png) in",
            "there is nothing at",
            f"at most {MAX_FILE_BYTES} are read",
            "http://shop/ cannot be used: it has the scheme http",
        ],
        strict=True,
    ):
        assert error is not None
        assert expected in error
    assert all((item.pixels is None) == (item.error is not None) for item in found)


def test_photos_are_read_only_a_little_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many photos there are, and however slowly they are used, a few dozen are in memory."""
    write_folder(tmp_path, {"one.jpg": photo(0, 1)})
    begun: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **options: Any) -> Any:
            begun.append(1)
            return super().submit(*arguments, **options)

    monkeypatch.setattr("job.storage.ahead.ThreadPoolExecutor", Counting)
    stream = read_photos([str(tmp_path / "one.jpg")] * 3000, height=HEIGHT, width=WIDTH, retry_seconds=1)
    next(stream)
    assert 1 < len(begun) < 100
    assert sum(1 for _ in stream) == 2999
    assert len(begun) == 3000


def test_objects_and_prefixes_of_a_bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An S3 URI names an object, or a prefix with or without its slash; what is missing is said with its URI."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    bucket = seaweed.new_bucket()
    for key in ("photos/1.jpg", "photos/deep/2.jpg"):
        seaweed.put(bucket, key, photo(0, int(key[-5])))
    uri = f"s3://{bucket}/photos"
    found = read(f"{uri}/1.jpg", uri, f"{uri}/", f"{uri}/none.jpg", "s3://no-such-bucket/1.jpg")
    both = [f"{uri}/1.jpg", f"{uri}/deep/2.jpg"]
    assert [item.name for item in found[:5]] == [f"{uri}/1.jpg", *both, *both]
    np.testing.assert_array_equal(found[2].pixels, decode(photo(0, 2), HEIGHT, WIDTH))
    assert found[5].error == f"there is nothing at {uri}/none.jpg"
    assert found[6].error is not None
    assert "no-such-bucket" in found[6].error
