"""Puts what vendors say into rows: customers, contacts, invoices, attempts, inbox events, policy versions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any

from django.db import connection
from django.db.models import Q

from dunwell.policy import facts
from dunwell.policy.book import Book, rebind
from dunwell.policy.facts import Contact, InvoiceReading, Mrr, Reason
from dunwell.policy.readings import ChargeResult, CustomerReading
from dunwell.policy.words import AttemptOutcome, AttemptTrigger, InvoiceSource
from dunwell.store import models, postgres
from dunwell.store.plain import plain

SET_BY_A_PERSON = facts.SET_BY_A_PERSON
# How the source of what the ledger said begins.
FROM_LEDGER = "NetSuite"
# How our ids of what only the ledger has begin.
IN_LEDGER = "netsuite:"
# How the keys of our own charges begin.
OUR_CHARGE = "charge:"
CHARGED_BACK = "The payment was charged back."
NO_LONGER_UNDER_WAY = "No payment is under way any more."


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
    if connection.vendor == "postgresql":
        return postgres.execute(_INSERT_EVENT, values) == 1
    values = [connection.ops.adapt_datetimefield_value(v) if isinstance(v, datetime) else v for v in values]
    with _TURN, connection.cursor() as cursor:
        cursor.execute(_INSERT_EVENT, values)
        return bool(cursor.rowcount == 1)


# SQLite lets one connection write at a time and has the others sleep and ask again; threads that take
# turns before they ask do not sleep. Not for use inside a transaction.
_TURN = Lock()


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
    """Insert or refresh a customer and the contact that was read with it; the row stays locked.

    What the ledger has said of a customer stands until the ledger says otherwise.
    """
    row = locked_customer(reading.customer.id)
    values = _customer_columns(reading, row)
    if row is None:
        row, created = models.Customer.objects.get_or_create(external_id=reading.customer.id, defaults=values)
        if not created:
            return keep_customer(reading)
    else:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=list(values))
    if reading.customer.contact is not None:
        keep_contact(row, reading.customer.contact)
    return row


def _customer_columns(reading: CustomerReading, known: models.Customer | None) -> dict[str, Any]:
    values = _said_columns(reading)
    if known is None or not known.ledger_id:
        return values
    if known.mrr_source.startswith(FROM_LEDGER):
        values = {name: value for name, value in values.items() if not name.startswith("mrr_")}
    if known.owner_email:
        del values["owner_name"], values["owner_email"]
    if known.timezone:
        del values["timezone"]
    return {**values, "strategic": known.strategic or values["strategic"]}


def _said_columns(reading: CustomerReading) -> dict[str, Any]:
    said = reading.customer
    record, mrr = said.record, said.mrr
    named = {"ledger_id": plain(reading.ledger_id, 40)} if reading.ledger_id else {}
    return {
        **named,
        "name": plain(said.name, 500),
        "country": _code(said.country, 2),
        "subdivision": _code(said.subdivision, 10),
        "timezone": _code(said.timezone, 64),
        **mrr_columns(mrr),
        "tenure_months": record.tenure_months if record else None,
        "invoices_paid": record.invoices_paid if record else None,
        "invoices_on_time": record.invoices_on_time if record else None,
        "failures_90d": record.failures_90d if record else None,
        "strategic": said.strategic,
        "owner_name": plain(said.owner.name, 200) if said.owner else "",
        "owner_email": plain(said.owner.email, 320) if said.owner else "",
        "warnings": [plain(warning) for warning in reading.warnings],
        "read_at": reading.at,
    }


def mrr_columns(mrr: Mrr | None) -> dict[str, Any]:
    """The columns of a customer's MRR; all empty when it is unknown."""
    return {
        "mrr_currency": mrr.months[0].currency if mrr else None,
        "mrr_minor": [month.minor for month in mrr.months] if mrr else None,
        "mrr_source": plain(mrr.source, 100) if mrr else "",
        "mrr_as_of": mrr.as_of if mrr else None,
    }


def _code(text: str | None, longest: int) -> str | None:
    """A code that is cut would be another code: one that is too long is not known."""
    return None if text is None or len(text) > longest else plain(text)


