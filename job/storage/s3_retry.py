"""The one mechanism that makes S3's requests again: exponential back-off with full jitter, bounded in time.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

from job.errors import StorageUnavailableError
from job.storage.s3_errors import FAILURES, CredentialsError, cause_of, passes, refusal

T = TypeVar("T")

_FIRST_WAIT = 0.1  # seconds at most, doubled after each attempt
_SHORTEST_WAIT = 0.02
_LONGEST_WAIT = 15.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Retries:
    """Makes requests until there is an answer, for `seconds` and the time of the last attempt."""

    endpoint: str
    uri: str
    seconds: float

    def call(self, operation: str, key: str, attempt: Callable[[], T], given_up: threading.Event | None = None) -> T:
        """Return what `attempt` returns, making it again after errors that pass, unless `given_up` is set meanwhile.

        Raises StorageError (ObjectMissingError) for a final no, and StorageUnavailableError when the time is up.
        """
        event = given_up or threading.Event()
        in_time = stop_before_delay(self.seconds)

        def log(state: RetryCallState) -> None:
            error = cause_of(state.outcome.exception() if state.outcome else None)
            _log.warning("storage retry", operation=operation, key=key, attempt=state.attempt_number, error=error)

        def sleep(seconds: float) -> None:
            event.wait(seconds)

        retrying = Retrying(
            retry=retry_if_exception(passes),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT, min=_SHORTEST_WAIT, max=_LONGEST_WAIT),
            stop=lambda state: event.is_set() or in_time(state),
            sleep=sleep,
            before_sleep=log,
            reraise=True,
        )
        uri = self.uri + key
        try:
            return retrying(attempt)
        except FAILURES as error:
            if not passes(error):
                raise refusal(error, operation, uri, self.endpoint) from error
            lacking = (
                "there were no credentials"
                if isinstance(error, CredentialsError)
                else f"{self.endpoint} gave no answer"
            )
            message = f"cannot {operation} {uri}: {lacking} for {self.seconds:g} seconds"
            raise StorageUnavailableError(f"{message}; the last cause was: {cause_of(error)}") from error
