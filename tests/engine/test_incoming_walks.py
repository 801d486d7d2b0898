"""Random walks of a customer who writes, does not get our mail, pays and is held: promises that always stand."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from dunwell.engine import answering, review
from dunwell.engine.answering import Decision
from dunwell.policy.confirming import Choice
from dunwell.policy.facts import Person
from dunwell.policy.readings import OutgoingMail
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import HoldKind, TransportKind
from dunwell.store import models
from tests.engine.arrivals import MailWorld

pytestmark = pytest.mark.django_db

STEPS = 30
OTHERS = [Person("Kim", "kim@elsewhere.example"), Person("Dana Reyes", "dana@cus-1.example")]


class Walk:
    """One customer with two invoices, and everything that can happen to their mail."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - an order, not a secret
        self.world = MailWorld(events=1000 * seed, received=1000 * seed)
        self.world.postbox.before_send = self.may_leave
        self.world.fails("in_1")
        self.world.fails("in_2")
        self.addresses = 0

    def may_leave(self, mail: OutgoingMail) -> None:
        """What has to be so whenever a mail leaves."""
        item = models.OutboxItem.objects.get(message_id=mail.message_id, carried_by="")
        about = [
            item.case_id,
            *models.OutboxItem.objects.filter(carried_by=item.key).values_list("case", flat=True),
        ]
        assert not models.Hold.objects.filter(case__in=about, kind="reply", ended_at=None).exists()
        assert not models.ReviewItem.objects.filter(
            case__in=about, kind="no_contact", closed_at=None
        ).exists()
        dead = models.Contact.objects.filter(email__iexact=mail.to.email, deliverable=False)
        assert not dead.exists()
        arrived = models.IncomingMail.objects.filter(state="arrived", sender_address=mail.to.email)
        assert not arrived.exists()

    def some_mail(self) -> OutgoingMail | None:
        mails = self.world.postbox.mails
        return self.chance.choice(mails) if mails else None

    def replies(self) -> None:
        if mail := self.some_mail():
            self.world.answers(mail, "Let me see.", sender=self.chance.choice([mail.to, *OTHERS]))

    def writes(self) -> None:
        self.world.gets("About our invoices.", sender=self.chance.choice(OTHERS))

    def is_away(self) -> None:
        if mail := self.some_mail():
            self.world.answers(mail, "I am away.", automatic="Auto-Submitted: auto-replied")

    def reported(self) -> None:
        if mail := self.some_mail():
            self.world.reports(mail, self.chance.choice(list(TransportKind)))

    def told_by_provider(self) -> None:
        if mail := self.some_mail():
            self.world.provider_says(mail, self.chance.choice(list(TransportKind)))

    def decided(self) -> None:
        waiting = models.IncomingMail.objects.filter(state="waiting").order_by("?").first()
        if waiting is not None:
            answering.decide_reply(
                mail_id=waiting.pk,
                decision=Decision(Choice(ReplyKind.OTHER)),
                by="ana",
                now=self.world.now,
                ports=self.world.ports,
            )

    def new_contact(self) -> None:
        case = models.Case.objects.filter(closed_at=None).first()
        if case is not None:
            self.addresses += 1
            email = f"lee{self.addresses}@cus-1.example"
            review.change_contact(
                case_id=case.pk,
                name="Lee Long",
                email=email,
                by="ana",
                now=self.world.now,
                ports=self.world.ports,
            )

    def paused(self) -> None:
        if self.world.case("in_1").closed_at is None:
            self.world.hold(until=self.world.now + timedelta(days=2), kind=HoldKind.PAUSE)

    def pays(self) -> None:
        self.world.pays(self.chance.choice(["in_1", "in_2"]))

    def time_passes(self) -> None:
        self.world.run_for(hours=self.chance.choice([1, 7, 26, 60]))

    def step(self) -> None:
        often = [self.time_passes] * 6 + [self.decided] * 2
        seldom = [self.pays] if self.chance.random() < 0.2 else []
        deeds: list[Callable[[], None]] = [
            *(self.replies, self.writes, self.is_away, self.reported, self.told_by_provider),
            *(self.new_contact, self.paused),
            *often,
            *seldom,
        ]
        self.chance.choice(deeds)()
        if self.chance.random() < 0.7:
            self.world.run()


@pytest.mark.parametrize("seed", range(1, 13))
def test_whatever_comes_in_the_promises_stand(seed: int) -> None:
    walk = Walk(seed)
    walk.world.run()
    for _ in range(STEPS):
        walk.step()
    walk.world.run_for(hours=2)

    assert models.IncomingMail.objects.filter(state="arrived").count() == 0
    assert set(models.InboxEvent.objects.values_list("state", flat=True)) == {"handled"}
    for case in models.Case.objects.all():
        sent = Counter(case.outbox.filter(kind="mail", state="sent").values_list("stage", flat=True))
        assert set(sent.values()) <= {1}
        assert case.holds.filter(kind="reply", ended_at=None).count() <= 1
    for address in {mail.to.email for mail in walk.world.postbox.mails}:
        at = [mail.date for mail in walk.world.postbox.mails if mail.to.email == address]
        assert all(later - earlier >= timedelta(days=2) for earlier, later in pairwise(at))
