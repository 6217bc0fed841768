"""Archives that are downloaded from a real S3 server, through a proxy that breaks things."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from job.errors import StorageUnavailableError
from tests.catalogue.test_catalogue import load
from tests.faulty_proxy import Fault, FaultyProxy, Request, in_turn, running_proxy
from tests.seaweed import Seaweed
from tests.tiny import tiny_files, write_folder, write_tar, write_zip

WRITERS = {"c.zip": write_zip, "c.tar": write_tar, "c.tar.gz": write_tar}
LOAD = """
import sys
from pathlib import Path
from tests.catalogue.test_catalogue import load
load(sys.argv[1], Path(sys.argv[2]))
"""


@pytest.fixture
def proxy(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy before the server, which this process uses from now on; parts are small."""
    monkeypatch.setattr("job.storage.s3.PART_BYTES", 4096)
    with running_proxy(seaweed.endpoint) as proxy:
        for name, value in seaweed.environment(endpoint=proxy.endpoint).items():
            monkeypatch.setenv(name, value)
        yield proxy


def put(seaweed: Seaweed, archive: Path) -> str:
    bucket = seaweed.new_bucket()
    seaweed.put(bucket, archive.name, archive.read_bytes())
    return f"s3://{bucket}/{archive.name}"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", WRITERS)
def test_a_downloaded_archive_is_the_one_that_was_put(
    tmp_path: Path, seaweed: Seaweed, proxy: FaultyProxy, name: str
) -> None:
    """From S3 in dozens of parts a catalogue is what it is in a folder, and only the packed photos stay."""
    uri = put(seaweed, WRITERS[name](tmp_path / name, tiny_files()))
    expected = load(write_folder(tmp_path / "c", tiny_files()), tmp_path / "x")
    assert load(uri, tmp_path / "cache", retry_seconds=60).fingerprint == expected.fingerprint
    assert sum(request.method == "GET" for request in proxy.requests) > 3
    assert files(tmp_path / "cache") == ["images.npy", "index.json"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("part", [1, 2, 4])
def test_an_archive_that_is_damaged_on_its_way_is_downloaded_again(
    tmp_path: Path, seaweed: Seaweed, proxy: FaultyProxy, name: str, part: int
) -> None:
    """A bit that turns over in any part, the directory included, costs time and never a photo."""
    archive = WRITERS[name](tmp_path / name, tiny_files())
    uri = put(seaweed, archive)
    expected = load(archive, tmp_path / "local")
    proxy.plan = in_turn(*[Fault()] * (part - 1), Fault(flip=0.5), method="GET")
    with capture_logs() as logs:
        found = load(uri, tmp_path / "cache", retry_seconds=60)
    assert found.fingerprint == expected.fingerprint
    assert found.dataset.quarantined == []
    (event,) = logs
    assert (event["event"], event["operation"]) == ("storage retry", "download")
    assert event["error"].startswith("the body's MD5 is")


def test_an_archive_that_does_not_come_is_not_waited_for_longer_than_any_object(
    tmp_path: Path, seaweed: Seaweed, proxy: FaultyProxy
) -> None:
    """Where storage stops answering in the middle, StorageUnavailableError says so."""
    uri = put(seaweed, write_zip(tmp_path / "c.zip", tiny_files()))
    answered = in_turn(Fault(), Fault(), method="GET")
    proxy.plan = lambda request: answered(request) or (Fault(status=503) if request.method == "GET" else None)
    with pytest.raises(StorageUnavailableError, match=r"cannot download .*c\.zip"):
        load(uri, tmp_path / "cache", retry_seconds=5)
    assert files(tmp_path / "cache") == []


def test_a_job_that_is_killed_leaves_nothing_of_the_archive(
    tmp_path: Path, seaweed: Seaweed, proxy: FaultyProxy
) -> None:
    """SIGKILL in the middle of a download leaves an empty cache."""
    archive = write_zip(tmp_path / "c.zip", tiny_files() | {"padding": os.urandom(20_000_000)})
    started: list[subprocess.Popen[bytes]] = []

    def kill_at_third_get(request: Request) -> None:
        if request.method == "GET" and sum(earlier.method == "GET" for earlier in proxy.requests) == 3:
            started[0].kill()

    uri = put(seaweed, archive)
    proxy.plan = kill_at_third_get
    with subprocess.Popen([sys.executable, "-c", LOAD, uri, tmp_path / "cache"], cwd=Path(__file__).parents[2]) as job:
        started.append(job)
    assert job.returncode == -9
    assert files(tmp_path / "cache") == []
