"""What errors of torch mean: too little memory, or a device that is broken. Known here alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from job.errors import DeviceError

_MEMORY = (
    "out of memory",
    "can't allocate memory",  # the CPU allocator has no exception of its own
    "STATUS_ALLOC_FAILED",  # cuDNN's and cuBLAS's
    "STATUS_NOT_INITIALIZED",  # the same: no memory was left for a handle's workspace
    "unable to find an engine",  # cuDNN has tried all, and none had its workspace
)
_BROKEN = ("STATUS_EXECUTION_FAILED", "STATUS_INTERNAL_ERROR", "STATUS_MAPPING_ERROR")
_NO_KERNEL = "no kernel image is available"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that the device, or the host, has too little memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(part in str(error) for part in _MEMORY)


def is_broken_device(error: BaseException) -> bool:
    """Return whether an error says that the device does not work: an illegal access, an Xid, a failed launch.

    Nothing more can be done on a GPU after one: each later call fails with it, too.
    """
    if is_out_of_memory(error) or lacks_kernels(error):
        return False
    broken = isinstance(error, torch.AcceleratorError)
    return broken or (isinstance(error, RuntimeError) and any(part in str(error) for part in _BROKEN))


def lacks_kernels(error: BaseException) -> bool:
    """Return whether an error says that torch was built without kernels for this GPU."""
    return _NO_KERNEL in str(error)


@contextmanager
def device_failures(name: str) -> Iterator[None]:
    """Raise DeviceError, which names the device, for an error of torch that another machine may not have."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        reason = first_line(error)
        if is_out_of_memory(error):
            raise DeviceError(f"{name} has too little free memory: {reason}") from error
        if is_broken_device(error):
            raise DeviceError(f"{name} does not work: {reason}; another machine may do") from error
        raise


@contextmanager
def first_error() -> Iterator[None]:
    """Raise what went wrong within a block, where leaving it has raised another error because of that.

    Ending a recording does: that memory ran out would then look like a GPU that is broken.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__context__, RuntimeError):
            raise error.__context__ from None
        raise


def first_line(error: BaseException) -> str:
    """Return an error's first line; the others advise programmers."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")


def release_memory() -> None:
    """Give memory that torch keeps for later back to the GPU."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
