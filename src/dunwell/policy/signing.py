"""What a signature under a personal mail is worth: when it can be given, and what makes it void (spec 1.2, step 4)."""

from datetime import datetime

from dunwell.policy.cadence import is_active
from dunwell.policy.facts import Case
from dunwell.policy.money import Money
from dunwell.policy.words import CaseStatus, HoldKind

# Holds after which a letter may leave as it was signed: nothing the customer said stands behind them.
SIGNED_AS_BEFORE = frozenset({HoldKind.PAUSE, HoldKind.VETO})


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


def outdated(amount: Money, name: str, email: str, case: Case) -> str | None:
    """Say in a sentence what a letter that names an amount and a person says that is no longer so; None if nothing."""
    if case.invoice.open != amount and case.invoice.open.minor > 0:
        return f"{case.invoice.open} is open now, not {amount}."
    contact = case.customer.contact
    if contact is not None and (contact.name, contact.email) != (name, email):
        return f"{contact.name} <{contact.email}> is the contact now.".strip()
    return None
