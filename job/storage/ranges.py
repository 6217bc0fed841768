"""A big object in parts that are fetched concurrently into one file, and its MD5 on the way.

One connection does not fill a fast link. Knows no S3: it is given a function that fetches a part.
"""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from job.storage.base import Progress

PART_BYTES = 8 << 20
_THREADS = 12

Fetch = Callable[[int, int, threading.Event], bytes]
"""From start and length, both in bytes, to exactly these bytes; it ends early once the event is set."""


def fetch_ranges(fetch: Fetch, size: int, path: Path, progress: Progress | None) -> str:
    """Fill the file at `path` with `size` bytes and return their MD5 in hexadecimal."""
    given_up = threading.Event()
    digest = hashlib.md5(usedforsecurity=False)

    def store(start: int) -> int:
        length = min(PART_BYTES, size - start)
        data = fetch(start, length, given_up)
        with path.open("r+b") as file:  # by its name, which is gone once the download has been given up
            file.seek(start)
            file.write(data)
        return length

    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="download")
    try:
        with path.open("rb") as stored:
            for future in [pool.submit(store, start) for start in range(0, size, PART_BYTES)]:
                digest.update(stored.read(future.result()))
                if progress:
                    progress(stored.tell())
    finally:
        given_up.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return digest.hexdigest()
