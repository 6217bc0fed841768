"""The device that a trial runs on, its precision, and torch's settings for runs that can be repeated."""

import ctypes
import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from job.errors import SettingsError
from job.training.cpus import refuse_missing_threads

NVIDIA_DRIVER_VERSION = Path("/proc/driver/nvidia/version")
"""Exists if the machine has an NVIDIA driver, whether or not torch can use it."""


@dataclass(frozen=True)
class Device:
    """Where and in which arithmetic to train."""

    device: torch.device
    autocast_dtype: torch.dtype | None
    """None trains in float32 throughout."""
    scale_gradients: bool
    """float16 has too few exponent bits for small gradients."""

    @property
    def name(self) -> str:
        """The device as a report names it."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    @property
    def precision(self) -> str:
        """The arithmetic as a report names it."""
        return {None: "float32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.autocast_dtype]

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context for forward passes."""
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)


def choose_device(device: str, precision: str) -> Device:
    """Return the device for the settings DEVICE and PRECISION.

    Raises SettingsError if a GPU is asked for or visible and torch cannot use it: a job that pays for a GPU must never
    train silently on the CPU.
    """
    cuda = torch.cuda.is_available()
    if not cuda and device == "cuda":
        raise SettingsError(f"{_why_no_gpu()}; allowed here is cpu", setting="device")
    if not cuda and device == "auto" and NVIDIA_DRIVER_VERSION.exists():
        raise SettingsError(f"{_why_no_gpu()}; cpu trains without the GPU", setting="device")
    chosen = torch.device("cuda" if cuda and device != "cpu" else "cpu")
    if chosen.type == "cpu":
        if precision in {"bf16", "fp16"}:
            message = f"{precision} needs a GPU; on a CPU float32 and auto are allowed"
            raise SettingsError(message, setting="precision")
        return Device(chosen, None, scale_gradients=False)
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bf16" and not has_bf16:
        message = f"{torch.cuda.get_device_name()} has no bfloat16; use fp16 or float32"
        raise SettingsError(message, setting="precision")
    if precision == "bf16" or (precision == "auto" and has_bf16):
        return Device(chosen, torch.bfloat16, scale_gradients=False)
    if precision == "fp16":
        return Device(chosen, torch.float16, scale_gradients=True)
    return Device(chosen, None, scale_gradients=False)


def refuse_compile_without_compiler(*, compile_model: bool) -> None:
    """Raise SettingsError if torch.compile is asked for and there is no compiler for the code that it generates."""
    found = [os.environ.get("CXX"), "g++", "clang++"]
    if compile_model and not any(name and shutil.which(name) for name in found):
        message = "true needs a C++ compiler (g++), and there is none here; allowed is false"
        raise SettingsError(message, setting="compile")


def configure_torch(*, threads: int, deterministic: bool) -> None:
    """Set torch up for the whole process; call it before the first CUDA kernel.

    https://docs.pytorch.org/docs/stable/notes/randomness.html; `warn_only`, since a job must never end because an
    operation lacks a deterministic form. Raises ResourcesError where so many threads cannot be had.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    refuse_missing_threads(threads)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # deterministic mode would fill every new tensor with NaN, and a step would take 2 % longer
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic
    # tf32, with float32's range and ten bits of mantissa, for what autocast leaves in float32
    torch.set_float32_matmul_precision("high")
    _keep_freed_memory()


def give_back_memory() -> None:
    """Return freed memory to the kernel, after training; does nothing without glibc."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def _keep_freed_memory() -> None:
    """Have glibc keep large blocks that were freed instead of returning them to the kernel (mallopt(3)).

    On a CPU every activation is such a block, which the kernel would zero in each step: steps take 3 % longer, and for
    seconds 20 % longer when a checkpoint's memory comes and goes. Does nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        m_mmap_max, m_trim_threshold = -4, -1
        mallopt(m_mmap_max, 0)
        mallopt(m_trim_threshold, 2**31 - 1)


def _why_no_gpu() -> str:
    wheel = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}"
    if not NVIDIA_DRIVER_VERSION.exists():
        return f"no NVIDIA driver is visible on this machine ({wheel}; docker needs --gpus all)"
    driver = NVIDIA_DRIVER_VERSION.read_text("utf-8").splitlines()[0]
    needs = "which needs driver 580 or newer for CUDA 13 (and docker needs --gpus all)"
    return f"an NVIDIA driver is visible but torch cannot use it: driver {driver!r}, and {wheel}, {needs}"
