"""Storage: objects in a folder of this machine or under a prefix of an S3 bucket."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from job.errors import StorageError
from job.storage.base import Entry, Storage
from job.storage.local import LocalStorage

__all__ = ["Entry", "Storage", "local_path", "open_storage", "split_uri"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


def open_storage(uri: str, *, retry_seconds: float = 300) -> Storage:
    """Open the folder or prefix at `uri`: `s3://bucket/prefix/`, `file:///folder` or a path; it need not exist yet.

    S3's requests are made again for `retry_seconds` while there is no answer. Raises StorageError for any other URI.
    """
    if not uri.startswith("s3://"):
        return LocalStorage(local_path(uri))
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        message = f"{uri} names no bucket; write s3://bucket/prefix/"
        raise StorageError(message)
    from job.storage.s3 import open_s3  # noqa: PLC0415 -- boto3 is slow to import, and not every job needs it

    return open_s3(bucket, prefix if prefix.endswith("/") or not prefix else f"{prefix}/", retry_seconds=retry_seconds)


def split_uri(uri: str) -> tuple[str, str]:
    """Split an object's URI into that of its folder and its key; the key is empty where `uri` names a folder."""
    if uri.startswith("s3://"):
        bucket, _, path = uri.removeprefix("s3://").partition("/")
        folder, slash, key = path.rpartition("/")
        return f"s3://{bucket}/{folder}{slash}", key
    folder, slash, key = uri.rpartition("/")
    if uri.startswith("file://"):
        return folder + slash, unquote(key)
    return (folder + slash) or "./", key


def local_path(uri: str) -> Path:
    """Return the path that a `file://` URI or a path names; raises StorageError for any other URI."""
    if uri.startswith("file://"):
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"} or not parts.path:
            message = f"{uri} names no path of this machine; write file:///folder/ with three slashes"
            raise StorageError(message)
        return Path(unquote(parts.path))
    if scheme := _SCHEME.match(uri):
        message = f"{uri} has the scheme {scheme[1]}; allowed are s3://bucket/prefix/, file:///folder/ and paths"
        raise StorageError(message)
    if not uri or "\0" in uri:
        message = f"{uri!r} is no path; allowed are s3://bucket/prefix/, file:///folder/ and paths"
        raise StorageError(message)
    try:
        return Path(uri).expanduser()  # where no shell has done it, as in a manifest
    except RuntimeError as error:
        message = f"{uri}: {error}; write the folder's whole path"
        raise StorageError(message) from None
