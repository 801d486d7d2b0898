"""Cases to decide about: sample values with one line each to change what a test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dunwell.policy.facts import Case, Contact, Customer, Hold, Invoice, Message, PaymentRecord, Reason
from dunwell.policy.money import Money
from dunwell.policy.words import (
    CaseStatus,
    HoldKind,
    HoldScope,
    InvoiceStatus,
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
