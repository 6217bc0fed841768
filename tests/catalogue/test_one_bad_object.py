"""One bad object never ends a job: it is left out with its reason, up to the share that may be missing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from job.catalogue.missing import match
from job.catalogue.photos import read_photos
from job.errors import CatalogueError, ChangedError, StorageError, StorageUnavailableError
from job.storage.local import LocalStorage
from tests.catalogue.test_catalogue import load, reasons
from tests.faulty_proxy import Fault, FaultyProxy, Request, running_proxy
from tests.jobs import error_of, run_job, tiny_settings
from tests.seaweed import Seaweed
from tests.tiny import photo, tiny_files, write_folder, write_zip

ARCHIVED = Fault(status=403, code="InvalidObjectState")
DENIED = Fault(status=403, code="AccessDenied")
GONE = Fault(status=404, code="NoSuchKey")
BROKEN = Fault(status=500, code="InternalError")
EXPIRED = Fault(status=400, code="ExpiredToken")


def circle(path: Path) -> None:
    path.symlink_to(path)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pipe": (os.mkfifo, "it is a pipe and no file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is a device and no file"),
    "an unreadable file": (lambda path: path.symlink_to("/proc/self/mem"), "input/output error"),
    "a circle of links": (circle, "too many levels of symbolic links"),
    "a dangling link": (lambda path: path.symlink_to(path.parent / "nothing"), "no photo in images/"),
    "a folder": (Path.mkdir, "no photo in images/"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_photo_in_a_folder_costs_itself_alone(tmp_path: Path, kind: str) -> None:
    """It is named with its reason, nobody waits for it, and it is read as soon as it is a file."""
    make, reason = ODD[kind]
    folder = write_folder(tmp_path / "c", tiny_files())
    path = folder / "images" / "1000.jpg"
    path.unlink()
    make(path)
    found = load(folder, tmp_path / "cache")
    assert list(reasons(found)) == ["1000"]
    assert reason in reasons(found)["1000"]
    assert len(found.ids) == 59
    (predicted,) = read_photos([str(path)], height=32, width=24, retry_seconds=1)
    assert predicted.pixels is None
    path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(photo(0, 1000))
    assert reasons(load(folder, tmp_path / "cache")) == {}


def test_a_photo_that_cannot_be_read_now_is_not_remembered(tmp_path: Path) -> None:
    """What storage refuses today it may give tomorrow, although the list is the same: it is not in the cache."""
    folder = write_folder(tmp_path / "c", tiny_files())
    path = folder / "images" / "1000.jpg"
    path.unlink()
    path.symlink_to("/proc/self/mem")
    load(folder, tmp_path / "cache")
    assert not (tmp_path / "cache" / "packed").exists()


def test_a_photo_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is not said to be empty."""
    folder = write_folder(tmp_path / "c", {"styles.csv": tiny_files()["styles.csv"]})
    circle(folder / "images")
    with pytest.raises(CatalogueError, match=r"/c: images is no folder that can be read"):
        load(folder, tmp_path / "cache")


def test_a_run_goes_on_when_its_photos_are_there_again(tmp_path: Path) -> None:
    """A photo that could not be read this time is no reason to refuse a run for good."""
    settings = tiny_settings(tmp_path, N_TRIALS="1", EPOCHS="1")
    first = run_job(settings)
    assert first.returncode == 0, first.stderr
    path = tmp_path / "catalogue" / "images" / "1000.jpg"
    content = path.read_bytes()
    path.unlink()
    path.symlink_to("/proc/self/mem")
    more = settings | {"FASHIONTUNE_N_TRIALS": "2"}
    for command in ("run", "check"):
        result = run_job(more, command)
        assert result.returncode == 1, result.stderr
        assert "began with other photos, and 1 that are listed could not be read now (such as 1000)" in error_of(result)
    path.unlink()
    path.write_bytes(content)
    assert run_job(more).returncode == 0


def test_a_pipe_in_place_of_an_archive_is_refused(tmp_path: Path) -> None:
    """Nobody waits for a writer."""
    os.mkfifo(tmp_path / "c.zip")
    with pytest.raises(StorageError, match=r"c\.zip: it is a pipe and no file"):
        load(tmp_path / "c.zip", tmp_path / "cache")


def test_photos_deleted_while_a_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has gone since the folder was listed is left out; when too many have, the next start sees to it."""
    folder = write_folder(tmp_path / "c", tiny_files())
    list_all = LocalStorage.list

    def then_delete(count: int) -> None:
        def list_and_delete(storage: LocalStorage) -> Iterator[object]:
            entries = list(list_all(storage))
            for name in sorted((folder / "images").iterdir())[:count]:
                name.unlink()
            return iter(entries)

        monkeypatch.setattr(LocalStorage, "list", list_and_delete)

    then_delete(1)
    found = load(folder, tmp_path / "cache")
    assert reasons(found)["1000"].startswith("photo is gone: there is nothing at")
    assert found.passing == {"1000"}
    then_delete(20)
    with pytest.raises(
        ChangedError, match=r"photos that were there when it was listed could not be read .*start again"
    ):
        load(folder, tmp_path / "cache")


@pytest.mark.parametrize("name", ["styles.csv", "images/1000.jpg"])
def test_a_file_written_while_a_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Half of the old catalogue and half of the new one is neither: the next start reads the new one."""
    folder = write_folder(tmp_path / "c", tiny_files())
    list_all = LocalStorage.list

    def list_and_write(storage: LocalStorage) -> Iterator[object]:
        entries = list(list_all(storage))
        with (folder / name).open("ab") as file:
            file.write(b" ")
        return iter(entries)

    monkeypatch.setattr(LocalStorage, "list", list_and_write)
    with pytest.raises(ChangedError, match=f"{name} changed while it was read"):
        load(folder, tmp_path / "cache")
    assert not (tmp_path / "cache" / "packed").exists()


