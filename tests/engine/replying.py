"""A world in which somebody replies, and somebody here reads it."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User

from dunwell.engine import answering
from dunwell.engine.incoming.take import take_mail
from dunwell.policy import facts
from dunwell.policy.confirming import Choice
from dunwell.policy.incoming import IncomingMail
from dunwell.policy.money import Money
from dunwell.policy.replies import ReplyKind
from dunwell.store import models
from tests.engine.world import START, World

ANA = "ana"
TUESDAY = datetime(2026, 4, 14, tzinfo=START.tzinfo)


def ana(**values: Any) -> User:
    """Ana, who reads replies."""
    said: dict[str, Any] = {"first_name": "Ana", "last_name": "Sample", "email": "ana.sample@dunwell.example"}
    return User.objects.create(username=ANA, **{**said, **values})


def written_to(*invoices: str) -> World:
    """A world whose notices and, three days on, reminders have gone out."""
    world = World()
    for invoice in invoices or ("in_1",):
        world.fails(invoice)
    world.run()
    world.run_for(days=5)
    return world


def replied(
    world: World, text: str, *, sender: str = "dana@cus-1.example", key: str = "1", **values: Any
) -> models.IncomingMail:
    """Let a mail come in, and have it heard."""
    said: dict[str, Any] = {
        "message_id": f"<reply-{key}@cus-1.example>",
        "sender": facts.Person("Dana Reyes", sender),
        "recipients": ("sam.sample@dunwell.example",),
        "subject": "Re: Payment for invoice INV-1",
        "text": text,
        "own": text,
        "sent_at": world.now,
    }
    take_mail("imap", key, IncomingMail(**{**said, **values}), world.now)
    world.run()
    return models.IncomingMail.objects.order_by("-pk")[0]


def decided(
    world: World,
    mail: models.IncomingMail,
    kind: ReplyKind,
    until: date | None = None,
    *,
    parts: tuple[tuple[date, Money], ...] = (),
    **more: Any,
) -> None:
    """Let Ana say what a mail means."""
    decision = answering.Decision(Choice(kind, until, parts), **more)
    answering.decide_reply(mail_id=mail.pk, decision=decision, by=ANA, now=world.now, ports=world.ports)


def answered(world: World, mail: models.IncomingMail, text: str = "Thank you, Dana.") -> None:
    """Let Ana write back."""
    answering.answer_reply(mail_id=mail.pk, text=text, by=ANA, now=world.now, ports=world.ports)


def holds(invoice: str = "in_1") -> list[tuple[str, datetime | None, bool]]:
    """Kind, end and whether it is over, of every hold of an invoice's case."""
    rows = models.Hold.objects.filter(case__invoice__external_id=invoice).order_by("pk")
    return [(row.kind, row.until_at, row.ended_at is not None) for row in rows]
