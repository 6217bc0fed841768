"""What S3 refuses, at once and in one sentence, and how a client is made of boto3's own settings."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from structlog.testing import capture_logs

from job.errors import ChangedError, ObjectMissingError, ObjectUnreadableError, StorageError, StorageUnavailableError
from job.storage import Storage, open_storage
from job.storage.base import Entry
from job.storage.s3_client import open_client
from job.storage.s3_errors import cause_of, passes, refusal
from tests.faulty_proxy import Fault, in_turn
from tests.seaweed import Seaweed
from tests.storage.conftest import Bucket, Through, downloaded


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "check AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "NOBODY"}, "the access key id is not known there: check AWS_ACCESS_KEY_ID"),
    ],
)
def test_wrong_keys_are_refused(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], reason: str
) -> None:
    """Keys that the server does not know are refused, even where HEAD answers without saying why."""
    storage = bucket.open(monkeypatch, changes)
    for operation in ("get", "stat", "list", "delete"):
        assert_refused(
            storage, operation, f"cannot {operation} {storage.uri}key at {bucket.seaweed.endpoint}: ", reason
        )


def assert_refused(storage: Storage, operation: str, *parts: str) -> None:
    """Check that an operation raises StorageError at once, with these parts in one sentence."""
    with capture_logs() as logs, pytest.raises(StorageError) as caught:
        getattr(storage, operation)("key", *((b"x",) if operation in {"put", "create"} else ()))
    assert not isinstance(caught.value, ObjectMissingError)
    assert not logs
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message
    assert not message.endswith(".")


def test_a_missing_bucket_is_named(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    """No operation takes a missing bucket for a missing object."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    storage = open_storage("s3://no-such-bucket/prefix")
    for operation in ("get", "stat", "list", "put", "create", "delete"):
        assert_refused(storage, operation, "s3://no-such-bucket/prefix/key", "there is no such bucket: check its name")


def test_a_reader_cannot_write(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, s3: Storage) -> None:
    """Credentials without permission to write are told which one they lack; they can read."""
    s3.put("key", b"x")
    for name, value in bucket.seaweed.environment(readonly=True).items():
        monkeypatch.setenv(name, value)
    storage = open_storage(s3.uri)
    for operation, permission in (("put", "PutObject"), ("create", "PutObject"), ("delete", "DeleteObject")):
        assert_refused(storage, operation, f"cannot {operation} {storage.uri}key", f"s3:{permission}")
    assert storage.get("key") == b"x"
    assert [entry.key for entry in storage.list()] == ["key"]


def test_no_credentials_are_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any credentials the message says how to give some."""
    bucket.open(monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert_refused(open_storage(f"s3://{bucket.name}/"), "put", "Unable to locate credentials; set AWS_ACCESS_KEY_ID")


def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that does not exist is named when the storage is opened."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match=r"profile \(nobody\) could not be found; check AWS_PROFILE"):
        open_storage("s3://bucket/")


def test_an_endpoint_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is no URL is named when the storage is opened."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "localhost")
    with pytest.raises(StorageError, match="Invalid endpoint: localhost; check AWS_PROFILE, AWS_ENDPOINT_URL_S3"):
        open_storage("s3://bucket/")


def test_https_to_an_http_server_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong scheme is no outage: it is said at once."""
    endpoint = bucket.seaweed.endpoint.replace("http", "https")
    assert_refused(bucket.open(monkeypatch, {"AWS_ENDPOINT_URL_S3": endpoint}), "get", endpoint, "(http or https?)")


def test_gives_up_when_the_retry_time_is_over(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens, StorageUnavailableError comes within the retry time and names endpoint, key and cause."""
    endpoint = "http://127.0.0.1:9"
    retry_seconds = 1.2
    storage = bucket.open(monkeypatch, {"AWS_ENDPOINT_URL_S3": endpoint}, retry_seconds=retry_seconds)
    start = time.monotonic()
    with capture_logs() as logs, pytest.raises(StorageUnavailableError) as caught:
        storage.get("key")
    assert time.monotonic() - start < 60  # the waits between grow, and the default is 300
    assert str(caught.value).startswith(
        f"cannot get {storage.uri}key: {endpoint} gave no answer for {retry_seconds} seconds; "
        "the last cause was: Could not connect to the endpoint URL"
    )
    assert [event["attempt"] for event in logs] == list(range(1, len(logs) + 1))
    assert {(event["event"], event["operation"], event["key"]) for event in logs} == {("storage retry", "get", "key")}


def test_final_answers_are_not_asked_for_again(
    bucket: Bucket, through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 403, a 404 and a 412 take one request each."""
    storage, proxy = through
    with pytest.raises(ObjectMissingError):
        storage.get("missing")
    assert storage.create("key", b"x")
    assert not storage.create("key", b"x")
    with pytest.raises(ChangedError):
        downloaded(storage, Entry("key", 1, "0" * 32), tmp_path)
    intruder = bucket.open(monkeypatch, {"AWS_ENDPOINT_URL_S3": proxy.endpoint, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(StorageError):
        intruder.get("key")
    assert [request.method for request in proxy.requests] == ["GET", "PUT", "PUT", "HEAD", "GET", "GET"]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "ExpiredToken", "get a new AWS_SESSION_TOKEN"),
        (403, "RequestTimeTooSkewed", "the clocks differ too much"),
        (400, "AuthorizationHeaderMalformed", "the bucket is in another region: check AWS_REGION"),
        (501, "NotImplemented", "lacks what the job needs, such as If-None-Match"),
        (400, "SomethingNew", "400 SomethingNew by the proxy"),
        (403, "SomethingNew", "403 SomethingNew by the proxy"),
        (403, "AccessDenied", "these credentials lack s3:PutObject, or a policy forbids it (403 AccessDenied by"),
        (405, "MethodNotAllowed", "405 MethodNotAllowed"),
    ],
)
def test_each_refusal_has_its_sentence(through: Through, status: int, code: str, reason: str) -> None:
    """What a server may refuse, the message explains, after one request."""
    storage, proxy = through
    proxy.plan = lambda _: Fault(status=status, code=code)
    assert_refused(storage, "put", f"cannot put {storage.uri}key at {proxy.endpoint}: ", reason)
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(("status", "code"), [(400, "RequestTimeout"), (400, "BadDigest"), (503, "SlowDown")])
def test_some_refusals_pass(through: Through, status: int, code: str) -> None:
    """Errors that say `try again`, whatever their status, are tried again."""
    storage, proxy = through
    proxy.plan = in_turn(Fault(status=status, code=code))
    storage.put("key", b"x")
    assert len(proxy.requests) == 2


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    """http.client shows the value of a header that it refuses, which may be a session token."""
    error = HTTPClientError(error=ValueError(r"Invalid header value b'made-up-token\n'"))
    assert not passes(error)
    assert (
        cause_of(error)
        == "a header cannot be sent; check the AWS_ variables for line breaks and for letters beyond ASCII"
    )
    assert passes(HTTPClientError(error=OSError("something else")))


