"""Payment plans: parts of an invoice by agreement, when each is looked for, and the first that did not come (spec 7).

A plan is a hold with instalments and without an end. Until it is broken, released or paid, nothing is sent or
charged. A part is due through a local day and looked for when that day ends, just as a promise is. What follows a
part that is missing leaves on the next working morning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from dunwell.policy.cadence import is_active
from dunwell.policy.calendars import at_local, calendar_for
from dunwell.policy.facts import Case, Customer, Hold, Instalment
from dunwell.policy.money import Money
from dunwell.policy.policy import Policy
from dunwell.policy.retries import is_under_way, stalled_since
from dunwell.policy.words import HoldKind
from dunwell.policy.zones import zone_for

MOST_PARTS = 24
LONGEST = timedelta(days=3 * 366)
# When the day of a promise or of a part is over, on the customer's clock.
DAY_ENDS = time(23, 59)
_DAY = timedelta(days=1)


class BadPlanError(ValueError):
    """The parts make no plan; the message is for the person who typed them."""


def looked_for_at(part: Instalment, customer: Customer, policy: Policy) -> datetime:
    """Return when a part has to be there: the end of the customer's local day on which it is due. UTC."""
    return at_local(part.due, DAY_ENDS, zone_for(customer, policy).zone)


def plans_of(case: Case, now: datetime) -> list[Hold]:
    """Return the plans in force on a case."""
    plan = HoldKind.PAYMENT_PLAN
    return [hold for hold in case.holds if hold.kind is plan and hold.instalments and is_active(hold, now)]


def broken_plan(case: Case, policy: Policy, now: datetime) -> Hold | None:
    """Return a plan whose part did not come, ended with the day it was missed; None when every plan is kept.

    Money under way counts as neither: the answer then is None, and the case is looked at again a day later. A
    payment that does not come to an end keeps no plan.
    """
    if is_under_way(case) and stalled_since(case, policy, now) is None:
        return None
    for hold in plans_of(case, now):
        missed = missed_part(hold.instalments, case.invoice.open, case, policy, now)
        if missed is not None:
            return replace(hold, until=looked_for_at(missed, case.customer, policy))
    return None


def missed_part(
    parts: Sequence[Instalment], owed: Money, case: Case, policy: Policy, now: datetime
) -> Instalment | None:
    """Return the first part that is not there although it is looked for by `now`; None when all are."""
    for part in parts:
        if owed.minor > part.left.minor and looked_for_at(part, case.customer, policy) <= now:
            return part
    return None


def next_part(parts: Sequence[Instalment], owed: Money) -> Instalment | None:
    """Return the part that is to come next, as far as what is owed says; None when all have come."""
    return next((part for part in parts if owed.minor > part.left.minor), None)


def next_check(hold: Hold, case: Case, policy: Policy, now: datetime) -> datetime | None:
    """Return when a plan is looked at again; None for a hold without parts, or when all of them have come."""
    for part in hold.instalments:
        if case.invoice.open.minor <= part.left.minor:
            continue
        at = looked_for_at(part, case.customer, policy)
        # A part that is late but under way is given a day at a time.
        return at if at > now else now + _DAY
    return None


def as_plan(parts: Sequence[tuple[date, Money]], owed: Money, today: date) -> tuple[Instalment, ...]:
    """Make a plan of days and amounts for what is owed; `today` is the customer's. Raises `BadPlanError`."""
    if not parts:
        raise BadPlanError("A plan needs at least one part.")
    if len(parts) > MOST_PARTS:
        raise BadPlanError(f"A plan has at most {MOST_PARTS} parts.")
    days = [day for day, _ in parts]
    if days[0] < today:
        raise BadPlanError("The first part must not lie in the past.")
    if days[-1] > today + LONGEST:
        raise BadPlanError("The last part is more than three years away. Check the year.")
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise BadPlanError("Each part must be due after the one before it.")
    if any(amount.currency != owed.currency for _, amount in parts):
        raise BadPlanError(f"The invoice is in {owed.currency}; so are its parts.")
    if any(amount.minor <= 0 for _, amount in parts):
        raise BadPlanError("Each part must be above zero.")
    total = Money(sum(amount.minor for _, amount in parts), owed.currency)
    if total != owed:
        raise BadPlanError(f"The parts come to {total}, but {owed} is open.")
    return with_left(parts)


def with_left(parts: Sequence[tuple[date, Money]]) -> tuple[Instalment, ...]:
    """Say of each part how much may still be open once it has come: all parts after it."""
    left = sum(amount.minor for _, amount in parts)
    found = []
    for day, amount in parts:
        left -= amount.minor
        found.append(Instalment(day, amount, Money(left, amount.currency)))
    return tuple(found)


def equal_parts(
    owed: Money, count: int, first: date, months: int, customer: Customer, policy: Policy
) -> list[tuple[date, Money]]:
    """Split what is owed into equal parts, the first the largest by the rest; `months` 0: a week apart, else months.

    A day on which nobody works there moves to the next working day. Raises `BadPlanError`.
    """
    if not 1 <= count <= MOST_PARTS:
        raise BadPlanError(f"Choose 1 to {MOST_PARTS} parts.")
    if owed.minor < count:
        raise BadPlanError(f"{owed} cannot be split into {count} parts.")
    each, rest = divmod(owed.minor, count)
    amounts = [Money(each + (rest if place == 0 else 0), owed.currency) for place in range(count)]
    calendar, _ = calendar_for(customer, policy)
    days = [_later(first, place, months) for place in range(count)]
    moved = [day if calendar.is_working_day(day) else calendar.next_working_day(day) for day in days]
    return list(zip(moved, amounts, strict=True))


def _later(first: date, place: int, months: int) -> date:
    if not months:
        return first + place * timedelta(weeks=1)
    year, month = divmod(first.year * 12 + first.month - 1 + place * months, 12)
    for day in range(first.day, 27, -1):  # the 31st of a shorter month is its last day
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(first.day, 28))


def ended_plan(holds: Iterable[Hold], broken: Hold, now: datetime) -> tuple[Hold, ...]:
    """Return holds with one plan ended as broken: `broken` is what `broken_plan` said of it."""
    over = replace(broken, ended_at=now)
    return tuple(over if _same(hold, broken) else hold for hold in holds)


def _same(hold: Hold, broken: Hold) -> bool:
    told = (hold.kind, hold.start, hold.instalments) == (broken.kind, broken.start, broken.instalments)
    return told and hold.ended_at is None
