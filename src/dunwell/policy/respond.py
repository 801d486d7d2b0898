"""What follows at once from a reply, a dispute or a new payment method (spec 3, 7)."""

from datetime import datetime

from dunwell.policy.cadence import is_active
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Case, Hold
from dunwell.policy.gate import no_charge_because
from dunwell.policy.policy import Policy
from dunwell.policy.words import ActionKind, CaseStatus, HoldKind, HoldScope, ReviewKind


def to_reply(case: Case, at: datetime, by: str, elsewhere: str = "") -> Decision:
    """Hold the case as soon as a person replies, before anybody reads it, and ask for a reading.

    `by` says who replied, `elsewhere` about which other invoices when it was not about this one. The hold is
    open-ended: a person ends it.
    """
    about = f" about {elsewhere}" if elsewhere else ""
    because = f"A person replied{about}; nothing more goes out until somebody has read it."
    return _wait(
        case, at, Hold(HoldKind.REPLY, HoldScope.CASE, at, None, "reply", by), ReviewKind.REPLY, because
    )


def to_dispute(case: Case, at: datetime, by: str) -> Decision:
    """Hold this invoice's case when the customer contests the invoice, until a person settles it."""
    because = "The customer contests this invoice; its clock stands still until a person settles it."
    hold = Hold(HoldKind.DISPUTE, HoldScope.CASE, at, None, "the invoice is contested", by)
    return _wait(case, at, hold, ReviewKind.DISPUTE, because)


def _wait(case: Case, at: datetime, hold: Hold, review: ReviewKind, because: str) -> Decision:
    actions: list[Action] = []
    if case.status is not CaseStatus.CLOSED and not _holds_already(case, hold, at):
        actions.append(Action(ActionKind.HOLD, because, hold=hold))
    if review not in case.reviews:
        actions.append(Action(ActionKind.REVIEW, because, review=review))
    return Decision(tuple(actions), None, because, f"to_{review.value}")


def _holds_already(case: Case, wanted: Hold, at: datetime) -> bool:
    return any(hold.kind is wanted.kind and hold.until is None and is_active(hold, at) for hold in case.holds)


def to_new_method(case: Case, method_id: str, policy: Policy, now: datetime) -> Decision:
    """Charge an open failed invoice at once with the method the customer just saved (spec 3).

    On either track and whoever owns collection. Says why not when the invoice is settled, contested, charged
    back, being paid in parts, never failed, has money in flight, or this method was tried already. The next
    look stays the case's own.
    """
    rule = "to_new_method"
    why_not = _no_retry_because(case, method_id, now)
    if why_not:
        return Decision(
            (), _own_next_look(case, policy, now), f"No retry with the new method: {why_not}.", rule
        )
    because = "The customer saved a new payment method; the open invoice is charged with it at once."
    return Decision(
        (Action(ActionKind.RETRY, because, method=method_id),),
        _own_next_look(case, policy, now),
        because,
        rule,
    )


def _no_retry_because(case: Case, method_id: str, now: datetime) -> str | None:
    if case.status is CaseStatus.CLOSED:
        return "the case is closed"
    if case.failed_at is None:
        return "no charge has failed on this invoice, so none was asked for"
    if any(attempt.method == method_id for attempt in case.attempts):
        return "this method was tried for this invoice already"
    return no_charge_because(case.invoice, case.holds, now)


def _own_next_look(case: Case, policy: Policy, now: datetime) -> datetime | None:
    own = decide(case, policy, now)
    return now if own.actions else own.next_look
