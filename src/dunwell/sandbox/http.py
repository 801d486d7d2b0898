"""A real HTTP server on loopback, on threads of its own, that hands requests to a function.

What every fake vendor stands on: the fake says what is answered, this says how it travels.
"""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `cut` means: close the connection without one."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Respond = Callable[[Request], Answer]


class _Server(ThreadingHTTPServer):
    """Remembers open connections, so that stopping never waits for an idle browser."""

    daemon_threads = False

    def __init__(self, port: int, respond: Respond) -> None:
        self.respond = respond
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            _cut(connection)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone


class _Handler(BaseHTTPRequestHandler):
    # One request a connection: nothing idles, so stopping is quick and no reuse can race it.
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        self.close_connection = True
        length = min(int(self.headers.get("Content-Length") or 0), _LARGEST_BODY)
        body = self.rfile.read(length).decode("utf-8", errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._reply(self.server.respond(Request(self.command, self.path, headers, body)))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _reply(self, answer: Answer) -> None:
        if answer.cut:
            _cut(self.connection)
            return
        body = answer.body.encode()
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            return  # the caller gave up waiting

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Keep quiet: paths may hold sessions."""


class Loopback:
    """Serves `respond` on 127.0.0.1; port 0 takes a free one, and `url` is known before `start`."""

    def __init__(self, name: str, respond: Respond, *, port: int = 0) -> None:
        self._server = _Server(port, respond)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=name
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering; returns when every thread is joined and every socket closed."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()
