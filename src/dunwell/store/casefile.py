"""Reads for one case: everything that is known and everything that happened, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.desk import active_holds
from dunwell.store.letterfile import LetterFile, letters_of
from dunwell.store.replies import Gist, mails_of_case
from dunwell.store.snapshots import instalments, snapshots


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold on the case or on all cases of its customer."""

    id: int
    kind: words.HoldKind
    scope: words.HoldScope
    start: datetime
    until: datetime | None
    ended_at: datetime | None
    by: str
    reason: str
    active: bool
    instalments: tuple[facts.Instalment, ...] = ()


@dataclass(frozen=True, slots=True)
class ContactRow:
    """Somebody at the customer; the first one that mail can reach is written to."""

    name: str
    email: str
    source: str
    deliverable: bool
    undeliverable_because: str


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail of the case exactly as it was written."""

    id: int
    stage: str
    state: words.MessageState
    queued_at: datetime
    settled_at: datetime | None
    to_name: str
    to_address: str
    subject: str
    text: str
    has_html: bool
    note: str


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A payment attempt with the vendor's code and the plain sentence for it."""

    at: datetime
    trigger: words.AttemptTrigger
    outcome: words.AttemptOutcome
    method: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One timeline entry with its place in the hash chain."""

    seq: int
    at: datetime
    kind: str
    actor: str
    summary: str
    detail: Mapping[str, Any]
    policy: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A review item of the case, open or settled."""

    id: int
    kind: words.ReviewKind
    opened_at: datetime
    reason: str
    proposal: str
    assigned_to: str
    closed_at: datetime | None
    closed_by: str
    resolution: str


