"""The commands for a cluster that the pages and the manifests show, as kubectl itself takes them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import serve, type_in
from tests.kustomize import MANIFESTS, OVERLAYS, ROOT, Document, container, the

PAGES = ["README.md", "docs/kubernetes.md", "docs/ray.md", "k8s/base/job.yaml", "k8s/kustomization.yaml"]
PAGES += ["k8s/rayjob.yaml"]
PAGES += [f"k8s/overlays/{name}/kustomization.yaml" for name in ("kueue", "minio", "smoke")]
JOB = "fashiontune-job"


def commands(page: str) -> list[str]:
    """Return the commands that a page shows: its indented lines, continued ones as one, and its code spans."""
    text = re.sub(r" \\\n[# ]*", " ", (ROOT / page).read_text("utf-8"))
    lines = re.findall(r"^(?: *#)? {2,}(kubectl .+)$", text, re.MULTILINE)
    return [*lines, *re.findall(r"`(kubectl [^`]+)`", text)]


def command(page: str, part: str) -> str:
    """Return the only command of a page that has this part."""
    (found,) = (shown for shown in commands(page) if part in shown)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_commands_for_a_cluster_name_what_is_there(page: str) -> None:
    """Each command names files, overlays and Jobs that there are, and no prose follows it on its line."""
    assert commands(page)
    jobs = {the("Job", manifest)["metadata"]["name"] for manifest in MANIFESTS}
    jobs.add(the("RayJob", "k8s/rayjob.yaml")["metadata"]["name"])  # its submitter's
    for shown in commands(page):
        for path in re.findall(r"-[fk] (\S+)", shown):
            for overlay in OVERLAYS[2:]:
                assert (ROOT / path.replace("NAME", Path(overlay).name)).exists(), shown
        assert not re.search(r"-[fk] \S+(?: --\S+)* (?!&&|--)\S", shown), shown
        for name in re.findall(r"\bjob/([\w-]+)", shown) + re.findall(r"\bjob-name=(\S+)", shown):
            assert name in jobs, shown


@pytest.mark.parametrize("page", ["docs/kubernetes.md", "k8s/base/job.yaml", "k8s/overlays/minio/kustomization.yaml"])
def test_keys_become_the_secret_that_the_pod_reads(tmp_path: Path, page: str) -> None:
    """The command makes the Secret of the manifest, with variables that boto3 knows."""
    line = command(page, "create secret").replace("…", "x")
    with serve() as cluster:
        made = type_in(f"{line} --dry-run=client -o yaml", cluster, tmp_path)
    assert made.returncode == 0, made.stderr
    secret = yaml.safe_load(made.stdout)
    (read,) = [source["secretRef"] for source in container("k8s/job.yaml")["envFrom"] if "secretRef" in source]
    assert secret["metadata"]["name"] == read["name"]
    region = {"AWS_REGION"} - set(the("ConfigMap", "k8s/overlays/minio")["data"] if "minio" in page else ())
    assert set(secret["data"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} | region


def job(**status: Any) -> Document:
    """Return the Job as a cluster has it."""
    labels = {"batch.kubernetes.io/controller-uid": "1"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": JOB, "namespace": "default", "resourceVersion": "1"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": status,
    }


def pod(name: str, minute: int, phase: str, last_word: str) -> Document:
    """Return a Pod of the Job that was made in this minute. Pending it waits for a node, Failed it has a last word."""
    labels = {"batch.kubernetes.io/controller-uid": "1", "job-name": JOB}
    made = f"2026-01-01T00:{minute:02}:00Z"
    ended = {"terminated": {"exitCode": 1, "message": last_word}}
    state = ended if phase == "Failed" else {"running": {"startedAt": made}}
    ready = [{"type": "Ready", "status": str(phase == "Running"), "lastTransitionTime": made}]
    started = {"startTime": made, "conditions": ready, "containerStatuses": [{"name": "job", "state": state}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels, "creationTimestamp": made},
        "spec": {"containers": [{"name": "job"}], **({} if phase == "Pending" else {"nodeName": "node"})},
        "status": {"phase": phase, **({} if phase == "Pending" else started)},
    }


FAILED = [pod("job-b", 1, "Failed", "bug: the first"), pod("job-c", 2, "Failed", "bug: the second")]
OTHER = {"metadata": {"name": "other", "labels": {}, "creationTimestamp": "2026-01-01T00:09:00Z"}}


@pytest.mark.parametrize("phase", ["Failed", "Pending", "Running"])
def test_the_newest_pod_is_the_last_that_is_listed(tmp_path: Path, phase: str) -> None:
    """With its last word if it has one, also when it waits for a node; its name is what `logs` then takes."""
    newest = pod("job-a", 3, phase, "bug: the third")
    with serve(newest, FAILED[1], FAILED[0] | OTHER, FAILED[0]) as cluster:
        listed = type_in(command("docs/kubernetes.md", "--sort-by"), cluster, tmp_path)
        read = type_in(command("docs/kubernetes.md", "logs POD").replace("POD", "job-a"), cluster, tmp_path)
    assert listed.returncode == 0, listed.stderr
    rows = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    last_word = "bug: the third" if phase == "Failed" else "<none>"
    assert rows[1:] == [["job-b", "bug: the first"], ["job-c", "bug: the second"], ["job-a", last_word]]
    assert read.stdout == "job-a\n"


@pytest.mark.parametrize(("phase", "taken"), [("Failed", "job-b"), ("Pending", "job-b"), ("Running", "job-a")])
def test_the_log_of_a_job_is_that_of_the_running_pod_or_the_oldest(tmp_path: Path, phase: str, taken: str) -> None:
    """As docs/kubernetes.md says, so after a failure the Job's name does not lead to the last log."""
    objects = [pod("job-a", 3, phase, "bug: the third"), *reversed(FAILED), job()]
    with serve(*objects) as cluster:
        read = type_in(command("docs/kubernetes.md", "logs job/").replace("…", JOB), cluster, tmp_path)
    assert read.stdout == f"{taken}\n", read.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/kubernetes.md"])
