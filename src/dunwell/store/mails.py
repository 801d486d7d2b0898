"""Mail that came in, in rows: kept once, and everything that is asked about it later."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction

from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.words import MailState, TransportKind
from dunwell.store import models
from dunwell.store.plain import plain

# Where the inbox's events about mail come from, and what they are called there.
SOURCE = "mail"
MAIL, TRANSPORT = "mail", "transport"
_LONGEST_ID = 255


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
        mail.sent_at.astimezone(UTC).isoformat() if mail.sent_at else "",
        " ".join(mail.subject.split()),
        " ".join(mail.own.split()),
    )
    dated = bool(mail.message_id or mail.sent_at)
    parts = said if dated else (*said, otherwise)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def short_id(said: str) -> str:
    """An id of somebody else's that fits a column: one that would have to be cut is replaced by its sum."""
    kept = plain(said)
    if len(kept) <= _LONGEST_ID:
        return kept
    return hashlib.sha256(kept.encode()).hexdigest()


def _columns(mail: IncomingMail) -> dict[str, Any]:
    return {
        "sent_at": mail.sent_at,
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
