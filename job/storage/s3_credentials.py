"""Credentials from boto3's own chain, and one sentence if it has none.

Providers run programs, read files and ask servers, and pass on any of their errors. No sentence repeats the output of a
program or a server, since that may be a credential.
"""

import errno
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from job.storage.s3_errors import PASSING_STATUSES, CredentialsError, cause_of, code_of, passes, status_of

_SOURCES = {
    "env": "the AWS_ variables",
    "assume-role": "role_arn in the AWS config file",
    "assume-role-with-web-identity": "AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE",
    "sso": "the login by SSO",
    "login": "the login",
    "shared-credentials-file": "the AWS credentials file",
    "config-file": "the AWS config file",
    "custom-process": "credential_process in the AWS config file",
    "container-role": "the role of the container (AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI and its token)",
    "iam-role": "the role of the machine",
}
_NONE = (CredentialsError, NoCredentialsError, PartialCredentialsError)
_PARTS = {
    "access_key": ("AWS_ACCESS_KEY_ID", "access key id"),
    "secret_key": ("AWS_SECRET_ACCESS_KEY", "secret access key"),
    "token": ("AWS_SESSION_TOKEN", "session token"),
}
_WRITTEN = re.compile(r"[!-~]+")
_STATUS = re.compile(r"non 200 response (\d{3})")
_LASTING = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENOEXEC, errno.ENAMETOOLONG}
_ODD: dict[type[Exception], str] = {
    RuntimeError: "they are new and expired already; check the clocks",
    EOFError: "it asks for a code (mfa_serial), which nobody can type here",
}
_BAD_OUTPUT = ("Unsupported version", "Missing required key")


class ChainCredentials:
    """Takes the place of botocore's chain, and of what it signs with, which let through whatever a provider raises.

    A provider's failure is raised by the request that needs the credentials, which may be tried again: a
    CredentialsError, or botocore's own if there are none at all.
    """

    method = "chain"

    def __init__(self, providers: Sequence[Any]) -> None:
        self._providers = providers
        for provider in providers:
            if provider.METHOD == "assume-role":
                provider._prompter = _nobody_to_ask  # noqa: SLF001 -- else it would wait for a code at the terminal
        self._looking = threading.Lock()
        self._found: Any = None
        self._failure: Exception | None = None

    def load_credentials(self) -> Self:
        """Look for credentials; botocore calls this when a client is made. The first request raises a failure."""
        try:
            self._found = self._find()
        except _NONE as error:
            self._failure = error
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the present credentials, refreshed if need be; botocore calls this for each signature."""
        with self._looking:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            if self._found is None:
                self._found = self._find()
        method = self._found.method
        with _explained(method):
            frozen = self._found.get_frozen_credentials()
        for part, (variable, name) in _PARTS.items():
            wrong = _wrong_with(getattr(frozen, part) or "x")
            if wrong:
                where = variable if method == "env" else f"the {name} of {_SOURCES.get(method, method)}"
                raise CredentialsError(f"{where} {wrong}; allowed is the value alone", passing=False)
        return frozen

    def get_deferred_property(self, _name: str) -> Callable[[], None]:
        """Return what gives an account id, which no S3 request needs."""
        return lambda: None

    def _find(self) -> Any:  # noqa: ANN401 -- botocore has no types
        for provider in self._providers:
            with _explained(provider.METHOD):
                found = provider.load()
            if found is not None:
                return found
        raise NoCredentialsError


def _nobody_to_ask(_prompt: str) -> str:
    raise EOFError


def _wrong_with(value: str) -> str:
    if not _WRITTEN.fullmatch(value):
        return "has a blank, a line break or another character in it that no key has"
    return "has quotes around it" if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else ""


@contextmanager
def _explained(method: str) -> Iterator[None]:
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        raise  # they have their sentence
    except Exception as error:  # noqa: BLE001 -- a provider may raise anything
        reason, passing = _explanation(error, method)
    else:
        return
    raise CredentialsError(f"{_SOURCES.get(method, method)} gives no credentials: {reason}", passing=passing) from None


def _explanation(error: Exception, method: str) -> tuple[str, bool]:
    """Return why there are no credentials, and whether that may pass."""
    if isinstance(error, ClientError):
        advice = "" if passes(error) else "; check the role, its trust policy and the token"
        return f"{error.operation_name} is refused with {status_of(error)} {code_of(error)}{advice}", passes(error)
    if isinstance(error, CredentialRetrievalError | MetadataRetrievalError | ResponseParserError):
        return _no_retrieval(error, method)
    if isinstance(error, ParamValidationError):
        return "the role's name or its token is empty or too short", False
    if isinstance(error, BotoCoreError):
        return cause_of(error), passes(error)
    if isinstance(error, OSError):
        what = f"{error.filename!r} cannot be read or run" if error.filename else "the system refuses"
        return f"{what} ({error.strerror})", error.errno not in _LASTING
    return _ODD.get(type(error), f"what it holds or prints cannot be read ({type(error).__name__})"), False


def _no_retrieval(error: Exception, method: str) -> tuple[str, bool]:
    if method == "custom-process":
        if any(part in str(error) for part in _BAD_OUTPUT):
            return "it has printed something else than version 1 of its form", False
        return "it ended with an error; run it by hand to see which", True
    if status := _STATUS.search(str(error)):
        return f"it was answered with {status[1]}", int(status[1]) in PASSING_STATUSES
    return "there was no answer, or none of the right form", True
