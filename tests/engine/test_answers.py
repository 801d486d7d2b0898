"""Answers: written by a person, sent in their name, in the thread, once (spec 7)."""

from datetime import date, timedelta

import pytest

from dunwell.engine import answering, review
from dunwell.engine.perform import LEASE, Worker, perform_due
from dunwell.engine.review import NotPossibleError
from dunwell.policy.confirming import Choice
from dunwell.policy.facts import Person
from dunwell.policy.readings import Handed, OutgoingMail, Refused, Uncertain
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import HoldKind, HoldScope, ReviewKind
from dunwell.store import models
from tests.engine.replying import ANA, ana, answered, holds, replied, written_to
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def asked() -> tuple[World, models.IncomingMail]:
    """A world in which Dana has asked something, and Ana can answer."""
    ana()
    world = written_to()
    return world, replied(world, "Which period is this for?", references=("<ours@127.0.0.1>",))


def answers() -> list[tuple[str, str]]:
    rows = models.OutboxItem.objects.filter(kind=models.OutboxItem.ANSWER).order_by("pk")
    return [(row.state, row.note) for row in rows]


def test_an_answer_leaves_once_as_its_writer_in_the_thread() -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    world.postbox.answers.append(Handed("250 ok", "provider-1"))

    answered(world, mail, "It is for April.\r\n\r\nAll the best\r\nAna")
    world.run_for(days=30)

    (sent,) = world.postbox.mails[before:]
    assert (sent.sender, sent.to) == (
        Person("Ana Sample", "ana.sample@dunwell.example"),
        Person("Dana Reyes", "dana@cus-1.example"),
    )
    assert sent.subject == "Re: Payment for invoice INV-1"
    assert sent.text == "It is for April.\n\nAll the best\nAna\n"
    assert "<p>It is for April.</p>\n<p>All the best<br>\nAna</p>" in sent.html
    assert (sent.automatic, sent.cc, sent.answers) == (False, (), ("<ours@127.0.0.1>", mail.message_id))
    row = models.OutboxItem.objects.get(kind=models.OutboxItem.ANSWER)
    assert (row.state, row.message_id, row.provider_id, row.reply_id) == (
        "sent",
        sent.message_id,
        "provider-1",
        mail.pk,
    )
    assert [entry.actor for entry in world.entries(kind="answer")] == [ANA]


def test_answering_decides_nothing() -> None:
    world, mail = asked()

    answered(world, mail)
    world.run()

    mail.refresh_from_db()
    assert (mail.state, holds(), world.reviews()) == ("waiting", [("reply", None, False)], ["reply"])


def test_answering_and_confirming_are_one_breath() -> None:
    world, mail = asked()
    decision = answering.Decision(Choice(ReplyKind.PROMISE, date(2026, 4, 20)))
    before = len(world.postbox.mails)

    answering.answer_reply(
        mail_id=mail.pk, text="Thank you.", by=ANA, now=world.now, ports=world.ports, decision=decision
    )
    world.run()

    mail.refresh_from_db()
    assert (mail.state, mail.decided_kind, holds()[-1][0]) == ("done", "promise", "promise")
    assert [sent.sender.name for sent in world.postbox.mails[before:]] == ["Ana Sample"]


def test_a_wrong_answer_leaves_the_decision_undone_too() -> None:
    world, mail = asked()
    decision = answering.Decision(Choice(ReplyKind.OTHER))

    with pytest.raises(NotPossibleError, match="card number"):
        answering.answer_reply(
            mail_id=mail.pk,
            text="Use 4242 4242 4242 4242.",
            by=ANA,
            now=world.now,
            ports=world.ports,
            decision=decision,
        )

    mail.refresh_from_db()
    assert (mail.state, mail.decided_kind, holds(), answers()) == (
        "waiting",
        "",
        [("reply", None, False)],
        [],
    )


def test_one_mail_is_answered_once() -> None:
    world, mail = asked()
    answered(world, mail)

    with pytest.raises(NotPossibleError, match="answered already"):
        answered(world, mail)
    world.run()
    with pytest.raises(NotPossibleError, match="answered already"):
        answered(world, mail)

    assert [state for state, _ in answers()] == ["sent"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"email": ""}, "no e-mail address to write from: `dunwell person NAME --email"),
        ({"first_name": "", "last_name": ""}, "no full name"),
        ({"email": "billing@dunwell.example"}, "shared mailbox"),
        ({"is_active": False}, "cannot log in"),
    ],
)
def test_nobody_without_a_name_and_address_of_their_own_answers(
    values: dict[str, object], problem: str
) -> None:
    ana(**values)
    world = written_to()
    mail = replied(world, "Which period is this for?")

    with pytest.raises(NotPossibleError, match=problem):
        answered(world, mail)

    assert answers() == []


