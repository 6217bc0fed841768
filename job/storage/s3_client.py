"""The boto3 client: credentials, region and endpoint from boto3's own chain, and none of botocore's retries."""

import os
import re
from typing import Any, TypeAlias

import boto3.session
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from job.errors import StorageError
from job.storage.s3_credentials import ChainCredentials
from job.storage.s3_errors import cause_of
from job.storage.uri import shown

Client: TypeAlias = Any  # botocore makes its classes when it runs

POOL = 64
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 20.0  # of silence, not in all; below the 30 seconds that Kubernetes leaves a job to end
_AMAZON = re.compile(r"https?://[^/]*\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)(:\d+)?(/.*)?")
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")
_ENDPOINT = re.compile(r"https?://[^@?#\s\"']+")
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
        region = _region(session)
        core.set_config_variable("region", region)  # that of STS, too; botocore itself reads AWS_DEFAULT_REGION only
        core.set_default_client_config(config)
        providers = core.get_component("credential_provider").providers
        core.register_component("credential_provider", ChainCredentials(providers))
        client = session.client("s3", region_name=region)
        _refuse_odd_endpoint(client.meta.endpoint_url)
        if not _AMAZON.fullmatch(client.meta.endpoint_url):
            # Servers other than Amazon's may not know the checksums that boto3 adds since 1.36:
            # https://github.com/boto/boto3/issues/4392
            ours = {name: "when_required" for name in _CHECKSUM_SETTINGS if not _is_set(core, name)}
            client = session.client("s3", region_name=region, config=Config(**ours))
    except (BotoCoreError, ValueError, OSError) as error:
        message = f"cannot open S3: {cause_of(error)}; check AWS_PROFILE, AWS_ENDPOINT_URL_S3 and the AWS config file"
        raise StorageError(message) from None
    client.meta.events.register_first("choose-signer.s3.GetObject", _sign_urls_as_requests)
    return client


def _region(session: boto3.session.Session) -> str:
    """Return the region; raises StorageError, naming the variable, for what cannot be one."""
    region: str = session.region_name or os.environ.get("AWS_REGION") or "us-east-1"
    if not _REGION.fullmatch(region):
        variables = [name for name in ("AWS_DEFAULT_REGION", "AWS_REGION") if os.environ.get(name) == region]
        where = variables[0] if variables else "region in the AWS config file"
        message = f"{where}={shown(region)} is no region; allowed are letters, digits and hyphens, as in eu-central-1"
        raise StorageError(message)
    return region


def _refuse_odd_endpoint(url: str) -> None:
    """Raise StorageError for a URL that holds more than a place: what it holds would be shown with each error."""
    if not _ENDPOINT.fullmatch(url):
        message = f"the endpoint {shown(url)} cannot be used; allowed in AWS_ENDPOINT_URL_S3 is a URL such as https://host:9000"
        raise StorageError(message)


def _sign_urls_as_requests(signature_version: str, **_: Any) -> str | None:  # noqa: ANN401 -- botocore has no types
    """Sign URLs with version 4: boto3 takes version 2 for them unless told, which regions since 2014 refuse."""
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None


def _is_set(core: botocore.session.Session, setting: str) -> bool:
    return f"AWS_{setting.upper()}" in os.environ or setting in core.get_scoped_config()
