"""What is known: frozen values that vendors, the store and replay produce and that rules read.

Every datetime is aware. Amounts are `Money` (integer minor units). Nothing here does anything.
"""

from dataclasses import dataclass
from datetime import date, datetime

from dunwell.policy.money import Money
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    HoldKind,
    HoldScope,
    InvoiceSource,
    InvoiceStatus,
    LetterState,
    MessageState,
    Rail,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)

# How the source of a contact begins that a person named.
SET_BY_A_PERSON = "set by"


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
    """The invoice as last read. `open` is the amount still owed now; `source` is where it is read.

    `in_flight_since` is when the payment under way was first seen.
    """

    id: str
    number: str
    open: Money
    status: InvoiceStatus
    due: date | None = None
    rail: Rail = Rail.CARD
    in_flight: bool = False
    charged_back: bool = False
    auto_advance: bool | None = None
    next_attempt: datetime | None = None
    source: InvoiceSource = InvoiceSource.STRIPE
    in_flight_since: datetime | None = None


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
class Letter:
    """A personal mail, from draft to proof (spec 1.2, steps 4 to 6); `number` counts from 1.

    `owner_until` is when the relationship owner's time to veto is over; None: nobody has to be asked.
    """

    number: int
    state: LetterState
    drafted_at: datetime
    owner_until: datetime | None = None
    owner_agreed_at: datetime | None = None
    approved_at: datetime | None = None
    approved_by: str = ""
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    to: str = ""


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the ledger (NetSuite) said when it was asked about a case; `read_at` None: not asked yet.

    `missing` says in sentences what the personal track needs and the ledger does not have. Ids are the
    ledger's own; empty when it knows none.
    """

    read_at: datetime | None
    missing: tuple[str, ...] = ()
    customer: str = ""
    invoice: str = ""
    contact: str = ""
    crm_status: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Who retries the charge, since when, and when that was last proved by reading the invoice back."""

    owner: CollectionOwner = CollectionOwner.STRIPE
    since: datetime | None = None
    proved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Instrument:
    """The method a retry of ours would charge: the one saved last, else the one that failed (spec 3).

    `recent_tries` counts attempts with it in 30 days on any invoice, `represented` the re-presentments of a
    bank debit in 180 days.
    """

    method: str
    recent_tries: int = 0
    represented: int = 0


@dataclass(frozen=True, slots=True)
class Instalment:
    """One part of a payment plan: `amount` is due on a local date, after which `left` may still be open."""

    due: date
    amount: Money
    left: Money


@dataclass(frozen=True, slots=True)
class Hold:
    """A wait. Half-open: active when `start <= now < until`; `until` None is open-ended.

    `ended_at` is set once somebody or the clock has ended it; it then was active up to that moment.
    `instalments` are the parts of a payment plan, the earliest first.
    """

    kind: HoldKind
    scope: HoldScope
    start: datetime
    until: datetime | None
    reason: str = ""
    by: str = ""
    ended_at: datetime | None = None
    instalments: tuple[Instalment, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One invoice in arrears with everything the rules may look at.

    `failed_at` is None for an invoice that only passed its due date. `payer_written_at` is when the
    contact last got a dunning message on any *other* case (the per-payer cap, spec 2). `track_chosen`: a person
    chose the track, which answers for an MRR nobody could read. `ledger` is None where no ledger is set up.
    `under_way` are effects other than messages that are queued or being performed. `reopened_at`: the case had
    ended, and the money was taken back then. `gate_told_at`: when a person was last told that nothing may be sent.
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
    track_chosen: bool = False
    ledger: LedgerFacts | None = None
    collection: Collection = Collection()
    letters: tuple[Letter, ...] = ()
    instrument: Instrument | None = None
    under_way: frozenset[ActionKind] = frozenset()
    reopened_at: datetime | None = None
    gate_told_at: datetime | None = None


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
