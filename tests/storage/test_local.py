"""What only a folder has: links, permissions, passing files, full disks and the forms of its URI."""

import contextlib
import os
import resource
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from job.errors import ChangedError, ObjectMissingError, ObjectUnreadableError, Preempted, StorageError
from job.storage import open_storage, split_uri
from job.storage.local import LocalStorage

PART = ".0123456789abcdef.part"


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What really happens to the disk from now on, in order: what is synced, and which names appear and go."""
    noted: list[str] = []
    for name in ("fsync", "mkdir", "link", "rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, _noting(name, getattr(os, name), tmp_path, noted))
    return noted


def _noting(name: str, real: Callable[..., Any], top: Path, noted: list[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        result = real(*arguments, **options)  # first: what failed has not happened
        target = arguments[1] if name in {"link", "rename", "replace"} else arguments[0]
        path = Path(f"/proc/self/fd/{target}").readlink() if name == "fsync" else Path(target)
        place = "a part" if path.name.endswith(".part") else str(path.relative_to(top))
        size = f" of {path.stat().st_size} bytes" if name == "fsync" and path.is_file() else ""
        noted.append(f"{name} {place}{size}".replace("rename ", "replace "))  # which are one
        return result

    return call


def test_an_object_is_synced_before_it_has_its_name_and_its_folder_after(tmp_path: Path, steps: list[str]) -> None:
    """Whatever loses its power when: no name without all the content, and no write that returned is undone."""
    storage = LocalStorage(tmp_path)
    storage.put("new/folder/key", b"content")
    assert steps == [
        *("mkdir new", "fsync .", "mkdir new/folder", "fsync new"),
        *("fsync a part of 7 bytes", "replace new/folder/key", "fsync new/folder"),
    ]
    for write, expected in (
        (lambda: storage.put("new/key", bytes(100_000)), ["fsync a part of 100000 bytes", "replace new/key"]),
        (lambda: storage.create("new/own", b"mine"), ["fsync a part of 4 bytes", "link new/own"]),
        (lambda: storage.delete("new/own"), ["unlink new/own"]),
    ):
        steps.clear()
        write()
        assert [step for step in steps if step != "unlink a part"] == [*expected, "fsync new"]


def test_what_was_not_written_syncs_no_name(tmp_path: Path, steps: list[str]) -> None:
    """A create that comes second changes no name, and a delete of nothing does not either."""
    storage = LocalStorage(tmp_path)
    storage.create("key", b"first")
    steps.clear()
    assert not storage.create("key", b"second")
    storage.delete("none")
    assert {step for step in steps if not step.startswith("fsync")} == {"unlink a part"}


def test_leftovers_of_a_killed_writer_are_no_objects(tmp_path: Path) -> None:
    """What a writer left that was killed before its rename is neither listed nor readable; its object is missing."""
    storage = LocalStorage(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / PART).write_bytes(b"half of a mod")
    assert list(storage.list()) == []
    with pytest.raises(ObjectMissingError):
        storage.get("models/0001")
    with pytest.raises(StorageError, match="cannot be the name of a file"):
        storage.get(f"models/{PART}")


def test_old_leftovers_are_swept(tmp_path: Path) -> None:
    """A write deletes the parts of writers that must be dead, and leaves those of writers that may be at work."""
    (tmp_path / PART).write_bytes(b"old")
    (tmp_path / PART.replace("0", "f")).write_bytes(b"new")
    os.utime(tmp_path / PART, times=(time.time() - 7200,) * 2)
    LocalStorage(tmp_path).put("key", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {PART.replace("0", "f"), "key"}


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    """A write that ends half-way leaves the old content, no part of the new one, and says why."""
    storage = LocalStorage(tmp_path)
    storage.put("key", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*/key: file too large"):
            storage.put("key", bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert storage.get("key") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_objects_have_the_umasks_permissions(tmp_path: Path) -> None:
    """Others may read what the umask lets them read, unlike files made by tempfile."""
    before = os.umask(0o027)
    try:
        LocalStorage(tmp_path).put("folder/key", b"x")
        LocalStorage(tmp_path).create("folder/created", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "folder" / "key").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder" / "created").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("error", "raised"), [(None, ChangedError), (KeyError(), ChangedError), (Preempted(15), Preempted)]
)
def test_a_file_that_is_written_while_it_is_open(
    tmp_path: Path, error: BaseException | None, raised: type[BaseException]
) -> None:
    """Whatever its reader finds wrong with it, it has changed; a signal is still a signal."""
    storage = LocalStorage(tmp_path)
    storage.put("key", b"version one")

    def read() -> None:
        with storage.open_file(storage.stat("key"), tmp_path):
            storage.put("key", b"version two!")
            if error:
                raise error

    with pytest.raises(raised):
        read()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A folder that is a file is refused for writing, and holds nothing for a reader."""
    (tmp_path / "file").write_bytes(b"x")
    storage = LocalStorage(tmp_path / "file")
    for write in (storage.put, storage.create):
        with pytest.raises(StorageError, match=r"cannot write .*/file/key: .*; a part of this path is a file"):
            write("key", b"x")
    assert list(storage.list()) == []


