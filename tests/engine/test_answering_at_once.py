"""People and workers at one reply at once: one decision, one answer, nobody waits in a circle."""

from collections.abc import Callable
from datetime import date

import pytest

from dunwell.engine import answering
from dunwell.engine.review import NotPossibleError
from dunwell.engine.verify import verify
from dunwell.policy.confirming import Choice
from dunwell.policy.replies import ReplyKind
from dunwell.store import models
from tests.engine.replying import ANA, ana, answered, replied, written_to
from tests.engine.test_concurrency import together, worker
from tests.engine.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def deciding(world: World, mail: models.IncomingMail, kind: ReplyKind) -> Callable[[], object]:
    decision = answering.Decision(Choice(kind, date(2026, 4, 20)))
    return lambda: answering.decide_reply(
        mail_id=mail.pk, decision=decision, by=ANA, now=world.now, ports=world.ports
    )


def test_two_people_decide_about_one_reply_and_one_of_them_is_told() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "We will pay both on April 20.", subject="Your invoices")

    raised = together(
        deciding(world, mail, ReplyKind.PROMISE),
        deciding(world, mail, ReplyKind.ASKS_TIME),
        worker(world, "w"),
    )

    assert [type(error) for error in raised] == [NotPossibleError]
    for invoice in ("in_1", "in_2"):
        kinds = models.Hold.objects.filter(case__invoice__external_id=invoice, ended_at=None)
        assert kinds.count() == 1
        assert len(world.entries(invoice, "reply_read")) == 1
    assert verify().misfits == ()


def test_two_people_answer_one_reply_and_workers_send_it_once() -> None:
    ana()
    world = written_to()
    mail = replied(world, "Which period is this for?")
    before = len(world.postbox.mails)

    raised = together(*[lambda: answered(world, mail)] * 3)
    assert [type(error) for error in raised] == [NotPossibleError] * 2
    assert together(*(worker(world, f"worker-{number}") for number in range(3))) == []

    assert len(world.postbox.mails) == before + 1
    assert models.OutboxItem.objects.filter(kind="answer").count() == 1


def test_a_mail_is_placed_once_by_two_people() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "What is this?", sender="nobody@elsewhere.example")

    def place(invoice: str) -> Callable[[], object]:
        return lambda: answering.assign_mail(
            mail_id=mail.pk, invoice=invoice, by=ANA, now=world.now, ports=world.ports
        )

    raised = together(place("INV-1"), place("INV-2"))

    assert [type(error) for error in raised] == [NotPossibleError]
    mail.refresh_from_db()
    assert models.Hold.objects.filter(kind="reply").count() == mail.cases.count() == 2
    assert len(mail.about) == 1
