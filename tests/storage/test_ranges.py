"""Files that are filled part by part: read meanwhile, and gone with whoever fills them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from job.errors import StorageError
from job.storage.ranges import PART_BYTES, PartFile


@pytest.fixture
def file(tmp_path: Path) -> Iterator[PartFile]:
    """A file of six parts and a bit, none of which is there yet."""
    with closing(PartFile(tmp_path, 6 * PART_BYTES + 5)) as file:
        file.begin()
        yield file


def read(file: PartFile, position: int) -> bytes:
    buffer = memoryview(bytearray(5))
    return bytes(buffer[: file.read_into(position, buffer)])


def test_the_end_comes_first_and_then_the_beginning(file: PartFile) -> None:
    """The last part, which is as long as what is left, is fetched before all others, which come in order."""
    parts = [file.take() for _ in range(8)]
    assert parts == [(6 * PART_BYTES, 5), *((number * PART_BYTES, PART_BYTES) for number in range(6)), None]


def test_a_part_that_is_waited_for_comes_next(file: PartFile) -> None:
    """Who reads what is not there yet waits for it, and for no other part that nobody has begun with."""
    file.take()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, file, 3 * PART_BYTES + 7)
        while file._waiting[0] != 3 * PART_BYTES:
            time.sleep(0.001)
        assert file.take() == (3 * PART_BYTES, PART_BYTES)
        file.write(3 * PART_BYTES + 7, b"seven")
        assert not reading.done()
        file.land(3 * PART_BYTES)
        assert reading.result() == b"seven"
    assert file.take() == (0, PART_BYTES)


def test_reads_end_with_their_part(file: PartFile) -> None:
    """A read over the end of a part returns what is before it."""
    file.write(PART_BYTES - 2, b"ab")
    file.land(0)
    assert read(file, PART_BYTES - 2) == b"ab"


def test_parts_that_come_again_are_told_of(file: PartFile) -> None:
    """Beginning anew is no matter unless something has landed, which someone may have read."""
    file.begin()
    assert not file.replaced
    file.land(0)
    file.begin()
    assert file.replaced
    assert len([part for part in iter(file.take, None) if part]) == 7


def test_those_who_wait_are_told_of_a_failure(file: PartFile) -> None:
    """A download that fails raises in all who wait for a part of it, and fetches no other."""
    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, file, position) for position in (0, PART_BYTES)]
        file.fail(StorageError("no"))
        for future in reading:
            with pytest.raises(StorageError, match="no"):
                future.result()
    assert file.take() is None


def test_a_closed_file_ends_its_download(file: PartFile) -> None:
    """After close no part is to be fetched, and what is on its way is refused."""
    file.close()
    assert file.given_up.is_set()
    assert file.take() is None
    with pytest.raises(ValueError, match="closed"):
        file.write(0, b"late")


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be is named in one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot write .*/file/folder: .*a file where a folder is needed"):
        PartFile(tmp_path / "file" / "folder", 1)
