"""Calls that succeed although the network or the server does not, through a real proxy that breaks things."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from job.errors import ChangedError, ObjectMissingError, StorageUnavailableError
from job.storage import Storage
from job.storage.s3 import PART_BYTES, S3Storage
from job.storage.s3_client import Client
from tests.faulty_proxy import LOST_ANSWER, RESET, Fault, Request, at_random, in_turn
from tests.seaweed import Seaweed
from tests.storage.conftest import Bucket, OpenThrough, Through, downloaded

FAULTS = {
    "reset": (RESET, RESET),
    "lost answer": (LOST_ANSWER, LOST_ANSWER),
    "503": (Fault(status=503), Fault(status=503)),
    "500 and 429": (Fault(status=500), Fault(status=429)),
    "truncated": (Fault(keep=0.5), Fault(keep=0)),
    "flipped": (Fault(flip=0.3), Fault(flip=0.6)),
}
DATA = random.Random(1).randbytes(3_000_000)


@pytest.mark.parametrize("name", FAULTS)
def test_get_survives(through: Through, name: str) -> None:
    """get returns the right bytes although its first two answers are broken."""
    storage, proxy = through
    storage.put("key", DATA)
    proxy.plan = in_turn(*FAULTS[name])
    with capture_logs() as logs:
        assert storage.get("key") == DATA
    assert [event["attempt"] for event in logs] == [1, 2]
    assert len(proxy.requests) == 4


@pytest.mark.parametrize("name", FAULTS)
def test_get_listed_survives(through: Through, name: str) -> None:
    """A listed object comes whole although the signed URL's answer is broken and the first of get's, too."""
    storage, proxy = through
    storage.put("key", DATA)
    (entry,) = storage.list()
    proxy.requests.clear()
    proxy.plan = in_turn(*FAULTS[name])
    assert storage.get_listed(entry) == DATA
    assert ["X-Amz-Signature" in request.path for request in proxy.requests] == [True, False, False]


def test_one_listed_object_is_one_request(through: Through) -> None:
    """Listed objects are fetched by URLs signed with version 4, one request each."""
    storage, proxy = through
    storage.put("key", DATA)
    (entry,) = storage.list()
    proxy.requests.clear()
    for _ in range(3):
        assert storage.get_listed(entry) == DATA
    assert len(proxy.requests) == 3
    assert all("X-Amz-Algorithm=AWS4-HMAC-SHA256" in request.path for request in proxy.requests)


def test_a_server_that_refuses_signed_urls_is_asked_once(through: Through) -> None:
    """Where signed URLs are refused, every object is got, and only the first is asked for twice."""
    storage, proxy = through
    storage.put("key", DATA)
    (entry,) = storage.list()
    proxy.requests.clear()
    proxy.plan = lambda request: Fault(status=403) if "X-Amz-Signature" in request.path else None
    for _ in range(3):
        assert storage.get_listed(entry) == DATA
    assert len(proxy.requests) == 4


@pytest.mark.parametrize("name", ["reset", "lost answer", "503"])
def test_every_call_survives(through: Through, name: str) -> None:
    """put, create, stat, list and delete succeed although the first request of each is broken."""
    storage, proxy = through

    def broken() -> None:
        proxy.plan = in_turn(FAULTS[name][0])

    broken()
    storage.put("key", DATA)
    broken()
    assert storage.create("new", b"mine")
    broken()
    assert storage.stat("key").size == len(DATA)
    broken()
    assert [entry.key for entry in storage.list()] == ["key", "new"]
    broken()
    storage.delete("key")
    with pytest.raises(ObjectMissingError):
        storage.get("key")


def test_list_survives_a_truncated_page(through: Through) -> None:
    """Half a page of XML is fetched again, not taken for all there is."""
    storage, proxy = through
    for number in range(5):
        storage.put(f"{number}", b"x")
    proxy.plan = in_turn(Fault(keep=0.6))
    assert [entry.key for entry in storage.list()] == ["0", "1", "2", "3", "4"]


def test_create_whose_answer_was_lost_is_ours(through: Through) -> None:
    """A create that went through without our hearing of it is True, not a race that was lost to ourselves."""
    storage, proxy = through
    proxy.plan = in_turn(LOST_ANSWER)
    assert storage.create("key", b"mine")
    assert [request.method for request in proxy.requests] == ["PUT", "PUT", "GET"]
    assert storage.get("key") == b"mine"


def test_create_in_a_conflict_is_made_again(through: Through) -> None:
    """S3's 409 for two creates at one moment decides nothing, so the next answer does."""
    storage, proxy = through
    proxy.plan = in_turn(Fault(status=409, code="ConditionalRequestConflict"))
    assert storage.create("key", b"mine")
    assert [request.method for request in proxy.requests] == ["PUT", "PUT"]


