"""NVIDIA's driver, asked itself: `torch.cuda.is_available` answers no to every error alike."""

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

KERNEL_MODULE = Path("/proc/driver/nvidia/version")
"""Exists if the machine's kernel has an NVIDIA driver; under WSL a GPU works without it."""

NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE of https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html"""

_LIBRARY = "libcuda.so.1"
_VERSION = re.compile(r"\s(\d+\.\d+(?:\.\d+)*)\s")


@dataclass(frozen=True)
class Driver:
    """The answers of the driver's library."""

    cuda: int
    """The newest CUDA version that it serves: 1000 * major + 10 * minor."""
    status: int
    """What cuInit returned; 0 is success."""
    words: str
    """The status in the driver's own words."""


def ask_driver() -> Driver | None:
    """Initialise the driver and return what it says; None if its library cannot be loaded."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    cuda, name, text = ctypes.c_int(), ctypes.c_char_p(), ctypes.c_char_p()
    library.cuDriverGetVersion(ctypes.byref(cuda))
    status: int = library.cuInit(0)
    library.cuGetErrorName(status, ctypes.byref(name))
    library.cuGetErrorString(status, ctypes.byref(text))
    found = [part.value.decode(errors="replace") for part in (name, text) if part.value]
    return Driver(cuda.value, status, ": ".join(found) or f"error {status}")


def kernel_module() -> str | None:
    """Return the version of the kernel's NVIDIA driver, like 535.104.05; None if there is none."""
    if not KERNEL_MODULE.exists():
        return None
    found = _VERSION.search(KERNEL_MODULE.read_text("utf-8", "replace"))
    return found[1] if found else "of unknown version"
