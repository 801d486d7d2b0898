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
from tests.engine.signed import DANA, FELIX, MORGAN, Signed
from tests.engine.world import LARGE, World

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


def test_one_of_three_paid_between_decide_and_send(golden: Callable[[Path, str], None]) -> None:
    world = World()
    for invoice in ("in_1", "in_2", "in_3"):
        world.fails(invoice)
    decide_but_do_not_send(world)
    world.ledger.change("in_2", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run()
    assert len(world.postbox.mails) == 1
    assert "INV-1, INV-2" not in world.postbox.mails[0].html
    golden(
        TIMELINES / "live_one_of_three_paid_between_decide_and_send.txt",
        as_text("in_1") + as_text("in_2") + as_text("in_3"),
    )


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


def test_a_large_customer_recovered_by_a_letter_and_the_retry_after_it(
    golden: Callable[[Path, str], None],
) -> None:
    world = Signed()
    world.ledger.charge_outcomes = [words.AttemptOutcome.DECLINED, words.AttemptOutcome.PAID]
    world.customer(name="Aurelius Partners", mrr=LARGE, owner=FELIX, contact=DANA)
    world.books.employees[MORGAN.email] = "7"
    world.fails()
    world.run_for(hours=24, minutes=30)
    world.agrees()
    world.approves()
    world.run_for(days=7)
    assert len(world.to_customer()) == 1
    assert world.case().ending == words.Ending.RECOVERED
    golden(TIMELINES / "live_personal_whole_story.txt", as_text())


def test_suppression_switched_back_on_before_a_letter_leaves(golden: Callable[[Path, str], None]) -> None:
    world = Signed()
    world.signed()
    world.ledger.collects("in_1", automatic=True)
    world.run_for(hours=1)
    assert world.to_customer() == []
    assert world.reviews() == ["drift"]
    world.settle(words.ReviewKind.DRIFT)
    world.run_for(minutes=30)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    golden(TIMELINES / "live_suppression_switched_back_on.txt", as_text())


def test_a_letter_that_is_not_found_on_read_back(golden: Callable[[Path, str], None]) -> None:
    world = Signed()
    world.books.seen_after = timedelta(days=30)
    world.sent()
    world.run_for(hours=2)
    assert world.reviews() == ["not_confirmed"]
    assert len(world.to_customer()) == 1
    golden(TIMELINES / "live_message_not_found_on_read_back.txt", as_text())


def test_netsuite_down_for_a_day_before_a_letter_leaves(golden: Callable[[Path, str], None]) -> None:
    world = Signed()
    world.signed()
    world.books.unreadable = Unreadable("NetSuite answered 503")
    world.run_for(hours=25)
    assert world.to_customer() == []
    assert world.reviews() == ["ledger_unreadable"]
    world.books.unreadable = None
    world.run_for(hours=2)
    assert len(world.to_customer()) == 1
    assert world.reviews() == []
    golden(TIMELINES / "live_netsuite_down_for_a_day.txt", as_text())


def test_netsuite_down_for_a_day_before_it_was_asked(golden: Callable[[Path, str], None]) -> None:
    world = Signed()
    world.books.unreadable = Unreadable("NetSuite answered 503")
    world.customer(name="Aurelius Partners", mrr=LARGE, owner=FELIX, contact=DANA)
    world.fails()
    world.run_for(hours=25)
    assert world.reviews() == ["ledger_unreadable"]
    assert world.ledger.switched == []
    world.books.unreadable = None
    world.run_for(hours=2)
    assert world.reviews() == []
    golden(TIMELINES / "live_netsuite_down_before_it_was_asked.txt", as_text())


def test_paid_in_netsuite_but_open_in_stripe(golden: Callable[[Path, str], None]) -> None:
    world = Signed()
    world.signed()
    world.books.pays("INV-1")
    world.run_for(hours=2)
    assert world.to_customer() == []
    assert world.reviews() == ["ledgers_disagree"]
    golden(TIMELINES / "live_paid_in_netsuite_open_in_stripe.txt", as_text())