def config_of(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return open_client(300).meta.config


DENIED = "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:k"


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        ("InvalidObjectState", "not valid for its class", ObjectUnreadableError, "it is archived: restore it"),
        ("AccessDenied", "Access Denied", ObjectUnreadableError, "these credentials lack s3:GetObject, or a policy"),
        ("AccessDenied", DENIED, ObjectUnreadableError, "these credentials lack kms:Decrypt, or a policy"),
        ("AccountProblem", "a problem", ObjectUnreadableError, "403 AccountProblem a problem"),
        ("KMS.DisabledException", "the key", ObjectUnreadableError, "403 KMS.DisabledException the key"),
        ("ExpiredToken", "it has expired", StorageError, "get a new AWS_SESSION_TOKEN"),
        ("PreconditionFailed", "other", ChangedError, "changed while it was read; start again"),
    ],
)
def test_a_refusal_says_what_was_refused(code: str, message: str, kind: type[Exception], said: str) -> None:
    """An archived object is no missing permission, and one of the key's is none of the bucket's."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    error = refusal(ClientError(answer, "GetObject"), "get", "s3://bucket/key", "http://here")
    assert type(error) is kind
    assert said in str(error)
    assert ("GetObject" in str(error)) == ("GetObject" in said)


def test_a_server_that_lists_other_tags_than_it_sends_is_read(s3: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the list still has the tag that it had, nothing has changed."""
    s3.put("key", b"data")
    listed = Entry("key", 4, "another-1")
    with pytest.raises(ChangedError):
        s3.get_listed(listed)
    monkeypatch.setattr(s3, "list", lambda _: iter([listed]))
    assert s3.get_listed(listed) == b"data"


def test_amazon_gets_checksums_and_other_servers_only_if_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """boto3's checksums are kept for Amazon, left out for other endpoints, and whatever the user set goes before."""
    config = config_of(monkeypatch)
    assert (config.request_checksum_calculation, config.response_checksum_validation) == ("when_supported",) * 2
    config = config_of(monkeypatch, AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert (config.request_checksum_calculation, config.response_checksum_validation) == ("when_required",) * 2
    config = config_of(monkeypatch, AWS_REQUEST_CHECKSUM_CALCULATION="when_supported")
    assert config.request_checksum_calculation == "when_supported"
    assert config.response_checksum_validation == "when_required"
    (tmp_path / "config").write_text("[default]\nresponse_checksum_validation = when_supported\n", "utf-8")
    config = config_of(monkeypatch, AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert config.response_checksum_validation == "when_supported"


def test_region_and_endpoint_come_from_boto3s_chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile's endpoint and region are used; without any region it is us-east-1."""
    (tmp_path / "config").write_text(
        "[profile lab]\nregion = eu-west-3\nservices = lab\n[services lab]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n",
        "utf-8",
    )
    assert open_client(300).meta.region_name == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert open_client(300).meta.region_name == "eu-central-1"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    client = open_client(300)
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-west-3", "http://127.0.0.1:9")


def test_folder_marks_are_no_objects(bucket: Bucket, client: Any, s3: Storage) -> None:
    """The empty objects with which consoles mark folders are not listed, the prefix's own included."""
    prefix = s3.uri.removeprefix(f"s3://{bucket.name}/")
    for key in (prefix, f"{prefix}folder/"):
        client.put_object(Bucket=bucket.name, Key=key)
    s3.put("folder/key", b"x")
    assert [entry.key for entry in s3.list()] == ["folder/key"]


def test_boto3_is_imported_only_for_s3() -> None:
    """Opening a local folder imports neither boto3 nor tenacity."""
    code = (
        "import sys; from job.storage import open_storage; open_storage('.');"
        "assert not {'boto3', 'botocore', 'tenacity'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
