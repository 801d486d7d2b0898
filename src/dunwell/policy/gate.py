"""The gate: what must hold in the ledger right before a message or a charge leaves (spec 5).

Pure: the caller reads the ledger again, asks here, and does what the verdict says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dunwell.policy.addresses import is_address
from dunwell.policy.cadence import is_active, rhythm_of
from dunwell.policy.calendars import into_window
from dunwell.policy.facts import Case, Hold, Invoice, InvoiceReading, Unreadable
from dunwell.policy.money import Money
from dunwell.policy.policy import Policy
from dunwell.policy.rules import CALLED, SETTLED, STRANGE, cap_ends
from dunwell.policy.words import (
    CaseStatus,
    Ending,
    HoldKind,
    InvoiceStatus,
    MessageState,
    ReviewKind,
    Stage,
)


class VerdictKind(StrEnum):
    """What to do with something that is about to leave.

    `SEND`: let it go. `ADJUST`: write it again with `amount`, then let it go. `CLOSE`: stop it and close the
    case with `ending`, if one is given. `HOLD`: stop it; something else moves the case. `WAIT`: ask again at
    `again_at`. `REVIEW`: stop it and tell a person (`review`); with `again_at`, go on asking meanwhile.
    """

    SEND = "send"
    ADJUST = "adjust"
    CLOSE = "close"
    HOLD = "hold"
    WAIT = "wait"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer. `amount` is what is open now; `why` is a sentence for the timeline."""

    kind: VerdictKind
    why: str
    amount: Money | None = None
    again_at: datetime | None = None
    ending: Ending | None = None
    review: ReviewKind | None = None


# Holds under which a method the customer saved is still charged: the customer wants to pay. A contested
# invoice, or one that is paid in parts by agreement, is not charged in full.
CHARGED_UNDER = frozenset(
    {HoldKind.REPLY, HoldKind.PROMISE, HoldKind.PAUSE, HoldKind.DO_NOT_CONTACT, HoldKind.VETO}
)
NOT_CHARGED_UNDER = frozenset({HoldKind.DISPUTE, HoldKind.PAYMENT_PLAN})

# A ledger that cannot be read is asked again after a quarter of the time it has been silent, within bounds.
_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)
_IN_FLIGHT_WAIT = timedelta(days=1)


def check_gate(
    case: Case,
    message_stage: Stage,
    message_amount: Money,
    reading: InvoiceReading | Unreadable,
    policy: Policy,
    now: datetime,
    *,
    due_since: datetime,
) -> Verdict:
    """Judge a message that is about to leave, by a fresh reading of the ledger.

    `message_amount` is the amount its text names; `due_since` is when it first became due, which decides
    when an unreadable ledger is reported to a person.
    """
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    return (
        _ledger_says_no(invoice, message_amount.currency)
        or _case_says_no(case, message_stage, now)
        or _not_yet(case, invoice, message_stage, policy, now)
        or _at_its_amount(invoice, message_amount)
    )


def check_charge_gate(
    case: Case,
    method: str,
    reading: InvoiceReading | Unreadable,
    policy: Policy,
    now: datetime,
    *,
    due_since: datetime,
) -> Verdict:
    """Judge a charge that is about to be made with one method, by a fresh reading of the ledger."""
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    if no := _ledger_says_no(invoice, case.invoice.open.currency):
        return no
    if case.status is CaseStatus.CLOSED:
        return Verdict(VerdictKind.HOLD, "The case is closed.")
    if not method:
        return Verdict(VerdictKind.HOLD, "No payment method was named, so the wrong one could be charged.")
    if why_not := no_charge_because(invoice, case.holds, now):
        return Verdict(VerdictKind.HOLD, f"Not charged: {why_not}.")
    return Verdict(
        VerdictKind.SEND, "The invoice is open and nothing stands against the charge.", invoice.open
    )


def no_charge_because(invoice: Invoice, holds: Iterable[Hold], now: datetime) -> str | None:
    """Say in a phrase why an invoice must not be charged now; None when it may be."""
    if invoice.status is not InvoiceStatus.OPEN or invoice.open.minor <= 0:
        return "nothing is open on the invoice"
    if invoice.charged_back:
        return "a payment of it was charged back"
    if invoice.in_flight:
        return "a payment is under way"
    for hold in holds:
        if hold.kind in NOT_CHARGED_UNDER and is_active(hold, now):
            return f"the case is on hold ({hold.kind})"
    return None


