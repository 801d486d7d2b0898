"""What people do, in rows: holds, desk items, contacts."""

from datetime import datetime

from django.db.models import Q

from dunwell.policy.facts import Contact, Hold
from dunwell.policy.words import HoldScope, ReviewKind
from dunwell.store import models
from dunwell.store.keep import keep_contact


def keep_hold(case: models.Case, hold: Hold) -> None:
    """Store a hold on a case, or on everything its customer owes."""
    models.Hold.objects.create(
        customer_id=case.customer_id,
        case_id=case.pk if hold.scope is HoldScope.CASE else None,
        kind=hold.kind.value,
        start_at=hold.start,
        until_at=hold.until,
        by=hold.by,
        reason=hold.reason,
    )


def active_hold(hold: int, now: datetime) -> models.Hold | None:
    """A hold that is still on, locked, with its customer."""
    still = Q(until_at=None) | Q(until_at__gt=now)
    rows = models.Hold.objects.select_related("customer").select_for_update(of=("self",))
    return rows.filter(still, pk=hold, ended_at=None).first()


def end_hold(hold: models.Hold, now: datetime) -> None:
    """End a hold now."""
    hold.ended_at = now
    hold.save(update_fields=["ended_at"])


def has_open_review(case: models.Case, kind: ReviewKind) -> bool:
    """Say whether a case already has an open desk item of a kind."""
    return models.ReviewItem.objects.filter(case=case, kind=kind.value, closed_at=None).exists()


def open_review(review: int) -> models.ReviewItem | None:
    """A desk item nobody has settled yet, locked."""
    return models.ReviewItem.objects.select_for_update(of=("self",)).filter(pk=review, closed_at=None).first()


def open_reviews_of(case: models.Case) -> list[models.ReviewItem]:
    """What still lies on a desk for a case."""
    return list(models.ReviewItem.objects.filter(case=case, closed_at=None).order_by("pk"))


def assign_review(item: models.ReviewItem, to: str) -> None:
    """Give a desk item to somebody."""
    item.assigned_to = to[:150]
    item.save(update_fields=["assigned_to"])


def settle_review(item: models.ReviewItem, resolution: str, by: str, now: datetime) -> None:
    """Close a desk item with what was done."""
    item.resolution, item.closed_by, item.closed_at = resolution, by[:150], now
    item.save(update_fields=["resolution", "closed_by", "closed_at"])


def set_contact(customer: models.Customer, name: str, email: str, source: str) -> None:
    """Make somebody the customer's first, deliverable contact."""
    keep_contact(customer, Contact(name, email, source))
    models.Contact.objects.filter(customer=customer, email=email).update(deliverable=True)
