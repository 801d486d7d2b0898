"""Apply: events in the inbox become facts on cases.

An event only says where to look. What matters is read again at Stripe, outside any transaction, so
duplicates, reordering and stale payloads all lead to the same facts. Then one transaction an invoice
stores them, decides, and marks the events handled.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from dunwell.engine import booked, facts_in, overdue
from dunwell.engine.clock import Clock, ShiftedClock
from dunwell.engine.incoming import hear
from dunwell.engine.ports import Ports
from dunwell.engine.trouble import attempt
from dunwell.policy.book import Book
from dunwell.policy.facts import Unreadable
from dunwell.policy.readings import ArrearsReading, CustomerReading, Malformed, Notice, Topic
from dunwell.store import cases, keep, mails
from dunwell.store.claims import claim_events, one_transaction
from dunwell.store.inbox import postpone, settle
from dunwell.store.models import InboxEvent

BATCH = 200
LEASE = timedelta(minutes=2)
# How stale a customer's facts may be when a case opens.
CUSTOMER_AGE = timedelta(days=1)
# What can open a case, or one that had ended.
_MAY_OPEN = frozenset({Topic.FAILURE, Topic.CHARGEBACK, Topic.OVERDUE})
_WAITS = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)]


@dataclass
class Bundle:
    """What several events say about one invoice, or about one customer's new method."""

    events: list[InboxEvent] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def add(self, event: InboxEvent, notice: Notice) -> None:
        """Put one more event in."""
        self.events.append(event)
        self.notices.append(notice)


def apply_waiting(ports: Ports, book: Book, now: datetime, limit: int = BATCH) -> int:
    """Apply up to `limit` waiting events; return how many were taken.

    `now` is when this begins; slow answers of vendors move the time on. One event's trouble is its own:
    it waits and is tried again, and the others go on.
    """
    events = claim_events(now, limit, LEASE)
    _Round(ports, book, ShiftedClock(now, ports.clock)).apply(events)
    return len(events)


