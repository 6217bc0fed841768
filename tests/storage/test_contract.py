"""What every storage promises, held against a local folder and a real S3 server."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from job.errors import ChangedError, ObjectMissingError, StorageError
from job.storage import Storage
from job.storage.base import Entry
from tests.storage.conftest import Place, downloaded

ODD_KEYS = (
    "a b/c d.txt",
    "a+b",
    "a&b=c;d@e,f",
    "100%",
    "a%20b",
    "what?#fragment",
    "naïve/日本語/🙂.jpg",
    "quote'\"<tag>",
    "~tilde$(x)!*",
    ".hidden",
)


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def test_returns_what_was_put(storage: Storage) -> None:
    """get returns put's bytes, all 256 of them."""
    data = bytes(range(256)) * 5
    storage.put("folder/deeper/object.bin", data)
    assert storage.get("folder/deeper/object.bin") == data


def test_put_replaces(storage: Storage) -> None:
    """A second put replaces the content and changes size and tag."""
    storage.put("key", b"first")
    before = storage.stat("key")
    storage.put("key", b"second one", content_type="text/plain")
    after = storage.stat("key")
    assert storage.get("key") == b"second one"
    assert (before.key, before.size, after.size) == ("key", 5, 10)
    assert before.tag != after.tag


def test_empty_objects_are_objects(storage: Storage, tmp_path: Path) -> None:
    """An object of no bytes can be written, read, looked at, listed and downloaded."""
    storage.put("nothing", b"")
    assert storage.get("nothing") == b""
    assert storage.stat("nothing").size == 0
    assert downloaded(storage, storage.stat("nothing"), tmp_path) == b""
    assert [entry.key for entry in storage.list()] == ["nothing"]


@pytest.mark.parametrize("operation", ["get", "get_listed", "stat", "download"])
def test_missing_objects_are_named(storage: Storage, operation: str, tmp_path: Path) -> None:
    """Reading what is not there raises ObjectMissingError, which names it."""
    storage.put("folder/other", b"x")
    calls: dict[str, Any] = {
        "get": storage.get,
        "get_listed": lambda key: storage.get_listed(Entry(key, 1, "0" * 32)),
        "stat": storage.stat,
        "download": lambda key: downloaded(storage, Entry(key, 1, "0" * 32), tmp_path),
    }
    for key in ("missing", "folder", "folder/other/beneath", "no/such/folder"):
        with pytest.raises(ObjectMissingError, match=f"{storage.uri}{key}"):
            calls[operation](key)


def test_delete_makes_missing(storage: Storage) -> None:
    """A deleted object is gone, and deleting what is not there is fine."""
    storage.put("folder/key", b"x")
    for _ in range(2):
        storage.delete("folder/key")
        with pytest.raises(ObjectMissingError):
            storage.get("folder/key")
    storage.delete("folder")
    storage.delete("no/such/folder/key")
    assert list(storage.list()) == []


def test_create_keeps_what_is_there(storage: Storage) -> None:
    """create writes once; a second one returns False and changes nothing."""
    assert storage.create("trials/0001.json", b"winner", content_type="application/json")
    assert not storage.create("trials/0001.json", b"loser")
    assert not storage.create("trials/0001.json", b"winner")
    assert storage.get("trials/0001.json") == b"winner"


def test_create_again_after_delete(storage: Storage) -> None:
    """A key that was deleted is free again."""
    assert storage.create("key", b"one")
    storage.delete("key")
    assert storage.create("key", b"two")
    assert storage.get("key") == b"two"


def test_one_of_many_creates_wins(storage: Storage) -> None:
    """Of 20 threads that race for one key exactly one gets True, and its bytes are those stored."""
    barrier = Barrier(20)

    def create(number: int) -> bool:
        barrier.wait()
        return storage.create("race", f"written by {number}".encode())

    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(create, range(20)))
    assert won.count(True) == 1
    assert storage.get("race") == f"written by {won.index(True)}".encode()


def test_lists_in_key_order(storage: Storage) -> None:
    """list yields keys in the order of strings, in which `a-b` comes before `a/b`, with sizes and stat's tags."""
    keys = ["a-b", "a/b", "a/c/d", "a.b", "B", "b/10", "b/9", "é"]
    for key in keys:
        storage.put(key, key.encode())
    entries = list(storage.list())
    assert [entry.key for entry in entries] == sorted(keys)
    assert entries == [storage.stat(entry.key) for entry in entries]


