"""What people do, in rows: holds, desk items, contacts."""

from datetime import datetime

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Upper

from dunwell.policy.facts import Contact, Hold
from dunwell.policy.words import HoldKind, HoldScope, ReviewKind
from dunwell.store import models
from dunwell.store.journal import Journal, instalment_columns
from dunwell.store.keep import SET_BY_A_PERSON, keep_contact
from dunwell.store.plain import plain


def keep_hold(case: models.Case, hold: Hold) -> None:
    """Store a hold on a case, or on everything its customer owes."""
    models.Hold.objects.create(
        customer_id=case.customer_id,
        case_id=case.pk if hold.scope is HoldScope.CASE else None,
        kind=hold.kind.value,
        start_at=hold.start,
        until_at=hold.until,
        by=plain(hold.by, 200),
        reason=plain(hold.reason, 500),
        instalments=instalment_columns(hold),
    )


def active_hold(hold: int, now: datetime) -> models.Hold | None:
    """A hold that is still on. Ask again once its cases are locked: only then does the answer stand."""
    return models.Hold.objects.filter(_still_on(now), pk=hold).first()


def holds_of(case: models.Case, kind: HoldKind, now: datetime) -> list[models.Hold]:
    """The holds of a kind that a case itself is under."""
    return list(models.Hold.objects.filter(_still_on(now), case=case, kind=kind.value).order_by("pk"))


def _still_on(now: datetime) -> Q:
    """Holds that have not run out, and that nobody has ended."""
    return (Q(until_at=None) | Q(until_at__gt=now)) & Q(ended_at=None)


def end_hold(hold: models.Hold, now: datetime) -> None:
    """End a hold now."""
    hold.ended_at = now
    hold.save(update_fields=["ended_at"])


def has_open_review(case: models.Case, kind: ReviewKind) -> bool:
    """Say whether a case already has an open desk item of a kind."""
    return models.ReviewItem.objects.filter(case=case, kind=kind.value, closed_at=None).exists()


def asked_since(case: models.Case, kind: ReviewKind, since: datetime) -> bool:
    """Say whether a person was asked about this since a moment, or has yet to answer."""
    still = Q(closed_at=None) | Q(opened_at__gt=since)
    return models.ReviewItem.objects.filter(still, case=case, kind=kind.value).exists()


def open_review(review: int) -> models.ReviewItem | None:
    """A desk item nobody has settled yet. Ask again once its case is locked: only then does the answer stand."""
    return models.ReviewItem.objects.filter(pk=review, closed_at=None).first()


def open_reviews_of(case: models.Case) -> list[models.ReviewItem]:
    """What still lies on a desk for a case."""
    return list(models.ReviewItem.objects.filter(case=case, closed_at=None).order_by("pk"))


def assign_review(item: models.ReviewItem, to: str) -> None:
    """Give a desk item to somebody."""
    item.assigned_to = plain(to, 150)
    item.save(update_fields=["assigned_to"])


def ask(case: models.Case, kind: ReviewKind, reason: str, proposal: str, now: datetime) -> None:
    """Put something on a desk at once, unless it lies there, so that what follows in this transaction sees it."""
    if not has_open_review(case, kind):
        said = {"reason": plain(reason), "proposal": plain(proposal), "opened_at": now}
        models.ReviewItem.objects.create(case=case, kind=kind.value, **said)


def ask_once(case: models.Case, kind: ReviewKind, reason: str, proposal: str, to: Journal) -> None:
    """Put something on a desk together with the rest of a journal, unless it lies there."""
    if not has_open_review(case, kind):
        to.review(case, kind, reason, proposal)


def add_to_review(item: models.ReviewItem, said: str) -> None:
    """Say one thing more on a desk item."""
    item.reason = plain(f"{item.reason} {said}")
    item.save(update_fields=["reason"])


def settle_review(item: models.ReviewItem, resolution: str, by: str, now: datetime) -> None:
    """Close a desk item with what was done."""
    item.resolution, item.closed_by, item.closed_at = plain(resolution), plain(by, 150), now
    item.save(update_fields=["resolution", "closed_by", "closed_at"])


def set_contact(customer: models.Customer, name: str, email: str, by: str) -> None:
    """Make somebody the customer's first, deliverable contact; the vendor's word will not displace them."""
    keep_contact(customer, Contact(name, email, f"{SET_BY_A_PERSON} {by}"))
    theirs = models.Contact.objects.filter(customer=customer, email=email)
    theirs.update(deliverable=True, undeliverable_because="")


def contacts_at(address: str) -> QuerySet[models.Contact]:
    """The contacts with an address, whatever its capitals; found by index."""
    return models.Contact.objects.alias(folded=Upper("email")).filter(folded=Upper(Value(address)))


def customers_with_contact(address: str) -> list[int]:
    """The customers who have an address as a contact, by id."""
    return sorted(set(contacts_at(address).values_list("customer", flat=True)))


def mark_undeliverable(address: str, because: str) -> set[int]:
    """Note that nothing is to be written to an address any more; return the customers for whom that is news.

    A vendor that names the address again does not change that; a person who does, does (`set_contact`).
    """
    alive = contacts_at(address).filter(deliverable=True)
    found = set(alive.values_list("customer", flat=True))
    alive.update(deliverable=False, undeliverable_because=plain(because, 300))
    return found


def settle_kind(case: models.Case, kind: ReviewKind, resolution: str, by: str, now: datetime) -> bool:
    """Close the desk item of a kind, if the case has one; say whether it had."""
    item = models.ReviewItem.objects.filter(case=case, kind=kind.value, closed_at=None).first()
    if item is not None:
        settle_review(item, resolution, by, now)
    return item is not None
