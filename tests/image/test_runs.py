"""Jobs in the image: with nothing set, on S3 without any right that is not needed, stopped, killed, as a Pod."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.conftest import BUCKET, ROOT, Store, figures
from tests.image.engine import docker, inspect, run, started, variables, wait, wait_for_event
from tests.jobs import comparable
from tests.kustomize import kustomize
from tests.libcuda import compile_libcuda

TINY = {
    "FASHIONTUNE_IMAGE_HEIGHT": "40",
    "FASHIONTUNE_IMAGE_WIDTH": "30",
    "FASHIONTUNE_N_TRIALS": "3",
    "FASHIONTUNE_N_INITIAL_TRIALS": "2",
    "FASHIONTUNE_EPOCHS": "3",
    "FASHIONTUNE_BATCH_SIZE": "32",
}
RESTRICTED = (
    "--read-only",
    "--tmpfs=/tmp:rw,size=512m",
    "--user=10001:10001",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=2g",
)

MOMENTS = (0.0, 0.1, 0.3, 0.6, 1.0, 2.0)
"""Seconds after the start."""
PODMAN = pytest.mark.skipif(
    "podman" not in subprocess.run(["docker", "version"], capture_output=True, text=True, check=False).stdout.lower(),
    reason="the engine is not podman, which alone plays Pods",
)


def options(store: Store, prefix: str) -> list[str]:
    """Return the options of a job on S3 that may do nothing that it need not."""
    places = {
        "FASHIONTUNE_DATASET_URI": f"s3://{BUCKET}/catalogue.zip",
        "FASHIONTUNE_OUTPUT_URI": f"s3://{BUCKET}/{prefix}",
    }
    return [*RESTRICTED, "--network", store.network, *variables(TINY | places | store.settings)]


@pytest.fixture(scope="module")
def baseline(store: Store) -> dict[str, Any]:
    """The results of a job that nothing interrupted."""
    ended = run(*options(store, "baseline/"))
    assert ended.code == 0, ended.err
    assert ended.events("not shown") == []  # page and figures are drawn there, too
    found: dict[str, Any] = json.loads(store.results("baseline/"))
    return found


def test_with_nothing_set_it_tunes_on_the_sample(image: str) -> None:
    """`docker run fashiontune-job`, but for the size: it needs no network, and says where the results lie."""
    with started("--network", "none", *variables(TINY | {"FASHIONTUNE_MAX_IMAGES": "200"}), image=image) as name:
        ended = wait(name)
        assert ended.code == 0, ended.err
        (event,) = ended.events("run")
        assert event["results"] == "/data/fashiontune-output/results.json"
        changed = docker("diff", name)
        for name_of in ("results.json", "report.html", "figures/best_value.png"):
            assert f"A /data/fashiontune-output/{name_of}" in changed
        assert not [line for line in changed.splitlines() if "/opt/" in line]


def test_it_tunes_on_s3_without_any_right(baseline: dict[str, Any]) -> None:
    """Read-only root, a user without a name, no capability, 2 GiB, no network but the store's: it does all the same."""
    assert baseline["status"] == "complete"
    assert len(baseline["trials"]) == 3
    assert baseline["best"]["value"] > 0.4
    assert baseline["run"]["environment"]["source_revision"]
    figures["photos a second in the image, 40x30"] = str(baseline["run"]["images_per_second"])


def test_what_will_not_get_better_exits_42(image: str) -> None:
    """A bad setting is one sentence and the code that Kubernetes gives up at."""
    ended = run("--network", "none", *variables({"FASHIONTUNE_EPOCHS": "none"}), image=image)
    assert ended.code == 42
    assert ended.events("job failed")[0]["error"].startswith("FASHIONTUNE_EPOCHS=none")


def test_a_gpu_that_is_asked_for_and_missing_exits_42(image: str) -> None:
    """Without `--gpus all`, or with an old driver, the error says what is needed; nothing trains on the CPU unasked."""
    ended = run("--network", "none", *variables({"FASHIONTUNE_DEVICE": "cuda"}), image=image)
    assert ended.code == 42
    assert "--gpus all" in ended.events("job failed")[0]["error"]


def test_a_driver_that_is_mounted_as_on_gke_is_found(tmp_path: Path, image: str) -> None:
    """The library in /usr/local/nvidia/lib64 is the one that torch loads; its answer is quoted, and is not final."""
    compile_libcuda(tmp_path)
    tmp_path.chmod(0o755)
    mount = ("--network=none", f"--volume={tmp_path}:/usr/local/nvidia/lib64:ro")
    program = (
        "import torch\n"
        "try: torch.cuda.init()\n"
        "except RuntimeError as error: print(error)\n"
        "print({line.split()[-1] for line in open('/proc/self/maps') if 'libcuda.so' in line})"
    )
    ended = run(*mount, "--entrypoint=/opt/job/bin/python", command=("-c", program), image=image)
    assert "Error 802: system not yet initialized" in ended.out
    assert "{'/usr/local/nvidia/lib64/libcuda.so.1'}" in ended.out
    job = run(*mount, *variables({"FASHIONTUNE_DEVICE": "cuda"}), command=("check",), image=image)
    assert job.code == 1
    (event,) = job.events("device failed")
    assert "CUDA_ERROR_SYSTEM_NOT_READY: system not yet initialized" in event["error"]