def test_an_archive_written_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of it is neither trusted nor cached."""
    archive = write_zip(tmp_path / "c.zip", tiny_files())

    def touch_and_match(*arguments: Any, **more: Any) -> Any:
        os.utime(archive)
        return match(*arguments, **more)

    monkeypatch.setattr("job.catalogue.prepare.match", touch_and_match)
    with pytest.raises(ChangedError, match=r"c\.zip changed while it was read"):
        load(archive, tmp_path / "cache")


@pytest.fixture
def prefix(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, FaultyProxy]]:
    """A catalogue under a prefix, and the proxy before it."""
    bucket = seaweed.new_bucket()
    with seaweed.client() as client:
        for name, content in tiny_files().items():
            client.put_object(Bucket=bucket, Key=f"c/{name}", Body=content)
    with running_proxy(seaweed.endpoint) as proxy:
        for name, value in seaweed.environment(endpoint=proxy.endpoint).items():
            monkeypatch.setenv(name, value)
        yield f"s3://{bucket}/c/", proxy


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ARCHIVED, "it is archived: restore it"),
        (DENIED, "these credentials lack s3:GetObject"),
        (GONE, "photo is gone: there is nothing at"),
        (BROKEN, "gave no answer for 1 seconds"),
    ],
)
def test_one_object_that_s3_does_not_give(
    tmp_path: Path, prefix: tuple[str, FaultyProxy], fault: Fault, reason: str
) -> None:
    """Archived, refused, gone, or a server's error that does not end: that photo is left out, by job predict, too."""
    uri, proxy = prefix
    # but for what is asked beside it, to tell a silent object from a silent server
    proxy.plan = lambda request: fault if request.path.split("?")[0].endswith("images/1000.jpg") else None
    found = load(uri, tmp_path / "cache")
    assert list(reasons(found)) == ["1000"]
    assert reason in reasons(found)["1000"]
    assert len(found.ids) == 59
    predicted = list(read_photos([f"{uri}images/"], height=32, width=24, retry_seconds=1))
    assert [item.name[-8:] for item in predicted if item.pixels is None] == ["1000.jpg"]
    assert reason in str(predicted[0].error)
    proxy.plan = lambda _: None
    assert reasons(load(uri, tmp_path / "cache")) == {}


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (ARCHIVED, CatalogueError, "it is archived: restore it"),
        (DENIED, CatalogueError, "these credentials lack s3:GetObject"),
        (GONE, ChangedError, "start again, and let nothing write to it meanwhile"),
        (EXPIRED, StorageError, "the session token is not valid"),
    ],
)
def test_all_objects_that_s3_does_not_give(
    tmp_path: Path, prefix: tuple[str, FaultyProxy], fault: Fault, kind: type[Exception], said: str
) -> None:
    """When too many are refused, the sentence says what was refused, and the rest is not asked for."""
    uri, proxy = prefix
    proxy.plan = lambda request: fault if "/images/" in request.path else None
    with pytest.raises(kind) as refused:
        load(uri, tmp_path / "cache")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "cache" / "packed").exists()


def test_a_server_that_falls_silent_is_no_bad_object(tmp_path: Path, prefix: tuple[str, FaultyProxy]) -> None:
    """When nothing is answered any more, no photo is blamed: the next start finds all of them."""
    uri, proxy = prefix
    silent: list[bool] = []

    def plan(request: Request) -> Fault | None:
        if "images/1010" in request.path:
            silent.append(True)
        return BROKEN if silent else None

    proxy.plan = plan
    with pytest.raises(StorageUnavailableError, match="gave no answer"):
        load(uri, tmp_path / "cache")


def test_an_object_written_while_a_prefix_is_read(
    tmp_path: Path, prefix: tuple[str, FaultyProxy], seaweed: Seaweed
) -> None:
    """Another version than was listed is told by its tag, and the next start reads it."""
    uri, proxy = prefix
    bucket = uri.split("/")[2]
    written: list[bool] = []

    def plan(request: Request) -> Fault | None:
        if "images/1000" in request.path and not written:
            written.append(True)
            seaweed.put(bucket, "c/images/1000.jpg", photo(0, 77))
        return None

    proxy.plan = plan
    with pytest.raises(ChangedError, match=r"images/1000\.jpg changed while it was read"):
        load(uri, tmp_path / "cache")
    assert reasons(load(uri, tmp_path / "cache")) == {}
