"""Errors of torch: too little memory in all its words, a device that is broken, and all else left as it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from job.errors import DeviceError
from job.training.failures import device_failures, first_error, is_broken_device, is_out_of_memory

MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.57 GiB"),
    torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    MemoryError("Unable to allocate 3.1 GiB for an array"),
]
BROKEN = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nAdvice for programmers"),
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: device-side assert triggered"),
    torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`"),
]
OTHERS = [RuntimeError("shape mismatch"), ValueError("out of memory"), OSError("disk full")]


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_too_little_memory_is_known_in_all_its_forms(error: Exception) -> None:
    """And is no broken device; outside of a trial, another machine may have more."""
    assert is_out_of_memory(error)
    assert not is_broken_device(error)
    with pytest.raises(DeviceError, match=r"^NVIDIA T4 has too little free memory: "), device_failures("NVIDIA T4"):
        raise error


@pytest.mark.parametrize("error", BROKEN, ids=str)
def test_a_broken_device_is_named(error: Exception) -> None:
    """With the error's first line, without what it advises programmers."""
    assert is_broken_device(error)
    assert not is_out_of_memory(error)
    with pytest.raises(DeviceError) as found, device_failures("NVIDIA T4"):
        raise error
    assert str(found.value) == f"NVIDIA T4 does not work: {str(error).splitlines()[0]}; another machine may do"
    assert found.value.__cause__ is error


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_other_errors_pass_through(error: Exception) -> None:
    """A bug keeps its name and its traceback."""
    assert not is_out_of_memory(error)
    assert not is_broken_device(error)
    with pytest.raises(type(error)) as found, device_failures("NVIDIA T4"):
        raise error
    assert found.value is error


@contextmanager
def leaving_fails() -> Iterator[None]:
    """A block whose end raises an error of its own, as that of a recording does after another error."""
    try:
        yield
    finally:
        raise torch.AcceleratorError("CUDA error: operation failed due to a previous error during capture")


def test_of_two_errors_the_first_one_is_raised() -> None:
    """Too little memory within a block stays that, whatever its end raises; alone, the end's error is the error."""
    with pytest.raises(torch.OutOfMemoryError), first_error(), leaving_fails():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.AcceleratorError), first_error(), leaving_fails():
        pass
    with pytest.raises(RuntimeError, match="shape mismatch"), first_error():
        raise RuntimeError("shape mismatch")
