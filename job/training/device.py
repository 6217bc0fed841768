"""The device that a trial runs on, its precision, and torch's settings for runs that can be repeated."""

import ctypes
import os
import shutil
import sysconfig
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch
from torch.nn import functional

from job.errors import DeviceError, SettingsError
from job.records.status import DeviceUsed
from job.training.cpus import refuse_missing_threads
from job.training.driver import NO_DEVICE, ask_driver, kernel_module
from job.training.failures import device_failures, first_line, lacks_kernels

Capability = tuple[int, int]
"""A GPU's compute capability: (8, 0) is 8.0, and sm_80 in kernels' names."""

BF16_SINCE, TENSOR_CORES_SINCE, TF32_SINCE = (8, 0), (7, 0), (8, 0)
"""Capabilities, https://docs.nvidia.com/cuda/cuda-c-programming-guide/#features-and-technical-specifications"""

_OLDEST_DRIVERS = {12: 525, 13: 580}
"""Oldest driver for each major version of CUDA, whose minor versions it serves, too:
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/"""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Device:
    """Where and in which arithmetic to train."""

    device: torch.device
    autocast_dtype: torch.dtype | None
    """None trains in float32 throughout."""
    scale_gradients: bool
    """float16 has too few exponent bits for small gradients."""
    capability: Capability | None = None
    """Of a GPU."""

    @property
    def name(self) -> str:
        """The device as a report names it."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    @property
    def precision(self) -> str:
        """The arithmetic as a report names it."""
        if self.autocast_dtype is None:
            return "float32 with TF32" if self.capability and self.capability >= TF32_SINCE else "float32"
        return {torch.bfloat16: "bf16", torch.float16: "fp16"}[self.autocast_dtype]

    @property
    def used(self) -> DeviceUsed:
        """The device as records have it."""
        return DeviceUsed(self.name, _dotted(self.capability) if self.capability else None, self.precision)

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context for forward passes."""
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)


def choose_device(device: str, precision: str) -> Device:
    """Return the device for the settings DEVICE and PRECISION, a GPU after one small step on it.

    Raises SettingsError if a GPU is asked for or visible and this torch can never use it: a job that pays for a GPU
    must never train silently on the CPU. Raises DeviceError if the GPU fails where another machine's may not.
    """
    if device == "cpu" or not _gpu_is_there(asked_for=device == "cuda"):
        if precision in {"bf16", "fp16"}:
            message = f"{precision} needs a GPU; on a CPU float32 and auto are allowed"
            raise SettingsError(message, setting="precision")
        return Device(torch.device("cpu"), None, scale_gradients=False)
    with device_failures("the GPU"):
        chosen, reason = _gpu(precision)
        refuse_missing_kernels(chosen.name, chosen.capability or (0, 0), torch.cuda.get_arch_list())
        try_step(chosen)
    _log.info("gpu", **vars(chosen.used), reason=reason)
    if torch.cuda.device_count() > 1:
        _log.info("one GPU is used", visible=torch.cuda.device_count())
    return chosen


def _gpu_is_there(*, asked_for: bool) -> bool:
    """Return whether a GPU is to be used; the driver is initialised then, and serves this torch."""
    driver, module = ask_driver(), kernel_module()
    wheel = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}"
    finds_none = driver is None or driver.status == NO_DEVICE
    if finds_none and module is None and not asked_for:
        return False
    if driver is None:
        message = f"no NVIDIA driver is visible on this machine ({wheel}; docker needs --gpus all); allowed is cpu"
        if module is not None:
            message = (
                f"driver {module} is in the kernel, and its library libcuda.so.1 is not visible here; "
                "docker needs --gpus all, and cpu trains without the GPU"
            )
        raise SettingsError(message, setting="device")
    needed = int(str(torch.version.cuda).split(".")[0])
    if driver.cuda // 1000 < needed:
        message = (
            f"driver {module or ''} serves CUDA up to {driver.cuda // 1000}.{driver.cuda % 1000 // 10}, and {wheel}, "
            f"which needs driver {_OLDEST_DRIVERS.get(needed, 'of that version')} or newer; cpu trains without the GPU"
        )
        raise SettingsError(message.replace("  ", " "), setting="device")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if finds_none and hidden is not None:
        if hidden in {"", "-1"} and not asked_for:
            return False
        message = f"CUDA_VISIBLE_DEVICES={hidden!r} leaves no GPU that is there; unset it, or use cpu"
        raise SettingsError(message, setting="device")
    if driver.status:
        raise DeviceError(f"the GPU cannot be used, its driver says {driver.words}; another machine may do")
    try:
        torch.cuda.init()
    except RuntimeError as error:
        raise DeviceError(f"the GPU cannot be used: {first_line(error)}; another machine may do") from None
    return True


