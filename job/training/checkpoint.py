"""A trial in flight as one safetensors object: weights, optimizer, learning curve and position, with a checksum.

Taking a snapshot is quick and done between two steps; turning it into bytes may happen in another thread meanwhile.
Knows no storage. Safetensors hold no code, so reading one is safe whatever wrote it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

_FORMAT = "1"  # raise it when what a checkpoint holds changes
_DIGEST = "sha256"


class BadCheckpointError(Exception):
    """Bytes that are no whole and unaltered checkpoint of this trial."""


@dataclass(frozen=True)
class Snapshot:
    """All of a trial in flight, on the CPU, apart from the tensors that go on being trained."""

    plan: dict[str, Any]
    """The trial's plan, JSON-safe; a checkpoint of another plan is refused."""
    position: dict[str, Any]
    """Where the trial stands and its learning curve, JSON-safe."""
    tensors: dict[str, Tensor]
    """In the memory layout that they have in training: to copy that is quick, to change it is not."""


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights on the CPU."""
    return {name: _copy(value) for name, value in model.state_dict().items()}


def plain_layout(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors in the plain memory layout that safetensors asks for."""
    return {name: value.contiguous(memory_format=torch.contiguous_format) for name, value in tensors.items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return a copy of an optimizer's state on the CPU, each tensor under `<parameter>.<name>`."""
    return {
        f"{index}.{name}": _copy(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state that `optimizer_tensors` returned.

    Each tensor gets its parameter's memory layout, as it has in an optimizer that never stopped: the same layout takes
    the same kernels, and those give the same bits.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        like = parameters[int(index)]
        same = value.shape == like.shape
        state.setdefault(int(index), {})[name] = (
            torch.empty_like(like, dtype=value.dtype).copy_(value) if same else value
        )
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def to_bytes(snapshot: Snapshot) -> bytes:
    """Return a snapshot as one safetensors object."""
    tensors = plain_layout(snapshot.tensors)
    metadata = {
        "format": _FORMAT,
        "plan": json.dumps(snapshot.plan, sort_keys=True),
        "position": json.dumps(snapshot.position, sort_keys=True),
    }
    metadata[_DIGEST] = _digest(tensors, metadata)
    return save_safetensors(tensors, metadata)


def from_bytes(data: bytes, plan: dict[str, Any]) -> Snapshot:
    """Return the snapshot in `data`; raises BadCheckpointError unless it is whole, unaltered and of this plan."""
    try:
        tensors = load_safetensors(data)
        metadata = _metadata(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadCheckpointError(str(error).splitlines()[0]) from None
    if metadata.pop(_DIGEST, None) != _digest(tensors, metadata):
        raise BadCheckpointError("its content does not fit its checksum")
    if metadata["format"] != _FORMAT or json.loads(metadata["plan"]) != json.loads(json.dumps(plan)):
        raise BadCheckpointError("it is of another trial or version")
    return Snapshot(plan, json.loads(metadata["position"]), tensors)


def _metadata(data: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors object: its header is JSON behind eight bytes of length."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata


def _digest(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _copy(value: Tensor) -> Tensor:
    return value.detach().to("cpu", copy=True)
