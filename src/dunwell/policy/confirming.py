"""What follows when a person has read a reply: the hold that takes the place of the reply's own (spec 7). Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from dunwell.policy.cadence import is_active
from dunwell.policy.calendars import at_local
from dunwell.policy.decide import decide
from dunwell.policy.decision import Decision
from dunwell.policy.facts import Case, Hold
from dunwell.policy.money import Money
from dunwell.policy.plans import DAY_ENDS, BadPlanError, as_plan
from dunwell.policy.policy import Policy
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import CaseStatus, HoldKind, HoldScope, ReviewKind
from dunwell.policy.zones import zone_for

LONGEST_WAIT = timedelta(days=366)


class BadChoiceError(ValueError):
    """What was chosen cannot be done; the message is for the person who chose."""


class Follows(StrEnum):
    """What a confirmed reply leads to."""

    PROMISE = "promise"  # the case waits through the promised day
    WAIT = "wait"  # it waits until a day somebody names, or for the parts of a plan
    SEARCH = "search"  # it waits while somebody looks for the money
    DISPUTE = "dispute"  # it waits until the dispute is settled
    CONTACT = "contact"  # somebody else is written to
    ON = "on"  # it goes on


FOLLOWS = {
    ReplyKind.PROMISE: Follows.PROMISE,
    ReplyKind.ASKS_TIME: Follows.WAIT,
    ReplyKind.NEEDS_DOCUMENT: Follows.WAIT,
    ReplyKind.HARDSHIP: Follows.WAIT,
    ReplyKind.ALREADY_PAID: Follows.SEARCH,
    ReplyKind.DISPUTE: Follows.DISPUTE,
    ReplyKind.WRONG_PERSON: Follows.CONTACT,
    ReplyKind.CARD_UPDATED: Follows.ON,
    ReplyKind.AUTO_REPLY: Follows.ON,
    ReplyKind.OTHER: Follows.ON,
}
_REASONS = {
    ReplyKind.PROMISE: "They promised to pay.",
    ReplyKind.ASKS_TIME: "They asked for time.",
    ReplyKind.NEEDS_DOCUMENT: "They need a document first.",
    ReplyKind.HARDSHIP: "They cannot pay at once.",
    ReplyKind.ALREADY_PAID: "They say that it has been paid; somebody looks for the money.",
    ReplyKind.DISPUTE: "They contest the invoice.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person makes of a reply. `until` is a local day; `parts` make a payment plan instead of it.

    Where a kind can wait without a day (`already_paid`), the policy says how long.
    """

    kind: ReplyKind
    until: date | None = None
    parts: tuple[tuple[date, Money], ...] = ()


def offered_day(kind: ReplyKind, read: date | None, today: date, policy: Policy) -> date | None:
    """Return the day a form offers first: the one that was read, unless it is over, else the policy's."""
    follows = FOLLOWS[kind]
    if follows is Follows.SEARCH:
        return today + timedelta(days=policy.replies.already_paid_days)
    if follows not in (Follows.PROMISE, Follows.WAIT):
        return None
    if read is not None and read >= today:
        return read
    return today + timedelta(days=policy.replies.document_days) if follows is Follows.WAIT else None


def hold_after(choice: Choice, case: Case, policy: Policy, by: str, now: datetime) -> Hold | None:
    """Return the hold that follows from a choice; None when the case goes on. Raises `BadChoiceError`."""
    follows = FOLLOWS[choice.kind]
    if choice.parts and follows is not Follows.WAIT:
        raise BadChoiceError("A payment plan is for a customer who asks for time, a document or for parts.")
    if follows in (Follows.CONTACT, Follows.ON):
        return None
    reason = _REASONS[choice.kind]
    hold = Hold(HoldKind.PAUSE, HoldScope.CASE, now, None, reason, by)
    if follows is Follows.DISPUTE:
        return replace(hold, kind=HoldKind.DISPUTE)
    today = now.astimezone(zone_for(case.customer, policy).zone).date()
    if choice.parts:
        try:
            parts = as_plan(choice.parts, case.invoice.open, today)
        except BadPlanError as error:
            raise BadChoiceError(str(error)) from None
        return replace(hold, kind=HoldKind.PAYMENT_PLAN, instalments=parts)
    until = choice.until or (
        offered_day(choice.kind, None, today, policy) if follows is Follows.SEARCH else None
    )
    kind = HoldKind.PROMISE if follows is Follows.PROMISE else HoldKind.PAUSE
    return replace(hold, kind=kind, until=last_minute(until, case, policy, now))


def last_minute(until: date | None, case: Case, policy: Policy, now: datetime) -> datetime:
    """Return the end of a local day, UTC; raises `BadChoiceError` for none, a past or a far one."""
    if until is None:
        raise BadChoiceError("Choose the day.")
    zone = zone_for(case.customer, policy).zone
    today = now.astimezone(zone).date()
    if until > today + LONGEST_WAIT:
        raise BadChoiceError("That is more than a year away. Check the year.")
    ends = at_local(until, DAY_ENDS, zone)
    if ends <= now:
        raise BadChoiceError("The day must not lie in the past.")
    return ends


def as_it_would_be(case: Case, hold: Hold | None, now: datetime, *, still_held: bool = False) -> Case:
    """Return the case as it would stand with a reply decided: its hold over, unless `still_held`, and another on."""
    over = tuple(_ended(each, now) for each in case.holds) if not still_held else case.holds
    reviews = tuple(kind for kind in case.reviews if kind is not ReviewKind.REPLY or still_held)
    status = case.status
    if status is CaseStatus.REVIEW and not set(reviews) - {ReviewKind.DRAFT}:
        status = CaseStatus.OPEN
    return replace(case, holds=(*over, hold) if hold else over, reviews=reviews, status=status)


def _ended(hold: Hold, now: datetime) -> Hold:
    return replace(hold, ended_at=now) if hold.kind is HoldKind.REPLY and is_active(hold, now) else hold


def what_would_happen(case: Case, hold: Hold | None, policy: Policy, now: datetime) -> Decision:
    """Decide, by the rules, on the case as it would stand with a reply decided."""
    return decide(as_it_would_be(case, hold, now), policy, now)
