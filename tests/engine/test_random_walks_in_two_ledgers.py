"""Random walks with NetSuite, letters and retries of ours: nothing leaves that must not, whatever happens when."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dunwell.engine import review, signing
from dunwell.policy import facts, ledger, readings, words
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome, InvoiceStatus
from dunwell.store import models
from tests.engine.retried import OURS
from tests.engine.test_random_walks import EXPLORE, SMALL, Walk
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

WALKS, STEPS = (15, 60) if EXPLORE else (4, 50)
OWNER = facts.Person("Felix Nordstrom", "felix.nordstrom@dunwell.example")
MANAGER = facts.Person("Morgan Sample", "morgan.sample@dunwell.example")
NEVER = (words.HoldKind.DISPUTE.value, words.HoldKind.PAYMENT_PLAN.value)


class LongWalk(Walk):
    """A walk through both tracks and both ledgers; what leaves is held to the ledgers at that very moment."""

    mrrs = (None, SMALL, SMALL, *(LARGE,) * 4)

    def make(self) -> World:
        world = World(keeps_books=self.chance.random() < 0.8, manager=MANAGER)
        if self.chance.random() < 0.5:
            world.book = OURS
        world.books.employees[MANAGER.email] = "7"
        world.ledger.charge_outcomes = [AttemptOutcome.DECLINED] * 50
        self.watch(world)
        return world

    def deeds(self) -> list[Callable[[], None]]:
        often = (self.wait, self.wait, self.wait, self.sign, self.sign, self.settle, self.agree_books)
        return [
            *often * 3,
            *(self.hold, self.release, self.release, self.contact, self.track, self.ledger, self.close),
            *(self.away, self.server, self.method, self.bounce, self.books, self.books_away, self.post),
            *(self.drift, self.stubborn, self.owner, self.leave, self.outcomes, self.bank),
        ]

    def step(self) -> None:
        if not models.Case.objects.filter(closed_at=None).exists():
            self.invoices = [f"in_{int(self.invoices[-1][3:]) + 1}"]
            self.world.ledger.unreadable = None
            self.world.fails(self.invoices[0])
            self.world.decide()
        super().step()

    def watch(self, world: World) -> None:
        """Look at both ledgers whenever something leaves."""
        charge = world.ledger.charge

        def charged(invoice: str, method: str, key: str) -> readings.ChargeResult:
            item = models.OutboxItem.objects.get(key=key)
            if not any(made == key for _, _, made in world.ledger.charges):
                self.must_be_open(invoice)
                self.must_be_quiet(item.case, retry=item.trigger == "retry")
            return charge(invoice, method, key)

        world.ledger.charge = charged  # type: ignore[method-assign]
        world.books.after_send = self.posted

    def posted(self, mail: ledger.LedgerMail) -> None:
        letter = models.OutboxItem.objects.get(key=mail.key).letter
        assert letter is not None
        assert letter.approved_by, f"nobody signed it, after {self.did}"
        self.must_be_open(letter.case.invoice.external_id)
        self.must_be_quiet(letter.case, retry=True)

    def must_be_open(self, invoice: str) -> None:
        said = self.world.ledger.invoices[invoice].reading.invoice
        assert (said.status, said.charged_back, said.in_flight) == (InvoiceStatus.OPEN, False, False), (
            self.did
        )
        known = (
            self.world.books.invoice_numbered(self.world.books.account, said.number) if self.keeps else None
        )
        assert known is None or (known.status, known.open) == (said.status, said.open), self.did

    def must_be_quiet(self, case: models.Case, *, retry: bool) -> None:
        """Only what we decide by ourselves needs collection to be ours and no hold to stand."""
        now = self.world.now
        active = models.Hold.objects.filter(customer=case.customer, ended_at=None).exclude(until_at__lte=now)
        kinds = [hold.kind for hold in active if hold.case_id in (None, case.pk)]
        if retry:
            said = self.world.ledger.invoices[case.invoice.external_id].reading.invoice
            assert said.auto_advance is False, f"Stripe collects too, after {self.did}"
            assert (case.collection, kinds) == ("dunwell", []), self.did
        assert not set(kinds) & set(NEVER), self.did

    @property
    def keeps(self) -> bool:
        return bool(self.world.keeps_books and self.world.books.accounts)

    def sign(self) -> None:
        letter = models.Letter.objects.filter(state__in=["draft", "approved"]).first()
        if letter is not None:
            said: dict[str, Any] = {
                "letter_id": letter.pk,
                "by": "morgan",
                "now": self.world.now,
                "ports": self.world.ports,
            }
            if letter.state == "draft":
                signing.approve_letter(version=letter.version, **said)
            else:
                signing.agree_letter(**said)

    def owner(self) -> None:
        letter = models.Letter.objects.filter(state__in=["draft", "approved", "leaving"]).first()
        if letter is None:
            return
        said: dict[str, Any] = {
            "letter_id": letter.pk,
            "by": "Felix",
            "now": self.world.now,
            "ports": self.world.ports,
        }
        if self.chance.random() < 0.5:
            signing.veto_letter(reason="Not now.", **said)
        else:
            signing.postpone_letter(until=(self.world.now + timedelta(days=4)).date(), **said)

    def books(self) -> None:
        number = self.invoice.upper().replace("IN_", "INV-")
        change: dict[str, Any] = self.chance.choice(
            [{"status": InvoiceStatus.PAID, "open": Money(0, "USD")}, {"open": Money(5_000, "USD")}]
        )
        self.world.books.change(number, **change)

    def agree_books(self) -> None:
        """Somebody brings NetSuite into step with Stripe."""
        for said in [self.world.ledger.invoices[name].reading.invoice for name in self.invoices]:
            self.world.books.change(said.number, status=said.status, open=said.open)

    def bank(self) -> None:
        if self.keeps:
            self.world.books.account.unapplied.clear()
            if self.chance.random() < 0.3:
                self.world.books.receives(Money(200_000, "USD"))

    def books_away(self) -> None:
        self.world.books.unreadable = self.chance.choice([None, None, facts.Unreadable("503")])

    def post(self) -> None:
        self.world.books.leaves_unheard = self.chance.random() < 0.5
        self.world.books.postings = self.chance.choice(
            [
                [],
                [readings.Uncertain("reset")],
                [readings.Refused("busy", permanent=False)] * 2,
                [readings.Refused("no role", permanent=True)],
            ]
        )

    def drift(self) -> None:
        invoice = self.invoice
        self.world.ledger.collects(invoice, automatic=self.chance.random() < 0.7)
        if self.chance.random() < 0.5:
            self.world.event("invoice.updated", "invoice", invoice=invoice)

    def stubborn(self) -> None:
        self.world.ledger.stubborn = self.chance.random() < 0.3

    def outcomes(self) -> None:
        some = [self.chance.choice(list(AttemptOutcome))]
        self.world.ledger.charge_outcomes = [*some, *[AttemptOutcome.DECLINED] * 50]

    def leave(self) -> None:
        if self.chance.random() < 0.3:
            review.hand_back(case_id=self.world.case(self.invoice).pk, by="ana", now=self.world.now)

    def check(self) -> None:
        super().check()
        sent = Counter(
            models.OutboxItem.objects.filter(kind="letter", state="sent").values_list("letter", flat=True)
        )
        assert set(sent.values()) <= {1}, f"a letter twice, after {self.did}"
        unsigned = models.Letter.objects.filter(state__in=["leaving", "sent", "confirmed"], approved_by="")
        assert not unsigned.exists(), self.did
        per_case = Counter(
            models.Letter.objects.filter(sent_at__isnull=False)
            .exclude(state="withdrawn")
            .values_list("case", flat=True)
        )
        assert all(count <= 3 for count in per_case.values()), self.did
        claimed = models.Case.objects.filter(collection="dunwell").exclude(proved_at__isnull=False)
        assert not claimed.exists(), f"collection is ours without proof, after {self.did}"


TABLES = (
    *(models.TimelineEntry, models.ReviewItem, models.OutboxItem, models.Letter, models.Hold),
    *(models.PaymentAttempt, models.Case, models.Invoice, models.Contact, models.Customer, models.InboxEvent),
)


def test_the_promises_hold_in_two_ledgers_after_every_step_of_a_random_walk() -> None:
    seen: Counter[str] = Counter()
    for seed in range(WALKS):
        for table in TABLES:
            table.objects.all().delete()
        walk = LongWalk(seed)
        for _ in range(STEPS):
            walk.step()
            walk.check()
        seen.update(models.TimelineEntry.objects.values_list("kind", flat=True))
    assert {"gathered", "taken_over", "charge", "draft", "approved"} <= set(seen), seen
