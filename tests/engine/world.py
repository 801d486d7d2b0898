"""A small world for tests of the verbs: a ledger and a postbox that keep the ports' promises in memory."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dunwell.engine import review
from dunwell.engine.apply import apply_waiting
from dunwell.engine.clock import Clock, VirtualClock
from dunwell.engine.loop import run_due
from dunwell.engine.perform import Worker, perform_due
from dunwell.engine.ports import Payments, Ports
from dunwell.engine.tick import tick
from dunwell.policy import facts, readings, words
from dunwell.policy.book import Book, bind
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.reasons import reason_for_code
from dunwell.policy.wording import built_in_wording
from dunwell.store import keep, models
from dunwell.store.claims import next_alarm
from tests.engine.books import Books
from tests.engine.postbox import Postbox

START = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)  # a Tuesday, 10:03 in New York
LARGE = facts.Mrr((Money(900_000, "USD"),) * 3, "test")  # above the threshold of the personal track


class Ledger(Payments):
    """Stripe, in memory: invoices and customers by id, every call counted, one answer per idempotency key."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.invoices: dict[str, readings.ArrearsReading] = {}
        self.customers: dict[str, facts.Customer] = {}
        self.unreadable: facts.Unreadable | None = None
        self.unreadable_invoices: dict[str, facts.Unreadable] = {}
        self.charges: list[tuple[str, str, str]] = []
        self.charged: dict[str, words.AttemptOutcome] = {}
        self.charge_outcomes: list[words.AttemptOutcome] = []
        self.decline_code = "do_not_honor"
        self.reads: list[str] = []
        self.sessions: list[str] = []
        self.listed: list[dict[str, Any]] = []
        self.breaks_after: int | None = None
        self.switched: list[tuple[str, bool, str]] = []
        self.stubborn = False
        self.ledger_ids: dict[str, str] = {}
        self.before_read: Callable[[str], None] = lambda _invoice: None

    def translate(self, event: Mapping[str, Any]) -> readings.Notice | readings.Malformed:
        if "topic" not in event:
            return readings.Malformed("no topic")
        return readings.Notice(
            id=event["id"],
            type=event["type"],
            at=datetime.fromisoformat(event["at"]),
            topic=readings.Topic(event["topic"]),
            invoice=event.get("invoice"),
            payment=event.get("payment"),
            customer=event.get("customer"),
            method=event.get("method"),
            why=event.get("why", ""),
        )

    def open_envelope(self, body: bytes, signature: str) -> Mapping[str, Any] | readings.Malformed:
        if signature != "signed":
            return readings.Malformed("the signature is wrong")
        event: Mapping[str, Any] = json.loads(body)
        return event

    def read_invoice(self, invoice: str, now: datetime) -> facts.InvoiceReading | facts.Unreadable:
        arrears = self.read_arrears(invoice, now)
        return arrears if isinstance(arrears, facts.Unreadable) else arrears.reading

    def read_arrears(self, invoice: str, now: datetime) -> readings.ArrearsReading | facts.Unreadable:
        self.reads.append(invoice)
        self.before_read(invoice)
        away = self.unreadable or self.unreadable_invoices.get(invoice)
        if away:
            return away
        known = self.invoices.get(invoice)
        if known is None:
            return facts.Unreadable(f"Stripe does not know invoice {invoice}", permanent=True)
        return replace(known, reading=replace(known.reading, at=now))

    def read_customer(self, customer: str, now: datetime) -> readings.CustomerReading | facts.Unreadable:
        if self.unreadable:
            return self.unreadable
        return readings.CustomerReading(
            now, self.customers[customer], ledger_id=self.ledger_ids.get(customer, "")
        )

    def find_invoice(self, payment: str) -> str | facts.Unreadable | None:
        if self.unreadable:
            return self.unreadable
        found = [key for key, arrears in self.invoices.items() if arrears.payment == payment]
        return found[0] if found else None

    def charge(self, invoice: str, method: str, key: str) -> readings.ChargeResult:
        self.charges.append((invoice, method, key))
        if key in self.charged:
            return readings.ChargeResult(self.charged[key])
        outcome = self.charge_outcomes.pop(0) if self.charge_outcomes else words.AttemptOutcome.PAID
        if outcome is words.AttemptOutcome.UNKNOWN:
            return readings.ChargeResult(outcome, detail="No answer came.")
        self.charged[key] = outcome
        if outcome is words.AttemptOutcome.PAID:
            self.change(invoice, status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
        if outcome is words.AttemptOutcome.PROCESSING:
            self.change(invoice, in_flight=True)
        if outcome is words.AttemptOutcome.DECLINED:
            self.declines(invoice, method, self.decline_code)
            return readings.ChargeResult(outcome, reason_for_code(self.decline_code, "card"))
        if outcome is words.AttemptOutcome.NEEDS_CUSTOMER:
            return readings.ChargeResult(outcome, reason_for_code("authentication_required", "card"))
        return readings.ChargeResult(outcome)

    def set_collection(
        self, invoice: str, *, automatic: bool, key: str, now: datetime
    ) -> facts.InvoiceReading | facts.Unreadable:
        self.switched.append((invoice, automatic, key))
        if away := self.unreadable or self.unreadable_invoices.get(invoice):
            return away
        if self.invoices[invoice].reading.invoice.status is not words.InvoiceStatus.OPEN:
            return facts.Unreadable("Stripe refused the request (400).")
        if not self.stubborn:
            self.collects(invoice, automatic=automatic)
        return self.read_invoice(invoice, now)

    def collects(self, invoice: str, *, automatic: bool) -> None:
        """Let somebody switch Stripe's own retries of an invoice on or off."""
        again = self.clock.now() + timedelta(days=3) if automatic else None
        self.change(invoice, auto_advance=automatic, next_attempt=again)

    def declines(self, invoice: str, method: str, code: str) -> None:
        """Let an attempt with a method fail at the bank, now."""
        known = self.invoices[invoice]
        self.invoices[invoice] = replace(
            known, failed_at=self.clock.now(), reason=reason_for_code(code, "card"), method=method
        )

    def failed(self, invoice: str, at: datetime) -> None:
        """Say when the last attempt failed."""
        self.invoices[invoice] = replace(self.invoices[invoice], failed_at=at)

    def mails_to(self, invoice: str, email: str) -> None:
        """Put an e-mail address on an invoice."""
        self.invoices[invoice] = replace(self.invoices[invoice], email=email)

    def open_portal(self, customer: str, return_url: str) -> str | facts.Unreadable:
        self.sessions.append(customer)
        return self.unreadable or f"https://portal.example/{customer}"

    def hosted_page(self, invoice: str) -> str | facts.Unreadable:
        return self.unreadable or f"https://hosted.example/{invoice}"

    def events_since(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        found = [event for event in self.listed if datetime.fromisoformat(event["at"]) >= since]
        for place, event in enumerate(found):
            if place == self.breaks_after:
                raise readings.SweepFailedError("the list broke off")
            yield event
        if self.unreadable:
            raise readings.SweepFailedError(self.unreadable.reason)

    def find_numbered(self, number: str) -> str | facts.Unreadable | None:
        found = [id_ for id_, each in self.invoices.items() if each.reading.invoice.number == number]
        return self.unreadable or (found[0] if found else None)

    def overdue(self, since: datetime, until: datetime) -> Iterator[readings.Overdue]:
        if self.unreadable:
            raise readings.SweepFailedError(self.unreadable.reason)
        for id_, arrears in self.invoices.items():
            said = arrears.reading.invoice
            sent = not arrears.reading.collects_automatically and said.status is words.InvoiceStatus.OPEN
            if sent and said.due is not None and since.date() <= said.due <= until.date():
                yield readings.Overdue(id_, said.due.isoformat())

    def change(self, invoice: str, **values: Any) -> None:
        """Change what the ledger says about an invoice."""
        known = self.invoices[invoice]
        said = replace(known.reading.invoice, **values)
        changed = replace(
            known.reading, invoice=said, auto_advance=said.auto_advance, next_attempt=said.next_attempt
        )
        self.invoices[invoice] = replace(known, reading=changed)


@dataclass
class World:
    """One company, its Stripe (`ledger`), its postbox and a clock that moves when told.

    With `keeps_books` there is a NetSuite too (`books`), which hears of every customer and invoice.
    """

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    ledger: Ledger = field(init=False)
    postbox: Postbox = field(default_factory=Postbox)
    book: Book = field(default_factory=lambda: bind(default_policy(), built_in_wording()))
    events: int = 0
    accepts_webhooks: bool = True
    ledger_of: type[Ledger] = Ledger
    keeps_books: bool = False
    books: Books = field(init=False)
    manager: facts.Person | None = None

    def __post_init__(self) -> None:
        self.ledger = self.ledger_of(self.clock)
        self.books = Books(self.clock)

    @property
    def ports(self) -> Ports:
        return Ports(
            payments=self.ledger,
            mailer=self.postbox,
            clock=self.clock,
            sender=facts.Person("Sam Sample", "sam.sample@dunwell.example"),
            base_url="http://127.0.0.1:8000",
            secret="test-secret",
            accepts_webhooks=self.accepts_webhooks,
            ledger=self.books if self.keeps_books else None,
            manager=self.manager,
        )

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def customer(self, id_: str = "cus_1", **values: Any) -> facts.Customer:
        """Add a small New York customer with an ordinary record."""
        said: dict[str, Any] = {
            "name": "Acme Inc",
            "country": "US",
            "subdivision": "NY",
            "mrr": facts.Mrr((Money(90000, "USD"),) * 3, "test"),
            "record": facts.PaymentRecord(8, 8, 7, 0),
            "contact": facts.Contact("Dana Reyes", f"dana@{id_.replace('_', '-')}.example", "test"),
        }
        self.ledger.customers[id_] = facts.Customer(id_, **{**said, **values})
        return self.ledger.customers[id_]

    def fails(self, invoice: str = "in_1", customer: str = "cus_1", **values: Any) -> None:
        """Let a payment fail now, at the ledger and as an event in the inbox."""
        if customer not in self.ledger.customers:
            self.customer(customer)
        said: dict[str, Any] = {
            "number": invoice.upper().replace("IN_", "INV-"),
            "open": Money(120000, "USD"),
            "status": words.InvoiceStatus.OPEN,
        }
        said.update(values)
        code = said.pop("code", "insufficient_funds")
        billed = facts.Invoice(id=invoice, **said)
        if self.keeps_books:
            self.books.bill(self.ledger.customers[customer], billed)
        self.ledger.invoices[invoice] = readings.ArrearsReading(
            reading=facts.InvoiceReading(self.now, billed),
            customer=customer,
            failed_at=self.now,
            reason=reason_for_code(code, "card"),
            method="pm_old",
            payment=f"pi_{invoice}",
        )
        self.ledger.collects(invoice, automatic=True)
        self.event("invoice.payment_failed", "failure", invoice=invoice)

    def body(
        self, type_: str, topic: str, *, key: str, at: datetime | None = None, **ids: str
    ) -> dict[str, str]:
        """What a webhook would bring."""
        return {"id": key, "type": type_, "topic": topic, "at": (at or self.now).isoformat(), **ids}

    def event(self, type_: str, topic: str, at: datetime | None = None, **ids: str) -> str:
        """Put an event into the inbox, as a webhook would; `at` is when it happened, if not now."""
        self.events += 1
        event = self.body(type_, topic, key=f"evt_{self.events}", at=at, **ids)
        keep.keep_event(source="stripe", event=event, body=json.dumps(event), now=self.now)
        return event["id"]

    def pays(self, invoice: str = "in_1") -> None:
        """Let the customer pay, at the ledger and as an event."""
        self.ledger.change(invoice, status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
        self.event("invoice.paid", "invoice", invoice=invoice)

    def saves_method(self, method: str = "pm_new", customer: str = "cus_1") -> None:
        """Let the customer save a payment method; three events tell of one."""
        for type_ in ("setup_intent.succeeded", "payment_method.attached", "customer.updated"):
            self.event(type_, "new_method", customer=customer, method=method)

    def run(self) -> None:
        """Do everything due now."""
        run_due(self.ports, self.book, self.now, Worker("test"))

    def run_to(self, until: datetime) -> None:
        """Let the clock run from alarm to alarm, with a worker at work."""
        while self.now < until:
            alarm = next_alarm()
            self.clock.move_to(max(self.now, min(alarm, until)) if alarm else until)
            self.run()

    def run_for(self, **span: float) -> None:
        """Let the clock run on for days, hours or minutes."""
        self.run_to(self.now + timedelta(**span))

    def decide(self) -> None:
        """Apply and tick, but perform nothing: what is queued stays queued."""
        apply_waiting(self.ports, self.book, self.now)
        tick(self.ports, self.now)

    def perform(self) -> dict[str, int]:
        """Perform what is queued; say how many ended in which state."""
        return dict(perform_due(self.ports, self.now, Worker("test")))

    def settle(self, kind: words.ReviewKind, invoice: str = "in_1") -> None:
        """Let a person settle what lies on the desk."""
        review.settle(
            review_id=self.item(kind, invoice).pk,
            resolution="Looked at it.",
            by="ana",
            now=self.now,
            ports=self.ports,
        )

    def close(self, invoice: str = "in_1") -> None:
        """Let a person close the case."""
        review.close_by_hand(
            case_id=self.case(invoice).pk,
            ending=words.Ending.PAID_ELSEWHERE,
            reason="They paid by wire.",
            by="ana",
            now=self.now,
        )

    def hold(
        self,
        until: datetime | None = None,
        kind: words.HoldKind = words.HoldKind.PAUSE,
        scope: words.HoldScope = words.HoldScope.CASE,
        invoice: str = "in_1",
    ) -> models.Hold:
        """Let a person put a case, or all of its customer's, on hold."""
        review.place_hold(
            case_id=self.case(invoice).pk,
            kind=kind,
            scope=scope,
            until=until,
            reason="They asked for time.",
            by="ana",
            now=self.now,
            ports=self.ports,
        )
        return models.Hold.objects.order_by("-pk")[0]

    def release(self, hold: models.Hold) -> None:
        """Let a person end a hold."""
        review.release_hold(hold_id=hold.pk, by="ana", now=self.now, ports=self.ports)

    def case(self, invoice: str = "in_1") -> models.Case:
        """The newest case on an invoice."""
        rows = models.Case.objects.select_related("invoice", "customer").order_by("-pk")
        return rows.filter(invoice__external_id=invoice)[0]

    def story(self, invoice: str = "in_1") -> list[str]:
        """The kinds of a case's timeline entries, in order."""
        return [entry.kind for entry in self.entries(invoice)]

    def entries(self, invoice: str = "in_1", kind: str = "") -> list[models.TimelineEntry]:
        """The timeline entries of all cases of an invoice, in order."""
        rows = models.TimelineEntry.objects.filter(case__invoice__external_id=invoice)
        return list((rows.filter(kind=kind) if kind else rows).order_by("case_id", "seq"))

    def said(self, kind: str, invoice: str = "in_1") -> list[str]:
        """What the entries of one kind say."""
        return [entry.summary for entry in self.entries(invoice, kind)]

    def reviews(self, invoice: str = "in_1") -> list[str]:
        """The kinds of what lies on a desk about an invoice."""
        rows = models.ReviewItem.objects.filter(case__invoice__external_id=invoice, closed_at=None)
        return list(rows.order_by("pk").values_list("kind", flat=True))

    def item(self, kind: words.ReviewKind, invoice: str = "in_1") -> models.ReviewItem:
        """The open desk item of a kind."""
        return models.ReviewItem.objects.get(
            case__invoice__external_id=invoice, kind=kind.value, closed_at=None
        )

    def outbox(self, invoice: str = "in_1") -> list[tuple[str, str]]:
        """Stage (or `charge`) and state of every effect of an invoice, in order."""
        rows = models.OutboxItem.objects.filter(case__invoice__external_id=invoice).order_by("pk")
        return [(row.stage or row.kind, row.state) for row in rows]

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.postbox.mails]

    def days(self) -> list[str]:
        """The days, in UTC, on which mail left."""
        return [f"{mail.date.astimezone(UTC):%m-%d}" for mail in self.postbox.mails]
