"""Apply: events in the inbox become facts on cases.

An event only says where to look. What matters is read again at Stripe, outside any transaction, so
duplicates, reordering and stale payloads all lead to the same facts. Then one transaction an invoice
stores them, decides, and marks the events handled.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dunwell.engine import facts_in
from dunwell.engine.ports import Ports
from dunwell.policy.book import Book
from dunwell.policy.facts import Unreadable
from dunwell.policy.readings import ArrearsReading, CustomerReading, Malformed, Notice, Topic
from dunwell.store import cases, keep
from dunwell.store.claims import claim_events, one_transaction
from dunwell.store.inbox import postpone, settle
from dunwell.store.models import InboxEvent

log = logging.getLogger(__name__)

BATCH = 200
LEASE = timedelta(minutes=2)
# How stale a customer's facts may be when a case opens.
CUSTOMER_AGE = timedelta(days=1)
_WAITS = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)]


@dataclass
class Bundle:
    """What several events say about one invoice, or about one customer's new method."""

    events: list[InboxEvent] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def apply_waiting(ports: Ports, book: Book, now: datetime, limit: int = BATCH) -> int:
    """Apply up to `limit` waiting events; return how many were taken."""
    events = claim_events(now, limit, LEASE)
    invoices: dict[str, Bundle] = defaultdict(Bundle)
    methods: dict[tuple[str, str], Bundle] = defaultdict(Bundle)
    for event in events:
        notice = ports.payments.translate(keep.parsed(event))
        if isinstance(notice, Malformed):
            settle([event], InboxEvent.FAILED, notice.reason, now)
        elif notice.topic is Topic.IGNORED:
            settle([event], InboxEvent.IGNORED, notice.why, now)
        elif notice.topic is Topic.NEW_METHOD and notice.customer and notice.method:
            _put(methods[notice.customer, notice.method], event, notice)
        elif notice.topic is Topic.CUSTOMER:
            _refresh_customer(event, notice, ports, now)
        else:
            _sort_by_invoice(event, notice, invoices, ports, now)
    known = cases.invoices_with_open_cases(list(invoices))
    for invoice, bundle in invoices.items():
        _apply_invoice(invoice, bundle, ports, book, now, known=invoice in known)
    for (customer, method), bundle in methods.items():
        _apply_method(customer, method, bundle, ports, book, now)
    return len(events)


def _put(bundle: Bundle, event: InboxEvent, notice: Notice) -> None:
    bundle.events.append(event)
    bundle.notices.append(notice)


def _sort_by_invoice(
    event: InboxEvent, notice: Notice, invoices: dict[str, Bundle], ports: Ports, now: datetime
) -> None:
    invoice = notice.invoice
    if invoice is None and notice.payment is not None:
        found = ports.payments.find_invoice(notice.payment)
        if isinstance(found, Unreadable):
            _wait_or_give_up([event], found, now)
            return
        invoice = found
    if invoice is None:
        settle([event], InboxEvent.IGNORED, "no invoice behind it", now)
    else:
        _put(invoices[invoice], event, notice)


def _apply_invoice(
    invoice: str, bundle: Bundle, ports: Ports, book: Book, now: datetime, *, known: bool
) -> None:
    opens = any(notice.topic in (Topic.FAILURE, Topic.CHARGEBACK) for notice in bundle.notices)
    if not known and not opens:
        settle(bundle.events, InboxEvent.HANDLED, "no case on this invoice", now)
        return
    arrears = ports.payments.read_arrears(invoice, now)
    if isinstance(arrears, Unreadable):
        if known and arrears.permanent:
            with one_transaction():
                facts_in.invoice_gone(invoice, arrears.reason, ports, now)
        _wait_or_give_up(bundle.events, arrears, now)
        return
    customer = read_customer_if_stale(arrears.customer, ports, now)
    if isinstance(customer, Unreadable) and keep.known_customer(arrears.customer) is None:
        _wait_or_give_up(bundle.events, customer, now)
        return
    with one_transaction():
        note = facts_in.invoice_read(
            arrears,
            customer if isinstance(customer, CustomerReading) else None,
            bundle.notices,
            ports,
            book,
            now,
        )
        settle(bundle.events, InboxEvent.HANDLED, note, now)


def _apply_method(
    customer: str, method: str, bundle: Bundle, ports: Ports, book: Book, now: datetime
) -> None:
    readings: list[ArrearsReading] = []
    for invoice in cases.open_invoices_of(customer):
        arrears = ports.payments.read_arrears(invoice, now)
        if isinstance(arrears, Unreadable):
            _wait_or_give_up(bundle.events, arrears, now)
            return
        readings.append(arrears)
    with one_transaction():
        for arrears in readings:
            facts_in.invoice_read(arrears, None, [], ports, book, now)
            facts_in.method_saved(arrears, method, bundle.notices[0].at, ports, now)
        settle(bundle.events, InboxEvent.HANDLED, f"{len(readings)} open cases of this customer", now)


def _refresh_customer(event: InboxEvent, notice: Notice, ports: Ports, now: datetime) -> None:
    if notice.customer is None or keep.known_customer(notice.customer) is None:
        settle([event], InboxEvent.HANDLED, "no case of this customer", now)
        return
    reading = ports.payments.read_customer(notice.customer, now)
    if isinstance(reading, Unreadable):
        _wait_or_give_up([event], reading, now)
        return
    with one_transaction():
        facts_in.customer_read(reading, ports, now)
        settle([event], InboxEvent.HANDLED, "", now)


def read_customer_if_stale(customer: str, ports: Ports, now: datetime) -> CustomerReading | Unreadable | None:
    """Read a customer unless we did so within a day; None when what we have will do."""
    known = keep.known_customer(customer)
    if known is not None and now - known.read_at < CUSTOMER_AGE:
        return None
    return ports.payments.read_customer(customer, now)


def _wait_or_give_up(events: Sequence[InboxEvent], why: Unreadable, now: datetime) -> None:
    """A vendor that can't be read now is asked again, ever more slowly, but never forgotten."""
    if why.permanent:
        settle(events, InboxEvent.FAILED, why.reason, now)
        return
    for event in events:
        postpone(event, now + _WAITS[min(event.tries, len(_WAITS)) - 1], why.reason)
