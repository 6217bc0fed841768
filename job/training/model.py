"""The ResNet18: built from a seed or from given weights, and its weights."""

import hashlib
import io
import urllib.error

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from job.errors import SettingsError, StorageUnavailableError

HEAD = "fc."


def build_model(n_classes: int, seed: int, initial: dict[str, Tensor] | None) -> nn.Module:
    """Return a ResNet18 with `n_classes` outputs on the CPU, a pure function of its arguments.

    Given `initial` weights replace those that are drawn from `seed`, but for a head of another size.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = resnet18(weights=None, num_classes=n_classes)
    if initial is not None:
        own = model.state_dict()
        fitting = {name: value for name, value in initial.items() if own[name].shape == value.shape}
        model.load_state_dict(own | fitting)
    return model


def load_model(weights: bytes, n_classes: int, device: torch.device) -> nn.Module:
    """Return a ResNet18 with the weights of a safetensors file; raises RuntimeError if they do not fit."""
    model = build_model(n_classes, 0, None)
    model.load_state_dict(load_safetensors(weights))
    return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights on the CPU, in the plain memory layout that safetensors asks for."""
    plain = torch.contiguous_format
    weights = {name: value.detach() for name, value in model.state_dict().items()}
    if next(iter(weights.values())).device.type != "cpu":
        return gather(weights)
    return {name: value.clone(memory_format=plain) for name, value in weights.items()}


def gather(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy a GPU's tensors to the CPU in one transfer for each dtype; a transfer for each of them takes far longer."""
    copies: dict[str, Tensor] = {}
    for dtype in {value.dtype for value in tensors.values()}:
        group = {name: value for name, value in tensors.items() if value.dtype == dtype}
        flat = torch.cat([value.flatten() for value in group.values()]).cpu()
        parts = flat.split([value.numel() for value in group.values()])
        copies |= {name: part.view(value.shape) for (name, value), part in zip(group.items(), parts, strict=True)}
    return {name: copies[name] for name in tensors}


def imagenet_weights() -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights, from torch's hub cache or downloaded with their hash checked.

    Raises StorageUnavailableError if neither has them.
    """
    weights = ResNet18_Weights.IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (urllib.error.URLError, OSError) as error:
        message = f"torchvision's ImageNet weights: {weights.url} cannot be downloaded: {error}"
        raise StorageUnavailableError(message) from None
    return _fitting(state, "imagenet")


def weights_from_bytes(data: bytes, uri: str, sha256: str | None) -> dict[str, Tensor]:
    """Return the ResNet18 state dict in `data`, a .safetensors or a .pth file with any number of classes in its head.

    Raises SettingsError, naming `uri`, if the checksum or the content is wrong.
    """
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256.lower() != found:
        raise SettingsError(f"{uri} has sha256 {found}, not {sha256}", setting="init_weights")
    try:
        if uri.lower().endswith(".safetensors"):
            state = load_safetensors(data)
        else:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- the readers raise anything for a damaged file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        message = f"{uri} is no .safetensors or .pth state dict: {reason}"
        raise SettingsError(message, setting="init_weights") from None
    return _fitting(state, uri)


def _fitting(state: object, uri: str) -> dict[str, Tensor]:
    """Return the tensors of `state`; raises SettingsError unless it fits a ResNet18, its head aside."""
    expected = {name: value.shape for name, value in resnet18(weights=None).state_dict().items()}
    body = [name for name in expected if not name.startswith(HEAD)]
    reason = "it is no dict of tensors"
    if isinstance(state, dict):
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        missing = [name for name in body if name not in tensors]
        unknown = [name for name in state if name not in expected]
        wrong = [name for name in body if name in tensors and tensors[name].shape != expected[name]]
        names = missing or unknown or wrong
        if not names:
            return tensors
        kind = "lacks" if missing else "has an unknown" if unknown else "has another shape of"
        reason = f"it {kind} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    raise SettingsError(f"{uri} does not fit ResNet18: {reason}", setting="init_weights")
