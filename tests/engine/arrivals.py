"""Mail that comes in, for tests of the engine: a world that is written to, and a mailbox in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from dunwell.engine.incoming.take import take_mail, take_transport
from dunwell.engine.ports import Mailbox, Ports
from dunwell.policy.facts import Person
from dunwell.policy.incoming import Arrived, IncomingMail, MailboxUnreadableError, TransportEvent
from dunwell.policy.readings import OutgoingMail
from dunwell.policy.replies import ReplyReader, RulesReader
from dunwell.policy.words import TransportKind
from dunwell.store import models
from tests.engine.world import World

INBOUND = "sam@inbound.dunwell.example"
DANA = Person("Dana Reyes", "dana@cus-1.example")


class Inbox(Mailbox):
    """A mailbox in memory; a place in it is a number. `unreadable` is why it cannot be read."""

    def __init__(self) -> None:
        self.mails: list[IncomingMail] = []
        self.unreadable = ""
        self.breaks_after: int | None = None
        self.fetched: list[int] = []
        self.closed = 0
        self.looks: list[datetime] = []

    def arrived(self, after: str, now: datetime) -> Iterator[Arrived]:
        self.looks.append(now)
        for place, mail in enumerate(self.mails):
            if place < int(after or 0):
                continue
            if self.unreadable and self.breaks_after in (None, len(self.fetched)):
                raise MailboxUnreadableError(self.unreadable)
            self.fetched.append(place)
            yield Arrived(f"1:{place}", str(place + 1), mail)
        if self.unreadable:
            raise MailboxUnreadableError(self.unreadable)

    def close(self) -> None:
        self.closed += 1


@dataclass
class MailWorld(World):
    """A world with an address for replies, a mailbox, and a reader of replies."""

    reply_to: str = INBOUND
    inbox: Inbox = field(default_factory=Inbox)
    reader: ReplyReader = field(default_factory=RulesReader)
    received: int = 0

    @property
    def ports(self) -> Ports:
        own = super().ports
        return replace(own, reply_to=self.reply_to, mailbox=self.inbox, reader=self.reader)

    def gets(self, own: str = "Who are you?", **values: Any) -> models.IncomingMail:
        """Let a mail come in now, from Dana unless said otherwise, and keep it."""
        self.received += 1
        source, id_ = values.pop("source", "imap"), values.pop("id", f"1:{self.received}")
        mail = self.written(own, **values)
        take_mail(source, id_, mail, self.now)
        return models.IncomingMail.objects.get(
            message_id=mail.message_id, sender_address=mail.sender.email.lower()
        )

    def written(self, own: str, **values: Any) -> IncomingMail:
        """A mail, from Dana unless said otherwise."""
        said: dict[str, Any] = {
            "message_id": f"<m{self.received}@cus-1.example>",
            "sender": DANA,
            "recipients": ("sam.sample@dunwell.example",),
            "subject": "Re: your invoice",
            "text": own,
            "own": own,
            "sent_at": self.now,
        }
        return IncomingMail(**{**said, **values})

    def answers(self, mail: OutgoingMail, own: str, **values: Any) -> models.IncomingMail:
        """Let whoever got a mail of ours answer it as mail programs do: to Reply-To, in its thread."""
        said: dict[str, Any] = {
            "sender": mail.to,
            "recipients": (mail.reply_to,),
            "references": (mail.message_id,),
            "subject": f"Re: {mail.subject}",
        }
        return self.gets(own, **{**said, **values})

    def reports(self, mail: OutgoingMail, kind: TransportKind, **values: Any) -> models.IncomingMail:
        """Let a mail server report about a mail of ours."""
        event = self.event_about(mail, kind, **values)
        daemon = Person("Mail Delivery System", "mailer-daemon@mx.example")
        return self.gets(
            "I'm sorry to have to inform you.",
            sender=daemon,
            subject="Undelivered Mail Returned to Sender",
            reports=(event,),
            is_report=True,
        )

    def event_about(self, mail: OutgoingMail, kind: TransportKind, **values: Any) -> TransportEvent:
        """What became of a mail of ours."""
        said: dict[str, Any] = {
            "recipient": mail.to.email,
            "message_id": mail.message_id,
            "permanent": kind is TransportKind.BOUNCED,
            "reason": "550 5.1.1 no such user" if kind is TransportKind.BOUNCED else "",
        }
        return TransportEvent(kind, **{**said, **values})

    def provider_says(self, mail: OutgoingMail, kind: TransportKind, key: str = "", **values: Any) -> bool:
        """Let a mail provider's webhook tell what became of a mail of ours."""
        event = self.event_about(mail, kind, **values)
        return take_transport(key or f"{kind.value}-{mail.message_id}-{event.recipient}", event, self.now)

    def effects_of(self, kind: str) -> list[str]:
        """The states of the effects of a kind, oldest first."""
        found = models.OutboxItem.objects.filter(kind=kind).order_by("pk")
        return list(found.values_list("state", flat=True))
