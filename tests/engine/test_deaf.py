"""The mailbox cannot be read for long: replies may lie unread in it, so nothing but a notice leaves."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from dunwell.engine.incoming.look import look_into_mailbox
from dunwell.engine.ports import Ports
from dunwell.policy.words import ReviewKind
from dunwell.store import invariants, models
from tests.engine.arrivals import Inbox, MailWorld
from tests.engine.signed import Signed
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
WHY = "The mailbox could not be read since 2026-04-07 14:03 UTC, so replies may lie unread."


def lives(world: World, until: datetime) -> None:
    """Let time pass as it does for the loop, which looks into the mailbox before anything else."""
    while world.now < until:
        look_into_mailbox(world.ports, world.now)
        world.run_to(min(world.now + HOUR, until))


def deaf_after(notice: timedelta) -> MailWorld:
    """The notice is out; the mailbox was read last when the story began."""
    world = MailWorld()
    look_into_mailbox(world.ports, world.now)
    world.inbox.unreadable = "the login was refused"
    world.clock.advance(notice)
    world.fails()
    world.run()
    return world


def test_a_reminder_waits_for_the_mailbox_and_a_person_is_told_once() -> None:
    world = deaf_after(HOUR)
    assert world.outbox() == [("notice", "sent")]

    lives(world, START + timedelta(days=3, hours=4))

    assert world.outbox() == [("notice", "sent"), ("reminder", "queued")]
    assert len(world.postbox.mails) == 1
    [item] = models.ReviewItem.objects.all()
    assert (item.kind, item.reason, item.closed_at) == (ReviewKind.LEDGER_UNREADABLE.value, WHY, None)
    assert (
        item.proposal == "Check the mailbox with `dunwell doctor`; what waits goes out once it can be read."
    )
    assert world.said("why_not") == [WHY]
    assert invariants.forgotten_cases() == 0


def test_it_leaves_by_itself_once_the_mailbox_can_be_read_and_clears_the_desk() -> None:
    world = deaf_after(HOUR)
    lives(world, START + timedelta(days=3, hours=2))
    assert world.reviews() == ["ledger_unreadable"]

    world.inbox.unreadable = ""
    lives(world, START + timedelta(days=3, hours=4))

    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]
    assert world.reviews() == []
    assert world.said("settled") == ["The mailbox can be read again."]
    assert models.Case.objects.get().status == "open"


def test_a_reply_that_lay_unread_holds_the_case_before_anything_leaves() -> None:
    world = deaf_after(HOUR)
    lives(world, START + timedelta(days=3, hours=2))
    notice = world.postbox.mails[0]
    world.inbox.mails.append(
        world.written("Please wait.", references=(notice.message_id,), recipients=(notice.reply_to,))
    )
    world.inbox.unreadable = ""
    lives(world, START + timedelta(days=3, hours=4))

    assert len(world.postbox.mails) == 1
    assert world.outbox() == [("notice", "sent"), ("reminder", "stopped")]
    assert "reply" in world.reviews()


def test_a_notice_never_waits_for_the_mailbox() -> None:
    world = deaf_after(timedelta(days=2))

    assert world.outbox() == [("notice", "sent")]
    assert world.reviews() == []


def test_for_less_than_a_day_nothing_waits_for_the_mailbox() -> None:
    world = MailWorld()
    world.fails()
    world.run()
    lives(world, START + timedelta(days=2, hours=3))
    world.inbox.unreadable = "the login was refused"
    lives(world, START + timedelta(days=3))

    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]
    assert world.reviews() == []


def test_a_mailbox_that_never_could_be_read_counts_from_the_first_look() -> None:
    world = MailWorld()
    world.inbox.unreadable = "the login was refused"
    look_into_mailbox(world.ports, world.now)
    world.fails()
    world.run()
    lives(world, START + timedelta(days=3, hours=2))

    assert world.outbox() == [("notice", "sent"), ("reminder", "queued")]
    assert world.reviews() == ["ledger_unreadable"]


@pytest.mark.parametrize("own", [MailWorld, World])
def test_without_a_mailbox_or_a_look_into_it_nothing_waits(own: type[World]) -> None:
    world = own()
    world.fails()
    world.run_for(days=4)

    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]
    assert world.reviews() == []


@dataclass
class WithMailbox(Signed):
    """A large customer whose letter is signed, and a mailbox."""

    inbox: Inbox = field(default_factory=Inbox)

    @property
    def ports(self) -> Ports:
        return replace(super().ports, mailbox=self.inbox)


def test_a_signed_letter_waits_for_the_mailbox_too() -> None:
    world = WithMailbox()
    look_into_mailbox(world.ports, world.now)
    world.inbox.unreadable = "the login was refused"
    world.clock.advance(timedelta(days=1))
    world.signed()
    lives(world, world.now + HOUR)

    assert world.to_customer() == []
    assert world.effects() == ["queued"]
    assert [(item.kind, item.reason) for item in models.ReviewItem.objects.filter(closed_at=None)] == [
        (ReviewKind.LEDGER_UNREADABLE.value, WHY)
    ]

    world.inbox.unreadable = ""
    lives(world, world.now + HOUR)

    assert len(world.to_customer()) == 1
    assert world.reviews() == []
    assert world.said("settled") == ["The mailbox can be read again."]
