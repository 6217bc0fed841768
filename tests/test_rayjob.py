"""k8s/rayjob.yaml, the code, the image and KubeRay hold together."""

import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from job.errors import ExitCode
from job.preemption import GRACE_SECONDS
from job.settings import PREFIX, Settings, load_settings, variable_name
from tests.kustomize import ROOT, container, documents, the
from tests.kustomize import pod as pod_of_job
from tests.rayjob import MANIFEST, cluster, environment, pods, ray_container, spec, templates

SCHEMA = ROOT.parent / "shared/k8s/rayjob-v1.schema.json"
ROLES = ["submitter", "head", "worker"]
TEXT = (ROOT / MANIFEST).read_text("utf-8")


def in_gib(quantity: str) -> int:
    assert quantity.endswith("Gi")
    return int(quantity.removesuffix("Gi"))


def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment("head").items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return load_settings()


def unknown(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Return the fields that the schema does not have; those of a map of the user's own names are all known."""
    if isinstance(value, list):
        return [name for item in value for name in unknown(item, schema.get("items", {}), path)]
    if not isinstance(value, dict):
        return []
    if "properties" not in schema:
        kept = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
        return [] if kept or path == ".metadata" else [path]
    found = []
    for name, item in value.items():
        inner = schema["properties"].get(name)
        found += [f"{path}.{name}"] if inner is None else unknown(item, inner, f"{path}.{name}")
    return found


@pytest.mark.skipif(not SCHEMA.exists(), reason="KubeRay's schema is not part of the project")
def test_every_field_is_one_that_kuberay_knows() -> None:
    """The API server drops a field that the schema does not have, and checks against the schema let it pass."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert unknown({"spec": {"backofLimit": 3}}, schema) == [".spec.backofLimit"]
    assert unknown(the("RayJob", MANIFEST), schema) == []


def test_kuberay_accepts_the_spec() -> None:
    """Its rules across fields: for autoscaler v2, tokens, a submitter's template and what follows a job."""
    assert cluster()["enableInTreeAutoscaling"] is True
    assert cluster()["autoscalerOptions"]["version"] == "v2"
    assert all(template["spec"]["restartPolicy"] == "Never" for template in templates().values())
    head = {item["name"] for item in ray_container("head")["env"]}
    assert "RAY_enable_autoscaler_v2" not in head, "KubeRay refuses it beside the version"
    assert spec()["submissionMode"] == "K8sJobMode", "SidecarMode refuses submitterPodTemplate and submitterConfig"
    assert not {"clusterSelector", "deletionStrategy", "suspend", "managedBy"} & set(spec())
    assert spec()["shutdownAfterJobFinishes"] is True, "else KubeRay refuses ttlSecondsAfterFinished"
    assert len(the("RayJob", MANIFEST)["metadata"]["name"]) <= 47
    for group in (cluster()["headGroupSpec"], *cluster()["workerGroupSpecs"]):
        assert "resources" not in group, "KubeRay refuses it beside rayStartParams"
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_ray_is_the_images() -> None:
    """`rayVersion` is what the image's lock installs, from which KubeRay takes how to check its health."""
    lock = (ROOT / "requirements-ray.lock").read_text("utf-8")
    assert re.findall(r"^ray==([\d.]+)", lock, re.MULTILINE) == [cluster()["rayVersion"]]


def test_ray_needs_a_token() -> None:
    """Who reaches the head's ports without one could run code there."""
    assert cluster()["authOptions"] == {"mode": "token"}


def test_nothing_of_ray_is_kept() -> None:
    """No Redis: state is in object storage alone, and a lost head is another try."""
    assert "gcsFaultToleranceOptions" not in cluster()
    names = {item["name"] for role in ROLES for item in ray_container(role)["env"]}
    assert not [name for name in names if "REDIS" in name.upper()]
    assert not any("persistentVolumeClaim" in volume for pod in pods().values() for volume in pod["volumes"])


@pytest.mark.parametrize("role", ROLES)
def test_pods_are_restricted(role: str) -> None:
    """Every container, also those that KubeRay adds, meets Pod Security `restricted`, with the Job's own context."""
    pod = pods()[role]
    assert pod["securityContext"] == pod_of_job("k8s/job.yaml")["securityContext"]
    for each in (*pod["initContainers"], *pod["containers"]):
        assert each["securityContext"] == container("k8s/job.yaml")["securityContext"], each["name"]
        assert all("hostPort" not in port for port in each.get("ports", ()))
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert {kind for volume in pod["volumes"] for kind in volume} <= {"name", "emptyDir", "projected"}


@pytest.mark.parametrize("role", ROLES)
def test_only_the_autoscaler_holds_a_token_of_the_cluster(role: str) -> None:
    """It asks the API server for workers; the driver, the trials and the submitter ask it for nothing."""
    assert the("ServiceAccount", MANIFEST)["automountServiceAccountToken"] is False
    pod = pods()[role]
    assert pod["serviceAccountName"] == the("ServiceAccount", MANIFEST)["metadata"]["name"]
    assert pod["automountServiceAccountToken"] is False
    tokens = {volume["name"] for volume in pod["volumes"] if "projected" in volume}
    mounts = {
        each["name"]: mount["mountPath"]
        for each in (*pod["initContainers"], *pod["containers"])
        for mount in each["volumeMounts"]
        if mount["name"] in tokens
    }
    assert mounts == ({"autoscaler": "/var/run/secrets/kubernetes.io/serviceaccount"} if role == "head" else {})


@pytest.mark.parametrize("role", ROLES)
def test_no_other_variables_get_our_prefix(role: str) -> None:
    """The head's Service has a name with our prefix: with service links the job would end with 42."""
    assert pods()[role]["enableServiceLinks"] is False


def test_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each FASHIONTUNE_ name is known, and what the driver's Pod cannot find out is said."""
    given = environment("head")
    assert all(isinstance(value, str) for value in given.values())
    names = {name for name in given if name.upper().startswith(PREFIX)}
    assert names <= {variable_name(field) for field in Settings.model_fields}
    chosen = settings(monkeypatch)
    assert (chosen.executor, chosen.device, chosen.log_format) == ("ray", "cuda", "json")
    assert 0 < chosen.time_budget < spec()["activeDeadlineSeconds"]
    assert spec()["preRunningDeadlineSeconds"] < spec()["activeDeadlineSeconds"]


def test_a_worker_has_what_a_trial_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPUs and GPUs of a worker are a trial's; trials at a time are 1.5 times the most workers."""
    chosen = settings(monkeypatch)
    limits = ray_container("worker")["resources"]["limits"]
    assert limits["cpu"] == str(chosen.cpus_per_trial)
    assert limits["nvidia.com/gpu"] == f"{chosen.gpus_per_trial:g}"
    (group,) = cluster()["workerGroupSpecs"]
    assert 0 < group["minReplicas"] == group["replicas"] < group["maxReplicas"]
    assert chosen.parallel_trials == 1.5 * group["maxReplicas"]
    assert cluster()["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert "nvidia.com/gpu" not in ray_container("head")["resources"]["limits"]


@pytest.mark.parametrize("role", ROLES)
def test_requests_are_limits(role: str) -> None:
    """CPU, memory and GPU are bounded as asked for, so Ray, which reads the limits, counts what is there."""
    resources = ray_container(role)["resources"]
    requests, limits = ({**resources[kind]} for kind in ("requests", "limits"))
    for kind in (requests, limits):
        kind.pop("ephemeral-storage", None)
    assert requests == limits
    assert all(isinstance(quantity, str) for quantity in limits.values())


@pytest.mark.parametrize("role", ROLES)
def test_all_that_is_written_lies_on_a_bounded_volume(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cache, home and Ray's own files are below /tmp, on a volume as large as the disk that the container may take."""
    for each in (*pods()[role]["initContainers"], *pods()[role]["containers"]):
        assert "/tmp" in [mount["mountPath"] for mount in each["volumeMounts"]], each["name"]  # noqa: S108
    home = {item["name"]: item.get("value") for item in ray_container(role)["env"]}["HOME"]
    assert home == "/tmp"  # noqa: S108 -- the Pod's own
    assert PurePosixPath(settings(monkeypatch).cache_dir).is_relative_to(home)
    volume = next(volume for volume in pods()[role]["volumes"] if volume["name"] == "tmp")
    limit = ray_container(role)["resources"]["limits"].get("ephemeral-storage")
    assert limit in (None, volume["emptyDir"]["sizeLimit"])


def test_the_cache_fits_on_every_node() -> None:
    """The driver's CACHE_LIMIT is its Pod's request, is the workers' too, and leaves a gibibyte for logs."""
    (limit,) = (item for item in ray_container("head")["env"] if item["name"] == "FASHIONTUNE_CACHE_LIMIT")
    reference = {"containerName": "ray-head", "resource": "requests.ephemeral-storage"}
    assert limit["valueFrom"]["resourceFieldRef"] == reference
    for role in ("head", "worker"):
        resources = ray_container(role)["resources"]
        asked = in_gib(resources["requests"]["ephemeral-storage"])
        assert asked == in_gib(ray_container("head")["resources"]["requests"]["ephemeral-storage"])
        assert in_gib(resources["limits"]["ephemeral-storage"]) - asked >= 1


def test_image_is_set_in_one_place() -> None:
    """One EDIT is the image of all containers, and of what results.json names."""
    images = {each["image"] for pod in pods().values() for each in (*pod["initContainers"], *pod["containers"])}
    assert images == {environment("head")["IMAGE"]}
    assert len(re.findall(r"fashiontune-job:ray\b", TEXT)) == 1
    assert not any({"command", "args"} & set(ray_container(role)) for role in ROLES), "KubeRay's"


def test_three_values_are_marked_for_the_user_to_edit() -> None:
    """The catalogue, the output prefix and the image."""
    lines = [line.split("#")[0].strip() for line in TEXT.splitlines() if "EDIT:" in line]
    named = [line.split(":")[0].removeprefix("- ") for line in lines]
    assert named == ["FASHIONTUNE_DATASET_URI", "FASHIONTUNE_OUTPUT_URI", "image"]


def test_the_manifest_says_what_follows_each_exit_code() -> None:
    """A RayJob knows no exit codes: what will not get better is tried again, so tries are few, and the file says so."""
    assert spec()["entrypoint"] == "job"
    assert spec()["backoffLimit"] == spec()["submitterConfig"]["backoffLimit"] == 3
    assert "podFailurePolicy" not in spec()
    comment = re.search(r"((?: +#.*\n)+) +backoffLimit: 3\n +preRunning", TEXT)
    assert comment
    assert {str(int(code)) for code in (ExitCode.PERMANENT, ExitCode.FAILURE)} <= set(
        re.findall(r"exit (\d+)", comment.group(1))
    )


def test_a_worker_has_time_to_put_down_its_trial() -> None:
    """Ray drains a node at SIGTERM for longer than a checkpoint may take, and less long than until SIGKILL."""
    drain = int(environment("worker")["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    assert GRACE_SECONDS < drain < pods()["worker"]["terminationGracePeriodSeconds"]
    assert environment("worker")["GOMP_SPINCOUNT"] == "1000"
    assert environment("worker")["RAY_worker_niceness"] == "0"


def test_the_head_is_on_demand_and_the_workers_are_on_spot_nodes() -> None:
    """By the labels of each cloud, which workers tolerate as taints."""
    affinity = {
        role: pods()[role]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        for role in ("head", "worker")
    }
    spot = pod_of_job("k8s/overlays/spot-gpu")["affinity"]["nodeAffinity"]
    assert affinity["worker"] == spot["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (head,) = affinity["head"]
    labels = [rule for term in affinity["worker"] for rule in term["matchExpressions"]]
    assert head["matchExpressions"] == [rule | {"operator": "NotIn"} for rule in labels]
    assert pods()["worker"]["tolerations"] == pod_of_job("k8s/job.yaml")["tolerations"]
    assert "tolerations" not in pods()["head"]


def test_it_can_stand_beside_the_job() -> None:
    """Nothing has a name of k8s/job.yaml, also not the submitter, a Job; the Secret is the same."""
    ours = {document["metadata"]["name"] for document in documents(MANIFEST)}
    assert not ours & {document["metadata"]["name"] for document in documents("k8s/job.yaml")}
    secret = {"name": "fashiontune-job", "optional": True}
    for role in ("head", "worker"):
        found = [source["secretRef"] for source in ray_container(role)["envFrom"] if "secretRef" in source]
        assert found == [secret]
        assert not {name for name in environment(role) if re.search(r"KEY|SECRET|TOKEN|PASSWORD", name)}
    assert the("ConfigMap", MANIFEST)["immutable"] is True


def test_the_images_locks_agree() -> None:
    """The image with Ray has all that the plain one has, in the same versions, and the tests run with what it adds."""
    locks = [pinned(ROOT / name) for name in ("requirements.lock", "requirements-ray.lock", "requirements-dev.lock")]
    plain, with_ray, dev = locks
    assert not [line for line in plain if line.startswith("ray==")]
    assert plain < with_ray < dev


def test_the_image_takes_the_lock_that_extras_names() -> None:
    """`--build-arg EXTRAS=ray` copies requirements-ray.lock, which the build's context has."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert "COPY requirements${EXTRAS:+-${EXTRAS}}.lock /opt/requirements.lock" in dockerfile
    assert "!requirements-ray.lock" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def pinned(lock: Path) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[^ ;]+", lock.read_text("utf-8"), re.MULTILINE))