def test_a_folder_in_place_of_an_object_is_refused(tmp_path: Path) -> None:
    """An object cannot take the name of a folder."""
    storage = LocalStorage(tmp_path)
    storage.put("folder/key", b"x")
    with pytest.raises(StorageError, match=r"cannot write .*/folder: is a directory; a folder has this name"):
        storage.put("folder", b"x")
    assert not storage.create("folder", b"x")
    assert [entry.key for entry in storage.list()] == ["folder/key"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write to")
def test_an_unwritable_folder_is_refused() -> None:
    """Where nothing can be written the message names the path, root or not."""
    with pytest.raises(StorageError, match="cannot write /proc/fashiontune/key: "):
        LocalStorage(Path("/proc/fashiontune")).put("key", b"x")


def test_linked_folders_are_listed_once(tmp_path: Path) -> None:
    """Links to folders and files are followed, a circle of them ends, and a dangling one is no object."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "photo.jpg").write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "images").symlink_to(tmp_path / "elsewhere")
    (folder / "circle").symlink_to(folder)
    (folder / "dangling").symlink_to(folder / "missing")
    (folder / "file").symlink_to(tmp_path / "elsewhere" / "photo.jpg")
    assert [entry.key for entry in LocalStorage(folder).list()] == ["file", "images/photo.jpg"]


def test_what_is_no_file_is_refused_and_waited_for_by_nobody(tmp_path: Path) -> None:
    """A pipe, a device and a socket are listed, and reading one raises at once, whether it was listed or not."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        storage = LocalStorage(tmp_path)
        entries = list(storage.list())
        assert [entry.key for entry in entries] == ["device", "pipe", "socket"]
        for entry in entries:
            for read in (
                lambda entry: storage.get(entry.key),
                storage.get_listed,
                lambda entry: storage.stat(entry.key),
            ):
                with pytest.raises(ObjectUnreadableError, match=f"it is a {entry.key} and no file"):
                    read(entry)


def test_what_cannot_be_looked_at_hides_nothing_beside_it(tmp_path: Path) -> None:
    """A circle of links is listed, without a tag, and reading it says why; so is the rest."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").write_bytes(b"x")
    storage = LocalStorage(tmp_path)
    entries = {entry.key: entry for entry in storage.list()}
    assert list(entries) == ["a", "b", "file"]
    assert entries["a"].tag == ""
    with pytest.raises(ObjectUnreadableError, match=r"cannot read .*/a: too many levels of symbolic links"):
        storage.get_listed(entries["a"])
    assert storage.get_listed(entries["file"]) == b"x"


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    """A folder that does not exist is an empty storage, and stays missing until something is written."""
    storage = LocalStorage(tmp_path / "missing")
    assert list(storage.list()) == []
    storage.delete("key")
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("/data/run", "/data/run/"),
        ("/data/run/", "/data/run/"),
        ("file:///data/run", "/data/run/"),
        ("file:///data/my%20run/", "/data/my run/"),
        ("file://localhost/data", "/data/"),
        ("/", "/"),
    ],
)
def test_folders_have_several_names(uri: str, folder: str) -> None:
    """A path and a file:// URI, with or without the last slash, open the same folder."""
    assert open_storage(uri).uri == folder


def test_relative_paths_do_not_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means what it meant when the storage was opened."""
    monkeypatch.chdir(tmp_path)
    assert open_storage("run").uri == f"{tmp_path}/run/"


@pytest.mark.parametrize(
    ("uri", "folder", "key"),
    [
        ("s3://b/a/fashion.zip", "s3://b/a/", "fashion.zip"),
        ("s3://b/fashion.zip", "s3://b/", "fashion.zip"),
        ("s3://b/a b/c+d%20e.zip", "s3://b/a b/", "c+d%20e.zip"),
        ("s3://b/folder/", "s3://b/folder/", ""),
        ("s3://b", "s3://b/", ""),
        ("/data/fashion.zip", "/data/", "fashion.zip"),
        ("/fashion.zip", "/", "fashion.zip"),
        ("fashion.zip", "./", "fashion.zip"),
        ("data/fashion.zip", "data/", "fashion.zip"),
        ("file:///data/fashion.zip", "file:///data/", "fashion.zip"),
        ("file:///data/my%20fashion.zip", "file:///data/", "my fashion.zip"),
    ],
)
def test_uris_of_objects_are_split(uri: str, folder: str, key: str) -> None:
    """A URI is split at its last slash into its folder's and a key."""
    assert split_uri(uri) == (folder, key)
