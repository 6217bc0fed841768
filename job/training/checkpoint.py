"""A trial in flight as bytes: one safetensors object with its tensors, plan and position, and a checksum.

Laying a checkpoint out is quick and done between two steps; another thread may seal and write it meanwhile. Safetensors
hold no code, so reading one is safe whatever wrote it. Knows no storage.
"""

import hashlib
import json
import re
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

_FORMAT = "2"  # raise it when what a checkpoint holds changes
_NO_DIGEST = b"0" * 64
_DIGEST = re.compile(rb'"sha256": "([0-9a-f]{64})"')  # unique: quotes within a JSON string are escaped
_DTYPES = {
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class BadCheckpointError(Exception):
    """Bytes that are no whole, unaltered checkpoint of this trial."""


def lay_out(plan: dict[str, Any], position: dict[str, Any], tensors: dict[str, Tensor]) -> bytearray:
    """Return a checkpoint without its checksum; `plan` and `position` are JSON-safe, and the tensors are copied, once.

    The format is https://github.com/huggingface/safetensors#format. The package's own writer makes three copies, whose
    processor time training lacks: with it, checkpoints of 179 MB every 30 s cost 3.5 % of two cores.
    """
    order = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))  # keeps all aligned
    metadata = {
        "format": _FORMAT,
        "plan": json.dumps(plan, sort_keys=True),
        "position": json.dumps(position, sort_keys=True),
        "sha256": _NO_DIGEST.decode(),
    }
    header: dict[str, Any] = {"__metadata__": metadata}
    offsets, end = [], 0
    for name, value in order:
        offsets.append(end)
        end += value.nbytes
        header[name] = {"dtype": _DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offsets[-1], end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = bytearray(8 + len(text) + end)
    data[: 8 + len(text)] = len(text).to_bytes(8, "little") + text
    for (_, value), offset in zip(order, offsets, strict=True):
        target = torch.frombuffer(data, dtype=value.dtype, count=value.numel(), offset=8 + len(text) + offset)
        target.view(value.shape).copy_(value)
    return data


def seal(data: bytearray) -> None:
    """Put the checksum into a laid-out checkpoint: the sha256 of the object with zeros in the checksum's place."""
    found = _DIGEST.search(data)
    assert found is not None  # noqa: S101 -- lay_out has put it there
    start, end = found.span(1)
    del found  # it holds on to the data, which could not be changed
    data[start:end] = hashlib.sha256(data).hexdigest().encode()


def from_bytes(data: bytes, plan: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a checkpoint's position and tensors; raises BadCheckpointError unless it is whole and of this plan."""
    size = 8 + int.from_bytes(data[:8], "little")
    found = _DIGEST.search(data[:size])
    if found is None:
        raise BadCheckpointError("it has no checksum")
    digest = hashlib.sha256(data[: found.start(1)] + _NO_DIGEST)
    digest.update(memoryview(data)[found.end(1) :])
    if digest.hexdigest().encode() != found[1]:
        raise BadCheckpointError("its content does not fit its checksum")
    metadata = json.loads(data[8:size])["__metadata__"]
    if metadata["format"] != _FORMAT or json.loads(metadata["plan"]) != json.loads(json.dumps(plan)):
        raise BadCheckpointError("it is of another trial or version")
    try:
        return json.loads(metadata["position"]), load_safetensors(data)
    except SafetensorError as error:
        raise BadCheckpointError(str(error).splitlines()[0]) from None
