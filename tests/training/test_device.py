"""Devices: a GPU that is there and cannot be used is never passed over in silence."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from job.errors import SettingsError
from job.training import device as device_module
from job.training.device import choose_device, configure_torch, refuse_compile_without_compiler

DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take every GPU away, whatever the tests run on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device_module, "NVIDIA_DRIVER_VERSION", tmp_path / "version")


def test_without_a_gpu_auto_trains_on_the_cpu_in_float32() -> None:
    """The plain case: no GPU, no settings."""
    device = choose_device("auto", "auto")
    assert (device.name, device.precision) == ("cpu", "float32")


def test_a_driver_too_old_for_torch_is_an_error_with_both_versions(tmp_path: Path) -> None:
    """Where a driver is visible and torch cannot use it, driver and wheel are named and nothing runs on the CPU."""
    (tmp_path / "version").write_text(DRIVER)
    with pytest.raises(SettingsError) as error:
        choose_device("auto", "auto")
    assert "535.104.05" in str(error.value)
    assert torch.__version__ in str(error.value)
    assert "580 or newer" in str(error.value)


def test_a_gpu_that_is_asked_for_must_be_there() -> None:
    """DEVICE=cuda on a machine without one is an error that says what docker needs."""
    with pytest.raises(SettingsError, match="--gpus all"):
        choose_device("cuda", "auto")


def test_cpu_can_be_chosen_beside_an_unusable_gpu(tmp_path: Path) -> None:
    """DEVICE=cpu is an explicit choice and is respected."""
    (tmp_path / "version").write_text(DRIVER)
    assert choose_device("cpu", "auto").name == "cpu"


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_needs_a_gpu(precision: str) -> None:
    """bf16 on a CPU is many times slower than float32, so it is refused."""
    with pytest.raises(SettingsError, match=f"{precision} needs a GPU"):
        choose_device("auto", precision)


@pytest.mark.parametrize(
    ("has_bf16", "precision", "expected", "scales"),
    [
        (True, "auto", "bf16", False),
        (False, "auto", "float32", False),
        (True, "float32", "float32", False),
        (True, "fp16", "fp16", True),
        (True, "bf16", "bf16", False),
    ],
)
def test_precision_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
    has_bf16: bool,  # noqa: FBT001
    precision: str,
    expected: str,
    scales: bool,  # noqa: FBT001
) -> None:
    """Automatic precision is bf16 where the GPU has it; fp16 alone scales its gradients."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    device = choose_device("auto", precision)
    assert device.device.type == "cuda"
    assert (device.precision, device.scale_gradients) == (expected, scales)


def test_configured_torch_uses_the_threads_of_the_run() -> None:
    """The number of threads is the run's, since sums depend on it."""
    before = torch.get_num_threads()
    try:
        configure_torch(threads=1, deterministic=True)
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    finally:
        configure_torch(threads=before, deterministic=False)


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image has no compiler: what asks for one is told so before anything is fetched."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CXX", raising=False)
    refuse_compile_without_compiler(compile_model=False)
    with pytest.raises(SettingsError, match="true needs a C"):
        refuse_compile_without_compiler(compile_model=True)


def test_what_training_took_is_given_back_only_when_nothing_is_trained_any_more() -> None:
    """Freed memory stays with the process, whose next step takes it again, until it is given back to the kernel."""
    program = """
import torch
from job.training.device import configure_torch, give_back_memory

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

configure_torch(threads=1, deterministic=True)
before = megabytes()
feature_maps = [torch.ones(10_000_000) for _ in range(5)]  # 200 MB
del feature_maps
freed = megabytes()
give_back_memory()
print(freed - before, megabytes() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    freed, given_back = map(float, done.stdout.split())
    assert freed > 150
    assert given_back < 50
