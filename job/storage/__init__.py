"""Storage: objects in a folder of this machine or under a prefix of an S3 bucket."""

from job.errors import StorageError
from job.storage.base import Entry, Storage
from job.storage.local import LocalStorage
from job.storage.uri import check_uri, local_path, shown, split_uri

__all__ = ["Entry", "Storage", "local_path", "open_storage", "split_uri"]


def open_storage(uri: str, *, retry_seconds: float = 300) -> Storage:
    """Open the folder or prefix at `uri`: `s3://bucket/prefix/`, `file:///folder` or a path; it need not exist yet.

    S3's requests are made again for `retry_seconds` while there is no answer. Raises StorageError for any other URI.
    """
    try:
        check_uri(uri)
    except ValueError as error:
        message = f"{shown(uri)} cannot be used: {error}"
        raise StorageError(message) from None
    if not uri.startswith("s3://"):
        return LocalStorage(local_path(uri))
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    from job.storage.s3 import open_s3  # noqa: PLC0415 -- boto3 is slow to import, and not every job needs it

    return open_s3(bucket, prefix if prefix.endswith("/") or not prefix else f"{prefix}/", retry_seconds=retry_seconds)
