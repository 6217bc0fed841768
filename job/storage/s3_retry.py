"""The one mechanism that makes S3's requests again: exponential back-off with full jitter, bounded in time.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_before_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from job.errors import StorageUnavailableError
from job.storage.s3_errors import FAILURES, CredentialsError, cause_of, passes, refusal

T = TypeVar("T")

_WAIT = wait_random_exponential(multiplier=0.1, min=0.02, max=15)  # seconds; the longest doubles after each attempt

_log = structlog.get_logger()


@dataclass(frozen=True)
class Retries:
    """Makes requests until there is an answer, for `seconds` and the time of the last attempt."""

    endpoint: str
    uri: str
    seconds: float

    def call(self, operation: str, key: str, attempt: Callable[[], T], given_up: Event | None = None) -> T:
        """Return what `attempt` returns; make it again after errors that pass, until `given_up` is set.

        Raises StorageError (ObjectMissingError) for a final no, and StorageUnavailableError when the time is up.
        """

        def log(state: RetryCallState) -> None:
            error = cause_of(state.outcome.exception() if state.outcome else None)
            _log.warning("storage retry", operation=operation, key=key, attempt=state.attempt_number, error=error)

        given_up = given_up or Event()
        retrying = Retrying(
            retry=retry_if_exception(passes),
            wait=_WAIT,
            stop=stop_before_delay(self.seconds) | stop_when_event_set(given_up),
            sleep=sleep_using_event(given_up),
            before_sleep=log,
            reraise=True,
        )
        uri = self.uri + key
        try:
            return retrying(attempt)
        except FAILURES as error:
            if not passes(error):
                raise refusal(error, operation, uri, self.endpoint) from error
            no_keys = isinstance(error, CredentialsError)
            lacking = "there were no credentials" if no_keys else f"{self.endpoint} gave no answer"
            message = f"cannot {operation} {uri}: {lacking} for {self.seconds:g} seconds"
            raise StorageUnavailableError(f"{message}; the last cause was: {cause_of(error)}") from error