def test_a_customer_who_must_not_be_contacted_is_not_answered() -> None:
    world, mail = asked()
    world.hold(kind=HoldKind.DO_NOT_CONTACT, scope=HoldScope.CUSTOMER)

    with pytest.raises(NotPossibleError, match="must not be contacted"):
        answered(world, mail)

    assert answers() == []


def test_an_answer_that_waits_is_stopped_when_the_customer_must_not_be_contacted_any_more() -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    answered(world, mail)
    world.hold(kind=HoldKind.DO_NOT_CONTACT, scope=HoldScope.CUSTOMER)

    world.run_for(days=2)

    assert [state for state, _ in answers()] == ["stopped"]
    assert len(world.postbox.mails) == before


def test_a_machine_is_not_answered() -> None:
    ana()
    world = written_to()
    mail = replied(world, "I am away until Monday.", automatic="Auto-Submitted: auto-replied")

    with pytest.raises(NotPossibleError, match="Only a person's mail"):
        answered(world, mail)


def test_a_mail_server_that_says_not_now_is_asked_again() -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    world.postbox.answers += [Refused("451 later", permanent=False)] * 2
    answered(world, mail)

    world.run_for(minutes=30)

    assert ([state for state, _ in answers()], len(world.postbox.mails)) == (["sent"], before + 1)
    assert world.story().count("deferred") == 2


def test_a_refused_answer_goes_to_a_person_and_can_be_written_again() -> None:
    world, mail = asked()
    world.postbox.answers.append(Refused("550 no such user", permanent=True))
    answered(world, mail)
    world.run()
    assert ([state for state, _ in answers()], world.reviews()) == (["refused"], ["reply", "send_refused"])

    world.settle(ReviewKind.SEND_REFUSED)
    answered(world, mail, "Once more.")
    world.run()

    assert [state for state, _ in answers()] == ["stopped", "sent"]


def test_an_answer_of_unknown_fate_goes_to_a_person_and_never_out_twice() -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    world.postbox.answers.append(Uncertain("the connection broke"))
    answered(world, mail)
    world.run_for(days=3)

    assert ([state for state, _ in answers()], world.reviews()) == (["unknown"], ["reply", "send_unknown"])
    assert len(world.postbox.mails) == before + 1
    with pytest.raises(NotPossibleError, match="answered already"):
        answered(world, mail)
    review.resolve_send(
        review_id=world.item(ReviewKind.SEND_UNKNOWN).pk,
        arrived=True,
        resolution="",
        by=ANA,
        now=world.now,
        ports=world.ports,
    )
    world.run_for(days=3)
    assert ([state for state, _ in answers()], len(world.postbox.mails)) == (["sent"], before + 1)


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it runs."""


@pytest.mark.trouble
@pytest.mark.parametrize("after", [False, True])
def test_an_answer_whose_worker_died_handing_it_over_is_a_person_s_to_look_for(*, after: bool) -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    answered(world, mail)

    def die(_mail: OutgoingMail) -> None:
        raise KilledError

    if after:
        world.postbox.after_send = die
    else:
        world.postbox.before_send = die
    perform_due(world.ports, world.now, Worker("first"))
    world.postbox.after_send = world.postbox.before_send = lambda _mail: None
    left = len(world.postbox.mails)
    world.clock.advance(LEASE + timedelta(minutes=1))
    world.run_for(days=2)

    assert ([state for state, _ in answers()], world.reviews()) == (["unknown"], ["reply", "send_unknown"])
    assert len(world.postbox.mails) == left == before + (1 if after else 0)


def test_an_answer_about_a_closed_case_leaves_too() -> None:
    world, mail = asked()
    before = len(world.postbox.mails)
    world.pays()
    world.run()

    answered(world, mail, "Thank you, it has arrived.")
    world.run()

    assert ([state for state, _ in answers()], world.case().status) == (["sent"], "closed")
    assert len(world.postbox.mails) == before + 1


def test_a_case_that_ends_stops_no_answer_that_a_person_wrote() -> None:
    world, mail = asked()
    answered(world, mail)
    world.pays()

    world.run()

    assert [state for state, _ in answers()] == ["sent"]
