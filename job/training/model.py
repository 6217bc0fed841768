"""The ResNet18: built from a seed or from given weights."""

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

    Where `initial` weights are given, all but a head of another size come from them; the rest is drawn from `seed`.
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


def imagenet_weights() -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights, from torch's hub cache or downloaded with their hash checked.

    Raises StorageUnavailableError where they can be had from neither.
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

    Raises SettingsError, naming `uri`, where the checksum or the content is not as it should be.
    """
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and sha256.lower() != found:
        raise SettingsError(f"{uri} has sha256 {found}, not {sha256}", setting="init_weights")
    try:
        if uri.lower().endswith(".safetensors"):
            state = load_safetensors(data)
        else:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- a damaged file may end in any exception of the readers
        reason = (str(error) or type(error).__name__).splitlines()[0]
        message = f"{uri} is no .safetensors or .pth state dict: {reason}"
        raise SettingsError(message, setting="init_weights") from None
    return _fitting(state, uri)


def _fitting(state: object, uri: str) -> dict[str, Tensor]:
    """Check that `state` fits a ResNet18, its head aside."""
    reason = None
    expected = resnet18(weights=None).state_dict()
    if not isinstance(state, dict):
        reason = "it is no dict of tensors"
    else:
        missing = [name for name in expected if not name.startswith(HEAD) and name not in state]
        unknown = [name for name in state if name not in expected]
        wrong = [
            name
            for name, value in expected.items()
            if name in state
            and not name.startswith(HEAD)
            and (not isinstance(state[name], Tensor) or state[name].shape != value.shape)
        ]
        for kind, names in (("lacks", missing), ("has an unknown", unknown), ("has another shape of", wrong)):
            if names and reason is None:
                reason = f"it {kind} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    if reason is not None:
        raise SettingsError(f"{uri} does not fit ResNet18: {reason}", setting="init_weights")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}  # type: ignore[attr-defined]
