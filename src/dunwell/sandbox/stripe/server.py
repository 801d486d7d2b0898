"""The fake Stripe as a real HTTP server on loopback, on threads of its own."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from dunwell.sandbox.stripe.account import Account
from dunwell.sandbox.stripe.app import Answer, App, Request

_LARGEST_BODY = 1_000_000


class _Server(ThreadingHTTPServer):
    """Remembers open connections, so that stopping never waits for an idle browser."""

    daemon_threads = False
    app: App

    def __init__(self, port: int, app: App) -> None:
        self.app = app
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
        self._reply(self.server.app.answer(Request(self.command, self.path, headers, body)))

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

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
        """Keep quiet: paths may hold portal sessions."""


class FakeStripe:
    """Serves an account; `with FakeStripe(account) as stripe:` and point the SDK at `stripe.url`.

    Port 0 takes a free one. The address is known before `start`. `stop` joins every thread and closes
    every socket, also while answers are held.
    """

    def __init__(self, account: Account, *, port: int = 0) -> None:
        self.account = account
        self._server = _Server(port, App(account))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="fake-stripe"
        )
        account.live_at(self.url)

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering; returns when nothing is left running."""
        self.account.faults.close()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
