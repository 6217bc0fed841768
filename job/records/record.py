"""The base of all that a run stores as JSON: it is read whole, unaltered and of this version, or refused."""

import hashlib
import re
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SCHEMA_VERSION: Literal[1] = 1
_CHECKSUM = re.compile(rb'"checksum": "([0-9a-f]{64})"')
_NO_CHECKSUM = b'"checksum": ""'


class BadRecordError(ValueError):
    """Bytes that are not a whole, unaltered record of this version."""


def checksum_field() -> Any:  # noqa: ANN401 -- pydantic's Field is any type's
    """Return the field that `to_json` fills; a file has exactly one."""
    return Field("", description="sha256 of this file as it is with this field empty.")


class Record(BaseModel):
    """A part of the run's JSON; unknown fields are refused, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )

    _hidden: ClassVar[dict[str, Any]] = {}
    """Fields that are not written, as pydantic's `exclude` takes them."""

    def to_json(self) -> bytes:
        """Return the canonical bytes, with their checksum: equal objects give equal bytes."""
        data = self.model_dump_json(indent=2, exclude=self._hidden).encode() + b"\n"
        digest = hashlib.sha256(data).hexdigest().encode()
        return data.replace(_NO_CHECKSUM, b'"checksum": "' + digest + b'"')

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a record; raises BadRecordError if a single bit has changed."""
        found = _CHECKSUM.findall(data)
        if len(found) != 1:
            raise BadRecordError("it has no checksum")
        plain = _CHECKSUM.sub(_NO_CHECKSUM, data)
        if hashlib.sha256(plain).hexdigest().encode() != found[0]:
            raise BadRecordError("its content does not fit its checksum")
        try:
            return cls.parse(plain)
        except BadRecordError as error:
            raise BadRecordError(f"it is of another version: {error}") from None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a record without looking at its checksum; raises BadRecordError if it is none."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(str(part) for part in detail["loc"])
            raise BadRecordError(f"{where}: {detail['msg']}" if where else detail["msg"]) from None
