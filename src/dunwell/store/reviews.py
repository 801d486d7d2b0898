"""Reads for the review queue: what needs a person, and which people there are."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Min, OuterRef, Window

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.desk import LAST_PAGE, PAGE
from dunwell.store.letterfile import newest_letters
from dunwell.store.snapshots import customer_facts


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Something that needs a person, with what it is about; `letter` is the newest personal mail of its case."""

    id: int
    case: int
    kind: words.ReviewKind
    reason: str
    proposal: str
    opened_at: datetime
    assigned_to: str
    invoice: str
    open: Money
    customer: facts.Customer
    policy: str
    letter: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of the review queue; `kinds` counts all open items by kind, whatever the filter."""

    rows: tuple[QueueRow, ...]
    kinds: tuple[tuple[words.ReviewKind, int], ...]
    more: bool


def review_queue(*, kind: str = "", assigned_to: str = "", page: int = 1) -> Queue:
    """Read open review items: most money first within each currency, then oldest case first.

    Replies alone: whoever has waited longest first, whatever they owe.
    """
    waiting = models.ReviewItem.objects.filter(closed_at=None)
    kinds = waiting.order_by("kind").values_list("kind").annotate(items=Count("pk"))
    found = waiting.select_related("case__invoice", "case__customer")
    if kind:
        found = found.filter(kind=kind)
    if assigned_to:
        found = found.filter(assigned_to=assigned_to)
    # The items of one case stand together, where the one stands that has waited longest.
    found = found.annotate(waits_since=Window(Min("opened_at"), partition_by="case_id"))
    money = () if kind == words.ReviewKind.REPLY.value else _MONEY
    order = (*money, "waits_since", "case_id", "opened_at", "pk")
    start = (min(page, LAST_PAGE) - 1) * PAGE
    items = list(found.order_by(*order)[start : start + PAGE + 1])
    letters = newest_letters(item.case_id for item in items)
    return Queue(
        tuple(_queue_row(item, letters.get(item.case_id)) for item in items[:PAGE]),
        tuple((words.ReviewKind(name), count) for name, count in kinds),
        more=len(items) > PAGE,
    )


_MONEY = ("case__invoice__currency", "-case__invoice__open_minor")


def waiting_reviews(at_most: int = 100) -> int:
    """Count open review items, up to `at_most`."""
    return models.ReviewItem.objects.filter(closed_at=None)[:at_most].count()


def _queue_row(item: models.ReviewItem, letter: int | None) -> QueueRow:
    return QueueRow(
        id=item.pk,
        case=item.case_id,
        kind=words.ReviewKind(item.kind),
        reason=item.reason,
        proposal=item.proposal,
        opened_at=item.opened_at,
        assigned_to=item.assigned_to,
        invoice=item.case.invoice.number,
        open=Money(item.case.invoice.open_minor, item.case.invoice.currency),
        customer=customer_facts(item.case.customer, None),
        policy=item.case.policy_id,
        letter=letter,
    )


def asks_again(review: int) -> bool:
    """Say whether the case of a settled item has put the same question into the queue once more."""
    settled = models.ReviewItem.objects.filter(pk=review)
    same = models.ReviewItem.objects.filter(closed_at=None, case=OuterRef("case"), kind=OuterRef("kind"))
    return settled.exclude(closed_at=None).filter(Exists(same)).exists()


def people() -> tuple[tuple[str, str], ...]:
    """Everybody who can log in, as (user name, name to show), by name."""
    users = User.objects.filter(is_active=True)
    return tuple(sorted(((u.username, u.get_full_name() or u.username) for u in users), key=lambda u: u[1]))