def _freshly_read(
    reading: InvoiceReading | Unreadable, policy: Policy, now: datetime, due_since: datetime
) -> Invoice | Verdict:
    if isinstance(reading, InvoiceReading):
        if now - reading.at < timedelta(seconds=policy.gate.reading_max_age_seconds):
            return reading.invoice
        return Verdict(
            VerdictKind.WAIT, "The reading of the ledger is too old; it is read again.", again_at=now
        )
    if reading.permanent:
        why = f"The ledger cannot answer: {reading.reason}."
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.LEDGER_UNREADABLE)
    again_at = now + min(max((now - due_since) / 4, _SHORTEST_WAIT), _LONGEST_WAIT)
    patience = policy.gate.tell_person_after_hours
    if now - due_since >= timedelta(hours=patience):
        why = f"The ledger could not be read for {patience} hours: {reading.reason}."
        return Verdict(VerdictKind.REVIEW, why, again_at=again_at, review=ReviewKind.LEDGER_UNREADABLE)
    return Verdict(VerdictKind.WAIT, f"The ledger could not be read: {reading.reason}.", again_at=again_at)


def _ledger_says_no(invoice: Invoice, currency: str) -> Verdict | None:
    if invoice.status in SETTLED:
        ending, why = SETTLED[invoice.status]
        return Verdict(VerdictKind.CLOSE, why, ending=ending)
    if invoice.status in STRANGE:
        review, why = STRANGE[invoice.status]
        return Verdict(VerdictKind.REVIEW, why, review=review)
    if invoice.open.minor <= 0:
        return Verdict(VerdictKind.CLOSE, "Nothing is open on the invoice any more.", ending=Ending.CREDITED)
    if invoice.open.currency != currency:
        why = f"The invoice is in {invoice.open.currency} now, not in {currency}."
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.BAD_DATA)
    if invoice.charged_back:
        return Verdict(VerdictKind.HOLD, "The payer's bank took a payment back (chargeback).")
    return None


def _case_says_no(case: Case, stage: Stage, now: datetime) -> Verdict | None:
    if case.status is CaseStatus.CLOSED:
        return Verdict(VerdictKind.HOLD, "The case is closed.")
    if case.status is CaseStatus.REVIEW or (
        case.status is CaseStatus.ESCALATED and stage is not Stage.ESCALATION
    ):
        return Verdict(VerdictKind.HOLD, "A person has the case.")
    for hold in case.holds:
        if is_active(hold, now):
            return Verdict(VerdictKind.HOLD, f"The case is on hold ({hold.kind}).")
    if any(message.stage is stage and message.state is MessageState.SENT for message in case.messages):
        return Verdict(VerdictKind.HOLD, f"The {CALLED[stage]} has been sent already.")
    contact = case.customer.contact
    if contact is None or not contact.deliverable or not is_address(contact.email):
        return Verdict(VerdictKind.REVIEW, "No contact can be reached by mail.", review=ReviewKind.NO_CONTACT)
    return None


def _not_yet(case: Case, invoice: Invoice, stage: Stage, policy: Policy, now: datetime) -> Verdict | None:
    if invoice.in_flight:
        return Verdict(VerdictKind.WAIT, "A payment is under way.", again_at=now + _IN_FLIGHT_WAIT)
    if free := cap_ends(case, policy, now, stage):
        why = f"The contact was written to about another invoice less than {policy.payer.cap_days} days ago."
        return Verdict(VerdictKind.WAIT, why, again_at=free)
    if stage is not Stage.NOTICE:
        rhythm = rhythm_of(case.customer, policy)
        opens = into_window(now, rhythm.calendar.calendar, rhythm.zone.zone, policy.window)
        if opens > now:
            return Verdict(VerdictKind.WAIT, "It is outside the customer's working hours.", again_at=opens)
    return None


def _at_its_amount(invoice: Invoice, message_amount: Money) -> Verdict:
    if invoice.open != message_amount:
        why = f"{invoice.open} is open now, not {message_amount}."
        return Verdict(VerdictKind.ADJUST, why, invoice.open)
    return Verdict(VerdictKind.SEND, "The invoice is open and nothing stands against sending.", invoice.open)