def test_create_that_lost_the_race_after_a_retry_is_not_ours(through: Through) -> None:
    """A retried create that finds another's bytes returns False."""
    storage, proxy = through
    storage.put("key", b"theirs")
    proxy.plan = in_turn(RESET)
    assert not storage.create("key", b"mine")
    assert storage.get("key") == b"theirs"


def test_a_silent_server_is_asked_again(open_through: OpenThrough) -> None:
    """A request that gets no answer within its time-out is made again, and the answer is not waited for."""
    storage, proxy = open_through(retry_seconds=9)  # a third of it is the time-out
    storage.put("key", b"x")
    proxy.plan = in_turn(Fault(delay=100_000))
    with capture_logs() as logs:
        assert storage.get("key") == b"x"
    assert [request.method for request in proxy.requests] == ["PUT", *["GET"] * (1 + len(logs))]
    assert "Read timeout" in logs[0]["error"]


def test_an_outage_is_waited_for(seaweed: Seaweed, bucket: Bucket, client: Client, s3: Storage) -> None:
    """While the server is killed and started again calls wait, and find what was written before."""
    s3.put("key", DATA)
    patient = S3Storage(client, bucket.name, s3.uri.removeprefix(f"s3://{bucket.name}/"), retry_seconds=600)
    seaweed.kill()
    with capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        found = pool.submit(patient.get, "key")
        while not logs:  # it has found nobody there
            time.sleep(0.01)
        seaweed.start()
        assert found.result() == DATA


def test_a_slow_link_is_no_outage(open_through: OpenThrough) -> None:
    """A body that takes longer to send than a time-out goes through in one attempt, since its bytes keep moving."""
    # the time-out is a third of the retry time, 8 s: long enough for what waits in the sockets when all is sent
    data = random.Random(2).randbytes(30_000_000)
    storage, proxy = open_through(retry_seconds=24, bytes_per_second=3_000_000)
    start = time.monotonic()
    storage.put("key", data)
    assert time.monotonic() - start > 8.5
    assert [request.method for request in proxy.requests] == ["PUT"]


def test_download_survives(through: Through, tmp_path: Path) -> None:
    """A download in parts returns the right bytes although parts are reset, cut, refused and damaged."""
    data = random.Random(3).randbytes(3 * PART_BYTES + 12345)
    storage, proxy = through
    storage.put("key", data)
    proxy.plan = in_turn(RESET, Fault(status=503), Fault(keep=0.7), Fault(flip=0.5), method="GET")
    with capture_logs() as logs:
        assert downloaded(storage, storage.stat("key"), tmp_path) == data
    assert len(logs) == 4


@pytest.mark.parametrize("kind", ["CRC64NVME", "CRC32C", "CRC32", "SHA256"])
def test_download_is_held_against_the_checksum(
    open_through: OpenThrough, client: Client, tmp_path: Path, kind: str
) -> None:
    """Where the server says which checksum an object has, a damaged download is known by it; else by its MD5."""
    storage, proxy = open_through(retry_seconds=20, AWS_RESPONSE_CHECKSUM_VALIDATION="when_supported")
    data = random.Random(4).randbytes(PART_BYTES + 12345)
    bucket, _, key = f"{storage.uri}key".removeprefix("s3://").partition("/")
    client.put_object(Bucket=bucket, Key=key, Body=data, ChecksumAlgorithm=kind)
    entry = storage.stat("key")
    proxy.plan = in_turn(Fault(flip=0.5), method="GET")
    with capture_logs() as logs:
        assert downloaded(storage, entry, tmp_path) == data
    (event,) = logs
    assert event["error"].startswith(f"the body's {'MD5' if kind == 'SHA256' else kind} is ")


def test_a_download_that_stays_damaged_fails(open_through: OpenThrough, client: Client, tmp_path: Path) -> None:
    """A checksum that differs is never taken for a tag that is no digest: the download fails when it stays so."""
    storage, proxy = open_through(retry_seconds=3, AWS_RESPONSE_CHECKSUM_VALIDATION="when_supported")
    bucket, _, key = f"{storage.uri}key".removeprefix("s3://").partition("/")
    client.put_object(Bucket=bucket, Key=key, Body=DATA, ChecksumAlgorithm="CRC64NVME")
    entry = storage.stat("key")
    proxy.plan = lambda request: Fault(flip=0.5) if request.method == "GET" else None
    with pytest.raises(StorageUnavailableError, match="the body's CRC64NVME is"):
        downloaded(storage, entry, tmp_path)


