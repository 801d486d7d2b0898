"""What a story is made of: moments at which a person or a bank does something."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

from dunwell.sandbox.cast import Sample
from dunwell.sandbox.people import link_in
from dunwell.sandbox.world import World
from dunwell.store import models
from dunwell.store.cases import case_of_invoice


@dataclass(frozen=True, slots=True)
class Scene:
    """Something a person or a bank does at a moment."""

    at: datetime
    about: str
    happens: Callable[[World], object]


def april(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the story's first month, UTC."""
    return datetime(2026, 4, day, hour, minute, tzinfo=UTC)


def may(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the story's second month, UTC."""
    return datetime(2026, 5, day, hour, minute, tzinfo=UTC)


def case_of(sample: Sample) -> models.Case:
    """The case on a sample's invoice."""
    case = case_of_invoice(sample.number)
    if case is None:
        raise LookupError(f"no case on {sample.number}")
    return case


def invoice_of(sample: Sample) -> str:
    """What Stripe calls a sample's invoice."""
    return str(case_of(sample).invoice.external_id)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""


def newest_mail(address: str, world: World) -> str:
    """The text of the newest mail that an address got."""
    return text_of(world.mail.messages(to=address)[-1])


def newest_link(address: str, world: World) -> str:
    """The payment link in the newest mail that has one: what a colleague writes has none."""
    texts = (text_of(mail) for mail in reversed(world.mail.messages(to=address)))
    return link_in(next((text for text in texts if "/pay/" in text), ""))
