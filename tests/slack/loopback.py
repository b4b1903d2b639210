"""An HTTP server on the loopback interface that answers, or breaks the connection, as it is told.

Only the wire belongs here; what is answered is `web` (for Slack) and `sink`. Connections are not
kept alive: slack_sdk asks for `Connection: close`.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from tests.slack.replies import Reply, Wire

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends RST instead of FIN."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; names of `headers` are found in any case."""

    verb: str
    path: str
    headers: Message
    body: bytes


Respond = Callable[[Request], Reply]


@contextlib.contextmanager
def running_loopback(respond: Respond) -> Iterator[str]:
    """Address (`http://127.0.0.1:port`) of a server that answers by `respond`, from any thread.

    What `respond` raises is raised again at the end: a test never passes over a broken server.
    """
    with _Server(respond) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            serving.join()
            server.release_waiting()
    if server.errors:
        raise server.errors[0]


@contextlib.contextmanager
def nobody_listening() -> Iterator[str]:
    """Address where every connection is refused: its port is taken and never listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class _Server(socketserver.ThreadingTCPServer):
    """Its threads are joined at the end, so nothing of a test outlives it."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.errors: list[BaseException] = []
        self._over, self._over_writer = socket.socketpair()

    def server_close(self) -> None:
        super().server_close()
        self._over.close()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        # The inherited method sends FIN before closing, which would come before a reset.
        self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        error = sys.exception()
        # A client that has gone away is part of the tests.
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)

    def release_waiting(self) -> None:
        """Let go of all connections that are left without an answer."""
        self._over_writer.close()

    def wait_for_end_of(self, connection: socket.socket) -> None:
        """Return when the client gives up or the server ends."""
        select.select([connection, self._over], [], [])


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - never another
    timeout = 10

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        reply = self.server.respond(Request(self.command, self.path, self.headers, body))
        if reply.wire is Wire.SILENT:
            self.server.wait_for_end_of(self.connection)
        elif reply.wire is Wire.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        else:
            self._send(reply)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, reply: Reply) -> None:
        body = reply.body
        headers = dict(reply.headers) | {"Content-Length": str(len(body)), "Connection": "close"}
        if headers.get("Location", "").startswith("/"):
            # The same server under another host name, as a thief's would be.
            headers["Location"] = f"http://localhost:{self._port}{headers['Location']}"
        lines = [f"HTTP/1.0 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sent = body[: len(body) // 2] if reply.wire is Wire.CUT else body
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + sent)

    @property
    def _port(self) -> int:
        return self.connection.getsockname()[1]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are recorded by those who answer them."""
