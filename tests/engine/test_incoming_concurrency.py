"""Mail that comes in while others work: once, whoever brings it, and whole, whoever dies."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections

from dunwell.engine.apply import LEASE
from dunwell.engine.incoming.look import look_into_mailbox
from dunwell.engine.incoming.take import take_mail
from dunwell.policy.facts import Contact, Person
from dunwell.policy.replies import ReplyReading, RulesReader
from dunwell.policy.words import TransportKind
from dunwell.store import invariants, models
from tests.engine.arrivals import MailWorld
from tests.engine.test_concurrency import together, worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_mail_that_many_bring_at_once_is_one_mail() -> None:
    world = MailWorld()
    mail = world.written("We pay on Friday.")
    new: list[bool] = []
    ways = [("imap", "1:1"), ("imap", "1:1"), ("postmark", "a"), ("postmark", "b")] * 3

    def take(source: str, external_id: str) -> Callable[[], object]:
        return lambda: new.append(take_mail(source, external_id, mail, world.now))

    assert together(*(take(*way) for way in ways)) == []
    assert sorted(new) == [False] * 11 + [True]
    assert models.IncomingMail.objects.count() == models.InboxEvent.objects.count() == 1


def test_two_workers_that_look_into_one_mailbox_keep_each_mail_once() -> None:
    world = MailWorld()
    for number in range(30):
        world.received = number
        world.inbox.mails.append(world.written(f"Mail {number}."))

    assert together(*[lambda: look_into_mailbox(world.ports, world.now)] * 3) == []
    assert models.IncomingMail.objects.count() == 30


def test_workers_who_hear_many_mails_at_once_hold_each_case_once() -> None:
    world = MailWorld()
    for number in range(1, 13):
        world.fails(f"in_{number}", f"cus_{number % 4}")
    world.run()
    for number in range(4):
        dana = Person("Dana Reyes", f"dana@cus-{number}.example")
        world.gets("About all of our invoices.", sender=dana)
        world.gets("One more thing about all of them.", sender=dana)
    for number in (1, 5, 9):
        world.pays(f"in_{number}")

    assert together(*(worker(world, f"worker-{n}") for n in range(4))) == []
    world.run()
    open_cases = models.Case.objects.filter(closed_at=None)
    about_open = models.IncomingMail.objects.filter(cases__in=open_cases)
    assert about_open.distinct().count() == 6
    assert set(about_open.values_list("state", flat=True)) == {"waiting"}
    held = Counter(models.Hold.objects.filter(ended_at=None).values_list("case", flat=True))
    assert held == dict.fromkeys(open_cases.values_list("pk", flat=True), 1)
    assert set(models.InboxEvent.objects.values_list("state", flat=True)) == {"handled"}


def test_replies_bounces_and_payments_of_one_customer_at_once_do_not_block_each_other() -> None:
    world = MailWorld()
    shared = Contact("Pat Clerk", "pat@accountants.example", "test")
    for number in range(4):
        world.customer(f"cus_{number}", contact=shared)
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    world.run_for(days=9)
    for number, mail in enumerate(world.postbox.mails):
        world.provider_says(mail, TransportKind.DELIVERED)
        world.provider_says(mail, TransportKind.BOUNCED)
        world.answers(mail, f"Reply {number}.")
    world.pays("in_0")

    assert together(*(worker(world, f"worker-{n}") for n in range(4))) == []
    world.run_for(minutes=30)
    assert set(models.InboxEvent.objects.values_list("state", flat=True)) == {"handled"}
    assert models.Contact.objects.filter(deliverable=True).count() == 0
    assert world.case("in_0").status == "closed"
    assert invariants.unread_replies() == 0


class DiedError(BaseException):
    """The worker is gone."""


class Deadly:
    """Ends the worker right before one statement."""

    def __init__(self, statement: int) -> None:
        self.left = statement

    def __call__(self, execute: Callable[..., Any], *said: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise DiedError
        return execute(*said)


def heard(number: int, deadly: Deadly) -> tuple[object, ...]:
    """Let a customer reply, the worker die before a statement, and another one take over; how it all stands."""
    world = MailWorld(events=1000 * number)
    id_, invoice = f"cus_{number}", f"in_{number}"
    world.fails(invoice, id_)
    world.run()
    world.answers(world.postbox.mails[0], "We pay on Friday.", message_id=f"<reply-{number}@x.example>")
    with connection.execute_wrapper(deadly), suppress(DiedError):
        world.run()
    world.clock.advance(LEASE + timedelta(seconds=1))
    world.run()
    mail = models.IncomingMail.objects.get(message_id=f"<reply-{number}@x.example>")
    kinds = [entry.kind for entry in world.entries(invoice)]
    holds = models.Hold.objects.filter(case=world.case(invoice)).count()
    reading = (mail.state, mail.nature, mail.matched_by, mail.reading_kind)
    return (*reading, holds, world.reviews(invoice), kinds, len(world.postbox.mails))


def test_a_worker_that_dies_anywhere_leaves_a_reply_to_be_heard_once() -> None:
    whole = heard(0, Deadly(0))
    assert whole[:6] == ("waiting", "human", "address", "promise", 1, ["reply"])
    step = 1 if os.environ.get("KILL_EVERYWHERE") else 4
    statement = died = 1
    while died:
        deadly = Deadly(statement)
        assert heard(statement, deadly) == whole, f"died before statement {statement}"
        died, statement = deadly.left <= 0, statement + step
    assert statement > 40


def taken(number: int) -> int:
    """Take a mail in and die before a statement, then find it in the mailbox again."""
    world = MailWorld(received=number)
    world.inbox.mails.append(world.written("Hello."))
    models.SweepMark.objects.all().delete()
    with connection.execute_wrapper(Deadly(number)), suppress(DiedError):
        look_into_mailbox(world.ports, world.now)
    look_into_mailbox(world.ports, world.now)
    return models.IncomingMail.objects.filter(message_id=f"<m{number}@cus-1.example>").count()


def test_a_worker_that_dies_anywhere_in_a_look_leaves_no_mail_out() -> None:
    assert [taken(number) for number in range(20)] == [1] * 20
    assert models.InboxEvent.objects.filter(source="mail").count() == 20


def killed(work: Callable[[], object]) -> None:
    """Do work in a process of its own, which must die by SIGKILL before it is done."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.kill
