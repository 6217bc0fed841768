"""An API server with a few objects in it, as far as kubectl needs one to read and delete them; nothing runs there."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.kustomize import Document, find_kubectl

KINDS = {
    "v1": {"pods": "Pod", "configmaps": "ConfigMap", "serviceaccounts": "ServiceAccount"},
    "batch/v1": {"jobs": "Job"},
}
_OBJECTS = re.compile(r"/(?:api|apis)/(?P<version>[\w/]+)/namespaces/default/(?P<plural>\w+)(?:/(?P<name>[^/]+))?")


class Cluster(ThreadingHTTPServer):
    """The objects of one namespace. A Pod's log is its name."""

    def __init__(self, objects: list[Document]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects


class _Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.endswith("/log"):
            self._send(200, (url.path.split("/")[-2] + "\n").encode())
        elif url.path in _DISCOVERY:
            self._send_json(200, _DISCOVERY[url.path])
        elif (asked := _asked(url.path)) and not asked.name:
            query = parse_qs(url.query)
            objects = [found for found in self._find(asked) if _selected(found, query)]
            self._send_json(200, *(_events(asked, objects) if "watch" in query else [_listed(asked, objects)]))
        elif asked and (found := self._find(asked)):
            self._send_json(200, found[0])
        else:
            self._send_json(404, _NOT_FOUND)

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = _asked(urlsplit(self.path).path)
        if asked and (found := self._find(asked)):
            self.server.objects.remove(found[0])
            self._send_json(200, {"apiVersion": "v1", "kind": "Status", "status": "Success"})
        else:
            self._send_json(404, _NOT_FOUND)

    def _find(self, asked: "_Asked") -> list[Document]:
        found = [document for document in self.server.objects if document["kind"] == asked.kind]
        return [document for document in found if asked.name in {"", document["metadata"]["name"]}]

    def _send_json(self, status: int, *documents: Document) -> None:
        self._send(status, "\n".join(map(json.dumps, documents)).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output for what the test says."""


@dataclass(frozen=True)
class _Asked:
    """The objects that a path stands for."""

    version: str
    kind: str
    name: str
    """Empty for all of the kind."""


def _asked(path: str) -> _Asked | None:
    """Return what a path asks for, or None where there is no such kind."""
    parts = _OBJECTS.fullmatch(path)
    if not parts or parts["plural"] not in KINDS.get(parts["version"], {}):
        return None
    return _Asked(parts["version"], KINDS[parts["version"]][parts["plural"]], parts["name"] or "")


_NOT_FOUND = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}


def _listed(asked: _Asked, objects: list[Document]) -> Document:
    """Return the answer to a list; without its kind kubectl would take it for an empty one."""
    metadata = {"resourceVersion": "1"}
    return {"apiVersion": asked.version, "kind": f"{asked.kind}List", "metadata": metadata, "items": objects}


def _events(asked: _Asked, objects: list[Document]) -> list[Document]:
    """Return the answer to a watch: the objects that there are, and that these are all."""
    metadata = {"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}
    last = {"apiVersion": asked.version, "kind": asked.kind, "metadata": metadata}
    return [*({"type": "ADDED", "object": found} for found in objects), {"type": "BOOKMARK", "object": last}]


def _resources(version: str) -> Document:
    rows = [
        {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
        for plural, kind in KINDS[version].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}


_BATCH = {"groupVersion": "batch/v1", "version": "v1"}
_DISCOVERY: dict[str, Document] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "batch", "versions": [_BATCH], "preferredVersion": _BATCH}],
    },
    "/api/v1": _resources("v1"),
    "/apis/batch/v1": _resources("batch/v1"),
}


def _selected(document: Document, query: dict[str, list[str]]) -> bool:
    """Return whether an object has the labels and the name that a list is asked for by."""
    labels = document["metadata"].get("labels", {})
    wanted = dict(pair.split("=") for pair in ",".join(query.get("labelSelector", [])).split(",") if pair)
    fields = dict(pair.split("=") for pair in ",".join(query.get("fieldSelector", [])).split(",") if pair)
    name = document["metadata"]["name"]
    return bool(set(wanted.items()) <= set(labels.items()) and fields.get("metadata.name", name) == name)


@contextmanager
def serve(*objects: Document) -> Iterator[Cluster]:
    """Yield a cluster that has these objects."""
    with Cluster(list(objects)) as cluster:
        thread = threading.Thread(target=cluster.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield cluster
        finally:
            cluster.shutdown()
            thread.join()


def type_in(command: str, cluster: Cluster, home: Path) -> "subprocess.CompletedProcess[str]":
    """Return what comes of a line that a user types into a shell, where kubectl asks this cluster."""
    user = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    place = {"name": "it", "cluster": {"server": f"http://127.0.0.1:{cluster.server_port}"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "it", "contexts": [user], "clusters": [place]}
    (home / "config").write_text(json.dumps(config | {"users": [{"name": "it", "user": {}}]}), "utf-8")
    path = f"{Path(find_kubectl()).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(home), "KUBECONFIG": str(home / "config")}
    return subprocess.run(
        ["bash", "-c", command],  # noqa: S607 -- a user's shell
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
