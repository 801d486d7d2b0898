"""From Stripe's events to notices. Pure, and never raises, whatever the event holds.

A notice only says where to look: ids are taken from the event, everything that matters is read again.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from dunwell.connectors.stripe.events import NOT_USED, UNKNOWN, USED
from dunwell.connectors.stripe.shapes import Moment, Shape, Text, fault
from dunwell.policy.readings import Malformed, Notice, Topic

THIN = "a thin event, which names an object without showing it: set the endpoint to snapshot payloads"
_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,200}")
_TYPE = re.compile(r"[a-z0-9_.]{1,100}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")

# Where the ids lie in each object.
_PATHS: dict[str, dict[str, str]] = {
    "invoice": {"invoice": "id", "customer": "customer"},
    "invoice_payment": {"invoice": "invoice", "payment": "payment.payment_intent"},
    "credit_note": {"invoice": "invoice", "customer": "customer"},
    "payment_intent": {"payment": "id", "customer": "customer"},
    "charge": {"payment": "payment_intent", "customer": "customer"},
    "dispute": {"payment": "payment_intent"},
    "payment_method": {"method": "id", "customer": "customer"},
    "setup_intent": {"method": "payment_method", "customer": "customer"},
    "customer": {"customer": "id", "method": "invoice_settings.default_payment_method"},
    "subscription": {"customer": "customer"},
}
_NEEDS: dict[Topic, tuple[str, ...]] = {
    Topic.FAILURE: ("invoice",),
    Topic.INVOICE: ("invoice",),
    Topic.PAYMENT: ("payment",),
    Topic.CHARGEBACK: ("payment",),
    Topic.OVERDUE: ("invoice",),
    Topic.NEW_METHOD: ("customer", "method"),
    Topic.CUSTOMER: ("customer",),
}


class _Envelope(Shape):
    id: Text
    type: Text
    created: Moment
    data: dict[str, Any]


class _BadIdError(Exception):
    """What should be an id is none; the message is the path to it."""


def translate(event: Mapping[str, Any]) -> Notice | Malformed:
    """Say what an event is about, or in one sentence why it cannot be read.

    Every handled topic carries the ids it needs: an invoice, a payment intent, a customer, or a customer
    and a method. An event of a handled type that touches none of ours is `IGNORED` with the reason.
    """
    if event.get("object") == "v2.core.event":
        return Malformed(THIN)
    try:
        envelope = _Envelope.model_validate(event)
    except ValidationError as error:
        return Malformed(f"not an event: {fault(error)}")
    if not _EVENT_ID.fullmatch(envelope.id):
        return Malformed("not an event: its id is none")
    if not _TYPE.fullmatch(envelope.type):
        return Malformed("not an event: its type is none")
    ignored = Notice(envelope.id, envelope.type, envelope.created, Topic.IGNORED)
    if envelope.type not in USED:
        return replace(ignored, why=NOT_USED.get(envelope.type, UNKNOWN))
    return _used(envelope, ignored)


def _used(envelope: _Envelope, ignored: Notice) -> Notice | Malformed:
    topic, kind = USED[envelope.type]
    about = envelope.data.get("object")
    if not isinstance(about, Mapping) or about.get("object") != kind:
        return Malformed(f"{envelope.type} carries no {kind}")
    try:
        ids = {name: _id_at(about, path) for name, path in _PATHS[kind].items()}
    except _BadIdError as error:
        return Malformed(f"{envelope.type}: {kind}.{error} is no id")
    if any(path == "id" and ids[name] is None for name, path in _PATHS[kind].items()):
        return Malformed(f"{envelope.type}: {kind}.id is missing")
    topic = _closer(envelope, topic, ids)
    missing = [name for name in _NEEDS[topic] if ids.get(name) is None]
    if missing:
        return replace(ignored, why=f"this {kind.replace('_', ' ')} belongs to no {missing[0]}")
    return replace(
        ignored,
        topic=topic,
        invoice=ids.get("invoice"),
        payment=ids.get("payment"),
        customer=ids.get("customer"),
        method=ids.get("method") if topic is Topic.NEW_METHOD else None,
    )


def _closer(envelope: _Envelope, topic: Topic, ids: Mapping[str, str | None]) -> Topic:
    """See whether a customer changed in general, or got a new default method."""
    if envelope.type != "customer.updated" or ids["method"] is None:
        return topic
    before = envelope.data.get("previous_attributes")
    settings = before.get("invoice_settings") if isinstance(before, Mapping) else None
    changed = isinstance(settings, Mapping) and "default_payment_method" in settings
    return Topic.NEW_METHOD if changed else topic


def _id_at(about: Mapping[str, Any], path: str) -> str | None:
    """Take an id, or the id of an expanded object; None when it is null or absent."""
    value: Any = about
    for step in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _BadIdError(path)
        value = value.get(step)
    if isinstance(value, Mapping):
        value = value.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _BadIdError(path)
    return value