def keep_contact(customer: models.Customer, contact: Contact) -> None:
    """Make this the customer's first contact; older ones stay as alternatives behind it.

    A contact set by a person stays first until a person sets another; so does the ledger's before Stripe's. An
    address that mail came back from, whoever's it was, is not written to because somebody names it once more.
    """
    name, email, source = plain(contact.name, 200), plain(contact.email, 320), plain(contact.source, 100)
    rows = list(models.Contact.objects.filter(customer=customer).order_by("rank", "pk"))
    held, said = _authority(rows[0].source) if rows else 0, _authority(source)
    if rows and (rows[0].email, rows[0].name) == (email, name) and held >= said:
        return
    values = {"name": name, "source": source}
    new = {**values, **_as_known(email)} if email not in {row.email for row in rows} else {}
    if held > said:
        if new:
            models.Contact.objects.create(customer=customer, email=email, rank=1, **new)
        return
    models.Contact.objects.update_or_create(
        customer=customer,
        email=email,
        defaults={**values, "rank": 0},
        create_defaults={**(new or values), "rank": 0},
    )
    others = models.Contact.objects.filter(customer=customer, rank=0).exclude(email=email)
    others.update(rank=1)


def _as_known(email: str) -> dict[str, Any]:
    """What is known of an address that is new to a customer: dead for one, it is dead for all."""
    dead = models.Contact.objects.filter(email=email, deliverable=False)
    why = dead.values_list("undeliverable_because", flat=True).first()
    return {} if why is None else {"deliverable": False, "undeliverable_because": why}


def _authority(source: str) -> int:
    """How much a contact's source counts: a person's word before the ledger's, that before all others."""
    if source.startswith(SET_BY_A_PERSON):
        return 2
    return int(source.startswith(FROM_LEDGER))


@dataclass(frozen=True, slots=True)
class InvoiceKept:
    """An invoice's row, with a sentence for each thing that changed.

    `overtaken`: a reading asked for later is here already and says otherwise, so this one changed nothing.
    """

    row: models.Invoice
    changes: tuple[str, ...] = ()
    overtaken: bool = False


def keep_invoice(
    reading: InvoiceReading, customer: models.Customer, now: datetime, *, ours: bool = False
) -> InvoiceKept:
    """Insert or refresh an invoice. `ours`: we collect it, so that Stripe collecting again is news.

    A reading older than the one we have changes nothing: answers can overtake each other. One we seem to
    have from the future is no reason: some clock was wrong.
    """
    said = reading.invoice
    values: dict[str, Any] = {
        "number": plain(said.number, 255),
        "source": said.source.value,
        "open_minor": said.open.minor,
        "currency": said.open.currency,
        "status": said.status.value,
        "due_on": said.due,
        "rail": said.rail.value,
        "in_flight": said.in_flight,
        "charged_back": said.charged_back,
        "auto_advance": said.auto_advance,
        "next_attempt_at": said.next_attempt,
        "read_at": reading.at,
    }
    if said.source is InvoiceSource.NETSUITE:
        values["ledger_id"] = plain(said.id.removeprefix(IN_LEDGER), 40)
    row, created = models.Invoice.objects.select_for_update(no_key=True).get_or_create(
        external_id=said.id,
        defaults={**values, "customer": customer, "in_flight_since": reading.at if said.in_flight else None},
    )
    if created:
        return InvoiceKept(row)
    changes = [*_changes(row, reading), *(_drift(row, reading) if ours else ())]
    if reading.at < row.read_at <= now:
        return InvoiceKept(row, overtaken=bool(changes))
    values["in_flight_since"] = _in_flight_since(row, reading)
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    return InvoiceKept(row, tuple(changes))


def _in_flight_since(row: models.Invoice, reading: InvoiceReading) -> datetime | None:
    if not reading.invoice.in_flight:
        return None
    return row.in_flight_since if row.in_flight and row.in_flight_since else reading.at


def _changes(row: models.Invoice, reading: InvoiceReading) -> list[str]:
    said, changes = reading.invoice, []
    if row.status != said.status.value:
        changes.append(f"The invoice went from {row.status} to {said.status.value} at the ledger.")
    if (row.open_minor, row.currency) != (said.open.minor, said.open.currency):
        before = type(said.open)(row.open_minor, row.currency)
        changes.append(f"The open amount changed from {before} to {said.open}.")
    if row.in_flight != said.in_flight:
        changes.append("A payment is under way." if said.in_flight else NO_LONGER_UNDER_WAY)
    if row.charged_back != said.charged_back:
        changes.append(CHARGED_BACK if said.charged_back else "The chargeback is over.")
    return changes