def test_the_log_is_followed_as_soon_as_a_pod_is_ready(tmp_path: Path, page: str) -> None:
    """The page's two lines, one after the other: `wait` understands the Job's status, `logs` finds its Pod."""
    lines = [command(page, part) for part in ("kubectl wait", "logs --follow")]
    with serve(job(ready=1), pod("job-a", 1, "Running", "")) as cluster:
        followed = type_in(" && ".join(lines), cluster, tmp_path)
    assert followed.returncode == 0, followed.stderr
    assert followed.stdout.splitlines()[-1] == "job-a"


@pytest.mark.parametrize(
    ("page", "manifest"),
    [
        ("docs/kubernetes.md", "k8s/job.yaml"),
        ("docs/kubernetes.md", "k8s/overlays/smoke"),
        ("k8s/base/job.yaml", "k8s/job.yaml"),
        ("k8s/overlays/smoke/kustomization.yaml", "k8s/overlays/smoke"),
    ],
)
def test_what_is_left_of_a_job_can_be_deleted(tmp_path: Path, page: str, manifest: str) -> None:
    """Its time to live deletes the Job alone; `delete` then takes the rest and lets the `apply` behind `&&` follow."""
    option = "-f" if manifest.endswith(".yaml") else "-k"
    delete, *then = command(page, f"delete {option}").replace("NAME", "smoke").split(" && ")
    assert then in ([], [f"kubectl apply {option} {manifest}"])
    left = [the(kind, manifest) for kind in ("ServiceAccount", "ConfigMap")]
    with serve(*left) as cluster:
        deleted = type_in(delete, cluster, tmp_path)
        assert deleted.returncode == 0, deleted.stderr
        assert cluster.objects == []
