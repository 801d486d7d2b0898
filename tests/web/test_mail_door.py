"""The door of mail providers: what is proven is kept, once, and nothing else happens."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from dunwell import wiring
from dunwell.connectors.mail.addresses import ProviderAddress
from dunwell.connectors.mail.webhooks import AnymailWebhooks
from dunwell.engine.ports import Ports
from dunwell.store.models import Case, Hold, InboxEvent, IncomingMail, OutboxItem, TimelineEntry
from dunwell.web.mail_door import LIMITS
from dunwell.web.security import BodyLimit
from tests.web import sample

SECRET = "dunwell:secret"
POSTMARK = ProviderAddress("postmark", (("server_token", "t"),))
OURS = "<0123456789abcdef0123456789abcdef@pay.us.example>"
RAW = (
    "From: Dana Reyes <dana@acme.example>\r\nTo: felix@us.example\r\nSubject: Re: Invoice\r\n"
    f"Message-ID: <theirs@acme.example>\r\nIn-Reply-To: {OURS}\r\n\r\nWe pay on Friday.\r\n"
)
REPLY = {
    "FromFull": {"Email": "dana@acme.example"},
    "OriginalRecipient": "felix+1z.abcdefghijklmnop@inbound.us.example",
    "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
    "RawEmail": RAW,
}
DELIVERY = {
    "RecordType": "Delivery",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "dana@acme.example",
    "DeliveredAt": "2026-04-07T14:03:26Z",
    "Metadata": {"mail": OURS},
}


@pytest.fixture(autouse=True)
def provider(ports: Ports) -> AnymailWebhooks:
    """Postmark may call."""
    webhooks = AnymailWebhooks(POSTMARK, POSTMARK, "dunwell:secret")
    wiring.install(replace(ports, mail_webhooks=webhooks), sample.book())
    return webhooks


def call(client: Client, what: str, body: object, *, secret: str = SECRET) -> tuple[int, bytes]:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Basic {b64encode(secret.encode()).decode()}"}
    response: Any = client.post(
        f"/webhooks/mail/{what}", said, content_type="application/json", headers=headers
    )
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.content


def nothing_was_kept() -> bool:
    return not InboxEvent.objects.exists() and not IncomingMail.objects.exists()


@pytest.mark.django_db
def test_a_mail_is_kept_once_and_nothing_else_happens(client: Client) -> None:
    assert call(client, "inbound", REPLY) == (200, b"stored\n")
    assert call(client, "inbound", REPLY) == (200, b"known\n")

    mail = IncomingMail.objects.get()
    assert (mail.source, mail.sender_address, mail.own) == (
        "postmark",
        "dana@acme.example",
        "We pay on Friday.",
    )
    assert mail.recipients == ["felix+1z.abcdefghijklmnop@inbound.us.example", "felix@us.example"]
    event = InboxEvent.objects.get()
    assert (event.source, event.type, event.state) == ("mail", "mail", InboxEvent.WAITING)
    for model in (Case, Hold, OutboxItem, TimelineEntry):
        assert not model.objects.exists()


@pytest.mark.django_db
def test_a_mail_as_it_was_written_has_an_address_of_its_own(client: Client) -> None:
    assert call(client, "inbound/mime", REPLY) == (200, b"stored\n")
    assert call(client, "inbound", REPLY) == (200, b"known\n")


@pytest.mark.django_db
def test_what_became_of_a_mail_is_kept_once(client: Client) -> None:
    assert call(client, "tracking", DELIVERY) == (200, b"stored\n")
    assert call(client, "tracking", DELIVERY) == (200, b"known\n")

    event = InboxEvent.objects.get()
    assert (event.source, event.type) == ("mail", "transport")
    assert OURS in event.body


@pytest.mark.django_db
def test_a_call_that_does_not_concern_us_is_answered_and_forgotten(client: Client) -> None:
    assert call(client, "tracking", {**DELIVERY, "RecordType": "Open"}) == (200, b"nothing to keep\n")
    assert nothing_was_kept()


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["inbound", "tracking"])
@pytest.mark.parametrize(
    ("body", "secret"),
    [(REPLY, "dunwell:wrong"), (b"no JSON", "dunwell:secret"), ([1], "dunwell:secret")],
    ids=["secret", "no JSON", "no call"],
)
def test_a_call_without_proof_or_sense_is_refused_and_nothing_is_kept(
    client: Client, caplog: pytest.LogCaptureFixture, what: str, body: object, secret: str
) -> None:
    assert call(client, what, body, secret=secret) == (400, b"refused\n")
    assert nothing_was_kept()
    assert "We pay on Friday" not in caplog.text
    assert "dunwell:" not in caplog.text


@pytest.mark.django_db
def test_a_mail_at_the_other_door_is_refused(client: Client) -> None:
    assert call(client, "tracking", REPLY) == (400, b"refused\n")
    assert call(client, "inbound", DELIVERY) == (400, b"refused\n")
    assert nothing_was_kept()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "close",
    [
        lambda ports: ports,
        lambda ports: replace(ports, mail_webhooks=AnymailWebhooks(POSTMARK, POSTMARK, "")),
    ],
    ids=["no provider", "no secret"],
)
def test_a_closed_door_says_so(client: Client, ports: Ports, close: Callable[[Ports], Ports]) -> None:
    wiring.install(close(ports), sample.book())

    assert call(client, "inbound", REPLY) == (503, b"closed\n")
    assert call(client, "tracking", DELIVERY) == (503, b"closed\n")
    assert nothing_was_kept()


@pytest.mark.django_db
def test_a_mail_with_large_files_fits(client: Client) -> None:
    large = {**REPLY, "RawEmail": RAW + "x" * (4 * 1024 * 1024)}

    assert call(client, "inbound", large) == (200, b"stored\n")


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["inbound", "tracking"])
def test_a_call_over_the_limit_is_refused_unread(client: Client, what: str) -> None:
    response: Any = client.generic(
        "POST", f"/webhooks/mail/{what}", b"{}", CONTENT_LENGTH=str(LIMITS[what] + 1)
    )

    assert (response.status_code, response.content) == (400, b"too large\n")


@pytest.mark.django_db
@pytest.mark.parametrize("length", [str(BodyLimit.LIMIT + 1), "-1", "many"])
def test_every_other_page_takes_no_more_than_a_form(client: Client, length: str) -> None:
    response: Any = client.generic("POST", "/login", b"", CONTENT_LENGTH=length)

    assert (response.status_code, response.content) == (413, b"too large\n")


def test_a_provider_may_look_whether_there_is_a_door(client: Client, ports: Ports) -> None:
    wiring.install(ports, sample.book())

    answer: Any = client.head("/webhooks/mail/tracking")

    assert answer.status_code == 200
    assert client.get("/webhooks/mail/tracking").status_code == 405
    assert client.head("/webhooks/mail/other").status_code == 404
