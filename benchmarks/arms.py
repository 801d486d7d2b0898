"""The arms: each prints one JSON object. Row counts are checked, so that an arm that did less fails."""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunwell.settings")
django.setup()

import stripe  # noqa: E402 - Django first
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from benchmarks import crowd, load  # noqa: E402
from dunwell.engine.clock import SystemClock, VirtualClock  # noqa: E402
from dunwell.engine.ports import Ports  # noqa: E402
from dunwell.engine.tick import tick  # noqa: E402
from dunwell.store import bulk, models  # noqa: E402
from dunwell.wiring import build_ports  # noqa: E402

SECRET = "whsec_bench"  # noqa: S105 - a benchmark's own


def fresh() -> None:
    """Empty tables, whatever was there before."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
    call_command("migrate", verbosity=0, interactive=False)


def ports() -> Ports:
    """Ports that are never used to reach anybody: a tick talks to nobody."""
    from django.conf import settings  # noqa: PLC0415

    return build_ports(settings.DUNWELL, VirtualClock(crowd.NOW))


def run_tick(cases: int, due: int) -> dict[str, Any]:
    """One worker looks at `due` of `cases` open cases, as shipped: decide, write, render, chain, set alarms."""
    fresh()
    crowd.make(cases)
    outside = ports()
    warm = min(20, due)
    crowd.make_due(0, warm, 1)
    while tick(outside, crowd.NOW):
        pass
    idle = _timed(lambda: tick(outside, crowd.NOW))
    before = models.TimelineEntry.objects.count()
    crowd.make_due(warm, due, max((cases - warm) // due, 1))
    looked = 0
    start = time.perf_counter()
    while done := tick(outside, crowd.NOW):
        looked += done
    seconds = time.perf_counter() - start
    written = models.TimelineEntry.objects.count() - before
    if looked < due * 0.9 or written < looked * 0.9:
        sys.exit(f"{looked} cases looked at, {written} entries written, {due} were due")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "open": cases,
        "due": looked,
        "seconds": seconds / looked * due,
        "rate": looked / seconds,
        "idle_ms": idle * 1000,
        "memory_mb": memory,
    }


def _timed(act: Any) -> float:
    best = []
    for _ in range(5):
        start = time.perf_counter()
        act()
        best.append(time.perf_counter() - start)
    return sorted(best)[2]


def run_floor(due: int) -> dict[str, Any]:
    """The same rows, ready in memory: one update and two inserts a batch, nothing decided."""
    fresh()
    crowd.make(due)
    now = crowd.NOW
    cases = list(models.Case.objects.order_by("pk"))
    text = "x" * 1_500
    start = time.perf_counter()
    for at in range(0, due, 500):
        batch = cases[at : at + 500]
        for case in batch:
            case.due_at, case.because, case.chain_length, case.chain_head = now, text[:150], 99, text[:64]
        with transaction.atomic():
            bulk.update(models.Case, ["due_at", "because", "chain_length", "chain_head"], batch)
            bulk.insert(models.TimelineEntry, [_entry(case, now, text) for case in batch])
            bulk.insert(models.OutboxItem, [_mail(case, now, text) for case in batch])
    seconds = time.perf_counter() - start
    return {"rate": due / seconds}


def _entry(case: models.Case, now: datetime, text: str) -> models.TimelineEntry:
    return models.TimelineEntry(
        case_id=case.pk, seq=99, at=now, kind="send", actor="dunwell", summary=text[:200],
        detail={"rule": "due"}, policy=case.policy_id, previous=text[:64], hash=text[:64],
    )  # fmt: skip


def _mail(case: models.Case, now: datetime, text: str) -> models.OutboxItem:
    return models.OutboxItem(
        key=f"floor:{case.pk}", kind="mail", case_id=case.pk, stage="escalation", state="stopped",
        queued_at=now, due_at=now, to_address="a@b.example", subject=text[:60], text=text[:700],
        html=text, amount_minor=1, currency="USD",
    )  # fmt: skip


def run_ingest(requests: int) -> dict[str, Any]:
    """One web process of `dunwell serve`, sixteen keep-alive connections, every request signed."""
    fresh()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "DUNWELL_STRIPE_WEBHOOK_SECRET": SECRET}
    code = "from dunwell.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--port", str(port), "--workers", "1"], env=env
    )
    try:
        _await(port)
        load.fire(port, [_request(port, f"warm{n}") for n in range(50)])
        answered = load.fire(port, [_request(port, str(n)) for n in range(requests)])
    finally:
        server.terminate()
        server.wait(timeout=30)
    stored = models.InboxEvent.objects.count()
    if answered.statuses != {200: requests} or stored != requests + 50:
        sys.exit(f"answers {dict(answered.statuses)}, {stored} stored")
    return {
        "rate": requests / answered.seconds,
        "p50": answered.percentile(0.5),
        "p99": answered.percentile(0.99),
    }


def _await(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the server did not come up")


def _body(number: str) -> bytes:
    event = {"id": f"evt_{number}", "object": "event", "type": "invoice.paid", "created": 1_776_000_000}
    event["data"] = {"object": {"id": f"in_{number}", "object": "invoice", "pad": "x" * 900}}
    return json.dumps(event).encode()


def _request(port: int, number: str) -> bytes:
    body = _body(number)
    signature = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: {signature}\r\n\r\n"
    )
    return head.encode() + body


def run_raw_ingest(requests: int) -> dict[str, Any]:
    """A loop of one-row inserts of the same bodies, each committed, without a server around it."""
    from dunwell.store.keep import keep_event  # noqa: PLC0415

    fresh()
    now = SystemClock().now().astimezone(UTC)
    bodies = [(f"evt_{n}", _body(str(n)).decode()) for n in range(requests)]
    start = time.perf_counter()
    for id_, body in bodies:
        keep_event(source="stripe", event={"id": id_, "type": "invoice.paid"}, body=body, now=now)
    return {"rate": requests / (time.perf_counter() - start)}


ARMS: dict[str, Callable[..., dict[str, Any]]] = {
    "tick_few": run_tick,
    "tick_many": run_tick,
    "floor": run_floor,
    "ingest": run_ingest,
    "raw_ingest": run_raw_ingest,
}

if __name__ == "__main__":
    print(json.dumps(ARMS[sys.argv[1]](*(int(value) for value in sys.argv[2:]))))  # noqa: T201
