"""Puts what vendors say into rows: customers, contacts, invoices, attempts, inbox events, policy versions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from dunwell.policy.book import Book, rebind
from dunwell.policy.facts import Contact, InvoiceReading, Reason
from dunwell.policy.readings import ChargeResult, CustomerReading
from dunwell.policy.words import AttemptOutcome, AttemptTrigger
from dunwell.store import models


def keep_event(*, source: str, event: Mapping[str, Any], body: str, now: datetime) -> bool:
    """Store an event once; say whether it was new. `event` needs `id` and `type`.

    It is due from the moment it happened, not from when it came in: a worker acting at an earlier
    instant (a virtual clock, `worker --at`) must find it.

    One statement, committed before the sender gets its answer: an event acknowledged is never lost.
    """
    values: list[Any] = [
        source,
        str(event["id"]),
        str(event["type"])[:100],
        body,
        now,
        models.InboxEvent.WAITING,
        0,
        min(now, _happened(event, now)),
        "",
    ]
    if connection.vendor == "sqlite":
        values = [
            connection.ops.adapt_datetimefield_value(v) if isinstance(v, datetime) else v for v in values
        ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_EVENT, values)
        return bool(cursor.rowcount == 1)


def _happened(event: Mapping[str, Any], now: datetime) -> datetime:
    created = event.get("created")
    if not isinstance(created, int) or isinstance(created, bool):
        return now
    try:
        return datetime.fromtimestamp(created, UTC)
    except (OverflowError, OSError, ValueError):
        return now


_INSERT_EVENT = """
    INSERT INTO store_inboxevent
        (source, external_id, type, body, received_at, state, tries, due_at, note)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (source, external_id) DO NOTHING
"""


def keep_customer(reading: CustomerReading) -> models.Customer:
    """Insert or refresh a customer and the contact that was read with it."""
    said = reading.customer
    record, mrr = said.record, said.mrr
    row, _ = models.Customer.objects.update_or_create(
        external_id=said.id,
        defaults={
            "name": said.name[:500],
            "country": said.country,
            "subdivision": said.subdivision,
            "timezone": said.timezone,
            "mrr_currency": mrr.months[0].currency if mrr else None,
            "mrr_minor": [month.minor for month in mrr.months] if mrr else None,
            "mrr_source": mrr.source if mrr else "",
            "mrr_as_of": mrr.as_of if mrr else None,
            "tenure_months": record.tenure_months if record else None,
            "invoices_paid": record.invoices_paid if record else None,
            "invoices_on_time": record.invoices_on_time if record else None,
            "failures_90d": record.failures_90d if record else None,
            "strategic": said.strategic,
            "owner_name": said.owner.name if said.owner else "",
            "owner_email": said.owner.email if said.owner else "",
            "warnings": list(reading.warnings),
            "read_at": reading.at,
        },
    )
    if said.contact is not None:
        keep_contact(row, said.contact)
    return row


def keep_contact(customer: models.Customer, contact: Contact) -> None:
    """Make this the customer's first contact; older ones stay as alternatives behind it."""
    rows = list(models.Contact.objects.filter(customer=customer).order_by("rank", "pk"))
    if rows and (rows[0].email, rows[0].name) == (contact.email, contact.name):
        return
    models.Contact.objects.update_or_create(
        customer=customer,
        email=contact.email,
        defaults={"name": contact.name[:200], "source": contact.source, "rank": 0},
    )
    others = models.Contact.objects.filter(customer=customer, rank=0).exclude(email=contact.email)
    others.update(rank=1)


def keep_invoice(reading: InvoiceReading, customer: models.Customer) -> tuple[models.Invoice, list[str]]:
    """Insert or refresh an invoice; return it with a sentence for each thing that changed.

    A reading older than the one we have changes nothing: answers can overtake each other.
    """
    said = reading.invoice
    values: dict[str, Any] = {
        "number": said.number,
        "open_minor": said.open.minor,
        "currency": said.open.currency,
        "status": said.status.value,
        "due_on": said.due,
        "rail": said.rail.value,
        "in_flight": said.in_flight,
        "charged_back": said.charged_back,
        "read_at": reading.at,
    }
    row, created = models.Invoice.objects.select_for_update().get_or_create(
        external_id=said.id, defaults={**values, "customer": customer}
    )
    if created or reading.at < row.read_at:
        return row, []
    changes = _changes(row, reading)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    return row, changes


def _changes(row: models.Invoice, reading: InvoiceReading) -> list[str]:
    said, changes = reading.invoice, []
    if row.status != said.status.value:
        changes.append(f"The invoice went from {row.status} to {said.status.value} at the ledger.")
    if (row.open_minor, row.currency) != (said.open.minor, said.open.currency):
        before = type(said.open)(row.open_minor, row.currency)
        changes.append(f"The open amount changed from {before} to {said.open}.")
    if row.in_flight != said.in_flight:
        changes.append("A payment is under way." if said.in_flight else "No payment is under way any more.")
    if row.charged_back != said.charged_back:
        changes.append("The payment was charged back." if said.charged_back else "The chargeback is over.")
    return changes


@dataclass(frozen=True, slots=True)
class AttemptSeen:
    """A payment attempt to keep; `key` is the same however often we hear of it."""

    key: str
    at: datetime
    trigger: AttemptTrigger
    outcome: AttemptOutcome
    method: str = ""
    reason: Reason | None = None


def keep_attempt(invoice: models.Invoice, seen: AttemptSeen) -> bool:
    """Store an attempt once; say whether it was new. A later outcome of the same attempt replaces it.

    Our own charge and the webhook about it have one key. Ours knows why it was made, so it keeps that.
    """
    said: dict[str, Any] = {
        "outcome": seen.outcome.value,
        "code": seen.reason.code[:100] if seen.reason else "",
        "sentence": seen.reason.sentence[:300] if seen.reason else "",
    }
    if seen.trigger is not AttemptTrigger.STRIPE:
        said["trigger"] = seen.trigger.value
    _, created = models.PaymentAttempt.objects.update_or_create(
        key=seen.key,
        defaults=said,
        create_defaults={
            **said,
            "invoice": invoice,
            "at": seen.at,
            "trigger": seen.trigger.value,
            "method": seen.method,
        },
    )
    return created


def keep_charge(
    invoice: models.Invoice,
    key: str,
    at: datetime,
    trigger: AttemptTrigger,
    result: ChargeResult,
    method: str,
) -> None:
    """Store a charge of ours that did not fail; a failed one is kept when the invoice is read again."""
    if result.outcome is not AttemptOutcome.DECLINED:
        keep_attempt(invoice, AttemptSeen(key, at, trigger, result.outcome, method, result.reason))


def known_customer(external_id: str) -> models.Customer | None:
    """Find a customer we have read before."""
    return models.Customer.objects.filter(external_id=external_id).first()


def pin(book: Book, now: datetime) -> None:
    """Keep a policy and its wording under its version, exactly as they are."""
    models.PolicyVersion.objects.get_or_create(
        version=book.version,
        defaults={"text": book.text, "wording": dict(book.files), "first_used_at": now},
    )


@lru_cache(maxsize=64)
def book_of(version: str) -> Book:
    """The pinned policy and wording of a version. Versions never change, so this is cached for good."""
    row = models.PolicyVersion.objects.get(pk=version)
    book = rebind(row.text, row.wording)
    return Book(book.policy, book.wording, version)


def parsed(event: models.InboxEvent) -> Mapping[str, Any]:
    """The event's body as stored, parsed; it was checked to be a JSON object when it came in."""
    found: Mapping[str, Any] = json.loads(event.body)
    return found
