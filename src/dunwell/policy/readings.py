"""What vendors answer: frozen values that connectors return and the engine reads.

A vendor's refusal is a value too (`Unreadable`, `Refused`, ...), never an exception across the door.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dunwell.policy.facts import Customer, InvoiceReading, Person, Reason
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome


class Topic(StrEnum):
    """What an event asks us to look at. Every event type is classified (`connectors/stripe/translate.py`)."""

    FAILURE = "failure"  # an attempt on an invoice failed, or could not be made
    INVOICE = "invoice"  # an invoice changed: read it again
    PAYMENT = "payment"  # a payment behind some invoice changed: find the invoice, read it again
    CHARGEBACK = "chargeback"  # a card network dispute, or a bank debit returned late
    OVERDUE = "overdue"  # an invoice that is sent, not charged, may be past its due date
    NEW_METHOD = "new_method"  # a customer saved a payment method
    CUSTOMER = "customer"  # who the customer is changed
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, translated. Only ids are trusted: whatever matters is read again at the vendor."""

    id: str
    type: str
    at: datetime
    topic: Topic
    invoice: str | None = None
    payment: str | None = None
    customer: str | None = None
    method: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The body is not an event we can read; kept in the inbox with the reason."""

    reason: str


class SweepFailedError(Exception):
    """The vendor's list of events could not be read to its end."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """An open invoice found in a search for those past their due date; `due` is in the vendor's own words."""

    invoice: str
    due: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Money of a payment that the bank or the card network took back, and has not given back since.

    `reason` is the vendor's word, such as `insufficient_funds` for a bank debit that was returned late. `final`: it
    was decided, and the money stays away.
    """

    at: datetime
    amount: Money
    reason: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class ArrearsReading:
    """An invoice as read for opening or refreshing a case, with the last failure if there was one.

    `taken_back` is there when a payment was charged back and the vendor says when and how much.
    """

    reading: InvoiceReading
    customer: str
    failed_at: datetime | None = None
    reason: Reason | None = None
    method: str = ""
    payment: str = ""
    email: str = ""
    taken_back: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """A customer as read, with the moment it was asked and what was wrong with the data, in sentences.

    `ledger_id` is the ledger's id of the customer where the vendor keeps it (metadata); empty when it does not.
    """

    at: datetime
    customer: Customer
    warnings: tuple[str, ...] = ()
    ledger_id: str = ""


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What came back from a charge. `UNKNOWN`: no answer; repeat with the same key, then re-read."""

    outcome: AttemptOutcome
    reason: Reason | None = None
    payment: str = ""
    detail: str = ""
    retry_at_once: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail, complete. `automatic` adds `Auto-Submitted: auto-generated` (RFC 3834).

    `answers` are the Message-IDs of the thread it belongs to, the one it answers last; empty: a new thread.
    """

    message_id: str
    sender: Person
    to: Person
    reply_to: str
    subject: str
    text: str
    html: str
    date: datetime
    cc: tuple[Person, ...] = ()
    automatic: bool = True
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handed:
    """The mail server took the message. `id` is what a mail provider calls it; empty for a mail server."""

    detail: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail server did not take it; nothing left. `permanent`: trying again cannot help."""

    reason: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The connection broke after the message was handed over: it may or may not have left."""

    reason: str


Delivery = Handed | Refused | Uncertain
