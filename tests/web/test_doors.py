"""The doors for machines: webhooks, health, readiness."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from dunwell import wiring
from dunwell.engine.clock import VirtualClock
from dunwell.store.models import Case, InboxEvent, TimelineEntry
from dunwell.web.webhook import BODY_LIMIT
from tests.web.conftest import WEBHOOK_SECRET, make_ports

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.payment_failed",
    "created": 1,
    "livemode": False,
    "api_version": "2026-08-26.dahlia",
    "data": {"object": {"id": "in_1", "object": "invoice"}},
}


def _signature(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    at = int(time.time())  # noqa: TID251 - Stripe signs with the time on the wall
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _deliver(client: Client, body: bytes, signature: str | None = None) -> Any:
    headers = {"Stripe-Signature": _signature(body) if signature is None else signature}
    return client.post("/webhooks/stripe", body, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_a_signed_event_is_stored_and_nothing_else_happens(client: Client) -> None:
    response = _deliver(client, json.dumps(EVENT).encode())

    assert (response.status_code, response.content) == (200, b"stored\n")
    stored = InboxEvent.objects.get()
    assert (stored.source, stored.external_id, stored.state) == ("stripe", "evt_1", InboxEvent.WAITING)
    assert json.loads(stored.body) == EVENT
    assert not Case.objects.exists()
    assert not TimelineEntry.objects.exists()


@pytest.mark.django_db
def test_an_event_delivered_twice_is_stored_once(client: Client) -> None:
    _deliver(client, json.dumps(EVENT).encode())

    response = _deliver(client, json.dumps(EVENT).encode())

    assert (response.status_code, response.content) == (200, b"known\n")
    assert InboxEvent.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "nonsense", "t=1,v1=\u00e9"])
def test_a_body_without_a_good_signature_is_refused(client: Client, signature: str) -> None:
    response = _deliver(client, json.dumps(EVENT).encode(), signature)

    assert (response.status_code, response.content) == (400, b"refused\n")
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"id": 7}'])
def test_a_signed_body_that_is_no_event_is_refused(client: Client, body: bytes) -> None:
    response = _deliver(client, body)

    assert (response.status_code, response.content) == (400, b"refused\n")
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db
def test_a_body_over_a_megabyte_is_not_read(client: Client) -> None:
    response = _deliver(client, b"x" * (BODY_LIMIT + 1), "")

    assert (response.status_code, response.content) == (400, b"too large\n")
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db
def test_without_a_secret_the_door_is_closed(client: Client, clock: VirtualClock) -> None:
    wiring.install(make_ports(clock, webhook_secret=""), None)

    response = _deliver(client, json.dumps(EVENT).encode())

    assert (response.status_code, response.content) == (503, b"closed\n")
    assert not InboxEvent.objects.exists()


def test_only_posts_come_through_the_webhook_door(client: Client) -> None:
    assert client.get("/webhooks/stripe").status_code == 405


@pytest.mark.django_db
def test_webhooks_need_no_csrf_token() -> None:
    response = _deliver(Client(enforce_csrf_checks=True), json.dumps(EVENT).encode())

    assert response.status_code == 200


def test_health_asks_nothing_of_the_database(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_when_the_database_answers_and_knows_every_table(client: Client) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.content) == (200, b"ready\n")


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'store'")

    response = client.get("/readyz")

    assert (response.status_code, response.content) == (
        503,
        b"migrations are missing: run dunwell migrate\n",
    )
