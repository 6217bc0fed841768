"""The manifests and the code hold together: exit codes, settings, grace, user and image say the same in both."""

import json
import os
import re
import shutil
from pathlib import Path, PurePosixPath

import pytest
import yaml

from job.errors import ExitCode
from job.preemption import GRACE_SECONDS
from job.settings import PREFIX, Settings, load_settings, variable_name
from job.storage.s3_client import open_client
from job.study.worker import MAX_DEATHS
from tests.kustomize import K8S, MANIFESTS, OVERLAYS, ROOT, Document, container, documents, kustomize, pod, the

PROMISED_SECONDS = 10
"""From SIGTERM to the exit, as the README says."""


def environment(manifest: str) -> dict[str, str]:
    """Return what the container's environment says literally, as the kubelet would put it together."""
    configuration = the("ConfigMap", manifest)
    names = [source["configMapRef"]["name"] for source in container(manifest)["envFrom"] if "configMapRef" in source]
    assert names == [configuration["metadata"]["name"]]
    given = {item["name"]: item["value"] for item in container(manifest)["env"] if "value" in item}
    asked = {
        item["name"]: item["valueFrom"]["resourceFieldRef"]["resource"].split(".", 1)
        for item in container(manifest)["env"]
        if "resourceFieldRef" in item.get("valueFrom", {})
    }
    resources = container(manifest)["resources"]
    of_resources = {name: str(in_bytes(resources[kind][resource])) for name, (kind, resource) in asked.items()}
    return {**configuration["data"], **given, **of_resources}


def in_bytes(quantity: str) -> int:
    return int(quantity.removesuffix("Gi")) << 30


