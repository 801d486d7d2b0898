"""Random walks among letters: people edit, sign and stop, workers die; no letter is lost, stuck or sent twice."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from dunwell.engine import signing
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import invariants, models
from tests.engine.signed import DANA, FELIX, MORGAN, KilledError, killed
from tests.engine.test_random_walks import EXPLORE
from tests.engine.test_random_walks_in_two_ledgers import LongWalk
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

WALKS, STEPS = (60, 80) if EXPLORE else (3, 40)


class Large(World):
    """A world of large customers with contacts, whose cards are refused for good: letters are due at once."""

    def customer(self, id_: str = "cus_1", **values: Any) -> facts.Customer:
        return super().customer(id_, **{**values, "contact": DANA, "mrr": LARGE, "owner": FELIX})

    def fails(self, invoice: str = "in_1", customer: str = "cus_1", **values: Any) -> None:
        super().fails(invoice, customer, **{"code": "expired_card", **values})


class LetterWalk(LongWalk):
    """A walk in which people are busy with letters, and workers are killed now and then."""

    def make(self) -> World:
        world = Large(keeps_books=self.chance.random() < 0.7, manager=MORGAN)
        world.books.employees[MORGAN.email] = "7"
        self.watch(world)
        return world

    def deeds(self) -> list[Callable[[], None]]:
        often = (self.wait, self.sign, self.sign, self.agree, self.settle, self.agree_books, self.release)
        letters = (
            self.edit,
            self.edit,
            self.discard,
            self.owner,
            self.call,
            self.other_owner,
            self.seen_later,
        )
        trouble = (self.die, self.die, self.server, self.post, self.away, self.books_away, self.drift)
        return [*often * 3, *letters, *trouble, self.hold, self.owes_less, self.books]

    def wait(self) -> None:
        self.world.run_for(hours=self.chance.choice([1, 3, 24, 72]))

    def owes_less(self) -> None:
        """A part is paid, in both ledgers or in one."""
        owed = Money(self.chance.choice([70_000, 90_000, 120_000]), "USD")
        self.world.ledger.change(self.invoice, open=owed)
        if self.chance.random() < 0.7:
            self.agree_books()
            self.world.event("invoice.updated", "invoice", invoice=self.invoice)

    def said(self, by: str) -> dict[str, Any]:
        return {"by": by, "now": self.world.now, "ports": self.world.ports}

    def letter(self) -> models.Letter | None:
        return models.Letter.objects.filter(state__in=["draft", "approved", "leaving"]).first()

    def edit(self) -> None:
        if letter := self.letter():
            text = letter.text + self.chance.choice(["", "P.S. ", "This is urgent. "])
            said = {"letter_id": letter.pk, "version": letter.version, **self.said("morgan")}
            signing.edit_letter(subject="About INV-1", text=text, **said)

    def discard(self) -> None:
        if letter := self.letter():
            signing.discard_letter(letter_id=letter.pk, version=letter.version, **self.said("morgan"))

    def agree(self) -> None:
        if letter := self.letter():
            signing.agree_letter(letter_id=letter.pk, **self.said("felix"))

    def call(self) -> None:
        if item := models.ReviewItem.objects.filter(kind="call_task", closed_at=None).first():
            outcome = self.chance.choice(list(words.CallOutcome))
            until = (self.world.now + timedelta(days=3)).date()
            said = {"review_id": item.pk, "outcome": outcome, "until": until, **self.said("ana")}
            signing.record_call_outcome(note="Called.", **said)

    def other_owner(self) -> None:
        email = self.chance.choice(["felix.nordstrom@dunwell.example", "nora@dunwell.example", ""])
        models.Customer.objects.update(owner_name="Felix Nordstrom", owner_email=email)

    def seen_later(self) -> None:
        after = self.chance.choice([timedelta(), timedelta(minutes=3), timedelta(days=9)])
        self.world.books.seen_after = after

    def die(self) -> None:
        """Let a worker die at a door of NetSuite's or of the mail server, if it comes there."""
        books, postbox = self.world.books, self.world.postbox
        before_read, after_send, before_send = books.before_read, books.after_send, postbox.before_send
        where, door = (
            self.chance.choice(["read", "sent", "mail"]),
            self.chance.choice(["send", "mail", "call"]),
        )
        if where == "read":
            books.before_read = lambda what: killed() if what == door else None
        elif where == "sent":
            books.after_send = killed
        else:
            postbox.before_send = killed
        try:
            with suppress(NotPossibleError):
                self.sign()
                self.agree()
            self.world.run_for(hours=3)
        except KilledError:
            self.did[-1] += " killed"
        finally:
            books.before_read, books.after_send, postbox.before_send = before_read, after_send, before_send

    def check(self) -> None:
        super().check()
        assert invariants.stranded_letters() == 0, f"after {self.did}"


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_promises_hold_while_people_are_busy_with_letters(seed: int) -> None:
    walk = LetterWalk(seed)
    for _ in range(STEPS):
        walk.step()
        walk.check()
