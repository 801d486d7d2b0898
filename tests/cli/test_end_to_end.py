"""The contract as an outsider uses it: processes, HTTP, SMTP, and a Stripe that is somebody else's server."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.mail import MailCatcher
from dunwell.sandbox.people import fetch, link_in
from dunwell.sandbox.stripe import Account, Deliveries, FakeStripe, declined
from tests.cli.run import PROGRAM, Ran, dunwell, dunwell_anew, migrated

SECRET = "whsec_outsider"
FAILED_AT = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(env: dict[str, str], port: int) -> Iterator[str]:
    """`dunwell serve` in a process of its own, stopped by its own process id."""
    process = subprocess.Popen([*PROGRAM, "serve", "--port", str(port), "--workers", "1"], env=env)
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None, "the server stopped"
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        with connection.getresponse() as answer:
            return answer.status == 200
    except OSError:
        return False
    finally:
        connection.close()


def post(address: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", parts.path, body, headers)
        with connection.getresponse() as answer:
            return answer.status
    finally:
        connection.close()


@pytest.fixture
def account() -> Account:
    return Account(VirtualClock(FAILED_AT))


def test_a_failed_payment_becomes_a_recovered_invoice(tmp_path: Path, tables: Path, account: Account) -> None:
    clock = account.clock
    assert isinstance(clock, VirtualClock)
    port = free_port()
    with FakeStripe(account) as stripe, MailCatcher() as catcher:
        env = migrated(
            tmp_path,
            tables,
            DUNWELL_STRIPE_API_KEY=account.api_key,
            DUNWELL_STRIPE_API_BASE=stripe.url,
            DUNWELL_STRIPE_WEBHOOK_SECRET=SECRET,
            DUNWELL_EMAIL_URL=f"smtp://{catcher.host}:{catcher.port}",
            DUNWELL_SENDER="Priya Sample <priya.sample@dunwell.example>",
            DUNWELL_BASE_URL=f"http://127.0.0.1:{port}",
        )
        customer = account.new_customer("Acme Inc", "dana@acme.example", state="NY")
        account.history(customer, 8)
        card = account.customer_saves_method(customer, "4000000000000341")
        account.script(card, [declined("insufficient_funds")])
        with served(env, port) as base:
            deliveries = Deliveries(account, f"{base}/webhooks/stripe", SECRET)
            invoice = account.new_subscription_invoice(customer, 120_000, number="INV-7")
            account.charge_now(invoice)
            assert deliveries.flush().failed == []

            def work(at: datetime, run: Callable[..., Ran] = dunwell) -> None:
                ran = run("worker", "--once", "--at", at.isoformat(), env=env)
                assert (ran.code, ran.err) == (0, "")

            work(FAILED_AT + timedelta(minutes=1), dunwell_anew)
            assert [mail["To"] for mail in catcher.messages()] == ["dana@acme.example"]
            work(FAILED_AT + timedelta(minutes=2))
            work(FAILED_AT + timedelta(days=2))
            assert len(catcher.messages()) == 1
            work(datetime(2026, 4, 10, 13, 0, tzinfo=UTC))
            assert len(catcher.messages()) == 2

            clock.move_to(datetime(2026, 4, 11, 9, 0, tzinfo=UTC))
            body = catcher.messages()[1].get_body(("plain",))
            assert body is not None
            link = link_in(body.get_content())
            assert "USD 1,200.00" in fetch("GET", link).body
            portal = fetch("POST", link)
            assert fetch("POST", portal.address, {"instrument": "4242424242424242"}).status == 200
            deliveries.flush()
            work(clock.now())
            assert account.get(invoice)["status"] == "paid"
            deliveries.flush()
            work(clock.now())
            assert "is paid" in fetch("GET", link).body
            work(FAILED_AT + timedelta(days=40))
            assert len(catcher.messages()) == 2
        cases = dunwell_anew("cases", "--json", env=env).document
        assert [(case["invoice"], case["status"], case["ending"]) for case in cases] == [
            ("INV-7", "closed", "recovered")
        ]
        story = dunwell_anew("timeline", "INV-7", "--json", env=env).document
        assert [
            entry["kind"] for entry in story if entry["kind"] in ("opened", "sent", "charge", "close")
        ] == [
            "opened",
            "sent",
            "sent",
            "charge",
            "close",
        ]
        assert dunwell_anew("verify", env=env).code == 0
        explained = dunwell_anew(
            "explain", "INV-7", "--at", "2026-04-08T00:00:00Z", "--json", env=env
        ).document
        assert explained["rule"] == "too_early"
        doctor = dunwell_anew("doctor", "--json", env=env)
        assert [check for check in doctor.document if check["state"] == "wrong"] == []
        assert doctor.code == 0


def test_bad_webhooks_get_a_400_and_leave_nothing(tmp_path: Path, tables: Path) -> None:
    port = free_port()
    env = migrated(tmp_path, tables, DUNWELL_STRIPE_WEBHOOK_SECRET=SECRET)
    with served(env, port) as base:
        address = f"{base}/webhooks/stripe"
        event = json.dumps({"id": "evt_1", "object": "event", "type": "invoice.paid"}).encode()
        assert post(address, event, {}) == 400
        assert post(address, event, {"Stripe-Signature": "t=1,v1=00"}) == 400
        assert post(address, b"not json", {"Stripe-Signature": "t=1,v1=00"}) == 400
        assert post(address, b"x" * 5_000_000, {"Stripe-Signature": "t=1,v1=00"}) in (400, 413)
        assert answers(port)
    assert dunwell("cases", "--json", env=env).document == []


def test_without_a_secret_the_endpoint_is_closed(tmp_path: Path, tables: Path) -> None:
    port = free_port()
    with served(migrated(tmp_path, tables), port) as base:
        assert post(f"{base}/webhooks/stripe", b"{}", {"Stripe-Signature": "t=1,v1=00"}) == 503