def settings_of(manifest: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in environment(manifest).items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    return load_settings()


def rules(manifest: str) -> list[Document]:
    found: list[Document] = the("Job", manifest)["spec"]["podFailurePolicy"]["rules"]
    return found


def action(manifest: str, code: int, *, disrupted: bool = False) -> str:
    """Return what Kubernetes does when the job has ended with `code`: the first rule that matches decides."""
    for rule in rules(manifest):
        if codes := rule.get("onExitCodes"):
            assert (codes["containerName"], codes["operator"]) == ("job", "In")
            if code in codes["values"]:
                return str(rule["action"])
        elif disrupted and {"type": "DisruptionTarget", "status": "True"} in rule["onPodConditions"]:
            return str(rule["action"])
    return "Count"


def test_every_overlay_is_held_by_these_tests() -> None:
    """The five overlays are there, and k8s/job.yaml is the manifest that they build on, not a copy of it."""
    assert [Path(name).name for name in OVERLAYS[2:]] == ["kueue", "minio", "openshift", "smoke", "spot-gpu"]
    assert (K8S / "job.yaml").samefile(K8S / "base" / "job.yaml")


def test_two_values_are_marked_for_the_user_to_edit() -> None:
    """The catalogue and the output prefix; beside them a cluster needs only the image's place."""
    text = (K8S / "job.yaml").read_text("utf-8")
    lines = [line.split("#")[0].strip() for line in text.splitlines() if "EDIT:" in line]
    assert [line.split(":")[0] for line in lines] == ["FASHIONTUNE_DATASET_URI", "FASHIONTUNE_OUTPUT_URI"]
    assert all("EDIT-ME" in line for line in lines)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_exit_codes_are_answered_as_they_are_meant(manifest: str) -> None:
    """What will not get better ends the Job, a signal costs no try, and anything else is tried again and counted."""
    assert action(manifest, ExitCode.PERMANENT) == "FailJob"
    assert action(manifest, ExitCode.PERMANENT, disrupted=True) == "FailJob"
    for code in (ExitCode.TERMINATED, ExitCode.INTERRUPTED):
        assert action(manifest, code) == "Ignore", "a Pod deleted by hand has no condition that says so"
    assert action(manifest, ExitCode.FAILURE) == "Count"
    assert action(manifest, 128 + 9) == "Count", "killed for lack of memory, it would be so for ever"
    for any_code in (ExitCode.FAILURE, 128 + 9):
        assert action(manifest, any_code, disrupted=True) == "Ignore"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_rules_name_no_other_exit_codes(manifest: str) -> None:
    """The policy knows the codes of the code and no others, in the order that the API asks for."""
    values = [rule["onExitCodes"]["values"] for rule in rules(manifest) if "onExitCodes" in rule]
    assert all(codes == sorted(set(codes)) for codes in values)
    named = {code for codes in values for code in codes}
    assert named == set(ExitCode) - {ExitCode.DONE, ExitCode.FAILURE}


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_job_satisfies_what_a_pod_failure_policy_asks_for(manifest: str) -> None:
    """The API server refuses the policy with any other restart or replacement policy; schemas do not know that."""
    spec = the("Job", manifest)["spec"]
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_settings_of_the_manifest_are_accepted(manifest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each FASHIONTUNE_ name is known, and together their values make Settings."""
    given = environment(manifest)
    assert all(isinstance(value, str) for value in given.values())
    names = {name for name in given if name.upper().startswith(PREFIX)}
    assert names <= {variable_name(field) for field in Settings.model_fields}
    settings = settings_of(manifest, monkeypatch)
    assert settings.log_format == "json"
    assert 0 < settings.time_budget < the("Job", manifest)["spec"]["activeDeadlineSeconds"]


def test_tries_suffice_for_the_jobs_own_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Job may die as often as the code lets trials kill their process before it gives up the run."""
    deaths = MAX_DEATHS * settings_of("k8s/job.yaml", monkeypatch).max_failed_trials
    assert the("Job", "k8s/job.yaml")["spec"]["backoffLimit"] > deaths


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_no_other_variables_get_our_prefix(manifest: str) -> None:
    """A Service of the namespace would be a setting that is not known, hence exit 42, were service links on."""
    assert pod(manifest)["enableServiceLinks"] is False


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_grace_suffices_for_the_exit(manifest: str) -> None:
    """The Pod is killed no sooner than the job has promised to be gone."""
    assert GRACE_SECONDS < PROMISED_SECONDS
    assert pod(manifest)["terminationGracePeriodSeconds"] >= 2 * PROMISED_SECONDS


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_pod_is_restricted(manifest: str) -> None:
    """The Pod meets the Pod Security Standard `restricted`, and its root file system is read-only."""
    spec = pod(manifest)
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    ids = [security.get(name) for name in ("runAsUser", "runAsGroup", "fsGroup")]
    assert ids == [None if manifest.endswith("openshift") else 10001] * 3, "OpenShift chooses them itself"
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "initContainers" not in spec
    assert container(manifest)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert [set(volume) for volume in spec["volumes"]] == [{"name", "emptyDir"}]
    assert all("hostPort" not in port for port in container(manifest).get("ports", ()))


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_pod_holds_no_token_of_the_cluster(manifest: str) -> None:
    """Neither the Pod nor its ServiceAccount mounts a token for an API that the job never asks anything."""
    account = the("ServiceAccount", manifest)
    assert pod(manifest)["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    assert pod(manifest)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_keys_are_in_a_secret_only(manifest: str) -> None:
    """Credentials come from a Secret that no manifest holds."""
    assert {document["kind"] for document in documents(manifest)} == {"ServiceAccount", "ConfigMap", "Job"}
    assert not {name for name in environment(manifest) if re.search(r"KEY|SECRET|TOKEN|PASSWORD", name)}
    secrets = [source["secretRef"] for source in container(manifest)["envFrom"] if "secretRef" in source]
    secret = {"name": "fashiontune-job", "optional": not manifest.endswith("minio")}
    assert secrets == ([] if manifest.endswith("smoke") else [secret]), "the smoke run has no use for a real run's keys"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_all_that_is_written_lies_on_a_volume(manifest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cache, home, temporary files and a local output are below a mount, and the volume is bounded."""
    mounts = [PurePosixPath(mount["mountPath"]) for mount in container(manifest)["volumeMounts"]]
    assert [mount["name"] for mount in container(manifest)["volumeMounts"]] == ["tmp"]
    settings = settings_of(manifest, monkeypatch)
    written = [settings.cache_dir.as_posix(), environment(manifest)["HOME"], "/tmp"]  # noqa: S108 -- the Pod's own
    written += [] if settings.output_uri.startswith("s3://") else [settings.output_uri]
    for path in written:
        assert any(PurePosixPath(path).is_relative_to(mount) for mount in mounts), path
    (volume,) = pod(manifest)["volumes"]
    limit = container(manifest)["resources"]["limits"]["ephemeral-storage"]
    assert volume["emptyDir"]["sizeLimit"] == limit
    room = in_bytes(limit) - settings.cache_limit
    assert settings.cache_limit > 0
    assert room >= 1 << 30, "with logs and other caches the Pod would be over its limit, and evicted again and again"


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_requests_are_limits(manifest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU, memory and one GPU are asked for and bounded alike; without a GPU the setting says cpu."""
    resources = container(manifest)["resources"]
    requests, limits = ({**resources[kind]} for kind in ("requests", "limits"))
    assert in_bytes(requests.pop("ephemeral-storage")) <= in_bytes(limits.pop("ephemeral-storage"))
    assert requests == limits
    assert {"cpu", "memory"} <= set(limits)
    device = settings_of(manifest, monkeypatch).device
    assert limits.get("nvidia.com/gpu") == {"cuda": "1", "cpu": None}[device]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_results_name_the_image_that_runs(manifest: str) -> None:
    """IMAGE, which the downward API cannot give, is the container's image; Pod and node are from that API."""
    assert environment(manifest)["IMAGE"] == container(manifest)["image"]
    references = [item for item in container(manifest)["env"] if "fieldRef" in item.get("valueFrom", {})]
    fields = {item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"] for item in references}
    assert fields == {"POD_NAME": "metadata.name"}


def test_image_is_set_in_one_place(tmp_path: Path) -> None:
    """Another image in the base's kustomization is that of every overlay, and of its IMAGE, too."""
    shutil.copytree(K8S, tmp_path / "k8s", symlinks=True)
    base = tmp_path / "k8s" / "base" / "kustomization.yaml"
    other = base.read_text("utf-8").replace("newName: fashiontune-job\n", "newName: registry.example/tune\n")
    base.write_text(other.replace("newTag: latest", f"digest: sha256:{'0' * 64}"), "utf-8")
    for overlay in OVERLAYS:
        (job,) = (d for d in yaml.safe_load_all(kustomize(tmp_path / overlay)) if d["kind"] == "Job")
        (only,) = job["spec"]["template"]["spec"]["containers"]
        assert only["image"] == f"registry.example/tune@sha256:{'0' * 64}"
        assert only["env"][0] == {"name": "IMAGE", "value": only["image"]}


@pytest.mark.parametrize("overlay", OVERLAYS[2:])
def test_every_overlay_can_be_had_on_openshift(tmp_path: Path, overlay: str) -> None:
    """With the line of docs/kubernetes.md an overlay's Pod has no fixed ids, and is else the same."""
    (line,) = re.findall(r"^    (components: .+)$", (ROOT / "docs/kubernetes.md").read_text("utf-8"), re.MULTILINE)
    shutil.copytree(K8S, tmp_path / "k8s", symlinks=True)
    kustomization = tmp_path / overlay / "kustomization.yaml"
    given = yaml.safe_load(kustomization.read_text("utf-8"))
    kustomization.write_text(yaml.safe_dump(given | yaml.safe_load(line)), "utf-8")
    (job,) = (d for d in yaml.safe_load_all(kustomize(tmp_path / overlay)) if d["kind"] == "Job")
    on_openshift = job["spec"]["template"]["spec"]
    ids = {"runAsUser", "runAsGroup", "fsGroup"}
    assert not ids & set(on_openshift["securityContext"])
    kept = {name: value for name, value in pod(overlay)["securityContext"].items() if name not in ids}
    assert on_openshift == pod(overlay) | {"securityContext": kept}


def test_pod_runs_as_the_images_user() -> None:
    """The Dockerfile's last USER is numeric, as runAsNonRoot wants it, and that of the manifests."""
    users = re.findall(r"^USER\s+(\S+)\s*$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for manifest in set(MANIFESTS) - {"k8s/overlays/openshift"}:
        security = pod(manifest)["securityContext"]
        assert users[-1:] == [f"{security['runAsUser']}:{security['runAsGroup']}"]


def test_manifests_leave_the_command_to_the_image() -> None:
    """No manifest says what to start: it is the Dockerfile's ENTRYPOINT, an init that passes every signal on."""
    entrypoints = re.findall(r"^ENTRYPOINT\s+(.+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert [json.loads(entrypoint) for entrypoint in entrypoints] == [["tini", "--", "job"]]
    assert not any({"command", "args"} & set(container(manifest)) for manifest in MANIFESTS)


def test_smoke_needs_nothing_but_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smoke overlay tunes a small part of the sample, without storage, and stands beside a real run."""
    settings = settings_of("k8s/overlays/smoke", monkeypatch)
    assert (settings.dataset_uri, settings.device) == ("sample", "cpu")
    assert settings.n_trials > settings.n_initial_trials, "the optimiser's own suggestions are part of it"
    assert 0 < settings.max_images * settings.n_trials * settings.epochs <= 1000
    assert "tolerations" not in pod("k8s/overlays/smoke")
    names = {(document["kind"], document["metadata"]["name"]) for document in documents("k8s/overlays/smoke")}
    assert not names & {(document["kind"], document["metadata"]["name"]) for document in documents("k8s/job.yaml")}


def test_spot_nodes_are_tolerated_and_can_be_insisted_on() -> None:
    """The overlay's label of each cloud has its toleration in the base, with the same value."""
    affinity = pod("k8s/overlays/spot-gpu")["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    labels = {(rule["key"], *rule["values"]) for term in terms for rule in term["matchExpressions"]}
    assert len(terms) == len(labels) == 4
    for manifest in ("k8s/job.yaml", "k8s/overlays/spot-gpu"):
        tolerations = pod(manifest)["tolerations"]
        assert labels <= {(rule["key"], rule.get("value")) for rule in tolerations}
        assert {rule["effect"] for rule in tolerations} == {"NoSchedule"}
        assert "nvidia.com/gpu" in {rule["key"] for rule in tolerations}


def test_bucket_is_a_part_of_the_path_within_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the overlay's variables boto3 asks one host for every bucket, since a Service has one name."""
    given = {name: value for name, value in environment("k8s/overlays/minio").items() if name.startswith("AWS_")}
    for name, value in (given | {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}).items():
        monkeypatch.setenv(name, value)
    bucket = settings_of("k8s/overlays/minio", monkeypatch).output_uri.removeprefix("s3://").split("/")[0]
    client = open_client(1)
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "run.json"})
    client.close()
    assert url.startswith(f"{given['AWS_ENDPOINT_URL_S3']}/{bucket}/run.json?")


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_job_at_work_keeps_its_settings(manifest: str) -> None:
    """The API server refuses a changed ConfigMap, which the next Pod would refuse to go on with."""
    assert the("ConfigMap", manifest)["immutable"] is True


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_applying_again_changes_nothing(manifest: str) -> None:
    """Nothing stops a Job at work, and nothing is written in another form than the API server keeps."""
    assert "suspend" not in the("Job", manifest)["spec"]
    quantities = container(manifest)["resources"]["limits"].values()
    assert all(isinstance(quantity, str) for quantity in quantities)


def test_kueue_starts_the_job_when_there_is_quota() -> None:
    """The overlay's Job says which queue it waits in, by which Kueue's webhook knows it; the others start at once."""
    name = "kueue.x-k8s.io/queue-name"
    assert the("Job", "k8s/overlays/kueue")["metadata"]["labels"][name]
    assert name not in the("Job", "k8s/job.yaml")["metadata"]["labels"]


def test_a_missing_secret_is_the_pods_own_event() -> None:
    """Without keys the overlay for a server in the cluster could do nothing; elsewhere there may be a web identity."""
    (secret,) = [s["secretRef"] for s in container("k8s/overlays/minio")["envFrom"] if "secretRef" in s]
    assert secret["optional"] is False
    assert "CreateContainerConfigError" in (K8S / "overlays/minio/kustomization.yaml").read_text("utf-8")


def test_consolidation_does_not_preempt() -> None:
    """Karpenter would move a Pod to a cheaper node, each time uncounted; a spot node is taken back all the same."""
    annotations = the("Job", "k8s/job.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"karpenter.sh/do-not-disrupt": "true"}
