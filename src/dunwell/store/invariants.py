"""Things that must never be true: each query finds the rows that break a promise."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from dunwell.policy.words import (
    CollectionOwner,
    Ending,
    HoldKind,
    InvoiceStatus,
    LetterState,
    MailState,
    MessageState,
    ReviewKind,
)
from dunwell.store import models
from dunwell.store.claims import RUNNING

LATE = timedelta(hours=1)
_ABOUT_DOUBT = [
    ReviewKind.SEND_UNKNOWN.value,
    ReviewKind.SEND_REFUSED.value,
    ReviewKind.NOT_CONFIRMED.value,
]


def forgotten_cases() -> int:
    """Open cases that nothing will ever wake: no alarm, no desk item, no message on its way.

    A hold that somebody has to end is no excuse when nobody is asked about it, but one that forbids contact.
    """
    return _asleep().exclude(_under(_NOT_TO_BE_ENDED)).count()


def left_alone() -> int:
    """Open cases that nothing will wake because nobody may be contacted, and about which nobody is asked."""
    return _asleep().filter(_under(_NOT_TO_BE_ENDED)).count()


_NOT_TO_BE_ENDED = Q(kind=HoldKind.DO_NOT_CONTACT.value)


def _under(which: Q) -> Exists:
    """Cases under a hold, their own or their customer's, that nobody has ended."""
    whose = Q(case=OuterRef("pk")) | Q(case=None, customer=OuterRef("customer"))
    return Exists(models.Hold.objects.filter(which, whose, ended_at=None))


def _asleep() -> QuerySet[models.Case]:
    case = OuterRef("pk")
    review = models.ReviewItem.objects.filter(case=case, closed_at=None)
    moving = models.OutboxItem.objects.filter(
        case=case,
        state__in=RUNNING,
    )
    asleep = models.Case.objects.filter(closed_at=None, due_at=None)
    return asleep.exclude(Exists(review) | Exists(moving))


def late_alarms(now: datetime) -> int:
    """Cases whose alarm rang more than an hour ago: no worker is running, or it can't keep up."""
    return models.Case.objects.filter(due_at__lt=now - LATE).count()


def late_effects(now: datetime) -> int:
    """Mails and charges that should have left more than an hour ago."""
    return models.OutboxItem.objects.filter(
        due_at__lt=now - LATE,
        state__in=RUNNING,
        carried_by="",
    ).count()


def stuck_events(now: datetime) -> int:
    """Events that could not be applied for more than an hour."""
    waiting = models.InboxEvent.objects.filter(state=models.InboxEvent.WAITING)
    return waiting.filter(received_at__lt=now - LATE).count()


def failed_events() -> list[str]:
    """The newest events that could not be applied at all, with the reason."""
    failed = models.InboxEvent.objects.filter(state=models.InboxEvent.FAILED).order_by("-pk")[:3]
    return [f"{event.type}: {event.note}" for event in failed]


def unknown_without_a_person() -> int:
    """Mails with an unknown outcome on open cases that lie on nobody's desk."""
    asked = models.ReviewItem.objects.filter(
        case=OuterRef("case"), kind=ReviewKind.SEND_UNKNOWN.value, closed_at=None
    )
    unknown = models.OutboxItem.objects.filter(
        kind=models.OutboxItem.MAIL, state=MessageState.UNKNOWN.value, case__closed_at=None
    )
    return unknown.exclude(Exists(asked)).count()


def kept_from_stripe() -> int:
    """Unpaid invoices whose case left our hands, that Stripe does not collect again and nobody was asked about."""
    case = OuterRef("pk")
    on_its_way = models.OutboxItem.objects.filter(
        case=case, kind=models.OutboxItem.HAND_BACK, state__in=RUNNING
    )
    asked = models.ReviewItem.objects.filter(case=case, kind=ReviewKind.SUPPRESSION.value, closed_at=None)
    left = models.Case.objects.filter(
        ending=Ending.TRANSFERRED.value,
        collection=CollectionOwner.DUNWELL.value,
        invoice__status=InvoiceStatus.OPEN.value,
        invoice__open_minor__gt=0,
    )
    return left.exclude(Exists(on_its_way) | Exists(asked)).count()


def unheard_mails(now: datetime) -> int:
    """Mails that came in over an hour ago and that nobody has looked at."""
    arrived = models.IncomingMail.objects.filter(state=MailState.ARRIVED.value)
    return arrived.filter(received_at__lt=now - LATE).count()


def unread_replies() -> int:
    """Replies that wait for a person, about open cases, of which none is on hold or on a desk for it."""
    waiting = models.IncomingMail.objects.filter(state=MailState.WAITING.value)
    about = models.Case.objects.filter(mails=OuterRef("pk"), closed_at=None)
    return waiting.filter(Exists(about)).exclude(Exists(_told_of_reply())).count()


def _told_of_reply() -> QuerySet[models.Case]:
    """The cases of a mail that are on hold for a reply, or on a desk for whatever reason."""
    held = models.Hold.objects.filter(case=OuterRef("pk"), kind=HoldKind.REPLY.value, ended_at=None)
    asked = models.ReviewItem.objects.filter(case=OuterRef("pk"), closed_at=None)
    return models.Case.objects.filter(Exists(held) | Exists(asked), mails=OuterRef("pk"))


def stranded_letters() -> int:
    """Letters of open cases that nobody will sign, send or look for.

    A draft lies on a desk, a letter on its way has an effect that brings it there, and about one in doubt
    somebody is asked.
    """
    live = models.Letter.objects.filter(case__closed_at=None)
    asked = models.ReviewItem.objects.filter(case=OuterRef("case"), closed_at=None)
    moving = models.OutboxItem.objects.filter(
        letter=OuterRef("pk"), kind=models.OutboxItem.LETTER, state__in=RUNNING
    )
    drafts = live.filter(state=LetterState.DRAFT.value)
    leaving = live.filter(state=LetterState.LEAVING.value)
    doubtful = live.filter(state=LetterState.IN_DOUBT.value)
    return (
        drafts.exclude(Exists(asked.filter(kind=ReviewKind.DRAFT.value))).count()
        + leaving.exclude(Exists(moving)).count()
        + doubtful.exclude(Exists(asked.filter(kind__in=_ABOUT_DOUBT))).count()
    )


def stranded_mails() -> int:
    """Invoices that are to leave with a mail that is not going to leave any more."""
    leader = models.OutboxItem.objects.filter(
        key=OuterRef("carried_by"), carried_by="", state__in=RUNNING, kind=models.OutboxItem.MAIL
    )
    carried = models.OutboxItem.objects.filter(state__in=RUNNING).exclude(carried_by="")
    return carried.exclude(Exists(leader)).count()
