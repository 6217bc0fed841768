"""Storage under a prefix of an S3 bucket, at Amazon or at any server that speaks S3."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import Any, BinaryIO

import structlog
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, IncompleteReadError

from job.errors import ChangedError, ObjectMissingError
from job.storage.ahead import map_ahead
from job.storage.base import BINARY, FILE_BUFFER, Data, Entry, Progress, check_key, check_prefix
from job.storage.files import writing
from job.storage.s3_checksum import checksum_of
from job.storage.s3_client import Client, open_client
from job.storage.s3_errors import FAILURES, DamagedBodyError, status_of
from job.storage.s3_retry import Retries

PART_BYTES = 8 << 20
"""Of a download, which comes in ranges: one connection does not fill a fast link."""
_DOWNLOADS = 8
_DOWNLOADS_AHEAD = 12
_CHUNK_BYTES = 1 << 20
_MD5 = re.compile(r"[0-9a-f]{32}")
_URL_SECONDS = 300  # that a signed URL is good for; it is used at once

_log = structlog.get_logger()


def open_s3(bucket: str, prefix: str, *, retry_seconds: float) -> "S3Storage":
    """Open a prefix with the credentials, region and endpoint that boto3 finds; raises StorageError for bad ones."""
    return S3Storage(open_client(retry_seconds), bucket, prefix, retry_seconds=retry_seconds)


class S3Storage:
    """Objects under `prefix` (empty, or ending in a slash) of `bucket`.

    An object is one PUT, hence atomic, and at most 5 GiB. A body is compared with its ETag if that is the content's
    MD5, since not every server sends checksums; a body that differs is fetched again. If the same body comes twice,
    this server's ETags are something else, as those of S3 Express are, and are not looked at again. A download is
    compared with the object's checksum if there is one.
    """

    def __init__(self, client: Client, bucket: str, prefix: str, *, retry_seconds: float) -> None:
        self.uri = f"s3://{bucket}/{prefix}"
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._call = Retries(client.meta.endpoint_url, self.uri, retry_seconds).call
        self._tags_are_digests = True
        self._signed_urls_serve = True
        self._lists_tell_tags = True

    def get(self, key: str) -> bytes:
        return self._get_with_tag(key)[0]

    def _get_with_tag(self, key: str) -> tuple[bytes, str]:
        place = self._place(key)
        seen: set[str] = set()

        def attempt() -> tuple[bytes, str]:
            response = self._client.get_object(**place)
            data = _body(response)
            self._verify(_md5(data), response, seen)
            return data, _tag(response)

        return self._call("get", key, attempt)

    def get_listed(self, entry: Entry) -> bytes:
        if self._signed_urls_serve and _MD5.fullmatch(entry.tag):
            data = self._get_signed(entry)
            if data is not None:
                return data
        data, tag = self._get_with_tag(entry.key)
        if tag != entry.tag and self._lists_tell_tags:
            if entry not in self.list(entry.key):
                message = f"{self.uri}{entry.key} changed while it was read; start again, and let nothing write to it"
                raise ChangedError(f"{message} meanwhile")
            self._lists_tell_tags = False  # this server lists other tags than it sends
        return data

    def _get_signed(self, entry: Entry) -> bytes | None:
        """Return an object's content if a signed URL gives it with this MD5; None leaves it to `get`.

        botocore takes some 2 ms of a core for a request of its own and 0.6 ms for this one, and all threads share one
        core.
        """
        place = self._place(entry.key)
        try:
            url = self._client.generate_presigned_url("get_object", Params=place, ExpiresIn=_URL_SECONDS)
            session = self._client._endpoint.http_session  # noqa: SLF001 -- boto3's connections, proxies and certificates
            response = session.send(AWSRequest("GET", url).prepare())
            data: bytes = response.content
        except FAILURES:
            return None
        status = response.status_code
        if status == 200 and _md5(data) == entry.tag:  # noqa: PLR2004 -- HTTP's OK
            return data
        # an outage and a body cut short may pass; a server that refuses signed URLs, or has other tags, stays so
        self._signed_urls_serve = status >= 500 or (status == 200 and len(data) < entry.size)  # noqa: PLR2004 -- HTTP
        return None

    def put(self, key: str, data: Data, *, content_type: str = BINARY) -> None:
        place = self._place(key)
        self._call("put", key, lambda: self._client.put_object(**place, Body=data, ContentType=content_type))

    def create(self, key: str, data: bytes, *, content_type: str = BINARY) -> bool:
        place = self._place(key)
        attempts = 0

        def attempt() -> bool:
            nonlocal attempts
            attempts += 1
            try:
                self._client.put_object(**place, Body=data, ContentType=content_type, IfNoneMatch="*")
            except ClientError as error:
                if status_of(error) == 412:  # noqa: PLR2004 -- HTTP's precondition failed
                    return False
                raise
            return True

        created = self._call("create", key, attempt)
        # what is there may be what an earlier attempt wrote, whose answer was lost
        return created or (attempts > 1 and self.get(key) == data)

    def stat(self, key: str) -> Entry:
        head = self._head(key)
        return Entry(key, head["ContentLength"], _tag(head))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        place = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        found: dict[str, Entry] = {}
        while True:
            page = self._call("list", prefix, lambda: self._client.list_objects_v2(**place))
            for item in page.get("Contents", ()):
                key = item["Key"].removeprefix(self._prefix)
                if key and not key.endswith("/"):  # consoles mark folders with empty objects
                    found[key] = Entry(key, item["Size"], _tag(item))
            if not page.get("IsTruncated"):
                break
            place["ContinuationToken"] = page["NextContinuationToken"]
        # some servers list folder by folder, `a/b` before `a-b`
        return iter([found[key] for key in sorted(found)])

    def delete(self, key: str) -> None:
        place = self._place(key)
        with suppress(ObjectMissingError):
            self._call("delete", key, lambda: self._client.delete_object(**place))

    @contextmanager
    def open_file(self, entry: Entry, folder: Path, *, progress: Progress | None = None) -> Iterator[BinaryIO]:
        # servers that do not know checksums are not asked for them
        asks = self._client.meta.config.response_checksum_validation == "when_supported"
        head = self._head(entry.key, **({"ChecksumMode": "ENABLED"} if asks else {}))
        seen: set[str] = set()

        def attempt() -> None:
            checksum, md5 = checksum_of(head), hashlib.md5(usedforsecurity=False)
            file.seek(0)
            for part in self._download(entry):
                (checksum.add if checksum else md5.update)(part)
                with writing(folder):
                    file.write(part)
                if progress:
                    progress(file.tell())
            if checksum:
                checksum.check()
            else:
                self._verify(md5.hexdigest(), head, seen)

        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            file: Any = TemporaryFile(buffering=FILE_BUFFER, dir=folder)  # noqa: SIM115 -- closed below
        with file:
            self._call("download", entry.key, attempt)
            file.seek(0)
            yield file

    def _download(self, entry: Entry) -> Iterator[bytes]:
        """Yield an object's content in parts, which are fetched concurrently."""
        place = self._place(entry.key) | {"IfMatch": f'"{entry.tag}"'}
        given_up = Event()  # else threads would try again for a reader who has gone

        def get_part(start: int) -> bytes:
            span = f"bytes={start}-{min(start + PART_BYTES, entry.size) - 1}"

            def attempt() -> bytes:
                response = self._client.get_object(**place, Range=span)
                data = _body(response, given_up)
                return data if "ContentRange" in response else data[start : start + PART_BYTES]

            return self._call("download", entry.key, attempt, given_up)

        starts = range(0, entry.size, PART_BYTES)
        try:
            yield from map_ahead(get_part, starts, threads=_DOWNLOADS, ahead=_DOWNLOADS_AHEAD, name="download")
        finally:
            given_up.set()

    def _place(self, key: str) -> dict[str, str]:
        check_key(key)
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _head(self, key: str, **more: str) -> dict[str, Any]:
        place = self._place(key)

        def attempt() -> dict[str, Any]:
            try:
                head: dict[str, Any] = self._client.head_object(**place, **more)
            except ClientError as error:
                if 400 <= status_of(error) < 500:  # noqa: PLR2004 -- HTTP
                    # the answer to a HEAD has no body, so only a GET tells a missing bucket from a missing key
                    self._client.get_object(**place)["Body"].close()
                raise
            return head

        return self._call("stat", key, attempt)

    def _verify(self, digest: str, response: dict[str, Any], seen: set[str]) -> None:
        """Raise DamagedBodyError if `digest`, the content's MD5, is not the response's ETag although that is an MD5."""
        tag = _tag(response).lower()
        encrypted = "aws:kms" in response.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in response
        if digest == tag or encrypted or not self._tags_are_digests or not _MD5.fullmatch(tag):
            return
        if digest in seen:
            self._tags_are_digests = False
            _log.warning("storage tags are no digests", uri=self.uri, tag=tag, digest=digest)
            return
        seen.add(digest)
        message = f"the body's MD5 is {digest}, and its ETag {tag}"
        raise DamagedBodyError(message)


def _body(response: dict[str, Any], given_up: Event | None = None) -> bytes:
    """Read a response; raises IncompleteReadError if it was cut short, or given up."""
    data = bytearray()
    with closing(response["Body"]) as body:
        while not (given_up and given_up.is_set()) and (chunk := body.read(_CHUNK_BYTES)):
            data += chunk
    expected = response.get("ContentLength", len(data))
    if len(data) != expected:
        raise IncompleteReadError(actual_bytes=len(data), expected_bytes=expected)
    return bytes(data)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _tag(response: dict[str, Any]) -> str:
    return str(response["ETag"]).strip('"')
