"""A case as it stood at an earlier moment, as far as rows remember it."""

from dataclasses import replace
from datetime import datetime

from dunwell.policy import facts, words
from dunwell.policy.decide import as_of
from dunwell.policy.money import Money
from dunwell.store import models, snapshots
from dunwell.store.timeline import CLAWED_BACK

_CLOSE = words.ActionKind.CLOSE.value


def case_at(row: models.Case, at: datetime) -> facts.Case:
    """The facts of a case at a moment. For one that ended later, the amount is what was open when it opened.

    Everything with a time of its own (messages, holds, attempts, desk items, the end) is rewound exactly;
    what was only ever overwritten (the customer's record, an amount partly paid) is as it is now.
    """
    case = as_of(snapshots.snapshots([row], at)[row.pk], at)
    if row.reopened_at is not None and row.reopened_at > at:
        case = replace(case, invoice=replace(case.invoice, charged_back=False), reopened_at=None)
        if _had_ended(row, at):
            return replace(case, status=words.CaseStatus.CLOSED, reviews=())
    if (row.closed_at is not None and row.closed_at > at) or case.reopened_at != row.reopened_at:
        owed = Money(row.opened_minor, row.invoice.currency)
        invoice = replace(case.invoice, status=words.InvoiceStatus.OPEN, open=owed, charged_back=False)
        case = replace(case, status=words.CaseStatus.OPEN, invoice=invoice)
    opened = models.ReviewItem.objects.filter(case=row, opened_at__lte=at)
    waiting = opened.exclude(closed_at__lte=at).values_list("kind", flat=True)
    reviews = tuple(words.ReviewKind(kind) for kind in waiting.order_by("pk"))
    return replace(case, reviews=reviews, status=_status(row, case, reviews, at))


def _had_ended(row: models.Case, at: datetime) -> bool:
    """Say whether a case that was reopened after a moment had ended by then."""
    told = models.TimelineEntry.objects.filter(case=row, kind__in=(_CLOSE, CLAWED_BACK), at__lte=at)
    return told.order_by("-seq").values_list("kind", flat=True).first() == _CLOSE


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
