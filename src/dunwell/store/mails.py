"""Mail that came in, in rows: kept once, and everything that is asked about it later."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.replies import ReplyReading
from dunwell.policy.words import MailNature, MailState, MatchedBy, TransportKind
from dunwell.store import models
from dunwell.store.people import contacts_at
from dunwell.store.plain import plain

# Where the inbox's events about mail come from, and what they are called there.
SOURCE = "mail"
MAIL, TRANSPORT = "mail", "transport"
_LONGEST_ID = 255
# What leaves as a mail with a Message-ID of ours.
_LEAVES = (
    models.OutboxItem.MAIL,
    models.OutboxItem.LETTER,
    models.OutboxItem.OWNER_NOTE,
    models.OutboxItem.ANSWER,
)


def keep_mail(source: str, external_id: str, mail: IncomingMail, now: datetime) -> models.IncomingMail | None:
    """Insert a mail with its attachments; None when it is here already, by whichever way it came."""
    row = models.IncomingMail(
        **_columns(mail),
        source=plain(source, 20),
        external_id=short_id(external_id),
        fingerprint=fingerprint(mail, f"{source}:{external_id}"),
        received_at=now,
        state=MailState.ARRIVED.value,
    )
    if models.IncomingMail.objects.filter(fingerprint=row.fingerprint).exists():
        return None
    try:
        with transaction.atomic():  # whoever else takes it at this moment may be first
            row.save(force_insert=True)
    except IntegrityError:
        return None
    models.Attachment.objects.bulk_create(
        models.Attachment(
            mail=row,
            name=plain(each.name, 255),
            media_type=plain(each.media_type, 100),
            size=len(each.content),
            content=each.content,
        )
        for each in mail.attachments
    )
    return row


def keep_mail_event(row: models.IncomingMail) -> None:
    """Put a kept mail into the inbox, due from when it was written if that was before it came in."""
    models.InboxEvent.objects.create(
        source=SOURCE,
        external_id=f"{MAIL}:{row.fingerprint}",
        type=MAIL,
        body=f'{{"mail": {row.pk}}}',
        received_at=row.received_at,
        due_at=min(row.received_at, row.sent_at or row.received_at),
    )


def fingerprint(mail: IncomingMail, otherwise: str) -> str:
    """Name a mail by what stays the same whichever way it comes.

    What carries neither a Message-ID nor a date may be written twice in the same words, so it is named by where
    it was found (`otherwise`).
    """
    said = (
        mail.message_id,
        mail.sender.email.lower(),
        sent_at.isoformat() if (sent_at := _in_utc(mail.sent_at)) else "",
        " ".join(mail.subject.split()),
        " ".join(mail.own.split()),
    )
    dated = bool(mail.message_id or mail.sent_at)
    parts = said if dated else (*said, otherwise)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _in_utc(at: datetime | None) -> datetime | None:
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError:  # the year 9999, west of Greenwich
        return None


def short_id(said: str) -> str:
    """An id of somebody else's that fits a column: one that would have to be cut is replaced by its sum."""
    kept = plain(said)
    if len(kept) <= _LONGEST_ID:
        return kept
    return hashlib.sha256(kept.encode()).hexdigest()


def _columns(mail: IncomingMail) -> dict[str, Any]:
    return {
        "sent_at": _in_utc(mail.sent_at),
        "message_id": _whole(mail.message_id),
        "references": [kept for each in mail.references if (kept := _whole(each))],
        "sender_name": plain(mail.sender.name, 200),
        "sender_address": _whole(mail.sender.email.lower(), 320),
        "recipients": [plain(each, 320) for each in mail.recipients],
        "subject": plain(mail.subject, 500),
        "text": plain(mail.text),
        "own": plain(mail.own),
        "html": plain(mail.html),
        "automatic": plain(mail.automatic, 200),
        "is_report": mail.is_report,
        "reports": [event_columns(each) for each in mail.reports],
        "problems": [plain(each, 500) for each in mail.problems],
    }


def _whole(said: str, longest: int = _LONGEST_ID) -> str:
    """What is cut would name something else: what is too long is left out."""
    kept = plain(said)
    return kept if len(kept) <= longest else ""


def event_columns(event: TransportEvent) -> dict[str, Any]:
    """A transport event as JSON keeps it."""
    return {
        "kind": event.kind.value,
        "recipient": plain(event.recipient, 320),
        "message_id": _whole(event.message_id),
        "provider_id": _whole(event.provider_id),
        "at": event.at.isoformat() if event.at else None,
        "permanent": event.permanent,
        "reason": plain(event.reason, 500),
    }


