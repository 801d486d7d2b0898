"""The doors to the outside: what the engine asks of vendors, mail and the clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from django.http import HttpRequest

from dunwell.engine.clock import Clock
from dunwell.policy.facts import Invoice, InvoiceReading, Person, Unreadable
from dunwell.policy.incoming import Arrived, IncomingMail, TransportEvent
from dunwell.policy.ledger import Gathering, LedgerCall, LedgerMail, MailReading, Posting, Standing
from dunwell.policy.readings import (
    ArrearsReading,
    ChargeResult,
    CustomerReading,
    Delivery,
    Malformed,
    Notice,
    OutgoingMail,
    Overdue,
)
from dunwell.policy.replies import ReplyReader, RulesReader


class Payments(Protocol):
    """Stripe. Every answer is a value; `Unreadable` says whether asking again can help."""

    def translate(self, event: Mapping[str, Any]) -> Notice | Malformed:
        """Say what an event is about. Pure."""
        ...

    def open_envelope(self, body: bytes, signature: str) -> Mapping[str, Any] | Malformed:
        """Check a webhook's signature and parse its body."""
        ...

    def read_invoice(self, invoice: str, now: datetime) -> InvoiceReading | Unreadable:
        """Read one invoice with what is in flight or charged back behind it (for the gate)."""
        ...

    def read_arrears(self, invoice: str, now: datetime) -> ArrearsReading | Unreadable:
        """Read one invoice with its last failure and that failure's reason."""
        ...

    def read_customer(self, customer: str, now: datetime) -> CustomerReading | Unreadable:
        """Read who the customer is, how they have paid so far, and their MRR."""
        ...

    def find_invoice(self, payment: str) -> str | Unreadable | None:
        """Find the invoice behind a payment intent; None when there is none."""
        ...

    def charge(self, invoice: str, method: str, key: str) -> ChargeResult:
        """Charge an open invoice with one method under one idempotency key."""
        ...

    def set_collection(
        self, invoice: str, *, automatic: bool, key: str, now: datetime
    ) -> InvoiceReading | Unreadable:
        """Switch Stripe's own retries of an invoice on or off, then read the invoice back (spec 1.2, step 2)."""
        ...

    def open_portal(self, customer: str, return_url: str) -> str | Unreadable:
        """Make a payment-method-update session and return its short-lived address."""
        ...

    def hosted_page(self, invoice: str) -> str | Unreadable:
        """Return the address of the invoice's hosted page."""
        ...

    def events_since(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield all events created at or after `since`, oldest first; raises `readings.SweepFailedError`."""
        ...

    def find_numbered(self, number: str) -> str | Unreadable | None:
        """Find the invoice that carries a number, whatever became of it; None when there is none."""
        ...

    def overdue(self, since: datetime, until: datetime) -> Iterator[Overdue]:
        """Yield the open invoices that are sent, not charged, and fell due at or after `since` and before `until`.

        Raises `readings.SweepFailedError`.
        """
        ...


class Ledger(Protocol):
    """NetSuite. Every answer is a value; `Unreadable` says whether asking again can help."""

    def gather(self, customer: str, number: str, now: datetime) -> Gathering | Unreadable:
        """Read everything about a customer (the ledger's id, or "" to find it by the invoice number) and invoice."""
        ...

    def read_standing(self, customer: str, invoice: str, now: datetime) -> Standing | Unreadable:
        """Read the invoice and what is unapplied, by the ledger's ids (for the gate); customer "": the invoice only."""
        ...

    def overdue(self, since: date, until: date) -> Sequence[Invoice] | Unreadable:
        """List the open invoices that fell due on or after `since` and on or before `until`; ids are the ledger's."""
        ...

    def find_employee(self, email: str) -> str | Unreadable:
        """Return the id of the active employee with an address; permanently `Unreadable` if there is none."""
        ...

    def send_mail(self, mail: LedgerMail) -> Posting:
        """Send a mail that stands on the customer's record; the same key never sends twice."""
        ...

    def read_mail(self, key: str, now: datetime) -> MailReading | Unreadable:
        """Ask what became of a mail; its row may take minutes to be seen."""
        ...

    def record_call(self, call: LedgerCall) -> str | Unreadable:
        """Write a phone call record and return its id; the same key writes the same record again."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


class Mailer(Protocol):
    """Something that hands mail to a server."""

    def send(self, mail: OutgoingMail) -> Delivery:
        """Hand over one mail; never raises for what a server or network does."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Mailbox(Protocol):
    """Where replies arrive, to be read from time to time. Nothing in it is changed or deleted."""

    def arrived(self, after: str, now: datetime) -> Iterator[Arrived]:
        """Yield the mails that came after a place, oldest first; `after` "": the last days only.

        Raises `MailboxUnreadableError`.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class MailWebhooks(Protocol):
    """A mail provider that calls us about mail that came in and about what became of ours."""

    def why_closed(self, what: str) -> str:
        """Say why nobody can call about `what` ("inbound" or "tracking"); empty: the door is open."""
        ...

    def open(
        self, request: HttpRequest, what: str
    ) -> tuple[tuple[str, IncomingMail | TransportEvent], ...] | Malformed:
        """Check who calls and take the call apart, each part with an id that is the same however often it comes.

        `what` is "inbound" or "tracking".
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the verbs need from outside, put together by `wiring`.

    `ledger` is None where NetSuite is not set up. `manager` signs personal mail; the sender when None. `mailbox`
    and `mail_webhooks` are None where replies do not come that way. `reply_to` is the address whose local part
    carries the case that is replied to; empty: replies go to the sender. `reader` proposes what a person meant.
    """

    payments: Payments
    mailer: Mailer
    clock: Clock
    sender: Person
    base_url: str
    secret: str
    accepts_webhooks: bool = True
    ledger: Ledger | None = None
    manager: Person | None = None
    mailbox: Mailbox | None = None
    mail_webhooks: MailWebhooks | None = None
    reply_to: str = ""
    reader: ReplyReader = field(default_factory=RulesReader)
