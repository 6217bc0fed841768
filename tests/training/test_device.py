"""Devices: a GPU that cannot be used is never passed over, and what another machine may mend is tried again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from job.errors import DeviceError, SettingsError
from job.training import device as device_module
from job.training import driver as driver_module
from job.training.device import (
    Capability,
    Device,
    choose_device,
    configure_torch,
    refuse_compile_without_compiler,
    refuse_missing_kernels,
    try_step,
)
from job.training.driver import Driver
from tests.libcuda import compile_libcuda

MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: 12\n"
WORKS = Driver(13000, 0, "CUDA_SUCCESS: no error")
NONE_FOUND = Driver(13000, 100, "CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected")
WHEEL = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


class Machine:
    """A machine whose driver and GPU are made up."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._module = patch, folder / "version"
        patch.setattr(driver_module, "KERNEL_MODULE", self._module)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        self.driver(None)

    def driver(self, answer: Driver | None, *, module: bool = False) -> None:
        self._patch.setattr(device_module, "ask_driver", lambda: answer)
        if module:
            self._module.write_text(MODULE)

    def gpu(self, name: str, capability: Capability, *, count: int = 1) -> None:
        self.driver(WORKS)
        self._patch.setattr(torch.cuda, "init", lambda: None)
        self._patch.setattr(torch.cuda, "get_device_name", lambda *_: name)
        self._patch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
        self._patch.setattr(torch.cuda, "get_arch_list", lambda: WHEEL)
        self._patch.setattr(torch.cuda, "device_count", lambda: count)
        self._patch.setattr(device_module, "try_step", lambda _: None)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """Return a machine without a GPU, whatever the tests run on."""
    return Machine(monkeypatch, tmp_path)


def refused(device: str, precision: str = "auto") -> str:
    with pytest.raises(SettingsError) as error:
        choose_device(device, precision)
    assert error.value.setting in {"device", "precision"}
    return str(error.value)


def test_without_a_gpu_auto_trains_on_the_cpu_in_float32(machine: Machine) -> None:
    """The plain case, with no driver at all and with its library alone."""
    for answer in (None, NONE_FOUND):
        machine.driver(answer)
        device = choose_device("auto", "auto")
        assert (device.name, device.precision, device.used.capability) == ("cpu", "float32", None)


def test_a_gpu_that_is_asked_for_must_be_there(machine: Machine) -> None:
    """DEVICE=cuda on a machine without one is an error that says what docker needs."""
    assert "docker needs --gpus all" in refused("cuda")
    machine.driver(None, module=True)
    assert "driver 535.104.05 is in the kernel, and its library libcuda.so.1 is not visible" in refused("cuda")


def test_a_gpu_that_docker_hides_is_not_passed_over(machine: Machine) -> None:
    """The kernel's driver is seen in every container; without its library nothing runs on the CPU."""
    machine.driver(None, module=True)
    assert "docker needs --gpus all" in refused("auto")
    assert choose_device("cpu", "auto").name == "cpu"


@pytest.mark.parametrize("status", [0, 100, 802])
def test_a_driver_too_old_for_torch_is_final_whatever_it_says(machine: Machine, status: int) -> None:
    """Both versions are named, and nothing runs on the CPU."""
    machine.driver(Driver(12020, status, "words"), module=True)
    message = refused("auto")
    assert "driver 535.104.05 serves CUDA up to 12.2" in message
    assert f"torch {torch.__version__} is built for CUDA {torch.version.cuda}" in message
    assert "580 or newer" in message


