"""The gate: what must hold in both ledgers right before a message or a charge leaves (spec 5).

Pure: the caller reads Stripe and, when it is set up, NetSuite again, asks here, and does what the verdict says.
A `standing` is NetSuite's answer; None when there was nothing to ask, which a case that uses NetSuite does not
accept unless NetSuite does not know the customer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dunwell.policy.addresses import is_address
from dunwell.policy.cadence import is_active, rhythm_of
from dunwell.policy.calendars import into_window
from dunwell.policy.facts import Case, Hold, Invoice, InvoiceReading, Unreadable
from dunwell.policy.ledger import Standing
from dunwell.policy.money import Money
from dunwell.policy.patience import next_wait
from dunwell.policy.policy import Policy
from dunwell.policy.preparing import switched_on
from dunwell.policy.retries import method_of, no_retry_because
from dunwell.policy.rules import CALLED, SETTLED, STRANGE, cap_ends, is_taken_back, taken_back, written_lately
from dunwell.policy.signing import Says, outdated
from dunwell.policy.words import (
    ActionKind,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    Ending,
    HoldKind,
    InvoiceStatus,
    MessageState,
    ReviewKind,
    Stage,
    Track,
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
    standing: Standing | Unreadable | None,
) -> Verdict:
    """Judge a message of the standard track that is about to leave, by fresh readings of both ledgers.

    `message_amount` is the amount its text names; `due_since` is when it first became due, which decides
    when an unreadable ledger is reported to a person.
    """
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    return (
        _ledger_says_no(invoice, message_amount.currency)
        or _case_says_no(case, message_stage, now)
        or _not_proved(case, reading, policy)
        or _standing_says_no(case, invoice, standing, policy, now, due_since)
        or _not_yet(case, invoice, message_stage, policy, now)
        or _at_its_amount(invoice, message_amount)
    )


def check_letter_gate(
    case: Case,
    says: Says,
    reading: InvoiceReading | Unreadable,
    standing: Standing | Unreadable | None,
    policy: Policy,
    now: datetime,
    *,
    due_since: datetime,
) -> Verdict:
    """Judge a signed personal mail that is about to leave, by fresh readings of both ledgers (spec 1.2, 5).

    `ADJUST` means that it says what is no longer so, above all another amount than is open: the letter is
    withdrawn, not rewritten, since a manager signed it.
    """
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    return (
        _ledger_says_no(invoice, says.amount.currency)
        or _case_says_no(case, None, now)
        or _not_proved(case, reading, policy)
        or _standing_says_no(case, invoice, standing, policy, now, due_since)
        or _not_yet(case, invoice, None, policy, now)
        or _as_signed(case, invoice, says)
    )


def check_charge_gate(
    case: Case,
    method: str,
    reading: InvoiceReading | Unreadable,
    policy: Policy,
    now: datetime,
    *,
    due_since: datetime,
    standing: Standing | Unreadable | None,
    trigger: AttemptTrigger,
) -> Verdict:
    """Judge a charge that is about to be made with one method, by fresh readings of both ledgers.

    A retry of ours (`trigger` RETRY) needs more than a charge the customer asked for by saving a method: no hold
    at all, nobody's desk, collection proved ours, and everything that let it be decided.
    """
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    by_us = trigger is AttemptTrigger.RETRY
    no = (
        _ledger_says_no(invoice, case.invoice.open.currency)
        or _charge_says_no(case, invoice, method, now)
        or (
            (_retry_says_no(case, method, policy, now) or _not_proved(case, reading, policy))
            if by_us
            else None
        )
        or _standing_says_no(case, invoice, standing, policy, now, due_since, asked_for=not by_us)
    )
    why = "The invoice is open and nothing stands against the charge."
    return no or Verdict(VerdictKind.SEND, why, invoice.open)


def _charge_says_no(case: Case, invoice: Invoice, method: str, now: datetime) -> Verdict | None:
    if case.status is CaseStatus.CLOSED:
        return Verdict(VerdictKind.HOLD, "The case is closed.")
    if not method:
        return Verdict(VerdictKind.HOLD, "No payment method was named, so the wrong one could be charged.")
    if why_not := no_charge_because(invoice, case.holds, now):
        return Verdict(VerdictKind.HOLD, f"Not charged: {why_not}.")
    return None


def check_hand_back(
    case: Case,
    reading: InvoiceReading | Unreadable,
    standing: Standing | Unreadable | None,
    policy: Policy,
    now: datetime,
    *,
    due_since: datetime,
) -> Verdict:
    """Judge whether Stripe may collect an invoice again: what is paid, contested or under way it must not (spec 5)."""
    invoice = _freshly_read(reading, policy, now, due_since)
    if isinstance(invoice, Verdict):
        return invoice
    if invoice.status is InvoiceStatus.OPEN and (why_not := no_charge_because(invoice, case.holds, now)):
        return Verdict(VerdictKind.REVIEW, f"Not handed back: {why_not}.", review=ReviewKind.GATE_CLOSED)
    no = None
    if invoice.status is InvoiceStatus.OPEN:
        no = _standing_says_no(case, invoice, standing, policy, now, due_since, asked_for=True)
    return no or Verdict(VerdictKind.SEND, "Nothing stands against handing it back.", invoice.open)


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
    if isinstance(reading, Unreadable):
        return cannot_read("The ledger", reading, policy, now, due_since)
    if _is_old(reading.at, policy, now):
        return _read_again("ledger", now)
    return reading.invoice


def _is_old(at: datetime, policy: Policy, now: datetime) -> bool:
    return now - at >= timedelta(seconds=policy.gate.reading_max_age_seconds)


def _read_again(what: str, now: datetime) -> Verdict:
    why = f"The reading of the {what} is too old; it is read again."
    return Verdict(VerdictKind.WAIT, why, again_at=now)


def cannot_read(who: str, said: Unreadable, policy: Policy, now: datetime, due_since: datetime) -> Verdict:
    """Judge what waits for a vendor that gives no answer: ask again, ever more slowly, and in the end a person."""
    if said.permanent:
        why = f"{who} cannot answer: {said.reason}."
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.LEDGER_UNREADABLE)
    again_at = now + next_wait(now - due_since, shortest=_SHORTEST_WAIT, longest=_LONGEST_WAIT)
    patience = policy.gate.tell_person_after_hours
    if now - due_since >= timedelta(hours=patience):
        why = f"{who} could not be read for {patience} hours: {said.reason}."
        return Verdict(VerdictKind.REVIEW, why, again_at=again_at, review=ReviewKind.LEDGER_UNREADABLE)
    return Verdict(VerdictKind.WAIT, f"{who} could not be read: {said.reason}.", again_at=again_at)


def _not_proved(case: Case, reading: InvoiceReading | Unreadable, policy: Policy) -> Verdict | None:
    """Collection is ours if it should be, and Stripe was just read to keep quiet (spec 1.2, step 2)."""
    if case.collection.owner is CollectionOwner.STRIPE:
        ours_by_now = case.track is Track.PERSONAL or policy.track.collection != "stripe"
        if ours_by_now and case.failed_at is not None:
            return Verdict(VerdictKind.HOLD, "Collection has not been taken over from Stripe yet.")
        return None
    if isinstance(reading, Unreadable):
        return None  # said already
    if why := switched_on(reading.auto_advance, reading.next_attempt):
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.DRIFT)
    if reading.auto_advance is None:
        why = (
            "Stripe did not say whether it still collects this invoice by itself, so it is not proved quiet."
        )
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.DRIFT)
    return None


def _standing_says_no(
    case: Case,
    invoice: Invoice,
    standing: Standing | Unreadable | None,
    policy: Policy,
    now: datetime,
    due_since: datetime,
    *,
    asked_for: bool = False,
) -> Verdict | None:
    """Hold what Stripe says against NetSuite. `asked_for`: the customer wants the charge; a lack stops nothing."""
    if case.ledger is None:
        return None
    if isinstance(standing, Unreadable):
        return cannot_read("NetSuite", standing, policy, now, due_since)
    needed = case.track is Track.PERSONAL and not asked_for
    if standing is not None:
        if _is_old(min(standing.at, standing.unapplied.at), policy, now):
            return _read_again("invoice in NetSuite", now)
        return _books_say_no(invoice, standing, needed=needed)
    if case.ledger.read_at is None or case.ledger.customer:
        return Verdict(VerdictKind.WAIT, "NetSuite was not read; it is read now.", again_at=now)
    return _not_shown(invoice) if needed else None


def _books_say_no(invoice: Invoice, standing: Standing, *, needed: bool) -> Verdict | None:
    if standing.invoice is None and needed:
        return _not_shown(invoice)
    if standing.invoice is not None and (why := _disagreement(invoice, standing.invoice)):
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.LEDGERS_DISAGREE)
    unused = standing.unapplied.total(invoice.open.currency)
    if unused.minor >= invoice.open.minor:
        why = f"NetSuite has {unused} from this customer that no invoice has used up; {invoice.open} is open."
        return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.UNAPPLIED)
    return None


def _not_shown(invoice: Invoice) -> Verdict:
    why = f"NetSuite shows no invoice {invoice.number} for this customer."
    return Verdict(VerdictKind.REVIEW, why, review=ReviewKind.INCOMPLETE)


def _disagreement(invoice: Invoice, known: Invoice) -> str | None:
    if known.status is not InvoiceStatus.OPEN or known.open.minor <= 0:
        what = "paid" if known.status in (InvoiceStatus.OPEN, InvoiceStatus.PAID) else str(known.status)
        return f"Stripe says that {invoice.open} is open, NetSuite that the invoice is {what}."
    if known.open != invoice.open:
        return f"Stripe says that {invoice.open} is open, NetSuite says {known.open}."
    return None


def _retry_says_no(case: Case, method: str, policy: Policy, now: datetime) -> Verdict | None:
    if case.status is not CaseStatus.OPEN:
        return Verdict(VerdictKind.HOLD, "A person has the case.")
    for hold in case.holds:
        if is_active(hold, now):
            return Verdict(VerdictKind.HOLD, f"The case is on hold ({hold.kind}).")
    if why_not := no_retry_because(case, policy):
        return Verdict(VerdictKind.HOLD, f"Not charged: {why_not}.")
    if method != method_of(case):
        return Verdict(VerdictKind.HOLD, "Not charged: the customer has another payment method now.")
    return None


def _ledger_says_no(invoice: Invoice, currency: str) -> Verdict | None:
    if is_taken_back(invoice):
        return Verdict(VerdictKind.HOLD, taken_back(invoice))
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
    return None


def _case_says_no(case: Case, stage: Stage | None, now: datetime) -> Verdict | None:
    if case.status is CaseStatus.CLOSED:
        return Verdict(VerdictKind.HOLD, "The case is closed.")
    if case.status is CaseStatus.REVIEW or (
        case.status is CaseStatus.ESCALATED and stage is not Stage.ESCALATION
    ):
        return Verdict(VerdictKind.HOLD, "A person has the case.")
    for hold in case.holds:
        if is_active(hold, now):
            return Verdict(VerdictKind.HOLD, f"The case is on hold ({hold.kind}).")
    if stage and any(
        message.stage is stage and message.state is MessageState.SENT for message in case.messages
    ):
        return Verdict(VerdictKind.HOLD, f"The {CALLED[stage]} has been sent already.")
    contact = case.customer.contact
    if contact is None or not contact.deliverable or not is_address(contact.email):
        return Verdict(VerdictKind.REVIEW, "No contact can be reached by mail.", review=ReviewKind.NO_CONTACT)
    return None


def _not_yet(
    case: Case, invoice: Invoice, stage: Stage | None, policy: Policy, now: datetime
) -> Verdict | None:
    if invoice.in_flight:
        return Verdict(VerdictKind.WAIT, "A payment is under way.", again_at=now + _IN_FLIGHT_WAIT)
    if ActionKind.RETRY in case.under_way:
        return Verdict(VerdictKind.WAIT, "A charge is being made.", again_at=now + _SHORTEST_WAIT)
    if free := cap_ends(case, policy, now, stage):
        why = f"{written_lately(policy).capitalize()}."
        return Verdict(VerdictKind.WAIT, why, again_at=free)
    if stage is not Stage.NOTICE:
        rhythm = rhythm_of(case.customer, policy)
        opens = into_window(now, rhythm.calendar.calendar, rhythm.zone.zone, policy.window)
        if opens > now:
            return Verdict(VerdictKind.WAIT, "It is outside the customer's working hours.", again_at=opens)
    return None


def _as_signed(case: Case, invoice: Invoice, says: Says) -> Verdict:
    if why := outdated(says, replace(case, invoice=invoice)):
        return Verdict(VerdictKind.ADJUST, why, invoice.open)
    return _at_its_amount(invoice, says.amount)


def _at_its_amount(invoice: Invoice, message_amount: Money) -> Verdict:
    if invoice.open != message_amount:
        why = f"{invoice.open} is open now, not {message_amount}."
        return Verdict(VerdictKind.ADJUST, why, invoice.open)
    return Verdict(VerdictKind.SEND, "The invoice is open and nothing stands against sending.", invoice.open)