def event_of(said: Mapping[str, Any]) -> TransportEvent:
    """A transport event as it was kept."""
    at = said["at"]
    return TransportEvent(
        kind=TransportKind(said["kind"]),
        recipient=str(said["recipient"]),
        message_id=str(said["message_id"]),
        provider_id=str(said["provider_id"]),
        at=datetime.fromisoformat(at) if at else None,
        permanent=bool(said["permanent"]),
        reason=str(said["reason"]),
    )


def mail_with_id(mail: int) -> models.IncomingMail | None:
    """One mail by id, to read only."""
    return models.IncomingMail.objects.filter(pk=mail).first()


def locked_mail(mail: int) -> models.IncomingMail:
    """One mail by id, locked until the transaction ends. Its cases are locked before it."""
    return models.IncomingMail.objects.select_for_update(no_key=True).get(pk=mail)


def note_nature(
    mail: models.IncomingMail,
    nature: MailNature,
    state: MailState,
    *,
    by: MatchedBy | None = None,
    cases: Sequence[int] = (),
    about: Sequence[int] = (),
) -> None:
    """Say of a locked mail what it is, where it stands, which cases hear of it and how they were found.

    `about` are those of the cases that it seems to be about; none named: all.
    """
    mail.nature, mail.state, mail.matched_by = nature.value, state.value, by.value if by else ""
    mail.about = sorted(about or cases)
    mail.save(update_fields=["nature", "state", "matched_by", "about"])
    mail.cases.set(cases)


def note_problem(mail: models.IncomingMail, state: MailState, problem: str) -> None:
    """Move a mail on that is matched to no case, with why in a sentence."""
    mail.state = state.value
    mail.problems = [*mail.problems, plain(problem, 500)]
    mail.save(update_fields=["state", "problems"])


def cases_of(mail: models.IncomingMail) -> tuple[int, ...]:
    """The cases a mail is about, by id."""
    return tuple(mail.cases.order_by("pk").values_list("pk", flat=True))


def keep_reading(mail: models.IncomingMail, reading: ReplyReading) -> None:
    """Keep what a mail seems to say as a proposal; where its words stand is kept as places in `own`."""
    start, end = _place(mail.own, reading)
    values = {
        "reading_kind": reading.kind.value,
        "reading_date": reading.date,
        "reading_words": plain(reading.words),
        "reading_start": start,
        "reading_end": end,
        "reading_why": plain(reading.why),
        "reading_notes": [plain(note) for note in reading.notes],
    }
    models.IncomingMail.objects.filter(pk=mail.pk).update(**values)


def _place(own: str, reading: ReplyReading) -> tuple[int | None, int | None]:
    if reading.span is not None and reading.text == own:
        return reading.span
    start = own.find(reading.words) if reading.words else -1
    return (start, start + len(reading.words)) if start >= 0 else (None, None)


def is_a_colleague(address: str) -> bool:
    """Say whether somebody who can log in here has this address."""
    return User.objects.filter(is_active=True, email__iexact=address).exists()


def left_from_here(message_id: str) -> bool:
    """Say whether a Message-ID is that of a mail of ours, by our word or a provider's."""
    if not message_id:
        return False
    named = Q(message_id=message_id) | Q(provider_id=message_id)
    return models.OutboxItem.objects.filter(named).exists()


def effects_named(message_id: str, provider_id: str = "") -> list[models.OutboxItem]:
    """The rows of the mail of ours that a Message-ID, or a provider's id, names: the one that left first."""
    named = Q(message_id=message_id) if message_id else Q(pk__in=())
    if provider_id:
        named |= Q(provider_id=provider_id)
    found = list(models.OutboxItem.objects.filter(named, kind__in=_LEAVES).order_by("carried_by", "pk"))
    return _with_carried(found[:1])


def _with_carried(leaders: Sequence[models.OutboxItem]) -> list[models.OutboxItem]:
    """A mail's own row, then those of the other invoices that it is about."""
    found: list[models.OutboxItem] = []
    for item in leaders:
        key = item.carried_by or item.key
        rows = models.OutboxItem.objects.filter(Q(key=key) | Q(carried_by=key))
        found += rows.order_by("carried_by", "pk")
    return found


