"""Whatever people, ledgers and mail servers do, in whatever order: the promises hold after every step."""

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from dunwell.engine import review
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts, readings, words
from dunwell.policy.money import Money
from dunwell.policy.words import InvoiceStatus, ReviewKind
from dunwell.store import invariants, models
from tests.engine.world import World

pytestmark = pytest.mark.django_db

EXPLORE = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
WALKS, STEPS = (60, 40) if EXPLORE else (8, 25)
INVOICES = ("in_1", "in_2", "in_3")
SMALL = facts.Mrr((Money(90_000, "USD"),) * 3, "test")


class Walk:
    """One world and somebody who does things to it at random."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a walk, not a secret
        self.world = self.make()
        self.world.customer(
            contact=self.chance.choice([None, facts.Contact("Dana Reyes", "dana@acme.example", "test")]),
            strategic=self.chance.random() < 0.2,
            mrr=self.chance.choice(self.mrrs),
        )
        self.did: list[str] = []
        self.invoices = list(INVOICES)
        for invoice in self.invoices:
            self.world.fails(invoice)
        self.world.decide()

    mrrs: tuple[facts.Mrr | None, ...] = (None, *(SMALL,) * 4)

    def make(self) -> World:
        """The world that is walked in."""
        return World()

    def deeds(self) -> list[Callable[[], None]]:
        """What can be done; what stands there more than once is done more often."""
        return [
            *[self.wait] * 6,
            *(self.hold, self.release, self.settle, self.settle, self.contact, self.track),
            *(self.ledger, self.ledger, self.away, self.server, self.method, self.bounce, self.close),
        ]

    def step(self) -> None:
        """Do one thing, let some time pass or none, and let a worker work or only decide."""
        deed = self.chance.choice(self.deeds())
        self.did.append(deed.__name__)
        try:
            deed()
        except NotPossibleError as error:
            self.did[-1] += f" ({error})"
        self.chance.choice([self.world.run, self.world.decide, self.world.perform])()

    @property
    def invoice(self) -> str:
        return self.chance.choice(self.invoices)

    def wait(self) -> None:
        self.world.run_for(hours=self.chance.choice([1, 24, 24 * 3, 24 * 8]))

    def hold(self) -> None:
        days = self.chance.choice([None, 1, 9])
        until = self.world.now + timedelta(days=days) if days else None
        kind, scope = self.chance.choice(list(words.HoldKind)), self.chance.choice(list(words.HoldScope))
        self.world.hold(until, kind, scope, self.invoice)

    def release(self) -> None:
        holds = models.Hold.objects.filter(ended_at=None)
        if holds:
            self.world.release(self.chance.choice(list(holds)))

    def settle(self) -> None:
        items = list(models.ReviewItem.objects.filter(closed_at=None))
        if not items:
            return
        item = self.chance.choice(items)
        said: dict[str, Any] = {
            "review_id": item.pk,
            "resolution": "x",
            "by": "ana",
            "now": self.world.now,
            "ports": self.world.ports,
        }
        if item.kind in (ReviewKind.SEND_UNKNOWN, ReviewKind.NOT_CONFIRMED):
            review.resolve_send(arrived=self.chance.random() < 0.5, **said)
        else:
            review.settle(**said)

    def contact(self) -> None:
        email = self.chance.choice(["ada@acme.example", "eve@acme.example", "nobody"])
        case = self.world.case(self.invoice).pk
        review.change_contact(
            case_id=case, name="Ada", email=email, by="ana", now=self.world.now, ports=self.world.ports
        )

    def track(self) -> None:
        track = self.chance.choice([words.Track.STANDARD, words.Track.STANDARD, words.Track.PERSONAL])
        case = self.world.case(self.invoice).pk
        review.choose_track(
            case_id=case, track=track, reason="", by="ana", now=self.world.now, ports=self.world.ports
        )

    def ledger(self) -> None:
        invoice = self.invoice
        change: dict[str, Any] = self.chance.choice(
            [
                {"open": Money(self.chance.choice([0, 5_000, 90_000]), "USD")},
                {"in_flight": True},
                {"in_flight": False},
                {"charged_back": True},
                {"charged_back": False},
                {"status": self.chance.choice(list(InvoiceStatus))},
                {"status": InvoiceStatus.OPEN, "open": Money(70_000, "USD")},
            ]
        )
        self.world.ledger.change(invoice, **change)
        type_, topic = self.chance.choice(
            [("invoice.updated", "invoice"), ("charge.failed", "failure"), ("charge.dispute.x", "chargeback")]
        )
        if self.chance.random() < 0.7:
            self.world.event(type_, topic, invoice=invoice)

    def away(self) -> None:
        self.world.ledger.unreadable = self.chance.choice([None, None, facts.Unreadable("503")])

    def server(self) -> None:
        self.world.postbox.answers = self.chance.choice(
            [
                [],
                [readings.Refused("550 no", permanent=True)],
                [readings.Refused("451 later", permanent=False)] * 3,
                [readings.Uncertain("reset")],
            ]
        )

    def method(self) -> None:
        self.world.ledger.charge_outcomes = [self.chance.choice(list(words.AttemptOutcome))]
        self.world.saves_method(self.chance.choice(["pm_a", "pm_b"]))

    def bounce(self) -> None:
        models.Contact.objects.filter(rank=0).update(deliverable=self.chance.random() < 0.5)

    def close(self) -> None:
        if self.chance.random() < 0.3:
            self.world.close(self.invoice)

    def check(self) -> None:
        """Hold the promises that must be true at any moment."""
        said = f"after {self.did}"
        assert invariants.forgotten_cases() == 0, said
        assert invariants.unknown_without_a_person() == 0, said
        assert invariants.kept_from_stripe() == 0, said
        assert invariants.stranded_mails() == 0, said
        assert not models.Case.objects.filter(closed_at=None, status="closed").exists(), said
        orphans = models.OutboxItem.objects.filter(case__closed_at__isnull=False, state="queued", kind="mail")
        assert not orphans.exists(), said
        for case in models.Case.objects.all():
            self.check_mails(case, said)

    def check_mails(self, case: models.Case, said: str) -> None:
        mails = models.OutboxItem.objects.filter(case=case, kind="mail").order_by("settled_at", "pk")
        stages = [mail.stage for mail in mails if mail.state == "sent"]
        in_order = [stage.value for stage in words.Stage][: len(stages)]
        assert stages == in_order, f"{stages} {said}"
        times = [mail.settled_at for mail in mails if mail.state == "sent" and mail.settled_at]
        assert all(later - earlier >= timedelta(days=2) for earlier, later in pairwise(times)), said


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_promises_hold_after_every_step_of_a_random_walk(seed: int) -> None:
    walk = Walk(seed)
    walk.check()
    for _ in range(STEPS):
        walk.step()
        walk.check()
    by_address: dict[str, list[datetime]] = {}
    # A mail about several invoices is one mail.
    sent = models.OutboxItem.objects.filter(kind="mail", state="sent", carried_by="").order_by("settled_at")
    for address, at in sent.values_list("to_address", "settled_at"):
        assert at is not None
        by_address.setdefault(address, []).append(at)
    for times in by_address.values():
        close = [pair for pair in pairwise(times) if pair[1] - pair[0] < timedelta(days=2)]
        assert not close, f"{close} after {walk.did}"