def test_an_object_that_went_up_in_parts_is_downloaded(
    open_through: OpenThrough, client: Client, tmp_path: Path
) -> None:
    """Neither its ETag nor a checksum of the parts' checksums is taken for one of its content."""
    storage, _ = open_through(retry_seconds=20, AWS_RESPONSE_CHECKSUM_VALIDATION="when_supported")
    data = random.Random(5).randbytes(2 * PART_BYTES)
    bucket, _, key = f"{storage.uri}key".removeprefix("s3://").partition("/")
    place = {"Bucket": bucket, "Key": key}
    upload = client.create_multipart_upload(**place, ChecksumAlgorithm="CRC32")["UploadId"]
    parts = []
    for number, start in enumerate((0, PART_BYTES), 1):
        body = data[start : start + PART_BYTES]
        made = client.upload_part(**place, UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": made["ETag"], "ChecksumCRC32": made["ChecksumCRC32"]})
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    entry = storage.stat("key")
    assert entry.tag.endswith("-2")
    with capture_logs() as logs:
        assert downloaded(storage, entry, tmp_path) == data
    assert not logs


def test_download_of_an_object_that_changes_fails(through: Through, client: Client, tmp_path: Path) -> None:
    """A download is of one version: when another is put meanwhile it fails."""
    storage, proxy = through
    storage.put("key", bytes(2 * PART_BYTES))
    bucket, _, key = f"{storage.uri}key".removeprefix("s3://").partition("/")

    def change(request: Request) -> None:
        if request.method == "GET":
            client.put_object(Bucket=bucket, Key=key, Body=b"new")

    entry = storage.stat("key")
    proxy.plan = change
    with pytest.raises(ChangedError, match="changed while it was read"):
        downloaded(storage, entry, tmp_path)


def test_download_gives_up_in_time(open_through: OpenThrough, tmp_path: Path) -> None:
    """When parts keep failing the download ends with StorageUnavailableError and leaves nothing, threads included."""
    storage, proxy = open_through(retry_seconds=5)
    storage.put("key", bytes(2 * PART_BYTES))
    proxy.plan = lambda request: Fault(status=503) if request.method == "GET" else None
    with pytest.raises(StorageUnavailableError, match="the last cause was: 503"):
        downloaded(storage, storage.stat("key"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert_no_downloads_in_threads()


def test_an_interrupted_download_ends_at_once(open_through: OpenThrough, tmp_path: Path) -> None:
    """A signal that comes while storage is down is not kept waiting by retries, in any thread, and no file is left."""
    storage, proxy = open_through(retry_seconds=100_000)
    storage.put("key", bytes(2 * PART_BYTES))
    refused = 0

    def refuse(request: Request) -> Fault | None:
        nonlocal refused
        if request.method != "GET":
            return None
        refused += 1
        if refused == 4:  # of both parts, and tried again
            os.kill(os.getpid(), signal.SIGINT)
        return Fault(status=503)

    proxy.plan = refuse
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run side by side ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            downloaded(storage, storage.stat("key"), tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert_no_downloads_in_threads()
    assert list(tmp_path.iterdir()) == []


def assert_no_downloads_in_threads() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("download"):
            thread.join()  # which retries would keep from ending


def test_an_etag_that_is_no_md5_is_believed_the_second_time(through: Through) -> None:
    """A body that differs from its ETag twice alike is believed, and its server's ETags are not looked at again."""
    storage, proxy = through
    proxy.plan = lambda _: Fault(flip=0.5)
    storage.put("key", DATA)
    changed = storage.get("key")
    assert sum(a != b for a, b in zip(changed, DATA, strict=True)) == 1
    assert storage.get("key") == changed
    assert [request.method for request in proxy.requests] == ["PUT", "GET", "GET", "GET"]


@pytest.mark.parametrize("seed", range(2))
def test_survives_faults_at_random(through: Through, seed: int) -> None:
    """Whatever breaks in a third of the requests, what was written is what is read."""
    storage, proxy = through
    proxy.plan = at_random(0.33, seed, tuple(fault for faults in FAULTS.values() for fault in faults))
    expected = {}
    for number in range(10):
        data = random.Random(number).randbytes(1000 * number)
        assert storage.create(f"{number:02}", data), f"seed {seed}"
        expected[f"{number:02}"] = data
    assert {entry.key: storage.get(entry.key) for entry in storage.list()} == expected, f"seed {seed}"