def thread_of(references: Sequence[str]) -> tuple[str, list[int]]:
    """Which mail of ours, or of a customer's, a mail follows: the kind of ours ("" for a customer's), its cases.

    The nearest one that is known counts; `references` has the nearest last. No cases: none is known.
    """
    for message_id in reversed(_known(references)):
        # Some mail providers put a Message-ID of their own in place of ours, and name the mail by it.
        if rows := effects_named(message_id, message_id):
            answered = models.IncomingMail.objects.filter(
                pk__in=[row.reply_id for row in rows if row.reply_id]
            )
            return rows[0].kind, sorted({row.case_id for row in rows} | _about(answered))
        known = models.IncomingMail.objects.filter(message_id=message_id).exclude(message_id="")
        if cases := _about(known):
            return "", sorted(cases)
    return "", []


def _about(mails: QuerySet[models.IncomingMail]) -> set[int]:
    return {int(case) for about in mails.values_list("about", flat=True) for case in about}


def _known(references: Sequence[str]) -> list[str]:
    """Which of some Message-IDs we know at all, in their order."""
    ours = models.OutboxItem.objects.filter(Q(message_id__in=references) | Q(provider_id__in=references))
    theirs = models.IncomingMail.objects.filter(message_id__in=references)
    known = {name for pair in ours.values_list("message_id", "provider_id") for name in pair}
    known |= set(theirs.values_list("message_id", flat=True))
    return [name for name in references if name and name in known]


def written_together(case: int) -> list[int]:
    """The cases that the last mail about a case was about: itself, and those that mail carried."""
    mails = models.OutboxItem.objects.filter(case=case, kind=models.OutboxItem.MAIL).exclude(message_id="")
    last = mails.order_by("-queued_at", "-pk").first()
    return sorted({case, *(row.case_id for row in _with_carried([last] if last else []))})


def customers_at(address: str, since: datetime) -> set[int]:
    """Customers whom an address belongs to, and who have an open case or one that ended after `since`.

    An address belongs to a customer who has it as a contact, or who was written to there.
    """
    lately = Q(closed_at=None) | Q(closed_at__gte=since)
    named = models.Case.objects.filter(lately, customer__in=contacts_at(address).values("customer"))
    written = models.Case.objects.filter(lately, outbox__to_address=address, outbox__kind__in=_TO_CUSTOMERS)
    return {*named.values_list("customer", flat=True), *written.values_list("customer", flat=True)}


_TO_CUSTOMERS = (models.OutboxItem.MAIL, models.OutboxItem.LETTER, models.OutboxItem.ANSWER)


def cases_lately(customer: int, since: datetime) -> list[int]:
    """The open cases of a customer; without one, the newest that ended after `since`."""
    theirs = models.Case.objects.filter(customer=customer)
    if found := list(theirs.filter(closed_at=None).order_by("pk").values_list("pk", flat=True)):
        return found
    ended = theirs.filter(closed_at__gte=since).order_by("-closed_at", "-pk")
    return list(ended.values_list("pk", flat=True)[:1])


def numbers_lately(customers: Iterable[int], since: datetime) -> list[tuple[int, str]]:
    """Customer and invoice number of each case that is open or ended after `since`."""
    lately = Q(closed_at=None) | Q(closed_at__gte=since)
    found = models.Case.objects.filter(lately, customer__in=set(customers))
    return list(found.order_by("pk").values_list("customer", "invoice__number"))


def customers_of(cases: Sequence[int]) -> list[int]:
    """Whose cases these are, by id."""
    found = models.Case.objects.filter(pk__in=cases).values_list("customer", flat=True)
    return sorted(set(found))


def open_cases_of(customers: Sequence[int]) -> list[int]:
    """The open cases of some customers, by id."""
    found = models.Case.objects.filter(customer__in=customers, closed_at=None)
    return list(found.order_by("pk").values_list("pk", flat=True))


def copied_to(item: models.OutboxItem) -> str:
    """Whom a mail went to as a copy; "" for nobody."""
    return item.letter.cc_address if item.kind == models.OutboxItem.LETTER and item.letter else ""


def is_a_contact(customer: int, address: str) -> bool:
    """Say whether a customer has an address as a contact."""
    return models.Contact.objects.filter(customer=customer, email__iexact=address).exists()


def unheard_mails(at_most: int) -> list[models.IncomingMail]:
    """Mails that have come in and that nobody has looked at yet, the oldest first."""
    arrived = models.IncomingMail.objects.filter(state=MailState.ARRIVED.value)
    return list(arrived.order_by("received_at")[:at_most])
