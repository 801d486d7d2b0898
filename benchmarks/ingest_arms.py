"""The arms of the webhook ingest: one web process as shipped, and the same rows inserted by a bare loop."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import stripe
from django.conf import settings
from django.db import connection

from benchmarks import crowd, load
from benchmarks.measured import Measured, Stopwatch
from dunwell.store.models import InboxEvent

WARM = 50  # requests answered before the clock starts
_COLUMNS = ("source", "external_id", "type", "body", "received_at", "state", "tries", "due_at", "note")
_PATIENCE = 30.0


def served(name: str, requests: int) -> Measured:
    """Post signed webhooks over keep-alive connections to `dunwell serve --workers 1`; each is stored once.

    A tenth of them is delivered again afterwards, which must add nothing.
    """
    with _server() as port:
        load.fire(port, [_request(port, f"warm_{name}_{n}") for n in range(WARM)])
        made = [_request(port, f"{name}_{n}") for n in range(requests)]
        with Stopwatch() as watch:
            answered = load.fire(port, made)
        again = load.fire(port, made[: requests // 10])
    if set(answered.statuses) | set(again.statuses) != {200}:
        raise SystemExit(f"answers: {dict(answered.statuses)}, again: {dict(again.statuses)}")
    return watch.measured(len(answered.latencies), _rows(name), **_percentiles(answered))


def raw(name: str, requests: int, clients: int) -> Measured:
    """Insert the same rows one by one, each committed, from so many connections at once."""
    rows = [_row(f"{name}_{n}") for n in range(requests)]
    begin = Barrier(clients + 1)
    answered = load.Answered()
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(_insert, rows[n::clients], begin, answered) for n in range(clients)]
        begin.wait(_PATIENCE)
        with Stopwatch() as watch:
            for client in running:
                client.result()
    return watch.measured(len(answered.latencies), _rows(name), **_percentiles(answered))


def _insert(rows: Sequence[Sequence[Any]], begin: Barrier, answered: load.Answered) -> None:
    connection.ensure_connection()
    driver: Any = connection.connection  # with the settings ours has, and nothing of Django's around it
    mark = "%s" if connection.vendor == "postgresql" else "?"
    marks = ", ".join([mark] * len(_COLUMNS))
    statement = f"INSERT INTO store_inboxevent ({', '.join(_COLUMNS)}) VALUES ({marks})"
    if connection.vendor == "postgresql":
        from psycopg import Cursor  # noqa: PLC0415 - only where there is PostgreSQL

        insert = Cursor(driver).execute
    else:
        insert = driver.execute
    each = []
    begin.wait(_PATIENCE)
    for row in rows:
        start = time.perf_counter()
        insert(statement, row)
        each.append(time.perf_counter() - start)
    answered.latencies.extend(each)
    connection.close()


def _percentiles(answered: load.Answered) -> dict[str, float]:
    return {"p50": answered.percentile(0.5), "p99": answered.percentile(0.99)}


def _rows(name: str) -> dict[str, int]:
    stored = InboxEvent.objects.filter(external_id__startswith=f"evt_{name}_")
    return {"stored": stored.count(), "distinct": stored.values("external_id").distinct().count()}


def _body(number: str) -> str:
    invoice = {"id": f"in_{number}", "object": "invoice", "pad": "x" * 900}
    event = {"id": f"evt_{number}", "object": "event", "type": "invoice.paid", "created": 1_776_000_000}
    return json.dumps({**event, "data": {"object": invoice}})


def _row(number: str) -> list[Any]:
    now = crowd.NOW if connection.vendor == "postgresql" else str(crowd.NOW)
    return ["stripe", f"evt_{number}", "invoice.paid", _body(number), now, "waiting", 0, now, ""]


def _request(port: int, number: str) -> bytes:
    body, secret = _body(number), settings.DUNWELL.stripe_webhook_secret
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: {signature}\r\n\r\n"
    )
    return (head + body).encode()


@contextmanager
def _server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    code = "from dunwell.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", str(port), "--workers", "1"]
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _await(port, running)
        yield port
    finally:
        running.terminate()
        running.wait(_PATIENCE)


def _await(port: int, running: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if running.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not come up")
