"""Webhook bodies: believed only with a fresh signature of Stripe's."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from dunwell.connectors.stripe.client import StripePayments
from dunwell.connectors.stripe.envelope import NoSecretError
from dunwell.connectors.stripe.translate import THIN
from dunwell.policy.readings import Malformed

SECRET = "whsec_tests"
EVENT: dict[str, Any] = {"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1, "data": {}}
BODY = json.dumps(EVENT)
REAL = time.time  # noqa: TID251 - the SDK compares with the real clock, so tests sign with it
UNSIGNED = Malformed("the signature is missing, wrong or too old")


@pytest.fixture
def webhooks() -> StripePayments:
    return StripePayments("sk_test_none", webhook_secret=SECRET)


def sign(body: str, secret: str = SECRET, at: float | None = None) -> str:
    header = stripe.WebhookSignature.generate_signature_header(
        body, secret, int(REAL() if at is None else at)
    )
    assert isinstance(header, str)
    return header


def test_a_signed_event_is_opened(webhooks: StripePayments) -> None:
    assert webhooks.open_envelope(BODY.encode(), sign(BODY)) == EVENT


def test_while_a_secret_is_rolled_either_signature_will_do(webhooks: StripePayments) -> None:
    other = sign(BODY, "whsec_old").split(",")[1]
    assert webhooks.open_envelope(BODY.encode(), f"{sign(BODY)},{other}") == EVENT
    stamp, ours = sign(BODY).split(",")
    assert webhooks.open_envelope(BODY.encode(), f"{stamp},{other},{ours}") == EVENT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "v1=00",
        "t=abc,v1=00",
        "t=NOW",
        "t=NOW,v1=",
        "t=NOW,v1=ünicode",
        "t=NOW,v0=00",
        "t=" + "9" * 5000 + ",v1=00",
        "=,=,=",
    ],
)
def test_a_header_that_is_no_signature_is_refused(webhooks: StripePayments, header: str) -> None:
    # The time is put in here: in a test's name it would differ between the processes that share the suite.
    signature = header.replace("NOW", str(int(REAL())))
    assert webhooks.open_envelope(BODY.encode(), signature) == UNSIGNED


def test_another_secret_another_body_or_another_time_is_refused(webhooks: StripePayments) -> None:
    stamp, signature = sign(BODY).split(",")
    later = f"t={int(stamp[2:]) + 1},{signature}"
    for body, header in ((BODY, sign(BODY, "whsec_wrong")), (BODY + " ", sign(BODY)), (BODY, later)):
        assert webhooks.open_envelope(body.encode(), header) == UNSIGNED


def test_a_signature_older_than_five_minutes_is_refused(webhooks: StripePayments) -> None:
    assert webhooks.open_envelope(BODY.encode(), sign(BODY, at=REAL() - 290)) == EVENT
    assert webhooks.open_envelope(BODY.encode(), sign(BODY, at=REAL() - 310)) == UNSIGNED


def test_a_signature_from_more_than_five_minutes_ahead_is_refused(webhooks: StripePayments) -> None:
    assert webhooks.open_envelope(BODY.encode(), sign(BODY, at=REAL() + 290)) == EVENT
    future = Malformed("the signature is from the future")
    assert webhooks.open_envelope(BODY.encode(), sign(BODY, at=REAL() + 310)) == future


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\xfe{\x00}", "the body is not UTF-8"),
        (b'{"id": "\xe4"}', "the body is not UTF-8"),
    ],
)
def test_a_body_in_another_encoding_is_refused(webhooks: StripePayments, body: bytes, reason: str) -> None:
    assert webhooks.open_envelope(body, sign(BODY)) == Malformed(reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is not JSON"),
        (BODY[:-5], "the body is not JSON"),
        ("\ufeff" + BODY, "the body is not JSON"),
        ("[" * 100_000, "the body is not JSON"),
        ("[]", "the body is not an event"),
        ("null", "the body is not an event"),
        (json.dumps({**EVENT, "object": "invoice"}), "the body is not an event"),
        (json.dumps({**EVENT, "id": None}), "the body is not an event"),
        (json.dumps({**EVENT, "type": ""}), "the body is not an event"),
        (json.dumps({"detail": EVENT}), "the body is not an event"),
        (json.dumps({"id": "evt_1", "object": "v2.core.event", "type": "v1.invoice.paid"}), THIN),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(webhooks: StripePayments, body: str, reason: str) -> None:
    assert webhooks.open_envelope(body.encode(), sign(body)) == Malformed(reason)


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_nothing_is_believed(secret: str) -> None:
    open_it: Callable[[bytes, str], object] = StripePayments(
        "sk_test_none", webhook_secret=secret
    ).open_envelope
    with pytest.raises(NoSecretError, match="DUNWELL_STRIPE_WEBHOOK_SECRET"):
        open_it(BODY.encode(), sign(BODY, " "))
