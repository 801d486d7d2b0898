"""Cases to decide about: sample values with one line each to change what a test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dunwell.policy.facts import (
    Attempt,
    Case,
    Collection,
    Contact,
    Customer,
    Hold,
    Instrument,
    Invoice,
    LedgerFacts,
    Letter,
    Message,
    Mrr,
    PaymentRecord,
    Reason,
)
from dunwell.policy.money import Money
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    LetterState,
    MessageState,
    RetryClass,
    Stage,
    Track,
)

NORMAL = PaymentRecord(tenure_months=10, invoices_paid=10, invoices_on_time=9, failures_90d=0)
PATIENT = PaymentRecord(tenure_months=24, invoices_paid=20, invoices_on_time=20, failures_90d=0)
TIGHT = PaymentRecord(tenure_months=1, invoices_paid=1, invoices_on_time=1, failures_90d=0)

NEW_YORK = {"country": "US", "subdivision": "NY"}
MUNICH = {"country": "DE", "subdivision": "BY"}

FAILED = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)  # a Tuesday, 10:03 in New York


def utc(text: str) -> datetime:
    """Read `2026-04-07 14:03` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def customer(**changes: Any) -> Customer:
    """A customer in New York with a contact and a normal record."""
    values: dict[str, Any] = {
        "id": "cus_1",
        "name": "Acme",
        "record": NORMAL,
        "contact": Contact("Dana Reyes", "dana@acme.example"),
        **NEW_YORK,
    }
    return Customer(**(values | changes))


def invoice(**changes: Any) -> Invoice:
    """An open invoice of 1,200.00 USD."""
    return replace(Invoice("in_1", "INV-1", Money(120_000, "USD"), InvoiceStatus.OPEN), **changes)


def case(*, of: Customer | None = None, about: Invoice | None = None, **changes: Any) -> Case:
    """A standard case that opened when the payment failed, `FAILED`, without any message yet."""
    values: dict[str, Any] = {
        "track": Track.STANDARD,
        "status": CaseStatus.OPEN,
        "opened_at": FAILED,
        "anchor": FAILED,
        "invoice": about or invoice(),
        "customer": of or customer(),
        "failed_at": FAILED,
        "reason": Reason("insufficient_funds", RetryClass.SOFT, "There was not enough money."),
    }
    return Case(**(values | changes))


def sent(stage: Stage, at: datetime, state: MessageState = MessageState.SENT) -> Message:
    """A message of a stage."""
    return Message(stage, at, state, "dana@acme.example")


def hold(
    start: datetime,
    until: datetime | None = None,
    kind: HoldKind = HoldKind.PAUSE,
    ended_at: datetime | None = None,
    reason: str = "",
) -> Hold:
    """A hold of the case."""
    return Hold(kind, HoldScope.CASE, start, until, reason, "Felix", ended_at)


def days(number: float) -> timedelta:
    """Shorten `timedelta(days=...)`."""
    return timedelta(days=number)


OURS = Collection(CollectionOwner.DUNWELL, FAILED, FAILED)
GATHERED = LedgerFacts(FAILED, customer="1834", invoice="28814", contact="2077")


def mrr(*months: str) -> Mrr:
    """Three months of MRR in USD."""
    first, second, third = (Money.parse(month, "USD") for month in months)
    return Mrr((first, second, third), "NetSuite")


def large(**changes: Any) -> Customer:
    """A customer above the threshold, with a named contact and a relationship owner."""
    return customer(**({"mrr": mrr("6000.00", "6000.00", "6000.00")} | changes))


def personal(**changes: Any) -> Case:
    """A case on the personal track whose collection is ours and whose decline may pass."""
    values: dict[str, Any] = {
        "track": Track.PERSONAL,
        "of": large(),
        "collection": OURS,
        "instrument": Instrument("pm_1", 1),
        "attempts": (tried(FAILED, AttemptTrigger.STRIPE),),
    }
    return case(**(values | changes))


def tried(
    at: datetime,
    trigger: AttemptTrigger = AttemptTrigger.RETRY,
    outcome: AttemptOutcome = AttemptOutcome.DECLINED,
) -> Attempt:
    """An attempt with the instrument on file; one of ours that was declined, unless said otherwise."""
    return Attempt(at, trigger, outcome, "pm_1", "insufficient_funds")


def letter(number: int, state: LetterState, at: datetime, **changes: Any) -> Letter:
    """A letter that was drafted and, if its state says so, signed and sent at one moment."""
    values: dict[str, Any] = {"number": number, "state": state, "drafted_at": at}
    if state is not LetterState.DRAFT:
        values |= {"approved_at": at, "approved_by": "Valentina"}
    if state in (LetterState.SENT, LetterState.CONFIRMED):
        values["sent_at"] = at
    return Letter(**(values | changes))
