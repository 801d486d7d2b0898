"""What has to be so before either track says anything: the ledger asked, and Stripe proved quiet (spec 1.2, 3)."""

from datetime import datetime, timedelta

from dunwell.policy.decision import Action, Decision, ask, silent
from dunwell.policy.facts import Case
from dunwell.policy.policy import Policy
from dunwell.policy.words import ActionKind, CollectionOwner, ReviewKind, Track

# What is under way wakes the case when it is done; this look is for the day it does not.
UNDER_WAY_LOOK = timedelta(days=1)


def is_ours(case: Case) -> bool:
    """Say whether collection is ours, which is only true once reading the invoice back has proved it."""
    return case.collection.owner is CollectionOwner.DUNWELL and case.collection.proved_at is not None


def gather(case: Case, _policy: Policy, now: datetime) -> Decision | str:
    """Ask the ledger about customer and invoice, once (spec 1.2, step 1)."""
    if case.ledger is None:
        return "NetSuite is not set up"
    if case.ledger.read_at is not None:
        return "NetSuite has been asked"
    if ActionKind.GATHER in case.under_way:
        return silent("NetSuite is being asked.", now + UNDER_WAY_LOOK)
    because = "NetSuite is asked for the contact, the invoice and the MRR."
    return Decision((Action(ActionKind.GATHER, because),), now + UNDER_WAY_LOOK, because)


def drift(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Alarm a person when somebody has switched Stripe's own retries back on (spec 1.2, step 2)."""
    if case.collection.owner is CollectionOwner.STRIPE:
        return "collection is not ours"
    if (why := switched_on(case.invoice.auto_advance, case.invoice.next_attempt)) is None:
        return "Stripe keeps quiet"
    return ask(case, ReviewKind.DRIFT, why)


def switched_on(auto_advance: bool | None, planned: datetime | None) -> str | None:  # noqa: FBT001
    """Say in sentences that Stripe collects though collection is ours; None when it keeps quiet."""
    if auto_advance is not True and planned is None:
        return None
    read = ["auto_advance is true"] if auto_advance is True else []
    if planned is not None:
        read.append(f"the next attempt is planned for {planned:%Y-%m-%d %H:%M} {planned.tzname()}")
    return (
        f"Stripe's own collection was switched back on though it is ours: {' and '.join(read)}. Find out who did "
        "it and why; settling this switches it off again."
    )


def take_over(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Take collection over from Stripe before anything is sent or charged (spec 1.2, step 2)."""
    if case.track is not Track.PERSONAL and policy.track.collection == "stripe":
        return "Stripe collects on the standard track"
    if case.failed_at is None:
        return "no charge has failed, so there is nothing to take over"
    if is_ours(case):
        return "collection is ours"
    if ActionKind.TAKE_OVER in case.under_way:
        return silent("Collection is being taken over from Stripe.", now + UNDER_WAY_LOOK)
    because = "Collection is taken over from Stripe, whose own retries are switched off."
    if ReviewKind.SUPPRESSION in case.reviews:
        return silent("Stripe could not be proved quiet. A person has been asked.")
    return Decision((Action(ActionKind.TAKE_OVER, because),), now + UNDER_WAY_LOOK, because)