def _drift(row: models.Invoice, reading: InvoiceReading) -> list[str]:
    said, changes = reading.invoice, []
    if said.auto_advance and not row.auto_advance:
        changes.append("Somebody switched Stripe's own collection of the invoice on.")
    if said.next_attempt is not None and said.next_attempt != row.next_attempt_at:
        changes.append(
            f"Stripe plans to charge the invoice at {said.next_attempt.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
        )
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
    """Store an attempt once; say whether it is news. A later outcome of the same attempt replaces it.

    Our own charge and the webhook about it are one attempt. Ours knows why it was made, so it keeps that.
    """
    said: dict[str, Any] = {
        "outcome": seen.outcome.value,
        "code": plain(seen.reason.code, 100) if seen.reason else "",
        "sentence": plain(seen.reason.sentence, 300) if seen.reason else "",
    }
    if seen.trigger is not AttemptTrigger.STRIPE:
        said["trigger"] = seen.trigger.value
    known = models.PaymentAttempt.objects.filter(key=seen.key).first()
    if known is None and seen.trigger is AttemptTrigger.STRIPE:
        known = _told_before(invoice, seen)
    if known is None:
        said |= {"key": seen.key, "invoice": invoice, "at": seen.at, "method": seen.method}
        models.PaymentAttempt.objects.create(**{"trigger": seen.trigger.value, **said})
        return True
    news = known.key != seen.key and known.outcome in _OPEN_ENDED
    if seen.outcome is AttemptOutcome.DECLINED and known.outcome == AttemptOutcome.NEEDS_CUSTOMER.value:
        said["outcome"] = known.outcome if known.code == said["code"] else said["outcome"]
    models.PaymentAttempt.objects.filter(pk=known.pk).update(**said, key=seen.key, at=seen.at)
    return news


# Our charges whose end was not known when they were kept.
_OPEN_ENDED = (AttemptOutcome.PROCESSING.value, AttemptOutcome.UNKNOWN.value)
# How far Stripe's clock and ours may be apart, and how long a charge is repeated under its key.
CLOCK_SKEW, _LONGEST_REPEAT = timedelta(minutes=10), timedelta(hours=12)


def _told_before(invoice: models.Invoice, seen: AttemptSeen) -> models.PaymentAttempt | None:
    """Find the charge of ours that a failure at Stripe is about, kept under our own key when it was answered.

    A debit's failure comes days later and says when it was made; only one can be under way.
    """
    tried = models.PaymentAttempt.objects.filter(invoice=invoice, key__startswith=OUR_CHARGE)
    near = Q(at__gte=seen.at - CLOCK_SKEW, at__lte=seen.at + CLOCK_SKEW)
    repeated = Q(outcome=AttemptOutcome.UNKNOWN.value, at__lte=seen.at + _LONGEST_REPEAT, at__gte=seen.at)
    debit = Q(outcome=AttemptOutcome.PROCESSING.value, at__lte=seen.at + CLOCK_SKEW)
    same = tried.filter(near | repeated | debit).exclude(outcome=AttemptOutcome.PAID.value)
    if seen.method:
        same = same.filter(method=seen.method)
    return same.order_by("-at").first()


def end_debits(invoice: models.Invoice) -> None:
    """The invoice is paid, so the debit that was under way for it went through."""
    under_way = models.PaymentAttempt.objects.filter(invoice=invoice, outcome=AttemptOutcome.PROCESSING.value)
    under_way.update(outcome=AttemptOutcome.PAID.value)


def keep_charge(
    invoice: models.Invoice,
    key: str,
    at: datetime,
    trigger: AttemptTrigger,
    result: ChargeResult,
    method: str,
) -> None:
    """Store a charge of ours as it was answered, under its own key; Stripe's word on it follows under Stripe's."""
    keep_attempt(invoice, AttemptSeen(key, at, trigger, result.outcome, method, result.reason))


def known_customer(external_id: str) -> models.Customer | None:
    """Find a customer we have read before."""
    return models.Customer.objects.filter(external_id=external_id).first()


def customer_in_ledger(ledger_id: str) -> str | None:
    """The id at its vendor of the customer the ledger knows by an id of its own, the one known longest."""
    found = models.Customer.objects.filter(ledger_id=ledger_id).exclude(ledger_id="").order_by("pk")
    return found.values_list("external_id", flat=True).first()


def knows_number(number: str) -> bool:
    """Say whether an invoice of Stripe's with a number has been read before."""
    return models.Invoice.objects.filter(number=number, source=InvoiceSource.STRIPE.value).exists()


def locked_customer(external_id: str) -> models.Customer | None:
    """Find a customer we have read before, locked until the transaction ends."""
    rows = models.Customer.objects.select_for_update(no_key=True)
    return rows.filter(external_id=external_id).first()


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
