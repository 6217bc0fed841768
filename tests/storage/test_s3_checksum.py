"""Checksums that S3 keeps of objects: which of an answer is used, and what it is held against."""

import pytest

from job.storage.s3_checksum import checksum_of
from job.storage.s3_errors import DamagedBodyError

OF_DIGITS = {"CRC64NVME": "rosUhgp5mIg=", "CRC32C": "4waSgw==", "CRC32": "y/Q5Jg=="}
"""Check values of `123456789`, 0xae8b14860a799888, 0xe3069283 and 0xcbf43926: https://reveng.sourceforge.io/crc-catalogue/"""


@pytest.mark.parametrize("kind", OF_DIGITS)
def test_a_checksum_is_that_of_all_bytes_in_their_order(kind: str) -> None:
    """Added in pieces, the digits have the published check value, and other bytes do not."""
    checksum = checksum_of({f"Checksum{kind}": OF_DIGITS[kind], "ChecksumType": "FULL_OBJECT"})
    assert checksum is not None
    checksum.add(b"1234")
    with pytest.raises(DamagedBodyError, match=f"the body's {kind} is .*, and that of the object {OF_DIGITS[kind]}"):
        checksum.check()
    checksum.add(b"56789")
    checksum.check()


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"ChecksumSHA256": "0DbuzUkXpoLqlFcPtvemswZJS8qlSRYRMHLAmLiQKHU="},
        {"ChecksumCRC32": "TyRJXQ==", "ChecksumType": "COMPOSITE"},
        {"ChecksumCRC32": "TyRJXQ==-3"},
    ],
)
def test_checksums_that_say_nothing_of_the_whole_are_left_alone(head: dict[str, str]) -> None:
    """A checksum of the parts' checksums, and one of another kind, are not used."""
    assert checksum_of(head) is None
