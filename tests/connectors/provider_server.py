"""A mail provider's API on the loopback, that answers, refuses, hangs up and says nothing, as it is told."""

import json
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

HANGS, HANGS_UP, BREAKS_OFF = "hangs", "hangs up", "breaks off"


@dataclass
class Heard:
    """One request: where it went, with which headers, and its fields."""

    path: str
    headers: dict[str, str]
    fields: dict[str, Any]

    @property
    def login(self) -> str:
        """User and password of the basic authentication."""
        return b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()


@dataclass
class FakeProvider:
    """What a provider answers next (a status and a body, or one of the ways to fail), and what it heard."""

    url: str
    answer: tuple[int, Any] | str = (200, {})
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


class _Talk(BaseHTTPRequestHandler):
    provider: FakeProvider

    def do_GET(self) -> None:
        """A followed redirect would end here."""
        self.provider.heard.append(Heard(self.path, {}, {}))
        self._say(200, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        fields = dict(parse_qsl(body)) if form else json.loads(body or "{}")
        self.provider.heard.append(Heard(self.path, headers, fields))
        answer = self.provider.answer
        if answer == HANGS:
            self.provider.over.wait(10)
        elif answer == HANGS_UP:
            self.connection.shutdown(socket.SHUT_RDWR)
        elif answer == BREAKS_OFF:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"ErrorCode": 0')
        elif isinstance(answer, tuple):
            status, said = answer
            self._say(int(status), said.encode() if isinstance(said, str) else json.dumps(said).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": "application/json", **self.provider.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def fake_provider(certificate: Path | None = None) -> Iterator[FakeProvider]:
    """Serve one for as long as the block lasts; over TLS with a certificate (its key in the same file)."""
    talk = type("Talk", (_Talk,), {})
    with _Server(("127.0.0.1", 0), talk) as server:
        provider = FakeProvider(f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/")
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        talk.provider = provider  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield provider
        finally:
            provider.over.set()
            server.shutdown()
            thread.join()
