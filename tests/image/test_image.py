"""What the image holds, and what it is built of."""

import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from tests.image.conftest import ROOT, build, figures
from tests.image.engine import docker, inspect, run, variables

FILE = "resnet18-f37072fd.pth"
WITHOUT_NETWORK = ("--network", "none")
SECRETS = re.compile(r"secret|password|token|access_key|credential", re.IGNORECASE)
TORCH_ONLY = {"setuptools"}  # torch's own dependency


def python(program: str) -> str:
    """Run a program in the image, as a user that may look everywhere, and return what it prints."""
    ended = run(*WITHOUT_NETWORK, "--user=0", "--entrypoint=/opt/job/bin/python", command=("-c", program))
    assert ended.code == 0, ended.err
    return ended.out


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_holds_what_is_locked_and_nothing_else() -> None:
    """The distributions are those of requirements.lock and the job: no pip, no test tool, nothing built beside them."""
    found = json.loads(
        python(
            "import json; from importlib.metadata import distributions as d; print(json.dumps([x.name for x in d()]))"
        )
    )
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = {canonical(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert {canonical(name) for name in found} - TORCH_ONLY <= locked | {"fashiontune-job"}
    assert locked - {canonical(name) for name in found} <= {"tzdata", "colorama"} | TORCH_ONLY


def test_it_has_no_compiler_no_pip_and_no_tests() -> None:
    """What only building needs is not there, nor are the tests."""
    program = (
        "import shutil, pathlib, importlib.util as u;"
        "tools = [t for t in ('gcc', 'cc', 'g++', 'make', 'pip', 'pip3', 'git', 'curl') if shutil.which(t)];"
        "modules = [m for m in ('pip', 'tests', 'pytest', 'mypy') if u.find_spec(m)];"
        "places = map(pathlib.Path, ('/root/.cache/pip', '/src', '/installed', '/opt/tools'));"
        "caches = [str(path) for path in places if path.exists() and any(path.iterdir())];"
        "print(tools, modules, caches)"
    )
    assert python(program).split() == ["[]", "[]", "[]"]


def test_its_modules_are_compiled() -> None:
    """A read-only image cannot compile its modules when it starts, which takes seconds."""
    program = (
        "import job.study.loop, torch, sys, os;"
        "print([n for n, m in list(sys.modules.items()) if n.split('.')[0] in {'job', 'torch', 'pandas', 'boto3'}"
        " and isinstance(getattr(m, '__cached__', None), str) and not os.path.exists(m.__cached__)])"
    )
    assert python(program).strip() == "[]"


def test_it_says_what_it_is(image: str) -> None:
    """Labels name version and revision; it runs as a user without rights, and ends on SIGTERM."""
    config = inspect(image)["Config"]
    labels = config["Labels"]
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert labels["org.opencontainers.image.revision"] == revision.stdout.strip()
    assert labels["org.opencontainers.image.version"] == run(*WITHOUT_NETWORK, command=("--version",)).out.strip()
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "--", "job"]
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in config["Env"]


def test_its_history_and_environment_hold_no_secret(image: str) -> None:
    """Nothing that was there when it was built gives anything away."""
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert not SECRETS.search(history)
    assert not [entry for entry in inspect(image)["Config"]["Env"] if SECRETS.search(entry)]


def test_a_change_of_the_code_is_built_in_seconds(tmp_path: Path, image: str) -> None:
    """Dependencies are a layer of their own: one changed module, and a rebuild takes 30 s or less."""
    context = tmp_path / "context"
    shutil.copytree(ROOT / "job", context / "job", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if name.startswith("!") and name != "!job":
            shutil.copy2(ROOT / name[1:], context / name[1:])
    for name in ("Dockerfile", ".dockerignore", "Makefile"):
        shutil.copy2(ROOT / name, context / name)
    module = context / "job" / "__init__.py"
    module.write_text(module.read_text("utf-8").replace('__version__ = "', '__version__ = "9.'), "utf-8")
    changed = f"{image}:changed"
    try:
        seconds = build(context, changed)
        assert run(*WITHOUT_NETWORK, command=("--version",), image=changed).out.startswith("9.")
    finally:
        docker("rmi", changed)
    figures["rebuild after a change of one module"] = f"{seconds:.0f} s"
    assert seconds <= 30


def imagenet_arguments(endpoint: str, digest: str) -> str:
    arguments = {"IMAGENET_WEIGHTS": "yes", "IMAGENET_URL": f"{endpoint}/{FILE}", "IMAGENET_SHA256": digest}
    return " ".join(f"--build-arg {name}={value}" for name, value in arguments.items())


def test_imagenet_weights_are_baked_in_and_checked(tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the build argument the weights are there without a network; with another checksum nothing is built."""
    buffer = io.BytesIO()
    torch.save(resnet18(weights=None).state_dict(), buffer)
    (tmp_path / FILE).write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    flags = os.environ.get("BUILD_FLAGS", "") + " --force-rm --network host"
    baked = f"{image}:imagenet"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        # only as far as the stage that refuses: podman's service can die of a build that fails while a stage waits
        refused = f"{flags} --target weights {imagenet_arguments(endpoint, '0' * 64)}"
        monkeypatch.setenv("BUILD_FLAGS", refused)
        with pytest.raises(AssertionError, match=r"(?i)did not match"):
            build(ROOT, baked)
        monkeypatch.setenv("BUILD_FLAGS", f"{flags} {imagenet_arguments(endpoint, digest)}")
        build(ROOT, baked)
        server.shutdown()
    try:
        settings = variables({"FASHIONTUNE_INIT_WEIGHTS": "imagenet", "FASHIONTUNE_OUTPUT_URI": "/tmp/run"})  # noqa: S108
        ended = run(*WITHOUT_NETWORK, "--read-only", "--tmpfs=/tmp", *settings, command=("check",), image=baked)
        assert ended.code == 0, ended.err
        assert ended.events("check passed")
    finally:
        docker("rmi", baked)
