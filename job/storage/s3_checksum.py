"""The checksum that S3 keeps of an object, beside that of the bytes which have arrived.

Amazon keeps a CRC64NVME of every object that came without another checksum, and of one that came in parts, whose ETag
is no digest: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awscrt.checksums import crc32, crc32c, crc64nvme

from job.storage.s3_errors import DamagedBodyError

_KINDS: dict[str, tuple[Callable[[bytes, int], int], int]] = {
    "CRC64NVME": (crc64nvme, 8),
    "CRC32C": (crc32c, 4),
    "CRC32": (crc32, 4),
}
"""Function and bytes of each; an MD5 takes 60 times as long as the first two, and a SHA longer."""


@dataclass
class Checksum:
    """That of a whole object, as the server has it, and that of what was added so far, in the object's order."""

    kind: str
    expected: str
    """In base64."""
    value: int = 0

    def add(self, data: bytes) -> None:
        """Let it be that of these bytes, too."""
        function, _ = _KINDS[self.kind]
        self.value = function(data, self.value)

    def check(self) -> None:
        """Raise DamagedBodyError unless what was added is what the server has."""
        _, size = _KINDS[self.kind]
        found = base64.b64encode(self.value.to_bytes(size)).decode()
        if found != self.expected:
            message = f"the body's {self.kind} is {found}, and that of the object {self.expected}"
            raise DamagedBodyError(message)


def checksum_of(head: dict[str, Any]) -> Checksum | None:
    """Return the checksum in the answer to a HEAD; None where there is none, or one of the parts' checksums only."""
    if head.get("ChecksumType") == "COMPOSITE":
        return None
    for kind in _KINDS:
        expected = head.get(f"Checksum{kind}", "")
        if expected and "-" not in expected:  # behind a dash comes the number of parts
            return Checksum(kind, expected)
    return None
