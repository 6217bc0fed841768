"""A driver's library without a GPU, compiled where the tests run."""

import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


def compile_libcuda(folder: Path) -> Path:
    """Compile libcuda.so.1 into a folder for LD_LIBRARY_PATH, and return the library's path."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the tests need a C compiler: install gcc"
    library = folder / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE)], check=True)
    return library