@pytest.mark.parametrize("seconds", MOMENTS)
def test_stopped_at_any_moment_after_its_start_it_ends_at_once(image: str, seconds: float) -> None:
    """Before Python heeds a signal, too: process 1 passes it on from the first moment."""
    with started("--network=none", image=image) as name:
        time.sleep(seconds)  # the moment is what is tested
        before = time.monotonic()
        docker("stop", "--time=20", name)
        ended = wait(name)
        assert ended.code == 143, ended.err
        assert time.monotonic() - before < 15


def test_its_last_word_is_the_termination_message(tmp_path: Path, image: str) -> None:
    """As in a Pod, where the file is mounted: after a success and after an error that is final."""
    message = tmp_path / "termination-log"
    message.touch()
    message.chmod(0o666)
    pod = ("--network=none", f"--volume={message}:/dev/termination-log")
    sample = variables(TINY | {"FASHIONTUNE_DATASET_URI": "sample", "FASHIONTUNE_MAX_IMAGES": "200"})
    assert run(*pod, *sample, image=image).code == 0
    assert message.read_text("utf-8").startswith("complete: 3 trials, trial ")
    assert run(*pod, *variables({"FASHIONTUNE_EPOCHS": "none"}), image=image).code == 42
    assert message.read_text("utf-8").startswith("failed for good: FASHIONTUNE_EPOCHS=none")


def test_a_catalogue_that_does_not_fit_is_refused_before_it_is_downloaded(store: Store) -> None:
    """Into a tmpfs that is too small, or a limit: exit 42 with both figures, and Kubernetes evicts nothing."""
    small = ["--tmpfs=/small:rw,size=64k", *variables({"FASHIONTUNE_CACHE_DIR": "/small"})]
    limit = variables({"FASHIONTUNE_CACHE_LIMIT": "65536"})
    for options_of_case, setting in ((small, "CACHE_DIR"), (limit, "CACHE_LIMIT")):
        ended = run(*options(store, "unfit/"), *options_of_case)
        assert ended.code == 42, ended.err
        words = ended.events("job failed")[0]["error"]
        pattern = rf"FASHIONTUNE_{setting}: s3://\S+ has [\d,]+ bytes, and /\S+ has room for [\d,]+"
        assert re.match(pattern, words), words


@pytest.mark.parametrize(("end", "code"), [("stop --time=10", 143), ("kill", 137)], ids=["stop", "kill"])
def test_ended_within_a_trial_and_run_again_it_comes_to_the_same_results(
    store: Store, baseline: dict[str, Any], end: str, code: int
) -> None:
    """`docker stop` and `docker kill` in the middle of the second trial, then a second `docker run`."""
    prefix = f"{code}/"
    with started(*options(store, prefix)) as name:
        wait_for_event(name, "epoch", 4)
        docker(*end.split(), name)
        ended = wait(name)
        assert ended.code == code, ended.err
    again = run(*options(store, prefix))
    assert again.code == 0, again.err
    assert [event["trial"] for event in again.events("trial")] == [1, 2]
    assert bool(again.events("trial goes on")) == (code == 143)
    assert comparable(json.loads(store.results(prefix))) == comparable(baseline)


def _pod(adapt: Callable[[dict[str, Any]], None]) -> str:
    """Return the smoke overlay's Pod and its ConfigMaps: the engine plays Pods and knows no Job."""
    documents = list(yaml.safe_load_all(kustomize(ROOT / "k8s" / "overlays" / "smoke")))
    (job,) = (document for document in documents if document["kind"] == "Job")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fashiontune-smoke"},
        "spec": job["spec"]["template"]["spec"],
    }
    (container,) = pod["spec"]["containers"]
    for variable in container["env"]:
        if "resourceFieldRef" in variable.get("valueFrom", {}):  # the engine knows it for CPU and memory alone
            variable["value"] = str(1 << 30)
            del variable["valueFrom"]
    adapt(pod["spec"])
    return yaml.safe_dump_all([document for document in documents if document["kind"] == "ConfigMap"] + [pod])


@PODMAN
def test_the_pod_of_the_manifest_runs(tmp_path: Path, image: str) -> None:
    """The pod template of k8s/job.yaml, in its smoke overlay, under `podman kube play`, with all its restrictions."""
    with _played(tmp_path, image) as name:
        ended = wait(name)
        assert ended.code == 0, ended.err
        (event,) = ended.events("run")
        assert event["results"] == "/tmp/run/results.json"  # noqa: S108


@PODMAN
@pytest.mark.parametrize("seconds", MOMENTS)
def test_a_pod_that_is_stopped_at_any_moment_ends_at_once(tmp_path: Path, image: str, seconds: float) -> None:
    """Kubernetes counts 137 as a failure, and 143 as none."""
    with _played(tmp_path, image) as name:
        time.sleep(seconds)  # the moment is what is tested
        docker("stop", "--time=20", name)
        assert wait(name).code == 143


@contextmanager
def _played(folder: Path, image: str) -> Iterator[str]:
    """Play the smoke overlay's Pod and yield its container's name."""

    def adapt(spec: dict[str, Any]) -> None:
        (container,) = spec["containers"]
        container["image"] = inspect(image)["RepoTags"][0]
        container["imagePullPolicy"] = "Never"

    manifest = folder / "pod.yaml"
    manifest.write_text(_pod(adapt), "utf-8")
    played = subprocess.run(
        ["podman", "kube", "play", "--network", "none", str(manifest)], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stderr
    try:
        yield "fashiontune-smoke-job"
    finally:
        subprocess.run(["podman", "kube", "down", str(manifest)], capture_output=True, check=True)