def test_a_worker_killed_between_taking_and_hearing_leaves_the_mail_to_the_next() -> None:
    world = MailWorld()
    world.fails()
    world.run()
    world.inbox.mails.append(world.written("We pay on Friday."))

    def take_and_die() -> None:
        look_into_mailbox(world.ports, world.now)
        die()

    killed(take_and_die)
    assert models.IncomingMail.objects.get().state == "arrived"
    assert look_into_mailbox(world.ports, world.now) == 0
    world.run()
    assert models.IncomingMail.objects.get().state == "waiting"
    assert models.Hold.objects.count() == 1


@pytest.mark.kill
def test_a_worker_killed_between_hold_and_reading_leaves_the_hold_and_the_next_one_reads() -> None:
    class Killing:
        def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
            die()
            raise AssertionError

    world = MailWorld()
    world.fails()
    world.run()
    world.answers(world.postbox.mails[0], "We pay on Friday.")
    world.reader = Killing()
    killed(world.run)
    mail = models.IncomingMail.objects.get()
    assert (mail.state, mail.reading_kind, models.Hold.objects.count()) == ("waiting", "", 1)

    world.reader = RulesReader()
    world.clock.advance(LEASE + timedelta(seconds=1))
    world.run()
    mail.refresh_from_db()
    assert (mail.state, mail.reading_kind, models.Hold.objects.count()) == ("waiting", "promise", 1)
    assert world.reviews() == ["reply"]
    assert len(world.postbox.mails) == 1
