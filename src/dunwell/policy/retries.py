"""Retries of ours, once we own collection: when one may be made, with what, or why not (spec 1.2, 3)."""

from datetime import datetime, timedelta

from dunwell.policy.cadence import Rhythm, held_time, morning_after_holds, rhythm_of
from dunwell.policy.calendars import at_local, into_window
from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Attempt, Case, Instrument
from dunwell.policy.policy import Policy
from dunwell.policy.preparing import is_ours
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CollectionOwner,
    Rail,
    RetryClass,
    ReviewKind,
)

# Stripe's word for a returned bank debit, and the returns it stands for.
_RETURNS = {"insufficient_funds": ("R01", "R09")}
_FINAL = {
    RetryClass.HARD: "the bank's answer was final",
    RetryClass.ACTION: "the customer has to do something first",
}
_DAY = timedelta(days=1)
_LOOK_AGAIN = timedelta(days=1)


def no_retry_because(case: Case, policy: Policy) -> str | None:
    """Say in a phrase why no retry of ours can be made as things stand, whatever the hour; None when one can.

    The customer's own try with a method they just saved is not one of ours: `respond.to_new_method`.
    """
    if case.failed_at is None:
        return "no charge has failed"
    if not is_ours(case):
        return "collection is not ours"
    if case.reason is not None and case.reason.retry_class in _FINAL:
        return _FINAL[case.reason.retry_class]
    if ReviewKind.CHARGE_UNKNOWN in case.reviews:
        return "nobody knows yet what became of the last charge"
    if case.instrument is None or not case.instrument.method:
        return "no payment method is known"
    return _ceiling_reached(case, case.instrument, policy)


def _ceiling_reached(case: Case, instrument: Instrument, policy: Policy) -> str | None:
    retries = policy.retries
    if len(case.attempts) >= retries.max_per_invoice:
        return f"{retries.max_per_invoice} charges of the invoice have been tried"
    if case.invoice.rail is Rail.BANK_DEBIT:
        code = case.reason.code if case.reason else ""
        if not {code, *_RETURNS.get(code, ())} & set(retries.represent_codes):
            return "a bank debit returned for this reason is not presented again"
        if instrument.represented >= retries.max_represented:
            return (
                f"the debit was presented again {retries.max_represented} times in "
                f"{retries.represent_window_days} days"
            )
    elif instrument.recent_tries >= retries.max_per_card:
        return f"the card was tried {retries.max_per_card} times in {retries.card_window_days} days"
    return None


def method_of(case: Case) -> str:
    """Return the method a retry charges: the one saved last, else the one that failed; empty when unknown."""
    return case.instrument.method if case.instrument else ""


def ours(case: Case) -> tuple[Attempt, ...]:
    """Return the retries we made since the clock of the case started, oldest first."""
    made = [each for each in case.attempts if each.trigger is AttemptTrigger.RETRY and each.at >= case.anchor]
    return tuple(sorted(made, key=lambda attempt: attempt.at))


def asked_for(case: Case) -> datetime | None:
    """Return when a method the customer saved was last charged, a day on which we try nothing; None when none was."""
    charged = (each.at for each in case.attempts if each.trigger is AttemptTrigger.NEW_METHOD)
    return max(charged, default=None)


def next_retry(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """Return when the next retry of the standard track is due; None when none is left or none can be made.

    The n-th retry is due on the n-th of the policy's days after the anchor (held time does not count), at the
    hour of retries on a working day; never on the day of the one before or of one the customer asked for, nor on
    the day a hold ended. May lie in the past; then it is due inside the next working morning.
    """
    if case.collection.owner is CollectionOwner.STRIPE:
        return None
    made = ours(case)
    if len(made) >= len(policy.retries.days) or no_retry_because(case, policy) is not None:
        return None
    rhythm = rhythm_of(case.customer, policy)
    zone, clock = rhythm.zone.zone, policy.personal.retry_at
    anchor = case.anchor + (held_time(case.holds, case.anchor, now) if case.holds else timedelta())
    day = anchor.astimezone(zone).date() + policy.retries.days[len(made)] * _DAY
    tried = [*(each.at for each in made), *([asked] if (asked := asked_for(case)) else [])]
    if tried:
        day = max(day, max(tried).astimezone(zone).date() + _DAY)
    return _not_before_holds(case, at_local(day, clock, zone), rhythm, policy, now)


def _not_before_holds(case: Case, at: datetime, rhythm: Rhythm, policy: Policy, now: datetime) -> datetime:
    floor = morning_after_holds(case, rhythm, policy, now, None) if case.holds else None
    return in_the_morning(max(at, floor) if floor else at, rhythm, policy)


def in_the_morning(at: datetime, rhythm: Rhythm, policy: Policy) -> datetime:
    """Move a moment forward into the hours of retries on a working day. Returns UTC."""
    return into_window(at, rhythm.calendar.calendar, rhythm.zone.zone, policy.mornings)


def look(case: Case, policy: Policy, now: datetime, at: datetime | None) -> datetime | None:
    """Return the earlier of a planned look and the next retry of the standard track."""
    if case.collection.owner is CollectionOwner.STRIPE or (due := next_retry(case, policy, now)) is None:
        return at
    due = max(due, in_the_morning(now, rhythm_of(case.customer, policy), policy))
    return due if at is None else min(at, due)


def retry(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Charge the invoice again on the days of the standard track, when collection is ours (spec 3)."""
    if case.collection.owner is CollectionOwner.STRIPE:
        return "collection is not ours"
    due = next_retry(case, policy, now)
    if due is None:
        return "no retry of ours can be made"
    if due > now or in_the_morning(now, rhythm_of(case.customer, policy), policy) > now:
        return "no retry is due"
    number, of = len(ours(case)) + 1, len(policy.retries.days)
    because = f"Retry {number} of {of} is due: the decline may pass, and collection is ours."
    return retry_now(case, because, now)


def retry_now(case: Case, because: str, now: datetime) -> Decision:
    """Charge the invoice with the right instrument; the answer wakes the case."""
    act = Action(ActionKind.RETRY, because, method=method_of(case))
    return Decision((act,), now + _LOOK_AGAIN, because)


def is_under_way(case: Case) -> bool:
    """Say whether money is moving: a debit in flight, or a charge of ours that is queued or being made."""
    return case.invoice.in_flight or ActionKind.RETRY in case.under_way


def stalled_since(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """Return when a payment that is under way became longer so than a bank takes; None when none has.

    Counts from when it was first seen under way, else from the newest attempt that still is.
    """
    if not case.invoice.in_flight:
        return None
    tried = (each.at for each in case.attempts if each.outcome is AttemptOutcome.PROCESSING)
    since = case.invoice.in_flight_since or max(tried, default=None)
    if since is None:
        return None
    at = since + policy.gate.under_way_days * _DAY
    return at if at <= now else None
