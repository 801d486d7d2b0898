"""Scenarios that need the outbox: what happens between a decision and its mail. Held to golden timelines."""

from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from dunwell.engine.apply import apply_waiting
from dunwell.engine.perform import Worker, perform_due
from dunwell.engine.tick import tick
from dunwell.policy import words
from dunwell.policy.facts import Unreadable
from dunwell.policy.money import Money
from dunwell.policy.readings import Refused
from dunwell.store import models
from tests.engine.world import World

pytestmark = pytest.mark.django_db

TIMELINES = Path(__file__).parent / "timelines"


def as_text(invoice: str = "in_1") -> str:
    """A case's timeline as stored: when, who, what, and the story."""
    rows = models.TimelineEntry.objects.filter(case__invoice__external_id=invoice).order_by("case_id", "seq")
    return "".join(
        f"{row.at.astimezone(UTC):%a %Y-%m-%d %H:%M} UTC {row.actor} {row.kind}\n    {row.summary}\n"
        for row in rows
    )


def decide_but_do_not_send(world: World) -> None:
    apply_waiting(world.ports, world.book, world.now)
    tick(world.ports, world.now)


def test_paid_between_decide_and_send(golden: Callable[[Path, str], None]) -> None:
    world = World()
    world.fails()
    decide_but_do_not_send(world)
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    perform_due(world.ports, world.now, Worker("test"))
    assert world.postbox.mails == []
    golden(TIMELINES / "live_paid_between_decide_and_send.txt", as_text())


def test_part_paid_between_decide_and_send(golden: Callable[[Path, str], None]) -> None:
    world = World()
    world.fails()
    decide_but_do_not_send(world)
    world.ledger.change("in_1", open=Money(45000, "USD"))
    perform_due(world.ports, world.now, Worker("test"))
    assert ["USD 450.00" in mail.text for mail in world.postbox.mails] == [True]
    assert "USD 1,200.00" not in world.postbox.mails[0].text
    golden(TIMELINES / "live_part_paid_between_decide_and_send.txt", as_text())


def test_ledger_unreadable_for_a_day(golden: Callable[[Path, str], None]) -> None:
    world = World()
    world.fails()
    decide_but_do_not_send(world)
    world.ledger.unreadable = Unreadable("Stripe answered 503")
    world.run_to(world.now + timedelta(hours=25))
    assert world.postbox.mails == []
    world.ledger.unreadable = None
    world.run_to(world.now + timedelta(hours=1))
    assert len(world.postbox.mails) == 1
    golden(TIMELINES / "live_ledger_unreadable_for_a_day.txt", as_text())


def test_mail_server_down_for_an_hour(golden: Callable[[Path, str], None]) -> None:
    world = World()
    world.postbox.answers = [Refused("connection refused", permanent=False)] * 4
    world.fails()
    world.run()
    world.run_to(world.now + timedelta(hours=3))
    assert len(world.postbox.mails) == 1
    golden(TIMELINES / "live_mail_server_down_for_an_hour.txt", as_text())
