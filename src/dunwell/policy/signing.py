"""What a signature under a personal mail is worth: when it can be given, and what makes it void (spec 1.2, step 4)."""

from dataclasses import dataclass
from datetime import datetime

from dunwell.policy.cadence import is_active
from dunwell.policy.facts import Case
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptTrigger, CaseStatus, HoldKind

# Holds after which a letter may leave as it was signed: nothing the customer said stands behind them.
SIGNED_AS_BEFORE = frozenset({HoldKind.PAUSE, HoldKind.VETO})


@dataclass(frozen=True, slots=True)
class Says:
    """What a letter says: the amount, to whom, the code of the decline it names ("" for none), and since when."""

    amount: Money
    name: str
    email: str
    reason: str
    since: datetime


def no_signature_because(case: Case, now: datetime) -> str | None:
    """Say in a sentence why no letter of a case can be signed now; None when one can.

    A postponed letter may be signed beforehand; any other hold, or a person who took over, comes first.
    """
    if case.status is CaseStatus.ESCALATED:
        return "The case was handed to a person; no mail leaves any more."
    for hold in case.holds:
        postponed = hold.kind is HoldKind.VETO and hold.until is not None
        if is_active(hold, now) and not postponed:
            what = hold.kind.value.replace("_", " ")
            return f"The case is on hold ({what}). Release the hold first."
    return None


def outdated(says: Says, case: Case) -> str | None:
    """Say in a sentence what a letter says that is no longer so; None if nothing, or nothing is open any more."""
    owed, contact = case.invoice.open, case.customer.contact
    if owed.minor > 0 and owed != says.amount:
        return f"{owed} is open now, not {says.amount}."
    if contact is not None and (contact.name, contact.email) != (says.name, says.email):
        return f"{contact.name} <{contact.email}> is the contact now.".strip()
    return _another_failure(says, case) if owed.minor > 0 else None


def _another_failure(says: Says, case: Case) -> str | None:
    """A letter tells why the payment failed: that has to be the last failure, with the method the customer has now."""
    now = case.reason.code if case.reason else ""
    if says.reason and now and now != says.reason:
        return f"The payment has failed once more, for another reason ({now}, not {says.reason})."
    saved = AttemptTrigger.NEW_METHOD
    if any(each.trigger is saved and each.at > says.since for each in case.attempts):
        return "The customer has saved another payment method since it was drafted, and it was charged."
    return None