@dataclass(frozen=True, slots=True)
class InLedger:
    """The invoice as the ledger last showed it."""

    invoice: str
    status: words.InvoiceStatus
    open: Money | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case with its facts as the rules see them, and its whole history, oldest first."""

    id: int
    case: facts.Case
    policy: str
    ending: words.Ending | None
    closed_at: datetime | None
    next_look: datetime | None
    because: str
    opened: Money
    warnings: tuple[str, ...]
    customer_read_at: datetime
    invoice_read_at: datetime
    in_ledger: InLedger | None
    holds: tuple[HoldRow, ...]
    mails: tuple[MailRow, ...]
    incoming: tuple[Gist, ...]
    contacts: tuple[ContactRow, ...]
    letters: tuple[LetterFile, ...]
    attempts: tuple[AttemptRow, ...]
    reviews: tuple[ReviewRow, ...]
    timeline: tuple[Entry, ...]

    @property
    def active_holds(self) -> tuple[HoldRow, ...]:
        """The holds the case waits under."""
        return tuple(hold for hold in self.holds if hold.active)

    @property
    def open_reviews(self) -> tuple[ReviewRow, ...]:
        """What waits for a person."""
        return tuple(item for item in self.reviews if item.closed_at is None)

    @property
    def ours(self) -> bool:
        """Whether we, not Stripe, retry the charge."""
        return self.case.collection.owner is words.CollectionOwner.DUNWELL


def case_file(case: int, now: datetime) -> CaseFile | None:
    """Read a case with everything around it; None when there is no such case, in a fixed number of queries."""
    row = models.Case.objects.select_related("invoice", "customer").filter(pk=case).first()
    if row is None:
        return None
    return CaseFile(
        id=row.pk,
        case=snapshots([row], now)[row.pk],
        policy=row.policy_id,
        ending=words.Ending(row.ending) if row.ending else None,
        closed_at=row.closed_at,
        next_look=row.due_at,
        because=row.because,
        opened=Money(row.opened_minor, row.invoice.currency),
        warnings=tuple(str(warning) for warning in row.customer.warnings),
        customer_read_at=row.customer.read_at,
        invoice_read_at=row.invoice.read_at,
        in_ledger=_in_ledger(row.invoice),
        holds=_holds(row, now),
        mails=_mails(row),
        incoming=mails_of_case(row.pk),
        contacts=_contacts(row),
        letters=letters_of(row.pk),
        attempts=_attempts(row),
        reviews=_reviews(row),
        timeline=_timeline(row),
    )


def exists(case: int) -> bool:
    """Say whether there is such a case."""
    return models.Case.objects.filter(pk=case).exists()


def mail_html(case: int, mail: int) -> str | None:
    """The HTML version of a mail of this case; None when there is none."""
    found = models.OutboxItem.objects.filter(pk=mail, case=case, kind=models.OutboxItem.MAIL)
    return found.values_list("html", flat=True).first() or None


def _in_ledger(row: models.Invoice) -> InLedger | None:
    if not row.ledger_status:
        return None
    opened = row.ledger_open_minor
    return InLedger(
        invoice=row.ledger_id,
        status=words.InvoiceStatus(row.ledger_status),
        open=None if opened is None else Money(opened, row.currency),
        read_at=row.ledger_read_at,
    )


def _holds(row: models.Case, now: datetime) -> tuple[HoldRow, ...]:
    mine = models.Hold.objects.filter(Q(case=row) | Q(case=None, customer=row.customer_id))
    active = set(mine.filter(active_holds(now)).values_list("pk", flat=True))
    return tuple(
        HoldRow(
            id=hold.pk,
            kind=words.HoldKind(hold.kind),
            scope=words.HoldScope.CASE if hold.case_id else words.HoldScope.CUSTOMER,
            start=hold.start_at,
            until=hold.until_at,
            ended_at=hold.ended_at,
            by=hold.by,
            reason=hold.reason,
            active=hold.pk in active,
            instalments=instalments(hold.instalments, row.invoice.currency) if hold.case_id else (),
        )
        for hold in mine.order_by("start_at", "pk")
    )


def _contacts(row: models.Case) -> tuple[ContactRow, ...]:
    found = models.Contact.objects.filter(customer=row.customer_id).order_by("rank", "pk")
    return tuple(
        ContactRow(each.name, each.email, each.source, each.deliverable, each.undeliverable_because)
        for each in found
    )


def _mails(row: models.Case) -> tuple[MailRow, ...]:
    shown = (models.OutboxItem.MAIL, models.OutboxItem.ANSWER)
    found = models.OutboxItem.objects.filter(case=row, kind__in=shown).order_by("queued_at", "pk")
    return tuple(
        MailRow(
            id=mail.pk,
            stage=mail.stage,
            state=words.MessageState(mail.state),
            queued_at=mail.queued_at,
            settled_at=mail.settled_at,
            to_name=mail.to_name,
            to_address=mail.to_address,
            subject=mail.subject,
            text=mail.text,
            has_html=bool(mail.html),
            note=mail.note,
        )
        for mail in found
    )


def _attempts(row: models.Case) -> tuple[AttemptRow, ...]:
    return tuple(
        AttemptRow(
            at=attempt.at,
            trigger=words.AttemptTrigger(attempt.trigger),
            outcome=words.AttemptOutcome(attempt.outcome),
            method=attempt.method,
            code=attempt.code,
            sentence=attempt.sentence,
        )
        for attempt in models.PaymentAttempt.objects.filter(invoice=row.invoice_id).order_by("at", "pk")
    )


def _reviews(row: models.Case) -> tuple[ReviewRow, ...]:
    return tuple(
        ReviewRow(
            id=item.pk,
            kind=words.ReviewKind(item.kind),
            opened_at=item.opened_at,
            reason=item.reason,
            proposal=item.proposal,
            assigned_to=item.assigned_to,
            closed_at=item.closed_at,
            closed_by=item.closed_by,
            resolution=item.resolution,
        )
        for item in models.ReviewItem.objects.filter(case=row).order_by("opened_at", "pk")
    )


def _timeline(row: models.Case) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            seq=entry.seq,
            at=entry.at,
            kind=entry.kind,
            actor=entry.actor,
            summary=entry.summary,
            detail=entry.detail,
            policy=entry.policy,
            previous=entry.previous,
            hash=entry.hash,
        )
        for entry in models.TimelineEntry.objects.filter(case=row).order_by("seq")
    )
