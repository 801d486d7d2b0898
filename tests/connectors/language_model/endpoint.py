"""A chat-completions endpoint on loopback that says what a test wants it to say."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Say = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Endpoint:
    """Answers every call with `say`, and keeps what it was sent."""

    say: Say
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                endpoint.bodies.append(json.loads(self.rfile.read(length)))
                endpoint.headers.append(dict(self.headers))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the reader had enough
                    endpoint.say(self)

            def log_message(self, *args: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # closing waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/chat/completions"


def raw(body: bytes, status: int = 200, **headers: str) -> Say:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return say


def completion(content: str) -> bytes:
    return json.dumps(
        {"id": "c1", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
    ).encode()


def saying(content: str) -> Say:
    return raw(completion(content))


def choosing(kind: object, day: object, words: object, **more: object) -> Say:
    return saying(json.dumps({"kind": kind, "date": day, "words": words, **more}))
