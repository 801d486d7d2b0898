"""Sample cases for the desk's tests: invented people and companies, as rows."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User

from dunwell.policy.book import Book, bind
from dunwell.policy.policy import default_policy
from dunwell.policy.wording import built_in_wording
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    Ending,
    HoldKind,
    InvoiceStatus,
    MailNature,
    MailState,
    MatchedBy,
    MessageState,
    Rail,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from dunwell.store import cases, keep, models
from dunwell.store.journal import Journal

NOW = datetime(2026, 4, 15, 13, 5, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


@lru_cache(maxsize=1)
def book() -> Book:
    """The built-in policy, of a company with a name and a bank account."""
    policy = default_policy()
    company = policy.company.model_copy(
        update={
            "name": "Harbourline Software",
            "bank_transfer": "Harbourline Software Inc.\nAccount 000123456\nRouting 021000021",
        }
    )
    return bind(policy.model_copy(update={"company": company}), built_in_wording())


def person(username: str = "dana", first: str = "Dana", last: str = "Whitfield") -> User:
    """Somebody who can log in."""
    email = f"{username}.{last.lower()}@harbourline.example"
    return User.objects.create_user(
        username, email=email, password=PASSWORD, first_name=first, last_name=last
    )


def _slug(name: str) -> str:
    return re.sub("[^a-z]+", "-", name.lower()).strip("-") or "customer"


def customer(name: str, **values: Any) -> models.Customer:
    """A customer in New York with a record and an MRR."""
    known: dict[str, Any] = {
        "external_id": f"cus_{models.Customer.objects.count() + 1:05}",
        "country": "US",
        "subdivision": "NY",
        "timezone": "America/New_York",
        "mrr_currency": "USD",
        "mrr_minor": [290_000, 310_000, 310_000],
        "mrr_source": "Stripe subscriptions",
        "mrr_as_of": date(2026, 4, 1),
        "tenure_months": 26,
        "invoices_paid": 25,
        "invoices_on_time": 24,
        "failures_90d": 1,
        "owner_name": "Felix Nordstrom",
        "owner_email": "felix.nordstrom@harbourline.example",
        "read_at": NOW - timedelta(hours=2),
    }
    row = models.Customer.objects.create(name=name, **{**known, **values})
    models.Contact.objects.create(
        customer=row, name="Imani Osei", email=f"ap@{_slug(name)}.example", source="Stripe"
    )
    return row


@dataclass
class Wanted:
    """A case to make; what is left out is ordinary."""

    customer: models.Customer
    number: str
    minor: int
    currency: str = "USD"
    track: Track | None = Track.STANDARD
    status: CaseStatus = CaseStatus.OPEN
    ending: Ending | None = None
    failed_days_ago: int = 8
    due_in: timedelta | None = timedelta(hours=23, minutes=55)
    rail: Rail = Rail.CARD
    invoice_status: InvoiceStatus = InvoiceStatus.OPEN
    because: str = "The direct message is due 8 days after the failed payment."
    stages: tuple[Stage, ...] = (Stage.NOTICE, Stage.REMINDER)
    columns: dict[str, Any] = field(default_factory=dict)


def case(wanted: Wanted) -> models.Case:
    """Make a case with its invoice, attempts, mails and timeline."""
    pinned = book()
    keep.pin(pinned, NOW)
    failed = NOW - timedelta(days=wanted.failed_days_ago, hours=1)
    invoice = models.Invoice.objects.create(
        external_id=f"in_{wanted.number}",
        number=wanted.number,
        customer=wanted.customer,
        open_minor=wanted.minor,
        currency=wanted.currency,
        status=wanted.invoice_status.value,
        due_on=failed.date(),
        rail=wanted.rail.value,
        read_at=NOW,
    )
    closed = wanted.status is CaseStatus.CLOSED
    values: dict[str, Any] = {
        "track": wanted.track.value if wanted.track else None,
        "status": wanted.status.value,
        "ending": wanted.ending.value if wanted.ending else None,
        "opened_at": failed,
        "closed_at": NOW - timedelta(days=1) if closed else None,
        "anchor_at": failed,
        "failed_at": failed,
        "reason_code": "insufficient_funds",
        "reason_class": RetryClass.SOFT.value,
        "reason_sentence": "The card did not have enough money available.",
        "due_at": NOW + wanted.due_in if wanted.due_in is not None and not closed else None,
        "because": wanted.because,
        **wanted.columns,
    }
    row = cases.open_case(invoice=invoice, book=pinned, values=values)
    _attempt(row, failed)
    _story(row, wanted, failed)
    return row


def _attempt(row: models.Case, failed: datetime) -> None:
    models.PaymentAttempt.objects.create(
        invoice=row.invoice,
        key=f"pi_{row.pk}",
        at=failed,
        trigger=AttemptTrigger.STRIPE.value,
        outcome=AttemptOutcome.DECLINED.value,
        method="pm_sample_4242",
        code="insufficient_funds",
        sentence="The card did not have enough money available.",
    )


def _story(row: models.Case, wanted: Wanted, failed: datetime) -> None:
    story = Journal(NOW)
    story.entry(
        row,
        "opened",
        f"The payment of {wanted.number} failed. The card did not have enough money available.",
        by="stripe",
        at=failed,
        detail={"track": row.track, "code": "insufficient_funds"},
    )
    for number, stage in enumerate(wanted.stages):
        at = failed + timedelta(days=number * 4, minutes=4)
        story.entry(row, "send", f"The {stage} is due.", at=at, detail={"rule": "send", "stage": stage.value})
        story.entry(row, "sent", f"The {stage} was handed to the mail server.", at=at)
        mail(row, stage, at)
    if len(wanted.stages) > 1:
        text = "Not written on Saturday: the customer's next working morning is Monday."
        story.entry(row, "skip", text, at=failed + timedelta(days=3), detail={"rule": "too_early"})
    story.write()


def mail(row: models.Case, stage: Stage, at: datetime, **values: Any) -> models.OutboxItem:
    """A mail that was sent."""
    number, contact = row.invoice.number, row.customer.contacts.get()
    known: dict[str, Any] = {
        "state": MessageState.SENT.value,
        "subject": f"Payment for invoice {number} did not go through",
        "text": f"Hello Imani,\n\nthe payment for invoice {number} did not go through.\n\nKind regards\nSam Sample",
        "html": f"<p style='color:#123'>Hello Imani,</p><p>invoice <b>{number}</b> did not go through.</p>",
    }
    return models.OutboxItem.objects.create(
        key=f"mail:{row.pk}:{stage.value}",
        kind=models.OutboxItem.MAIL,
        case=row,
        stage=stage.value,
        queued_at=at,
        due_at=at,
        settled_at=at,
        to_name=contact.name,
        to_address=contact.email,
        amount_minor=row.invoice.open_minor,
        currency=row.invoice.currency,
        **{**known, **values},
    )


def hold(
    row: models.Case,
    kind: HoldKind = HoldKind.PROMISE,
    *,
    days: int | None = 6,
    whole_customer: bool = False,
    reason: str = "Imani wrote: the transfer goes out on 21 April.",
) -> models.Hold:
    """A hold that is active now."""
    return models.Hold.objects.create(
        customer=row.customer,
        case=None if whole_customer else row,
        kind=kind.value,
        start_at=NOW - timedelta(days=1),
        until_at=NOW + timedelta(days=days) if days is not None else None,
        by="dana",
        reason=reason,
    )


def review(
    row: models.Case, kind: ReviewKind = ReviewKind.ESCALATION, *, days: int = 2, **values: Any
) -> models.ReviewItem:
    """Something that waits for a person."""
    known: dict[str, Any] = {
        "reason": "Every stage has been sent and the invoice is still open.",
        "proposal": "Call the customer; automation has ended.",
    }
    return models.ReviewItem.objects.create(
        case=row, kind=kind.value, opened_at=NOW - timedelta(days=days), **{**known, **values}
    )


def incoming(*rows: models.Case, **values: Any) -> models.IncomingMail:
    """A mail about some cases that waits for a decision; about none: one that nobody could place."""
    own = "Hi Sam,\n\nsorry for the delay. We will pay this on April 21, after our payment run.\n\nImani"
    words = "We will pay this on April 21"
    known: dict[str, Any] = {
        "source": "imap",
        "external_id": str(models.IncomingMail.objects.count()),
        "fingerprint": f"sample-{models.IncomingMail.objects.count()}",
        "received_at": NOW - timedelta(hours=3),
        "sent_at": NOW - timedelta(hours=3),
        "message_id": f"<sample-{models.IncomingMail.objects.count()}@customer.example>",
        "sender_name": "Imani Osei",
        "sender_address": "imani.osei@customer.example",
        "subject": "Re: Payment for your invoice did not go through",
        "text": f"{own}\n\n> Hello Imani,\n> the payment did not go through.\n",
        "own": own,
        "nature": MailNature.HUMAN.value,
        "state": MailState.WAITING.value if rows else MailState.UNMATCHED.value,
        "matched_by": MatchedBy.THREAD.value if rows else "",
        "about": [row.pk for row in rows],
        "reading_kind": "promise",
        "reading_date": date(2026, 4, 21),
        "reading_words": words,
        "reading_start": own.index(words),
        "reading_end": own.index(words) + len(words),
        "reading_why": "The sender says that money will come.",
    }
    row = models.IncomingMail.objects.create(**{**known, **values})
    row.cases.set(rows)
    for case_row in rows:
        if row.state == MailState.WAITING.value and case_row.closed_at is None:
            hold(case_row, HoldKind.REPLY, days=None, reason="reply")
            review(case_row, ReviewKind.REPLY, days=1, reason="A person replied.", proposal="Read the reply.")
    return row


def attachment(mail: models.IncomingMail, name: str, media_type: str, content: bytes) -> models.Attachment:
    """A file that came with a mail."""
    return models.Attachment.objects.create(
        mail=mail, name=name, media_type=media_type, size=len(content), content=content
    )


def three_cases() -> tuple[models.Case, models.Case, models.Case]:
    """Aurelius is running, Northgate has promised to pay, Halberd waits for a person."""
    aurelius = case(Wanted(customer("Aurelius Partners"), "INV-2026-04-1198", 1_420_000))
    northgate = case(
        Wanted(
            customer("Northgate Capital", mrr_minor=[610_000, 640_000, 640_000]),
            "INV-2026-04-1177",
            688_000,
            track=Track.PERSONAL,
            due_in=timedelta(days=6),
            because="The case is on hold (promise) until 2026-04-21.",
        )
    )
    hold(northgate)
    halberd = case(
        Wanted(
            customer("Halberd Cybersecurity", timezone=None, country="DE", subdivision="BY"),
            "INV-2026-03-0932",
            394_050,
            currency="EUR",
            status=CaseStatus.ESCALATED,
            failed_days_ago=23,
            due_in=None,
            because="The case was handed to a person; automation has ended.",
        )
    )
    review(halberd)
    return aurelius, northgate, halberd
