"""The image, built as it stands by `make image`, and an S3 server in a network that holds nothing else."""

import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from job.sample.sample import write_sample
from tests.image.engine import IMAGE, docker, inspect, started, variables
from tests.real_photos import ZIP, some_photos
from tests.seaweed import Seaweed, find_weed, free_ports
from tests.tiny import write_zip

ROOT = Path(__file__).parents[2]
LEAST_FREE = 30 << 30
BUCKET = "fashiontune"

figures: dict[str, str] = {}
"""What was measured, printed at the end."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures, and the image's layers."""
    terminalreporter.section("image")
    for name, value in figures.items():
        terminalreporter.write_line(f"{name}: {value}")


def build(folder: Path, image: str) -> float:
    """Build the image as `make image` does; return the seconds that it takes."""
    started_at = time.monotonic()
    done = subprocess.run(
        ["make", "--no-print-directory", "image", f"IMAGE={image}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return time.monotonic() - started_at


@pytest.fixture(scope="session", autouse=True)
def image() -> Iterator[str]:
    """Build the image; what earlier builds have left, and no later one can use, is pruned at the end."""
    free = shutil.disk_usage("/var").free
    assert free >= LEAST_FREE, f"{free >> 30} GiB are free, and building the image needs {LEAST_FREE >> 30}"
    figures["build"] = f"{build(ROOT, IMAGE):.0f} s"
    size = int(inspect(IMAGE)["Size"])
    figures["size"] = f"{size / 1e9:.2f} GB"
    for line in docker("history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", IMAGE).splitlines():
        layer, _, command = line.partition("\t")
        if not layer.startswith("0"):
            figures[f"  layer of {layer}"] = " ".join(command.split())[:100]
    yield IMAGE
    # podman refuses while a build that was cut off has left a container; that is no fault of the image
    pruned = subprocess.run(["docker", "image", "prune", "--force"], capture_output=True, text=True, check=False)
    if pruned.returncode:
        figures["not pruned"] = pruned.stderr.strip()


@dataclass(frozen=True)
class Store:
    """The S3 server's container, whose network a job can join, and how to reach it from there."""

    container: str
    settings: dict[str, str]

    @property
    def network(self) -> str:
        return f"container:{self.container}"

    def python(self, program: str) -> str:
        """Run a program beside the server and return what it prints."""
        return docker("exec", *variables(self.settings), self.container, "/opt/job/bin/python", "-c", program)

    def results(self, prefix: str) -> str:
        """Return the results.json of a run."""
        uri = f"s3://{BUCKET}/{prefix}"
        return self.python(f"from job.storage import open_storage as o; print(o({uri!r}).get('results.json').decode())")


_READY = """
import time, urllib.error, urllib.request
def answer():
    try:
        urllib.request.urlopen({endpoint!r})
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
deadline = time.monotonic() + 60
while answer() != 403:
    assert time.monotonic() < deadline
    time.sleep(0.1)
"""

_FILL = """
import boto3
from pathlib import Path
from job.storage import open_storage
boto3.client("s3").create_bucket(Bucket={bucket!r})
open_storage({uri!r}).put("catalogue.zip", Path({path!r}).read_bytes())
"""


@pytest.fixture(scope="session")
def store(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A SeaweedFS with a catalogue, in a container without any network but its own loopback.

    The catalogue is of real photos where they are at hand, else the sample.
    """
    folder = tmp_path_factory.mktemp("seaweed")
    server = Seaweed(folder, free_ports())
    archive = folder / "catalogue.zip"
    if ZIP.exists():
        write_zip(archive, some_photos(60))
    else:
        write_sample(folder / "sample")
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted((folder / "sample").rglob("*.*")):
                packed.write(path, path.relative_to(folder / "sample"))
    options = ["--network", "none", "--user", "0", "--volume", f"{folder}:{folder}"]
    options += ["--volume", f"{find_weed()}:/weed:ro", "--entrypoint", "/weed"]
    with started(*options, command=tuple(server._arguments()), image=image) as name:
        found = Store(name, server.environment())
        found.python(_READY.format(endpoint=server.endpoint))
        found.python(_FILL.format(bucket=BUCKET, uri=f"s3://{BUCKET}/", path=str(archive)))
        yield found
