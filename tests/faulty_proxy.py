"""A real HTTP proxy before a real S3 server, which breaks what a plan tells it to break.

A plan is called for each request, one at a time and in the order of their arrival, and returns a Fault or None.
Signatures stay valid, since S3 signs the host that the client asked for and the proxy hands it on.
"""

import contextlib
import http.client
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_BLOCK = 16 << 10
_SOCKET_BYTES = 64 << 10  # a small buffer, so that a slow link is felt by whoever sends into it


@dataclass(frozen=True)
class Request:
    """A request as a plan sees it."""

    number: int
    """Counted from 1 in the order of arrival."""
    method: str
    path: str


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; what is not said goes right."""

    reset: bool = False
    """Reset the connection; the request does not arrive."""
    lose_answer: bool = False
    """Hand the request on and reset the connection in place of the answer."""
    status: int = 0
    """Answer with this status; the request does not arrive."""
    code: str = "Broken"
    """S3's name for the error that `status` stands for."""
    keep: float = 1.0
    """Cut the answer's body to this share of its length, and close the connection."""
    flip: float | None = None
    """Turn over one bit of the answer's body, at this share of its length."""
    delay: float = 0.0
    """Seconds to wait before handing the request on."""


Plan = Callable[[Request], Fault | None]
RESET = Fault(reset=True)
LOST_ANSWER = Fault(lose_answer=True)


def in_turn(*faults: Fault, method: str | None = None) -> Plan:
    """Return a plan by which the first requests (of this method) meet with these faults, one each."""
    left = list(faults)

    def plan(request: Request) -> Fault | None:
        return left.pop(0) if left and method in {None, request.method} else None

    return plan


def at_random(rate: float, seed: int, faults: tuple[Fault, ...]) -> Plan:
    """Return a plan by which a share of the requests meets with one of the faults, bits turning over anywhere."""
    generator = random.Random(seed)

    def plan(_request: Request) -> Fault | None:
        if generator.random() >= rate:
            return None
        fault = generator.choice(faults)
        return replace(fault, flip=generator.random()) if fault.flip is not None else fault

    return plan


def in_bursts(rate: float, seed: int, faults: tuple[Fault, ...], longest: int = 4) -> Plan:
    """Return a plan like `at_random`'s, but with up to `longest` faults in a row, `rate` of the requests in all."""
    generator = random.Random(seed)
    begin = rate / (rate + (1 - rate) * (1 + longest) / 2)  # that a fault follows a request that went well
    left = 0
    fault: Fault | None = None

    def plan(_request: Request) -> Fault | None:
        nonlocal left, fault
        if left:
            left -= 1
            return fault
        if generator.random() >= begin:
            return None
        left = generator.randint(1, longest) - 1
        fault = generator.choice(faults)
        return fault

    return plan


class FaultyProxy:
    """A proxy that is serving, whose `plan` may be changed at any time.

    `bytes_per_second` is that of one link which all connections share, both ways; 0 is no limit.
    """

    def __init__(self, endpoint: str, plan: Plan, bytes_per_second: float) -> None:
        self.plan = plan
        self.bytes_per_second = bytes_per_second
        self.requests: list[Request] = []
        self.upstream = urlsplit(endpoint).netloc
        self._lock = threading.Lock()
        self._link = threading.Lock()
        self._link_is_free = 0.0
        self._server = _Server(self)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next_fault(self, method: str, path: str) -> Fault:
        """Note a request and return what shall go wrong with it."""
        with self._lock:
            request = Request(len(self.requests) + 1, method, path)
            self.requests.append(request)
            return self.plan(request) or Fault()

    def pass_link(self, count: int) -> None:
        """Wait as long as the link is busy with `count` bytes."""
        if not self.bytes_per_second:
            return
        with self._link:
            self._link_is_free = max(self._link_is_free, time.monotonic()) + count / self.bytes_per_second
            free = self._link_is_free
        time.sleep(max(0.0, free - time.monotonic()))

    def serve(self) -> None:
        """Serve until `close`."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop serving and drop all connections."""
        self._server.shutdown()
        self._server.drop_connections()
        self._server.server_close()


@contextmanager
def running_proxy(endpoint: str, plan: Plan = lambda _: None, *, bytes_per_second: float = 0) -> Iterator[FaultyProxy]:
    """Run a proxy before `endpoint`."""
    proxy = FaultyProxy(endpoint, plan, bytes_per_second)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaultyProxy) -> None:
        self.proxy = proxy
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        self.server_bind()
        self.server_activate()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections that break are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.proxy: FaultyProxy = self.server.proxy  # type: ignore[attr-defined]
        self.backend = http.client.HTTPConnection(self.proxy.upstream)

    def finish(self) -> None:
        self.backend.close()
        super().finish()

    def handle_expect_100(self) -> bool:
        """Put it off: the plan decides first."""
        return True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def pass_on(self) -> None:
        fault = self.proxy.next_fault(self.command, self.path)
        if fault.reset:
            self._break()
            return
        time.sleep(fault.delay)
        if fault.status:
            self._read_body(wanted=False)
            error = f"<Error><Code>{fault.code}</Code><Message>by the proxy</Message></Error>".encode()
            self._answer(fault.status, [("Content-Type", "application/xml")], b"" if self.command == "HEAD" else error)
            return
        status, headers, body = self._ask_backend(self._read_body(wanted=True))
        if fault.lose_answer:
            self._break()
            return
        if fault.flip is not None and body:
            position = min(int(fault.flip * len(body)), len(body) - 1)
            body = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        self.close_connection |= fault.keep < 1
        self._answer(status, headers, body, fault.keep)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

    def _read_body(self, *, wanted: bool) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            if not wanted:
                self.close_connection = True
                return b""
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        left = int(self.headers.get("Content-Length", 0))
        while left:
            block = self.rfile.read(min(_BLOCK, left))
            if not block:
                raise ConnectionError
            self.proxy.pass_link(len(block))
            body += block
            left -= len(block)
        return bytes(body)

    def _ask_backend(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        self.backend.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                self.backend.putheader(name, value)
        self.backend.endheaders(body)
        response = self.backend.getresponse()
        return response.status, response.getheaders(), response.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, keep: float = 1.0) -> None:
        self.send_response_only(status)
        length = str(len(body))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        kept = memoryview(body)[: int(len(body) * keep)]
        for start in range(0, len(kept), _BLOCK):
            block = kept[start : start + _BLOCK]
            self.proxy.pass_link(len(block))
            self.wfile.write(block)

    def _break(self) -> None:
        """Close with an RST in place of a FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for part in (self.rfile, self.wfile, self.connection):  # the last one to be closed closes the socket
            part.close()
