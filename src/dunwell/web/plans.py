"""How far a payment plan has come, part by part, for the case page."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from dunwell.policy.money import Money
from dunwell.policy.plans import looked_for_at, next_part
from dunwell.store.casefile import CaseFile
from dunwell.store.keep import book_of


class PartState(StrEnum):
    """Where a part is: it has come, it is next, it is to come later, or its day is over without it."""

    COME = "come"
    NEXT = "next"
    LATER = "later"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a plan and where it is."""

    due: date
    amount: Money
    state: PartState


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan's parts and what has been paid of it."""

    parts: tuple[Part, ...]
    paid: Money
    total: Money


def of_case(file: CaseFile, at: datetime) -> dict[int, Progress]:
    """The plans among a case's holds, by hold."""
    owed, policy = file.case.invoice.open, book_of(file.policy).policy
    found = {}
    for hold in file.holds:
        if not hold.instalments:
            continue
        coming = next_part(hold.instalments, owed)
        parts = []
        for part in hold.instalments:
            state = PartState.COME if owed.minor <= part.left.minor else PartState.LATER
            if part is coming:
                late = looked_for_at(part, file.case.customer, policy) <= at
                state = PartState.LATE if late else PartState.NEXT
            parts.append(Part(part.due, part.amount, state))
        total = Money(sum(part.amount.minor for part in parts), owed.currency)
        paid = Money(min(max(total.minor - owed.minor, 0), total.minor), owed.currency)
        found[hold.id] = Progress(tuple(parts), paid, total)
    return found
