"""A small world for tests of the verbs: a ledger and a postbox that keep the ports' promises in memory."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from dunwell.engine.clock import VirtualClock
from dunwell.engine.loop import run_due
from dunwell.engine.perform import Worker
from dunwell.engine.ports import Mailer, Payments, Ports
from dunwell.policy import facts, readings, words
from dunwell.policy.book import Book, bind
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.reasons import reason_for_code
from dunwell.policy.wording import built_in_wording
from dunwell.store import keep, models
from dunwell.store.claims import next_alarm

START = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)  # a Tuesday, 10:03 in New York


class Ledger(Payments):
    """Stripe, in memory: invoices and customers by id, every call counted."""

    def __init__(self) -> None:
        self.invoices: dict[str, readings.ArrearsReading] = {}
        self.customers: dict[str, facts.Customer] = {}
        self.unreadable: facts.Unreadable | None = None
        self.charges: list[tuple[str, str, str]] = []
        self.charge_outcomes: list[words.AttemptOutcome] = []
        self.reads: list[str] = []
        self.listed: list[dict[str, Any]] = []

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
        )

    def open_envelope(self, body: bytes, signature: str) -> Mapping[str, Any] | readings.Malformed:
        return readings.Malformed("not used here")

    def read_invoice(self, invoice: str, now: datetime) -> facts.InvoiceReading | facts.Unreadable:
        arrears = self.read_arrears(invoice, now)
        return arrears if isinstance(arrears, facts.Unreadable) else arrears.reading

    def read_arrears(self, invoice: str, now: datetime) -> readings.ArrearsReading | facts.Unreadable:
        self.reads.append(invoice)
        if self.unreadable:
            return self.unreadable
        known = self.invoices.get(invoice)
        if known is None:
            return facts.Unreadable(f"Stripe does not know invoice {invoice}", permanent=True)
        return replace(known, reading=replace(known.reading, at=now))

    def read_customer(self, customer: str, now: datetime) -> readings.CustomerReading | facts.Unreadable:
        if self.unreadable:
            return self.unreadable
        return readings.CustomerReading(now, self.customers[customer])

    def find_invoice(self, payment: str) -> str | facts.Unreadable | None:
        found = [key for key, arrears in self.invoices.items() if arrears.payment == payment]
        return found[0] if found else None

    def charge(self, invoice: str, method: str, key: str) -> readings.ChargeResult:
        self.charges.append((invoice, method, key))
        outcome = self.charge_outcomes.pop(0) if self.charge_outcomes else words.AttemptOutcome.PAID
        if outcome is words.AttemptOutcome.PAID:
            self.change(invoice, status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
        return readings.ChargeResult(outcome)

    def open_portal(self, customer: str, return_url: str) -> str | facts.Unreadable:
        return self.unreadable or f"https://portal.example/{customer}"

    def hosted_page(self, invoice: str) -> str | facts.Unreadable:
        return self.unreadable or f"https://hosted.example/{invoice}"

    def events_since(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        if self.unreadable:
            raise readings.SweepFailedError(self.unreadable.reason)
        yield from (event for event in self.listed if datetime.fromisoformat(event["at"]) >= since)

    def change(self, invoice: str, **values: Any) -> None:
        """Change what the ledger says about an invoice."""
        known = self.invoices[invoice]
        changed = replace(known.reading, invoice=replace(known.reading.invoice, **values))
        self.invoices[invoice] = replace(known, reading=changed)


class Postbox(Mailer):
    """A mail server that takes everything, unless told what to answer next."""

    def __init__(self) -> None:
        self.mails: list[readings.OutgoingMail] = []
        self.answers: list[readings.Delivery] = []

    def send(self, mail: readings.OutgoingMail) -> readings.Delivery:
        answer = self.answers.pop(0) if self.answers else readings.Handed("250 ok")
        if not isinstance(answer, readings.Refused):
            self.mails.append(mail)
        return answer

    def close(self) -> None:
        pass


@dataclass
class World:
    """One company, its ledger, its postbox and a clock that moves when told."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    ledger: Ledger = field(default_factory=Ledger)
    postbox: Postbox = field(default_factory=Postbox)
    book: Book = field(default_factory=lambda: bind(default_policy(), built_in_wording()))
    events: int = 0

    @property
    def ports(self) -> Ports:
        return Ports(
            payments=self.ledger,
            mailer=self.postbox,
            clock=self.clock,
            sender=facts.Person("Sam Sample", "sam.sample@dunwell.example"),
            base_url="http://127.0.0.1:8000",
            secret="test-secret",
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
        self.ledger.invoices[invoice] = readings.ArrearsReading(
            reading=facts.InvoiceReading(self.now, facts.Invoice(id=invoice, **said)),
            customer=customer,
            failed_at=self.now,
            reason=reason_for_code(code, "card"),
            method="pm_old",
            payment=f"pi_{invoice}",
        )
        self.event("invoice.payment_failed", "failure", invoice=invoice)

    def event(self, type_: str, topic: str, **ids: str) -> str:
        """Put an event into the inbox, as a webhook would."""
        self.events += 1
        event = {"id": f"evt_{self.events}", "type": type_, "topic": topic, "at": self.now.isoformat(), **ids}
        keep.keep_event(source="stripe", event=event, body=json.dumps(event), now=self.now)
        return str(event["id"])

    def pays(self, invoice: str = "in_1") -> None:
        """Let the customer pay, at the ledger and as an event."""
        self.ledger.change(invoice, status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
        self.event("invoice.paid", "invoice", invoice=invoice)

    def run(self) -> None:
        """Do everything due now."""
        run_due(self.ports, self.book, self.now, Worker("test"))

    def run_to(self, until: datetime) -> None:
        """Let the clock run from alarm to alarm, with a worker at work."""
        while self.now < until:
            alarm = next_alarm()
            self.clock.move_to(max(self.now, min(alarm, until)) if alarm else until)
            self.run()

    def case(self, invoice: str = "in_1") -> models.Case:
        return models.Case.objects.select_related("invoice", "customer").get(invoice__external_id=invoice)

    def story(self, invoice: str = "in_1") -> list[str]:
        """The kinds of a case's timeline entries, in order."""
        rows = models.TimelineEntry.objects.filter(case__invoice__external_id=invoice)
        return list(rows.order_by("case_id", "seq").values_list("kind", flat=True))

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.postbox.mails]