def _gpu(precision: str) -> tuple[Device, str]:
    """Return the GPU with the precision of the setting, and why it has that one."""
    capability, device = torch.cuda.get_device_capability(), torch.device("cuda")
    name, has_bf16 = torch.cuda.get_device_name(), capability >= BF16_SINCE
    if precision == "bf16" and not has_bf16:
        message = f"{name} (compute capability {_dotted(capability)}) has no bfloat16; use fp16 or float32"
        raise SettingsError(message, setting="precision")
    reason = "PRECISION asks for it"
    if precision == "auto":
        if has_bf16:
            precision, reason = "bf16", "the GPU has bfloat16"
        elif capability >= TENSOR_CORES_SINCE:
            precision, reason = "fp16", "the GPU has tensor cores for float16 and no bfloat16"
        else:
            precision, reason = "float32", "the GPU has neither bfloat16 nor tensor cores"
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "float32": None}[precision]
    return Device(device, dtype, scale_gradients=precision == "fp16", capability=capability), reason


def refuse_missing_kernels(name: str, capability: Capability, architectures: list[str]) -> None:
    """Raise SettingsError unless torch has kernels for the GPU, or code that the driver can compile for it."""
    for architecture in architectures:
        kind, _, digits = architecture.partition("_")
        digits = digits.rstrip("af")  # sm_90a: of this very GPU
        built = int(digits[:-1]), int(digits[-1])
        if (kind == "sm" and built[0] == capability[0] and built <= capability) or (
            kind == "compute" and built <= capability
        ):
            return
    raise _no_kernels(name, capability, architectures)


def _no_kernels(name: str, capability: Capability, architectures: list[str]) -> SettingsError:
    message = (
        f"{name} has compute capability {_dotted(capability)}, and torch {torch.__version__} has kernels for "
        f"{', '.join(architectures)} alone; use another GPU, or cpu"
    )
    return SettingsError(message, setting="device")


def try_step(device: Device) -> None:
    """Run a small convolution forwards and backwards in the device's precision, and wait for it.

    Raises SettingsError if torch has no kernels for it, and what torch raises.
    """
    images = torch.ones((2, 8, 16, 16), device=device.device).contiguous(memory_format=torch.channels_last)
    weights = torch.ones((8, 8, 3, 3), device=device.device, requires_grad=True)
    try:
        with device.autocast():
            loss = functional.conv2d(images, weights, padding=1).float().mean()
        loss.backward()
        loss.item()
    except RuntimeError as error:
        if not lacks_kernels(error):
            raise
        raise _no_kernels(device.name, device.capability or (0, 0), torch.cuda.get_arch_list()) from None


def _dotted(capability: Capability) -> str:
    return f"{capability[0]}.{capability[1]}"


def refuse_compile_without_compiler(device: torch.device, *, compile_model: bool) -> None:
    """Raise SettingsError if torch.compile is asked for and what it needs here is missing.

    Its kernels for a CPU are C++. Triton's for a GPU are launched by a C extension that it builds at run time.
    """
    if not compile_model:
        return
    if device.type != "cuda":
        if not _found("CXX", "g++", "clang++"):
            message = "true needs a C++ compiler (g++), and there is none here; allowed is false"
            raise SettingsError(message, setting="compile")
        return
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    missing = [] if _found("CC", "gcc", "clang", "cc") else ["a C compiler (gcc)"]
    missing += [] if header.exists() else [f"{header} (package python3-dev)"]
    if missing:
        message = f"true needs {' and '.join(missing)} for Triton, which the image lacks; allowed is false"
        raise SettingsError(message, setting="compile")


def _found(variable: str, *names: str) -> bool:
    return any(name and shutil.which(name) for name in (os.environ.get(variable), *names))


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
