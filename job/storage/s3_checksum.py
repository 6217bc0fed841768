"""The checksum that S3 keeps of an object, beside that of the bytes which have arrived.

Amazon keeps a CRC64NVME of every object that came without another checksum, and of one that came in parts, whose ETag
is no digest: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
from dataclasses import dataclass
from typing import Any

from awscrt.checksums import crc32, crc32c, crc64nvme

from job.storage.s3_errors import DamagedBodyError

_KINDS = {"CRC64NVME": (crc64nvme, 8), "CRC32C": (crc32c, 4), "CRC32": (crc32, 4)}
"""Function and bytes of each; an MD5 takes 60 times as long as the first two, and a SHA longer."""


@dataclass
class Checksum:
    """The checksum of a whole object on the server, and that of the bytes added so far, in the object's order."""

    kind: str
    expected: str
    """In base64."""
    value: int = 0

    def add(self, data: bytes) -> None:
        """Add the next bytes."""
        self.value = _KINDS[self.kind][0](data, self.value)

    def check(self) -> None:
        """Raise DamagedBodyError unless the bytes added are those that the server has."""
        found = base64.b64encode(self.value.to_bytes(_KINDS[self.kind][1])).decode()
        if found != self.expected:
            message = f"the body's {self.kind} is {found}, and that of the object {self.expected}"
            raise DamagedBodyError(message)


def checksum_of(head: dict[str, Any]) -> Checksum | None:
    """Return the checksum in the answer to a HEAD; None if there is none of the whole object."""
    if head.get("ChecksumType") == "COMPOSITE":
        return None
    for kind in _KINDS:
        expected = head.get(f"Checksum{kind}", "")
        if expected and "-" not in expected:  # behind a dash comes the number of parts
            return Checksum(kind, expected)
    return None
