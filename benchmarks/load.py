"""A load client: some connections, one thread, requests made beforehand, so that it takes little from the server."""

import selectors
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field

CONNECTIONS = 16
_PATIENCE = 30.0
_END = b"\r\n\r\n"


@dataclass
class Answered:
    """What came back: the statuses, each request's seconds, and how long it all took."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    reconnects: int = 0

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that this share of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


@dataclass
class _Line:
    """One connection with a request under way."""

    peer: socket.socket
    request: bytes = b""
    sent_at: float = 0.0
    heard: bytes = b""


def fire(port: int, requests: list[bytes], connections: int = CONNECTIONS) -> Answered:
    """Send all requests over keep-alive connections, one at a time on each; open anew what the server closes."""
    answered, waiting = Answered(), deque(requests)
    with selectors.DefaultSelector() as selector:
        begun = time.perf_counter()
        for _ in range(min(connections, len(requests))):
            _next(_open(port, selector), waiting)
        while len(answered.latencies) < len(requests):
            ready = selector.select(_PATIENCE)
            if not ready:
                raise TimeoutError("the server does not answer")
            for key, _ in ready:
                _hear(key.data, port, selector, waiting, answered)
        answered.seconds = time.perf_counter() - begun
        for key in list(selector.get_map().values()):
            key.data.peer.close()
    return answered


def _open(port: int, selector: selectors.BaseSelector) -> _Line:
    line = _Line(socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE))
    line.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(line.peer, selectors.EVENT_READ, line)
    return line


def _next(line: _Line, waiting: deque[bytes]) -> None:
    if waiting:
        line.request, line.heard, line.sent_at = waiting.popleft(), b"", time.perf_counter()
        line.peer.sendall(line.request)


def _hear(
    line: _Line, port: int, selector: selectors.BaseSelector, waiting: deque[bytes], answered: Answered
) -> None:
    try:
        heard = line.peer.recv(65536)
    except ConnectionResetError:
        heard = b""
    line.heard += heard
    if heard and not _whole(line.heard):
        return
    if line.heard:
        answered.statuses[int(line.heard[9:12])] += 1
        answered.latencies.append(time.perf_counter() - line.sent_at)
    elif line.request:
        waiting.appendleft(line.request)  # closed before it was answered
    if heard and b"connection: close" not in line.heard.lower():
        _next(line, waiting)
        return
    selector.unregister(line.peer)
    line.peer.close()
    if waiting:
        answered.reconnects += 1
        _next(_open(port, selector), waiting)


def _whole(heard: bytes) -> bool:
    head, end, body = heard.partition(_END)
    if not end:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False  # it ends when the server closes