@dataclass
class _Round:
    """One batch of claimed events on its way into the cases."""

    ports: Ports
    book: Book
    clock: Clock
    invoices: dict[str, Bundle] = field(default_factory=lambda: defaultdict(Bundle))
    methods: dict[tuple[str, str], Bundle] = field(default_factory=lambda: defaultdict(Bundle))

    def apply(self, events: Sequence[InboxEvent]) -> None:
        """Sort events by what they are about, then apply each bundle."""
        for event in events:
            self._try([event], partial(self._sort, event))
        known = cases.invoices_with_open_cases(list(self.invoices))
        for invoice, bundle in self.invoices.items():
            self._try(bundle.events, partial(self._invoice, invoice, bundle, known=invoice in known))
        for (customer, method), bundle in self.methods.items():
            self._try(bundle.events, partial(self._method, customer, method, bundle))

    def _try(self, events: Sequence[InboxEvent], work: Callable[[], None]) -> None:
        trouble = attempt(f"applying {', '.join(event.external_id for event in events)}", work)
        if trouble:
            gone = events[0].source == mails.SOURCE and hear.give_up(events[0], trouble)
            self._wait(events, Unreadable(trouble, permanent=gone))

    def _mail(self, event: InboxEvent) -> None:
        said = hear.hear_event(event, self.ports, self.book, self.clock)
        if isinstance(said, Unreadable):
            self._wait([event], said)
        else:
            settle([event], InboxEvent.HANDLED, said, self.clock.now())

    def _sort(self, event: InboxEvent) -> None:
        if event.source == mails.SOURCE:
            self._mail(event)
            return
        translate = overdue.notice_of if event.source == overdue.SOURCE else self.ports.payments.translate
        notice = translate(keep.parsed(event))
        if isinstance(notice, Malformed):
            settle([event], InboxEvent.FAILED, notice.reason, self.clock.now())
        elif notice.topic is Topic.IGNORED:
            settle([event], InboxEvent.IGNORED, notice.why, self.clock.now())
        elif notice.topic is Topic.NEW_METHOD and notice.customer and notice.method:
            self.methods[notice.customer, notice.method].add(event, notice)
        elif notice.topic is Topic.CUSTOMER:
            self._customer(event, notice)
        else:
            self._sort_by_invoice(event, notice)

    def _sort_by_invoice(self, event: InboxEvent, notice: Notice) -> None:
        invoice = notice.invoice
        if invoice is None and notice.payment is not None:
            found = self.ports.payments.find_invoice(notice.payment)
            if isinstance(found, Unreadable):
                self._wait([event], found)
                return
            invoice = found
        if invoice is None:
            settle([event], InboxEvent.IGNORED, "no invoice behind it", self.clock.now())
        else:
            self.invoices[invoice].add(event, notice)

    def _invoice(self, invoice: str, bundle: Bundle, *, known: bool) -> None:
        ports, now = self.ports, self.clock.now()
        opens = any(notice.topic in _MAY_OPEN for notice in bundle.notices)
        if not known and not opens:
            settle(bundle.events, InboxEvent.HANDLED, "no case on this invoice", now)
            return
        in_ledger = booked.is_booked(invoice)
        arrears = (
            booked.read_arrears(invoice, ports, now)
            if in_ledger
            else ports.payments.read_arrears(invoice, now)
        )
        if isinstance(arrears, Unreadable):
            self._gone_or_away(invoice, bundle, arrears)
            return
        number = arrears.reading.invoice.number
        elsewhere = booked.is_at_stripe(number, ports) if in_ledger and not known else False
        if isinstance(elsewhere, Unreadable):
            self._wait(bundle.events, replace(elsewhere, permanent=False))
            return
        if elsewhere:
            settle(bundle.events, InboxEvent.HANDLED, booked.AT_STRIPE, self.clock.now())
            return
        customer = read_customer_if_stale(arrears.customer, ports, self.clock.now(), number)
        if isinstance(customer, Unreadable) and keep.known_customer(arrears.customer) is None:
            self._wait(bundle.events, customer)
            return
        read = customer if isinstance(customer, CustomerReading) else None
        with one_transaction():
            now = self.clock.now()
            note = facts_in.invoice_read(arrears, read, bundle.notices, ports, self.book, now)
            if isinstance(note, facts_in.Later):
                for event in bundle.events:
                    postpone(event, note.at, note.why)
            elif note == facts_in.OVERTAKEN:
                self._wait(bundle.events, Unreadable(note))
            else:
                settle(bundle.events, InboxEvent.HANDLED, note, now)

    def _gone_or_away(self, invoice: str, bundle: Bundle, why: Unreadable) -> None:
        if why.permanent:
            self._gone(invoice, why)
        self._wait(bundle.events, why)

    def _gone(self, invoice: str, why: Unreadable) -> None:
        with one_transaction():
            facts_in.invoice_gone(invoice, why.reason, self.ports, self.clock.now())

    def _method(self, customer: str, method: str, bundle: Bundle) -> None:
        readings: list[ArrearsReading] = []
        for invoice in cases.open_invoices_of(customer):
            arrears = self.ports.payments.read_arrears(invoice, self.clock.now())
            if isinstance(arrears, ArrearsReading):
                readings.append(arrears)
            elif arrears.permanent:
                self._gone(invoice, arrears)
            else:
                self._wait(bundle.events, arrears)
                return
        with one_transaction():
            now = self.clock.now()
            for arrears in readings:
                facts_in.invoice_read(arrears, None, [], self.ports, self.book, now)
                facts_in.method_saved(arrears, method, bundle.notices[0].at, self.ports, now)
            settle(bundle.events, InboxEvent.HANDLED, f"{len(readings)} open cases of this customer", now)

    def _customer(self, event: InboxEvent, notice: Notice) -> None:
        now = self.clock.now()
        if notice.customer is None or keep.known_customer(notice.customer) is None:
            settle([event], InboxEvent.HANDLED, "no case of this customer", now)
            return
        reading = self.ports.payments.read_customer(notice.customer, now)
        if isinstance(reading, Unreadable):
            self._wait([event], reading)
            return
        with one_transaction():
            now = self.clock.now()
            facts_in.customer_read(reading, self.ports, now)
            settle([event], InboxEvent.HANDLED, "", now)

    def _wait(self, events: Sequence[InboxEvent], why: Unreadable) -> None:
        """A vendor that can't be read now is asked again, ever more slowly, but never forgotten."""
        now = self.clock.now()
        if why.permanent:
            settle(events, InboxEvent.FAILED, why.reason, now)
            return
        for event in events:
            postpone(event, now + _WAITS[min(event.tries, len(_WAITS)) - 1], why.reason)


def read_customer_if_stale(
    customer: str, ports: Ports, now: datetime, number: str
) -> CustomerReading | Unreadable | None:
    """Read a customer, who has an invoice of this number, unless we did so within a day; None: what we have will do."""
    known = keep.known_customer(customer)
    if known is not None and now - known.read_at < CUSTOMER_AGE:
        return None
    if booked.is_booked(customer):
        return booked.read_customer(customer, number, ports, now)
    return ports.payments.read_customer(customer, now)
