"""A large customer, the manager who signs and the relationship owner who may object, for tests of letters."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dunwell.engine import signing
from dunwell.engine.perform import LEASE
from dunwell.policy import facts, words
from dunwell.policy.book import bind
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.store import models
from tests.engine.world import LARGE, World

MORGAN = facts.Person("Morgan Sample", "morgan.sample@dunwell.example")
FELIX = facts.Person("Felix Nordstrom", "felix.nordstrom@dunwell.example")
DANA = facts.Contact("Dana Reyes", "dana@cus-1.example", "test")
BY_SMTP = bind(parse_policy('[personal]\nsend_by = "smtp"\n'), built_in_wording())
SINCE_LEASE = LEASE + timedelta(seconds=1)


class KilledError(BaseException):
    """The worker is gone: nothing of ours may run any more."""


def killed(*_asked: object) -> None:
    raise KilledError


@dataclass
class Signed(World):
    """A world with a manager, in which one large customer's charge failed for good, so that a letter is due.

    It begins on Tuesday 7 April 2026 at 10:03 in New York; the owner's two hours are over at 12:03 (16:03 UTC).
    """

    keeps_books: bool = True
    manager: facts.Person | None = MORGAN
    owner: facts.Person | None = FELIX
    mails_to_owner: list[Any] = field(default_factory=list)

    def drafts(self, code: str = "expired_card", **values: Any) -> models.Letter:
        """Let the charge fail and run until a letter is drafted."""
        said: dict[str, Any] = {
            "name": "Aurelius Partners",
            "mrr": LARGE,
            "owner": self.owner,
            "contact": DANA,
        }
        self.customer(**{**said, **values})
        self.books.employees[MORGAN.email] = "7"
        self.fails(code=code)
        self.run()
        return self.letter()

    def letter(self) -> models.Letter:
        """The newest letter."""
        return models.Letter.objects.order_by("-pk")[0]

    def states(self) -> list[str]:
        """The states of all letters, oldest first."""
        return list(models.Letter.objects.order_by("pk").values_list("state", flat=True))

    def edits(self, text: str | None = None, subject: str | None = None) -> signing.Edited:
        """Let the manager change the text."""
        letter = self.letter()
        return signing.edit_letter(
            letter_id=letter.pk,
            version=letter.version,
            subject=letter.subject if subject is None else subject,
            text=letter.text if text is None else text,
            by="morgan",
            now=self.now,
            ports=self.ports,
        )

    def approves(self, by: str = "morgan", version: int | None = None) -> None:
        """Let the manager sign."""
        letter = self.letter()
        version = letter.version if version is None else version
        signing.approve_letter(letter_id=letter.pk, version=version, by=by, now=self.now, ports=self.ports)

    def agrees(self) -> None:
        """Let the relationship owner agree."""
        signing.agree_letter(letter_id=self.letter().pk, by=FELIX.name, now=self.now, ports=self.ports)

    def vetoes(self, reason: str = "I am meeting them on Friday.") -> None:
        """Let the relationship owner stop it."""
        signing.veto_letter(
            letter_id=self.letter().pk, reason=reason, by=FELIX.name, now=self.now, ports=self.ports
        )

    def signed(self) -> models.Letter:
        """Have a letter drafted, agreed to and signed, and waiting at the gate."""
        self.drafts()
        self.agrees()
        self.approves()
        assert self.states() == ["leaving"]
        return self.letter()

    def sent(self) -> models.Letter:
        """Have a letter sent that has not been read back yet."""
        self.signed()
        self.perform()
        assert self.states() == ["sent"]
        return self.letter()

    def to_customer(self) -> list[str]:
        """The subjects of what reached the customer's contact, through NetSuite or by mail."""
        by_mail = [mail.subject for mail in self.postbox.mails if mail.to.email == DANA.email]
        return [mail.subject for mail, _ in self.books.mails.values()] + by_mail

    def effects(self, kind: str = "letter") -> list[str]:
        """The states of the effects of a kind, oldest first."""
        found = models.OutboxItem.objects.filter(kind=kind).order_by("pk")
        return list(found.values_list("state", flat=True))

    def clicks(self) -> None:
        """Let a moment pass, as between two people's clicks."""
        self.clock.advance(timedelta(seconds=5))


def by_smtp() -> Signed:
    """A company that has NetSuite and sends letters by mail all the same."""
    return Signed(book=BY_SMTP)


def without_netsuite() -> Signed:
    """A company without NetSuite."""
    return Signed(keeps_books=False)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in April 2026."""
    return datetime(2026, 4, day, hour, minute, tzinfo=UTC)


def call_task(world: World) -> models.ReviewItem:
    """The call that lies on the desk."""
    return world.item(words.ReviewKind.CALL_TASK)
