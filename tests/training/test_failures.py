"""Errors of torch: too little memory in all its words, a device that is broken, and all else left as it is."""

import pytest
import torch

from job.errors import DeviceError
from job.training.failures import device_failures, is_broken_device, is_out_of_memory

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
