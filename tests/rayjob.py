"""k8s/rayjob.yaml with the Pods that KubeRay makes of it; no cluster is asked.

`python -m tests.rayjob` prints all but the RayJob, and the Pods of its templates: what Kubernetes has schemas for.
`python -m tests.rayjob RayJob` prints the RayJob.
"""

import sys
from typing import Any

import yaml

from tests.kustomize import Document, documents, the

MANIFEST = "k8s/rayjob.yaml"


def spec() -> Document:
    found: Document = the("RayJob", MANIFEST)["spec"]
    return found


def cluster() -> Document:
    found: Document = spec()["rayClusterSpec"]
    return found


def templates() -> dict[str, Document]:
    """Return the Pod templates by who runs there."""
    (workers,) = cluster()["workerGroupSpecs"]
    return {
        "submitter": spec()["submitterPodTemplate"],
        "head": cluster()["headGroupSpec"]["template"],
        "worker": workers["template"],
    }


def ray_container(role: str) -> Document:
    """Return the container that the template has."""
    (found,) = templates()[role]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def pods() -> dict[str, Document]:
    """Return the Pods with the containers that KubeRay adds: the head's autoscaler, a worker's wait for the head."""
    made = {role: template["spec"] | {"initContainers": []} for role, template in templates().items()}
    options = cluster()["autoscalerOptions"]
    given = {name: options[name] for name in ("imagePullPolicy", "securityContext", "volumeMounts")}
    autoscaler = given | {"name": "autoscaler", "image": ray_container("head")["image"]}
    made["head"]["containers"] = [ray_container("head"), autoscaler]
    worker = ray_container("worker")
    copied = {name: worker[name] for name in ("image", "imagePullPolicy", "securityContext", "env", "volumeMounts")}
    made["worker"]["initContainers"] = [copied | {"name": "wait-gcs-ready"}]
    return made


def environment(role: str) -> dict[str, str]:
    """Return what the container's environment says literally."""
    configuration = the("ConfigMap", MANIFEST)
    sources = [source["configMapRef"]["name"] for source in ray_container(role)["envFrom"] if "configMapRef" in source]
    assert sources == [configuration["metadata"]["name"]]
    given = {item["name"]: item["value"] for item in ray_container(role)["env"] if "value" in item}
    return {**configuration["data"], **given}


def _print(wanted: list[str]) -> None:
    if wanted:
        shown: list[Any] = [the(kind, MANIFEST) for kind in wanted]
    else:
        shown = [document for document in documents(MANIFEST) if document["kind"] != "RayJob"]
        shown += [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": role}, "spec": pod} for role, pod in pods().items()
        ]
    yaml.safe_dump_all(shown, sys.stdout)


if __name__ == "__main__":
    _print(sys.argv[1:])
