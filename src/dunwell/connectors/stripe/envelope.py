"""Webhook bodies: the signature first, then the JSON. Nothing of a body is ever repeated in a reason."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import stripe

from dunwell.connectors.stripe.translate import THIN
from dunwell.policy.readings import Malformed

TOLERANCE_SECONDS = 300


class NoSecretError(Exception):
    """No webhook secret is set, so no webhook can be believed."""


def open_envelope(
    body: bytes, signature: str, secret: str, wall: Callable[[], float]
) -> Mapping[str, Any] | Malformed:
    """Check Stripe's signature over the raw body (v1, constant time) and parse the event inside.

    The time in the signature may be 300 s old, which the SDK checks, or 300 s ahead of `wall` (Unix
    seconds), which it does not. Raises `NoSecretError` when `secret` is empty.
    """
    if not secret.strip():
        raise NoSecretError("DUNWELL_STRIPE_WEBHOOK_SECRET is not set")
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
    except UnicodeDecodeError:
        return Malformed("the body is not UTF-8")
    except (stripe.SignatureVerificationError, TypeError):
        # TypeError: a signature with characters beyond ASCII, which cannot be compared in constant time.
        return Malformed("the signature is missing, wrong or too old")
    if _signed_at(signature) > wall() + TOLERANCE_SECONDS:
        return Malformed("the signature is from the future")
    return _event(body)


def _signed_at(signature: str) -> int:
    """Take the time the SDK has just verified: the first `t`."""
    return int(next(part[2:] for part in signature.split(",") if part.startswith("t=")))


def _event(body: bytes) -> Mapping[str, Any] | Malformed:
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return Malformed("the body is not JSON")
    if not isinstance(event, dict):
        return Malformed("the body is not an event")
    if event.get("object") == "v2.core.event":
        return Malformed(THIN)
    texts = [event.get(name) for name in ("id", "type")]
    if event.get("object") != "event" or not all(isinstance(text, str) and text for text in texts):
        return Malformed("the body is not an event")
    return event
