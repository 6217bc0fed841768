"""The model: a function of its seed, or of weights that are checked before they are used."""

import hashlib
import io
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor
from torchvision.models import ResNet18_Weights, resnet18

from job.errors import SettingsError, StorageUnavailableError
from job.training.model import build_model, copy_weights, gather, imagenet_weights, weights_from_bytes


def state(classes: int = 1000, seed: int = 7) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    weights: dict[str, Tensor] = resnet18(weights=None, num_classes=classes).state_dict()
    return weights


def pth(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone() -> None:
    """Equal seeds give equal weights, and building a model does not disturb anybody else's random numbers."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, third = (build_model(4, seed, None).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], third["conv1.weight"])


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
def test_given_weights_are_used_but_for_a_head_of_another_size(name: str) -> None:
    """Weights of 1,000 classes initialise a model of 4: all but the head is theirs."""
    given = state()
    data = save_safetensors(given) if name.endswith("safetensors") else pth(given)
    built = build_model(4, 0, weights_from_bytes(data, name, hashlib.sha256(data).hexdigest())).state_dict()
    assert torch.equal(built["layer4.1.conv2.weight"], given["layer4.1.conv2.weight"])
    assert built["fc.weight"].shape == (4, 512)


def test_a_head_of_the_same_size_is_taken_too() -> None:
    """Weights of as many classes, for instance of an earlier run, are used whole."""
    given = state(classes=4)
    built = build_model(4, 0, weights_from_bytes(save_safetensors(given), "w.safetensors", None)).state_dict()
    assert torch.equal(built["fc.weight"], given["fc.weight"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("w.safetensors", b"no tensors", "is no .safetensors or .pth state dict"),
        ("w.pth", b"", "is no .safetensors or .pth state dict"),
        ("w.pth", b"no pickle", "is no .safetensors or .pth state dict"),
        ("w.pth", pth([1, 2]), "it is no dict of tensors"),
        ("w.pth", pth({"conv1.weight": torch.zeros(64, 3, 7, 7)}), "it lacks bn1.weight and 118 more"),
        ("w.pth", pth(state() | {"extra": torch.zeros(1)}), "it has an unknown extra"),
        ("w.pth", pth(state() | {"conv1.weight": torch.zeros(64, 3, 3, 3)}), "it has another shape of conv1.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused(name: str, data: bytes, message: str) -> None:
    """What is no state dict of a ResNet18 is an error that names the file and what is wrong with it."""
    with pytest.raises(SettingsError) as error:
        weights_from_bytes(data, name, None)
    assert (str(error.value).split()[0], error.value.setting) == (name, "init_weights")
    assert message in str(error.value)


def test_a_wrong_checksum_is_refused_before_the_file_is_parsed() -> None:
    """A file that is not the one whose sha256 was given is not used."""
    with pytest.raises(SettingsError, match="has sha256"):
        weights_from_bytes(b"whatever", "w.pth", "0" * 64)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """Loading untrusted weights never executes what a pickle says."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (open, (str(tmp_path / "trap"),))

    with pytest.raises(SettingsError):
        weights_from_bytes(pth(Trap()), "w.pth", None)


def test_imagenet_weights_come_from_torchs_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`imagenet` is torchvision's own weights enum; weights that lie in the hub's cache need no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    given = state()
    torch.save(given, checkpoints / ResNet18_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1])
    loaded = imagenet_weights()
    assert all(torch.equal(loaded[name], given[name]) for name in given)


def test_imagenet_weights_that_cannot_be_downloaded_may_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without cache and network it is an error that another start may not meet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(StorageUnavailableError, match="cannot be downloaded"):
        imagenet_weights()


def test_a_gpus_tensors_are_copied_in_one_transfer_for_each_dtype() -> None:
    """Values, shapes and plain memory layout are kept; all of one dtype lie in one block, and can be stored."""
    model = build_model(4, 0, None).to(memory_format=torch.channels_last)
    weights = {name: value.detach() for name, value in model.state_dict().items()}
    copies = gather(weights)
    assert list(copies) == list(weights)
    assert all(torch.equal(copies[name], value) for name, value in weights.items())
    assert all(value.is_contiguous() for value in copies.values())
    assert len({value.untyped_storage().data_ptr() for value in copies.values()}) == 2  # float32 and int64
    assert save_safetensors(copies) == save_safetensors(copy_weights(model))
