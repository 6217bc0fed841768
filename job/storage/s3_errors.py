"""Which of S3's errors may pass, and the sentence for each that does not.

No connection, a time-out, a reset, a body cut short or damaged, and an answer of 408, 429 or 5xx may pass. All others
are final. Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's, the parent of those for no connection
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from job.errors import ChangedError, ObjectMissingError, ObjectUnreadableError, StorageError
from job.storage.uri import without_credentials

_DENIED = {"AccessDenied", "Forbidden", "403"}
_ACTION = re.compile(r"not authorized to perform: (\w+:\w+)")
_READING = {"get", "stat", "download"}
PASSING_STATUSES = {408, 429, *(status for status in range(500, 600) if status not in {501, 505})}
_PASSING_CODES = {
    *("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"),
    *("InternalError", "ServiceUnavailable", "RequestTimeout", "IDPCommunicationError"),
    *("ConditionalRequestConflict", "OperationAborted"),
    *("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"),
}
_FINAL_TLS = {  # the last three are how versions of OpenSSL call a server that speaks no TLS
    *("certificate verify failed", "wrong version number", "record layer failure", "packet length too long"),
}
_PERMISSIONS = {
    "stat": "s3:GetObject and s3:ListBucket",
    "list": "s3:ListBucket",
    "put": "s3:PutObject",
    "create": "s3:PutObject",
    "delete": "s3:DeleteObject",
}
_NO_SESSION = "the session token is not valid, or no longer: get a new AWS_SESSION_TOKEN, or log in again"
_OTHER_REGION = "the bucket is in another region: check AWS_REGION"
_ADVICE = {
    "NoSuchBucket": "there is no such bucket: check its name, the region and AWS_ENDPOINT_URL_S3",
    "InvalidBucketName": "this cannot be a bucket's name: check the URI",
    "InvalidAccessKeyId": "the access key id is not known there: check AWS_ACCESS_KEY_ID, AWS_PROFILE and the endpoint",
    "SignatureDoesNotMatch": "the secret is not that of the access key id: check AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "ExpiredToken": _NO_SESSION,
    "ExpiredTokenException": _NO_SESSION,
    "InvalidToken": _NO_SESSION,
    "TokenRefreshRequired": _NO_SESSION,
    "RequestTimeTooSkewed": "the clocks differ too much: set this machine's",
    "PermanentRedirect": _OTHER_REGION,
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "301": _OTHER_REGION,
    "NotImplemented": "this server lacks what the job needs, such as If-None-Match: choose another",
}


_UNSENDABLE = ("Invalid header", "codec can't encode")
"""http.client says this of a header, and shows its value, which may be a session token."""


class DamagedBodyError(Exception):
    """A body that does not fit its checksum."""


class CredentialsError(Exception):
    """There are no credentials to sign a request with; if `passing`, there may be a little later."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


FAILURES = (BotoCoreError, ClientError, ResponseParserError, HTTPError, DamagedBodyError, CredentialsError)
"""All that a request can end in; anything else is a bug."""

_PASSING = (
    *(HTTPClientError, ConnectionError, HTTPError, IncompleteReadError, ResponseParserError),
    *(ChecksumError, FlexibleChecksumError, DamagedBodyError, CredentialRetrievalError, MetadataRetrievalError),
)


def passes(error: BaseException) -> bool:
    """Return whether the same request may succeed a little later."""
    if isinstance(error, ClientError):
        return code_of(error) in _PASSING_CODES or status_of(error) in PASSING_STATUSES
    if isinstance(error, CredentialsError):
        return error.passing
    if _is_unsendable(error):
        return False
    if isinstance(error, SSLError):  # a reset during the handshake passes, a wrong certificate does not
        return not any(reason in str(error).lower().replace("_", " ") for reason in _FINAL_TLS)
    return isinstance(error, _PASSING)


def refusal(error: Exception, operation: str, uri: str, endpoint: str) -> StorageError | ChangedError:
    """Return what to tell the user about an error that does not pass."""
    code, cause = code_of(error), cause_of(error)
    kind = ObjectUnreadableError if code and code not in _ADVICE and operation in _READING else StorageError
    if code in {"NoSuchKey", "404"}:
        return ObjectMissingError(f"there is nothing at {uri} (asked {endpoint})")
    if code == "PreconditionFailed":
        return ChangedError(f"{uri} changed while it was read; start again, and let nothing write to it meanwhile")
    if code in _ADVICE:
        reason = _ADVICE[code]
    elif code == "InvalidObjectState":
        reason = f"it is archived: restore it, or copy it to a storage class that is read at once ({cause})"
    elif code in _DENIED:
        action = _ACTION.search(cause)
        lacking = action[1] if action else _PERMISSIONS.get(operation, "s3:GetObject")
        reason = f"these credentials lack {lacking}, or a policy forbids it ({cause})"
    elif isinstance(error, NoCredentialsError | PartialCredentialsError):
        reason = f"{cause}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or attach a role"
    elif isinstance(error, SSLError):
        reason = f"{cause}; check the endpoint (http or https?) and AWS_CA_BUNDLE"
    else:
        reason = cause
    return kind(f"cannot {operation} {uri} at {endpoint}: {reason}")


def code_of(error: BaseException) -> str:
    """Return S3's error code, such as NoSuchKey, or for an answer without a body its HTTP status; else nothing."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: BaseException) -> int:
    """Return the HTTP status; 0 if there was no answer."""
    metadata = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return int(metadata.get("HTTPStatusCode", 0))


def cause_of(error: BaseException | None) -> str:
    """Return what happened, in one line."""
    if isinstance(error, ClientError):
        text = f"{status_of(error)} {code_of(error)} {error.response.get('Error', {}).get('Message', '')}"
    elif error is not None and _is_unsendable(error):
        text = "a header cannot be sent; check the AWS_ variables for line breaks and for letters beyond ASCII"
    else:
        text = str(error) or type(error).__name__
    return without_credentials(" ".join(text.split()).rstrip("."))


def _is_unsendable(error: BaseException) -> bool:
    return isinstance(error, HTTPClientError) and any(part in str(error) for part in _UNSENDABLE)
