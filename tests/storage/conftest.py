"""Storages to test: a local folder and a prefix of a real S3 bucket."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from job.storage import open_storage
from job.storage.base import Entry, Progress, Storage
from job.storage.s3 import S3Storage
from job.storage.s3_client import Client, open_client
from tests.faulty_proxy import FaultyProxy, running_proxy
from tests.seaweed import Seaweed

_prefixes = count()


@dataclass(frozen=True)
class Place:
    """A storage under test, and a quick way to put many small objects into it."""

    storage: Storage
    fill: Callable[[Iterable[str]], None]


@dataclass(frozen=True)
class Bucket:
    """A bucket of the real server."""

    seaweed: Seaweed
    name: str

    def open(
        self, patch: pytest.MonkeyPatch, changes: dict[str, str] | None = None, *, retry_seconds: float = 20
    ) -> Storage:
        """Open a prefix that no other test uses, with the admin's settings and these changes to them."""
        for name, value in (self.seaweed.environment() | (changes or {})).items():
            patch.setenv(name, value)
        return open_storage(f"s3://{self.name}/{new_prefix()}", retry_seconds=retry_seconds)


def downloaded(storage: Storage, entry: Entry, folder: Path, progress: Progress | None = None) -> bytes:
    """Open an object as a file and return what it holds."""
    with storage.open_file(entry, folder, progress=progress) as file:
        return file.read()


def new_prefix() -> str:
    return f"tests/{next(_prefixes)}/"


@pytest.fixture(scope="session")
def bucket(seaweed: Seaweed) -> Bucket:
    """A bucket that all storage tests share, each under a prefix of its own."""
    return Bucket(seaweed, seaweed.new_bucket())


@pytest.fixture(scope="session")
def client(bucket: Bucket) -> Client:
    """A client that tests share, since it takes a tenth of a second to make."""
    return client_of(bucket.seaweed, bucket.seaweed.endpoint)


def client_of(seaweed: Seaweed, endpoint: str, retry_seconds: float = 20, **changes: str) -> Client:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (seaweed.environment(endpoint=endpoint) | changes).items():
            patch.setenv(name, value)
        return open_client(retry_seconds)


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of storage in turn, empty."""
    if request.param == "local":
        folder = tmp_path / "stored"

        def fill(keys: Iterable[str]) -> None:
            for key in keys:
                (folder / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / key).touch()

        return Place(open_storage(str(folder)), fill)
    bucket: Bucket = request.getfixturevalue("bucket")
    prefix = new_prefix()
    storage = S3Storage(request.getfixturevalue("client"), bucket.name, prefix, retry_seconds=20)
    return Place(storage, lambda keys: bucket.seaweed.fill(bucket.name, (prefix + key for key in keys)))


@pytest.fixture
def storage(place: Place) -> Storage:
    """Each kind of storage in turn, empty."""
    return place.storage


@pytest.fixture
def s3(bucket: Bucket, client: Client) -> Storage:
    """A prefix of a real bucket, empty."""
    return S3Storage(client, bucket.name, new_prefix(), retry_seconds=20)


Through = tuple[S3Storage, FaultyProxy]
OpenThrough = Callable[..., Through]


@pytest.fixture(scope="session")
def shared_proxy(bucket: Bucket) -> Iterator[tuple[FaultyProxy, Client]]:
    """A proxy that tests share, and a client that goes through it."""
    with running_proxy(bucket.seaweed.endpoint) as proxy:
        yield proxy, client_of(bucket.seaweed, proxy.endpoint)


@pytest.fixture
def through(bucket: Bucket, shared_proxy: tuple[FaultyProxy, Client]) -> Through:
    """An empty prefix of a real bucket and the proxy before it, which breaks nothing yet."""
    proxy, client = shared_proxy
    proxy.plan = lambda _: None
    proxy.requests.clear()
    return S3Storage(client, bucket.name, new_prefix(), retry_seconds=20), proxy


@pytest.fixture
def open_through(bucket: Bucket) -> Iterator[OpenThrough]:
    """A function that opens a storage of certain retry time behind a proxy of its own, and returns both."""
    with ExitStack() as running:

        def open_through(*, retry_seconds: float, bytes_per_second: float = 0, **changes: str) -> Through:
            proxy = running.enter_context(running_proxy(bucket.seaweed.endpoint, bytes_per_second=bytes_per_second))
            client = client_of(bucket.seaweed, proxy.endpoint, retry_seconds, **changes)
            return S3Storage(client, bucket.name, new_prefix(), retry_seconds=retry_seconds), proxy

        yield open_through