def test_a_driver_that_serves_an_older_minor_version_is_new_enough(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Driver 580 serves CUDA 13.0, and so wheels built for 13.2; what fails there is never its age."""
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    machine.driver(Driver(13000, 999, "CUDA_ERROR_UNKNOWN: unknown error"), module=True)
    with pytest.raises(DeviceError) as error:
        choose_device("auto", "auto")
    assert "CUDA_ERROR_UNKNOWN: unknown error" in str(error.value)
    assert "580" not in str(error.value)


def test_a_driver_that_finds_no_gpu_may_find_one_on_another_machine(machine: Machine) -> None:
    """A GPU that fell off the bus is the machine's fault; one that CUDA_VISIBLE_DEVICES hides is the user's."""
    machine.driver(NONE_FOUND, module=True)
    with pytest.raises(DeviceError, match="no CUDA-capable device"):
        choose_device("auto", "auto")


@pytest.mark.parametrize(("hidden", "auto"), [("", "cpu"), ("-1", "cpu"), ("7", None)])
def test_gpus_that_a_variable_hides_are_named_with_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, hidden: str, auto: str | None
) -> None:
    """The usual words for `no GPU` mean the CPU, if the device is not asked for; a wrong number is an error."""
    machine.driver(NONE_FOUND, module=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert f"CUDA_VISIBLE_DEVICES='{hidden}'" in refused("cuda")
    if auto is None:
        assert f"CUDA_VISIBLE_DEVICES='{hidden}'" in refused("auto")
    else:
        assert choose_device("auto", "auto").name == auto


@pytest.mark.parametrize(
    ("status", "cuda", "expected"),
    [
        (
            802,
            13000,
            "DeviceError: the GPU cannot be used, its driver says CUDA_ERROR_SYSTEM_NOT_READY: system not yet",
        ),
        (999, 13000, "DeviceError: the GPU cannot be used, its driver says CUDA_ERROR_UNKNOWN: unknown error"),
        (0, 12020, "SettingsError: driver serves CUDA up to 12.2"),
    ],
)
def test_the_driver_itself_is_asked(tmp_path: Path, status: int, cuda: int, expected: str) -> None:
    """The real path: a library that is found as NVIDIA's is, its functions called, its words quoted."""
    compile_libcuda(tmp_path)
    program = (
        "from job.training.device import choose_device\n"
        "try: print(choose_device('auto', 'auto'))\n"
        "except Exception as error: print(f'{type(error).__name__}: {error}')"
    )
    stub = {"LD_LIBRARY_PATH": str(tmp_path), "STUB_CUINIT": str(status), "STUB_CUDA_VERSION": str(cuda)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | stub, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(expected)


def test_what_torch_says_at_its_start_is_quoted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver is content and torch is not, another machine may do."""

    def fail() -> None:
        raise RuntimeError("Unexpected error from cudaGetDeviceCount(). Error 3: initialization error\nAdvice")

    machine.gpu("NVIDIA T4", (7, 5))
    monkeypatch.setattr(torch.cuda, "init", fail)
    with pytest.raises(DeviceError, match=r"Error 3: initialization error; another"):
        choose_device("cuda", "auto")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_needs_a_gpu(machine: Machine, precision: str) -> None:
    """bf16 on a CPU is many times slower than float32, so it is refused."""
    machine.driver(None)
    assert f"{precision} needs a GPU" in refused("auto", precision)


@pytest.mark.parametrize(
    ("name", "capability", "precision", "expected"),
    [
        ("NVIDIA T4", (7, 5), "auto", "fp16"),
        ("NVIDIA L4", (8, 9), "auto", "bf16"),
        ("NVIDIA A100", (8, 0), "auto", "bf16"),
        ("NVIDIA H100", (9, 0), "auto", "bf16"),
        ("NVIDIA T4", (7, 5), "float32", "float32"),
        ("NVIDIA A100", (8, 0), "float32", "float32 with TF32"),
        ("NVIDIA A100", (8, 0), "fp16", "fp16"),
        ("NVIDIA A100", (8, 0), "bf16", "bf16"),
    ],
)
def test_precision_on_a_gpu(
    machine: Machine,
    name: str,
    capability: Capability,
    precision: str,
    expected: str,
) -> None:
    """Automatic precision is bf16, else fp16 on tensor cores; fp16 alone scales its gradients; TF32 is named."""
    machine.gpu(name, capability)
    device = choose_device("auto", precision)
    assert device.device.type == "cuda"
    assert (device.precision, device.scale_gradients) == (expected, expected == "fp16")
    assert (device.used.name, device.used.capability) == (name, f"{capability[0]}.{capability[1]}")


def test_without_tensor_cores_auto_is_float32(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A P100, where a wheel has kernels for it."""
    machine.gpu("Tesla P100", (6, 0))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_60"])
    assert choose_device("auto", "auto").precision == "float32"


def test_the_log_says_which_precision_and_why_and_that_one_gpu_is_used(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to guess what a run was trained with, or pays for GPUs that do nothing."""
    machine.gpu("NVIDIA T4", (7, 5), count=4)
    choose_device("auto", "auto")
    words = capsys.readouterr().out
    assert "NVIDIA T4" in words
    assert "tensor cores" in words
    assert "one GPU is used" in words
    assert "visible=4" in words


def test_bf16_on_a_t4_is_refused(machine: Machine) -> None:
    """It has no bfloat16, and would emulate it."""
    machine.gpu("NVIDIA T4", (7, 5))
    assert refused("auto", "bf16") == "NVIDIA T4 (compute capability 7.5) has no bfloat16; use fp16 or float32"


def test_a_gpu_that_the_wheel_has_no_kernels_for_is_final(machine: Machine) -> None:
    """Name, capability and the wheel's list."""
    machine.gpu("Tesla V100-SXM2-16GB", (7, 0))
    message = refused("auto")
    assert message.startswith("Tesla V100-SXM2-16GB has compute capability 7.0, and torch ")
    assert ", ".join(WHEEL) in message


@pytest.mark.parametrize(
    ("capability", "architectures", "works"),
    [
        ((8, 9), WHEEL, True),  # sm_86 serves 8.9
        ((12, 1), WHEEL, True),
        ((10, 0), ["sm_90", "sm_100a"], True),
        ((7, 0), WHEEL, False),
        ((8, 0), ["sm_86"], False),
        ((13, 0), [*WHEEL, "compute_120"], True),  # the driver compiles it
        ((7, 0), ["compute_75"], False),
    ],
)
def test_kernels_serve_their_major_version(capability: Capability, architectures: list[str], works: bool) -> None:  # noqa: FBT001
    """Binary compatibility: https://docs.nvidia.com/cuda/cuda-c-programming-guide/#binary-compatibility."""
    if works:
        refuse_missing_kernels("GPU", capability, architectures)
    else:
        with pytest.raises(SettingsError):
            refuse_missing_kernels("GPU", capability, architectures)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
def test_the_first_step_runs_forwards_and_backwards(dtype: torch.dtype | None) -> None:
    """In each precision; what it raises on a device without its kernels is final."""
    try_step(Device(torch.device("cpu"), dtype, scale_gradients=False))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CUDA error: no kernel image is available for execution on the device", SettingsError),
        ("CUDA error: out of memory", DeviceError),
        ("CUDA error: uncorrectable ECC error encountered", DeviceError),
    ],
)
def test_a_first_step_that_fails_is_final_or_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, words: str, expected: type[Exception]
) -> None:
    """A wheel without kernels stays so; a GPU that is taken or broken is not this job's fault."""

    def fail(*_: object, **__: object) -> None:
        raise torch.AcceleratorError(words)

    machine.gpu("NVIDIA L4", (8, 9))
    monkeypatch.setattr(device_module, "try_step", try_step)
    monkeypatch.setattr(torch, "ones", lambda *_, **__: torch.zeros((1, 1, 4, 4)))
    monkeypatch.setattr("torch.nn.functional.conv2d", fail)
    with pytest.raises(expected):
        choose_device("auto", "float32")


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
    monkeypatch.delenv("CC", raising=False)
    for device in ("cpu", "cuda"):
        refuse_compile_without_compiler(torch.device(device), compile_model=False)
    with pytest.raises(SettingsError, match=r"true needs a C\+\+ compiler"):
        refuse_compile_without_compiler(torch.device("cpu"), compile_model=True)
    with pytest.raises(SettingsError, match=r"true needs a C compiler \(gcc\) (and|for)"):
        refuse_compile_without_compiler(torch.device("cuda"), compile_model=True)


def test_compiling_for_a_gpu_needs_the_headers_of_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Triton builds a C extension; without Python.h it fails in the first step, with a page of a compiler's words."""
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(SettingsError, match=r"Python\.h \(package python3-dev\) for Triton"):
        refuse_compile_without_compiler(torch.device("cuda"), compile_model=True)
    (tmp_path / "Python.h").touch()
    refuse_compile_without_compiler(torch.device("cuda"), compile_model=True)


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
