"""A fake Stripe: a real HTTP server that Stripe's own SDK talks to, over an account you can drive."""

from dunwell.sandbox.stripe.account import Account, Call
from dunwell.sandbox.stripe.books import API_VERSION
from dunwell.sandbox.stripe.declines import (
    Outcome,
    blocked,
    declined,
    paid,
    paid_from,
    processing,
    requires_action,
)
from dunwell.sandbox.stripe.server import FakeStripe
from dunwell.sandbox.stripe.webhooks import Chaos, Deliveries, Flushed

__all__ = [
    "API_VERSION",
    "Account",
    "Call",
    "Chaos",
    "Deliveries",
    "FakeStripe",
    "Flushed",
    "Outcome",
    "blocked",
    "declined",
    "paid",
    "paid_from",
    "processing",
    "requires_action",
]
