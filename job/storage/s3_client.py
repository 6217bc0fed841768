"""The boto3 client: credentials, region and endpoint from boto3's own chain, and none of botocore's retries."""

import os
import re
from typing import Any, TypeAlias

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from job.errors import StorageError

Client: TypeAlias = Any  # botocore makes its classes when it runs

POOL = 64
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 20.0  # of silence, not in all; below the 30 seconds that Kubernetes leaves a job to end
_AMAZON = re.compile(r"https?://[^/]*\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)(:\d+)?(/.*)?")
_CHECKSUM_SETTINGS = ("request_checksum_calculation", "response_checksum_validation")


def open_client(retry_seconds: float) -> Client:
    """Return a client that many threads may use at once.

    Raises StorageError for a profile, an endpoint or a setting that cannot be used.
    """
    # a request that hangs must leave time to try again
    timeout = min(retry_seconds, max(1.0, retry_seconds / 3))
    config = Config(
        max_pool_connections=POOL,
        connect_timeout=min(_CONNECT_SECONDS, timeout),
        read_timeout=min(_READ_SECONDS, timeout),
        retries={"total_max_attempts": 1, "mode": "standard"},
        tcp_keepalive=True,
    )
    core = botocore.session.Session()
    try:
        session = boto3.session.Session(botocore_session=core)
        # botocore itself reads AWS_DEFAULT_REGION only
        region = session.region_name or os.environ.get("AWS_REGION") or "us-east-1"
        client = session.client("s3", region_name=region, config=config)
        if not _AMAZON.fullmatch(client.meta.endpoint_url):
            # Servers other than Amazon's may not know the checksums that boto3 adds since 1.36:
            # https://github.com/boto/boto3/issues/4392
            ours = {name: "when_required" for name in _CHECKSUM_SETTINGS if not _is_set(core, name)}
            client = session.client("s3", region_name=region, config=config.merge(Config(**ours)))
    except (BotoCoreError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        message = f"cannot open S3: {reason}; check AWS_PROFILE, AWS_ENDPOINT_URL_S3 and the AWS config file"
        raise StorageError(message) from error
    client.meta.events.register_first("choose-signer.s3.GetObject", _sign_urls_as_requests)
    return client


def _sign_urls_as_requests(signature_version: str, **_: Any) -> str | None:  # noqa: ANN401 -- botocore has no types
    """Sign URLs with version 4: boto3 takes version 2 for them unless told, which regions since 2014 refuse."""
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None


def _is_set(core: botocore.session.Session, setting: str) -> bool:
    return f"AWS_{setting.upper()}" in os.environ or setting in core.get_scoped_config()
