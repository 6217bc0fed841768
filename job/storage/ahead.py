"""Threads that work ahead of the reader of their results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from job.errors import ResourcesError

T = TypeVar("T")
R = TypeVar("R")


def map_ahead(
    function: Callable[[T], R], items: Iterable[T], *, threads: int, ahead: int, name: str = "ahead"
) -> Iterator[R]:
    """Yield `function(item)` of each item, in order; at most `ahead` results wait in memory.

    Raises ResourcesError if no thread can be started.
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    try:
        for item in items:
            try:
                pending.append(pool.submit(function, item))
            except RuntimeError:
                raise ResourcesError("no thread more can be started") from None
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
