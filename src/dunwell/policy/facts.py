"""What is known: frozen values that vendors, the store and replay produce and that rules read.

Every datetime is aware. Amounts are `Money` (integer minor units). Nothing here does anything.
"""

from dataclasses import dataclass
from datetime import date, datetime

from dunwell.policy.money import Money
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    MessageState,
    Rail,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name and an address."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Contact:
    """The named accounts-payable contact. `source` says where the address came from."""

    name: str
    email: str
    source: str = ""
    deliverable: bool = True


@dataclass(frozen=True, slots=True)
class Mrr:
    """The last three full months, oldest first, with where and when they were read (spec 1)."""

    months: tuple[Money, Money, Money]
    source: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """How a customer has paid so far; decides the band (spec 2)."""

    tenure_months: int
    invoices_paid: int
    invoices_on_time: int
    failures_90d: int


@dataclass(frozen=True, slots=True)
class Customer:
    """The company that owes.

    `timezone` is a value set by a person or the ledger; without it the billing address decides.
    `record` is None when nothing is known; `mrr` is None when no source could be read (not zero).
    """

    id: str
    name: str
    country: str | None = None
    subdivision: str | None = None
    timezone: str | None = None
    mrr: Mrr | None = None
    record: PaymentRecord | None = None
    strategic: bool = False
    contact: Contact | None = None
    owner: Person | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """The invoice as last read. `open` is the amount still owed now."""

    id: str
    number: str
    open: Money
    status: InvoiceStatus
    due: date | None = None
    rail: Rail = Rail.CARD
    in_flight: bool = False
    charged_back: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """A decline, read: its class and the plain sentence a customer may see (spec 3)."""

    code: str
    retry_class: RetryClass
    sentence: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A message queued or sent for a case."""

    stage: Stage
    at: datetime
    state: MessageState
    to: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A payment attempt. `method` is the vendor's id of the instrument."""

    at: datetime
    trigger: AttemptTrigger
    outcome: AttemptOutcome
    method: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A wait. Half-open: active when `start <= now < until`; `until` None is open-ended.

    `ended_at` is set once somebody or the clock has ended it; it then was active up to that moment.
    """

    kind: HoldKind
    scope: HoldScope
    start: datetime
    until: datetime | None
    reason: str = ""
    by: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One invoice in arrears with everything the rules may look at.

    `failed_at` is None for an invoice that only passed its due date. `payer_written_at` is when the
    contact last got a dunning message on any *other* case (the per-payer cap, spec 2).
    """

    track: Track | None
    status: CaseStatus
    opened_at: datetime
    anchor: datetime
    invoice: Invoice
    customer: Customer
    failed_at: datetime | None = None
    reason: Reason | None = None
    messages: tuple[Message, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    holds: tuple[Hold, ...] = ()
    reviews: tuple[ReviewKind, ...] = ()
    payer_written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvoiceReading:
    """The ledger's answer about one invoice, with the moment it was asked (spec 5)."""

    at: datetime
    invoice: Invoice
    auto_advance: bool | None = None
    next_attempt: datetime | None = None
    collects_automatically: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A vendor gave no usable answer. `permanent` means asking again cannot help."""

    reason: str
    permanent: bool = False