def test_returns_what_was_listed(storage: Storage) -> None:
    """get_listed returns an object that list told of, odd keys and empty ones included, and names one that has gone."""
    for key in (*ODD_KEYS, "empty"):
        storage.put(key, b"" if key == "empty" else key.encode() * 1000)
    entries = list(storage.list())
    assert {entry.key: storage.get_listed(entry) for entry in entries} == {
        entry.key: b"" if entry.key == "empty" else entry.key.encode() * 1000 for entry in entries
    }
    storage.delete("a+b")
    with pytest.raises(ObjectMissingError, match=r"a\+b"):
        storage.get_listed(next(entry for entry in entries if entry.key == "a+b"))


def test_what_was_listed_and_is_another_now_is_not_returned(storage: Storage) -> None:
    """get_listed tells an object that was written anew since it was listed, of the same size, too."""
    for data in (b"another", b"of another size"):
        storage.put("key", b"the one")
        (entry,) = storage.list()
        time.sleep(0.05)  # a file system's clock may be as coarse as that
        storage.put("key", data)
        with pytest.raises(ChangedError, match=r"key changed while it was read"):
            storage.get_listed(entry)


def test_lists_by_prefix(storage: Storage) -> None:
    """A prefix is the beginning of a key, whether it ends at a slash or in a name."""
    for key in ("models/0001", "models/0002", "model/a", "models.txt", "other/models/x"):
        storage.put(key, b"")
    assert [entry.key for entry in storage.list("models/")] == ["models/0001", "models/0002"]
    assert [entry.key for entry in storage.list("model")] == ["model/a", "models.txt", "models/0001", "models/0002"]
    assert [entry.key for entry in storage.list("models/0001")] == ["models/0001"]
    assert list(storage.list("nothing/")) == []
    assert list(storage.list("models/0001/")) == []


def test_lists_more_than_a_page(place: Place) -> None:
    """1,010 objects, which S3 lists in two pages, are all listed, each once."""
    keys = [f"many/{number % 11}/{number:04}" for number in range(1010)]
    place.fill(keys)
    assert [entry.key for entry in place.storage.list()] == sorted(keys)


def test_uploads_and_downloads_big_files(storage: Storage, tmp_path: Path) -> None:
    """20 MB go up and come down unchanged, from S3 with progress up to the last byte, and leave no file behind."""
    data = noise(20_000_000)
    storage.put("big/file.zip", data, content_type="application/zip")
    entry = storage.stat("big/file.zip")
    assert entry.size == len(data)
    progress: list[int] = []
    assert downloaded(storage, entry, tmp_path / "new" / "folder", progress.append) == data
    assert progress == sorted(progress)
    assert progress[-1:] == ([len(data)] if storage.uri.startswith("s3://") else [])
    assert list((tmp_path / "new").rglob("*")) in ([], [tmp_path / "new" / "folder"])


def test_download_of_another_version_fails(storage: Storage, tmp_path: Path) -> None:
    """What is downloaded is the version of the entry, or nothing."""
    storage.put("key", b"version one")
    entry = storage.stat("key")
    storage.put("key", b"version two")
    with pytest.raises(ChangedError, match="changed while it was read"):
        downloaded(storage, entry, tmp_path)


def test_odd_keys(storage: Storage, tmp_path: Path) -> None:
    """Spaces, other scripts and characters that URLs give a meaning to are parts of keys like any other."""
    for key in ODD_KEYS:
        storage.put(key, key.encode())
    assert [entry.key for entry in storage.list()] == sorted(ODD_KEYS)
    for key in ODD_KEYS:
        assert storage.get(key) == key.encode()
        assert storage.stat(key).size == len(key.encode())
        assert [entry.key for entry in storage.list(key)] == [key]
        assert downloaded(storage, storage.stat(key), tmp_path) == key.encode()
        storage.delete(key)
    assert list(storage.list()) == []


@pytest.mark.parametrize("key", ["", "/", "/absolute", "..", "../outside", "a/../../outside", "a/./b", "nul\0", "a/"])
def test_keys_cannot_escape(storage: Storage, key: str) -> None:
    """A key that is none, or would lead out of the folder, is refused before anything is touched."""
    for call in (storage.get, storage.stat, storage.delete, lambda key: storage.put(key, b"x")):
        with pytest.raises(StorageError) as caught:
            call(key)
        assert not isinstance(caught.value, ObjectMissingError)
    assert list(storage.list()) == []


@pytest.mark.parametrize("prefix", ["/", "../", "a/../../b"])
def test_prefixes_cannot_escape(storage: Storage, prefix: str) -> None:
    """A prefix that would lead out of the folder is refused."""
    with pytest.raises(StorageError, match="leads out of its folder"):
        storage.list(prefix)


def test_threads_share_a_storage(storage: Storage) -> None:
    """Many threads that write and read at once see their own objects."""

    def round_trip(number: int) -> bool:
        data = noise(1000, number)
        storage.put(f"{number % 4}/{number}", data)
        return storage.get(f"{number % 4}/{number}") == data

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(round_trip, range(64)))
