"""The look into the mailbox: what came since the last time, each mail once, and no trouble that stops the rest."""

from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from dunwell.engine.doctor import NOTE, OK, WRONG, Finding, examine
from dunwell.engine.incoming.look import look_into_mailbox
from dunwell.engine.loop import run_forever, run_once
from dunwell.engine.perform import Worker
from dunwell.policy.facts import Person
from dunwell.store import invariants, models
from tests.engine.arrivals import MailWorld
from tests.engine.world import START

pytestmark = pytest.mark.django_db


def with_mails(count: int) -> MailWorld:
    world = MailWorld()
    for number in range(count):
        world.received = number
        world.inbox.mails.append(world.written(f"Mail {number}."))
    return world


def kept() -> list[str]:
    return list(models.IncomingMail.objects.order_by("pk").values_list("own", flat=True))


def doctor(world: MailWorld, check: str) -> list[Finding]:
    return [finding for finding in examine(world.ports, world.book, []) if finding.check == check]


def test_a_look_keeps_what_is_new_and_the_next_one_begins_after_it() -> None:
    world = with_mails(3)
    assert look_into_mailbox(world.ports, world.now) == 3
    world.received = 3
    world.inbox.mails.append(world.written("Mail 3."))
    assert look_into_mailbox(world.ports, world.now) == 1
    assert look_into_mailbox(world.ports, world.now) == 0

    assert kept() == ["Mail 0.", "Mail 1.", "Mail 2.", "Mail 3."]
    assert world.inbox.fetched == [0, 1, 2, 3]
    mark = models.SweepMark.objects.get(source="mailbox")
    assert (mark.place, mark.until) == ("4", START)


def test_until_something_has_come_the_last_days_are_counted_from_the_last_look() -> None:
    world = with_mails(0)
    back, later = START + timedelta(days=9), START + timedelta(days=10)
    assert look_into_mailbox(world.ports, START) == 0
    world.inbox.mails.append(world.written("Mail 0."))
    assert look_into_mailbox(world.ports, back) == 1
    assert look_into_mailbox(world.ports, later) == 0
    assert world.inbox.looks == [START, START, later]


def test_a_look_that_breaks_off_goes_on_where_it_was_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = with_mails(3)
    world.inbox.unreadable, world.inbox.breaks_after = "the server closed the connection", 2
    assert [look_into_mailbox(world.ports, world.now) for _ in range(3)] == [2, 0, 0]
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "the mailbox cannot be read, trying again every minute: the server closed the connection"
    ]
    assert doctor(world, "mailbox was read") == [
        Finding(
            "mailbox was read",
            WRONG,
            "cannot be read since 2026-04-07 14:03 UTC: the server closed the connection",
        )
    ]
    world.inbox.unreadable = ""
    assert look_into_mailbox(world.ports, world.now) == 1
    assert world.inbox.fetched == [0, 1, 2]
    assert doctor(world, "mailbox was read") == [Finding("mailbox was read", OK, "2026-04-07 14:03 UTC")]

    world.inbox.unreadable = "again"
    look_into_mailbox(world.ports, world.now)
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 2


def test_the_doctor_says_when_the_mailbox_was_read() -> None:
    world = with_mails(0)
    assert doctor(world, "mailbox was read") == [
        Finding("mailbox was read", NOTE, "not yet: is a worker running?")
    ]
    look_into_mailbox(world.ports, world.now)
    world.clock.advance(timedelta(hours=2))
    assert doctor(world, "mailbox was read") == [
        Finding("mailbox was read", WRONG, "last at 2026-04-07 14:03 UTC: is a worker running?")
    ]


def test_without_a_mailbox_nothing_is_looked_at() -> None:
    world = MailWorld()
    ports = replace(world.ports, mailbox=None)

    assert look_into_mailbox(ports, world.now) == 0
    assert models.SweepMark.objects.count() == 0
    assert not [finding for finding in examine(ports, world.book, []) if finding.check == "mailbox was read"]


@pytest.mark.trouble
def test_a_mail_that_cannot_be_kept_leaves_its_head_and_does_not_stop_those_behind_it() -> None:
    world = with_mails(3)
    world.inbox.mails[1] = replace(world.inbox.mails[1], references=(7,))  # type: ignore[arg-type]
    assert look_into_mailbox(world.ports, world.now) == 3

    assert kept() == ["Mail 0.", "", "Mail 2."]
    (head,) = models.IncomingMail.objects.filter(own="")
    assert (head.sender_address, head.subject) == ("dana@cus-1.example", "Re: your invoice")
    assert head.problems == [
        "Most of this mail could not be kept: TypeError in Dunwell itself; the log says where."
    ]


def test_once_looks_into_the_mailbox_before_anything_leaves_and_closes_it() -> None:
    world = with_mails(0)
    world.fails()
    world.inbox.mails.append(world.written("Please wait with your mail."))
    done = run_once(world.ports, world.book, world.now, Worker("test"))

    assert done["mails"] == 1
    assert world.inbox.closed == 1
    # Dana wrote before there was a case: it is nobody's, and the notice leaves.
    assert models.IncomingMail.objects.get().state in ("unmatched", "waiting")


def test_the_loop_looks_every_minute_and_closes_the_mailbox_at_its_end() -> None:
    world = with_mails(1)

    class Stop(Event):
        """Lets virtual time pass while the loop waits, and stops it after five minutes."""

        def wait(self, timeout: float | None = None) -> bool:
            world.clock.advance(timedelta(seconds=timeout or 0))
            if world.now >= START + timedelta(minutes=5):
                self.set()
            return self.is_set()

    run_forever(world.ports, world.book, Worker("test"), Stop())

    assert kept() == ["Mail 0."]
    assert world.inbox.looks == [START + timedelta(minutes=minute) for minute in range(5)]
    assert world.inbox.closed == 1


def test_a_mail_that_nobody_looked_at_for_an_hour_is_counted() -> None:
    world = MailWorld()
    world.gets("Hello?", sender=Person("", "kim@elsewhere.example"))
    world.clock.advance(timedelta(minutes=61))
    assert invariants.unheard_mails(world.now) == 1
    assert doctor(world, "mail that came in is looked at") == [
        Finding("mail that came in is looked at", WRONG, "1 mails nobody has looked at for over an hour")
    ]
    world.run()
    assert invariants.unheard_mails(world.now) == 0


@pytest.mark.breaks_promises
def test_a_reply_on_nobodys_desk_is_counted() -> None:
    world = MailWorld()
    world.fails()
    world.run()
    world.answers(world.postbox.mails[0], "We pay on Friday.")
    world.run()
    assert invariants.unread_replies() == 0
    models.Hold.objects.update(ended_at=world.now)
    assert invariants.unread_replies() == 0
    models.ReviewItem.objects.update(closed_at=world.now)
    assert invariants.unread_replies() == 1
    models.Case.objects.update(closed_at=world.now, ending="recovered", status="closed")
    assert invariants.unread_replies() == 0
