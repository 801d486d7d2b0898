"""Receive: verify, store once, answer. Nothing else happens in a webhook's request."""

import json
import logging
from datetime import datetime, timedelta
from enum import StrEnum

from dunwell.engine.ports import Ports
from dunwell.policy.readings import Malformed, SweepFailedError
from dunwell.store import keep
from dunwell.store.marks import mark_of, move_mark

log = logging.getLogger(__name__)

STRIPE = "stripe"
# Stripe retries a webhook for three days, so a first sweep that reaches further back finds only what
# some other system has already dealt with.
FIRST_LOOK_BACK = timedelta(days=3)
# Events can appear in the list a little after their own time.
OVERLAP = timedelta(minutes=10)


class DeliveryAnswer(StrEnum):
    """What became of a delivery."""

    STORED = "stored"
    KNOWN = "known"
    REFUSED = "refused"
    CLOSED = "closed"


def store_delivery(body: bytes, signature: str, ports: Ports) -> DeliveryAnswer:
    """Verify a webhook's signature and keep its event once."""
    if not ports.accepts_webhooks:
        return DeliveryAnswer.CLOSED
    event = ports.payments.open_envelope(body, signature)
    if isinstance(event, Malformed):
        log.warning("webhook refused: %s", event.reason)
        return DeliveryAnswer.REFUSED
    new = keep.keep_event(source=STRIPE, event=event, body=body.decode(), now=ports.clock.now())
    return DeliveryAnswer.STORED if new else DeliveryAnswer.KNOWN


def sweep(ports: Ports, now: datetime) -> int:
    """Ask Stripe for its recent events and keep those that no webhook brought; return how many.

    The mark moves only when the list was read to its end, so nothing between two sweeps is missed.
    """
    mark = mark_of(STRIPE)
    since = mark - OVERLAP if mark else now - FIRST_LOOK_BACK
    found = 0
    try:
        for event in ports.payments.events_since(since):
            found += keep.keep_event(source=STRIPE, event=event, body=json.dumps(event), now=now)
    except SweepFailedError as error:
        log.warning("sweep of Stripe's events stopped: %s", error)
        return found
    move_mark(STRIPE, now)
    return found
