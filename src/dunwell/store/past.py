"""A case as it stood at an earlier moment, as far as rows remember it."""

from dataclasses import replace
from datetime import datetime

from dunwell.policy import facts, words
from dunwell.policy.decide import as_of
from dunwell.policy.money import Money
from dunwell.store import models, snapshots


def case_at(row: models.Case, at: datetime) -> facts.Case:
    """The facts of a case at a moment. For one that ended later, the amount is what was open when it opened.

    Everything with a time of its own (messages, holds, attempts, desk items, the end) is rewound exactly;
    what was only ever overwritten (the customer's record, an amount partly paid) is as it is now.
    """
    case = as_of(snapshots.snapshots([row], at)[row.pk], at)
    if row.closed_at is not None and row.closed_at > at:
        owed = Money(row.opened_minor, row.invoice.currency)
        invoice = replace(case.invoice, status=words.InvoiceStatus.OPEN, open=owed, charged_back=False)
        case = replace(case, status=words.CaseStatus.OPEN, invoice=invoice)
    opened = models.ReviewItem.objects.filter(case=row, opened_at__lte=at)
    waiting = opened.exclude(closed_at__lte=at).values_list("kind", flat=True)
    reviews = tuple(words.ReviewKind(kind) for kind in waiting.order_by("pk"))
    return replace(case, reviews=reviews, status=_status(row, case, reviews, at))


def _status(
    row: models.Case, case: facts.Case, reviews: tuple[words.ReviewKind, ...], at: datetime
) -> words.CaseStatus:
    if case.status is words.CaseStatus.CLOSED:
        return case.status
    handed_over = models.TimelineEntry.objects.filter(
        case=row, kind=words.ActionKind.ESCALATE.value, at__lte=at
    )
    if handed_over.exists():
        return words.CaseStatus.ESCALATED
    if case.status is words.CaseStatus.REVIEW and reviews:
        return case.status
    return words.CaseStatus.OPEN
