"""A customer whom nobody may contact: every case keeps quiet, also those that come later, and stays in sight."""

import pytest

from dunwell.engine import overdue
from dunwell.policy import words
from dunwell.store import models
from dunwell.store.invariants import forgotten_cases, left_alone
from tests.engine.test_overdue import sent
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

KIND, WHOLE = words.HoldKind.DO_NOT_CONTACT, words.HoldScope.CUSTOMER


def left() -> World:
    """A customer who heard of one failure, and whose lawyer then asked us to stop."""
    world = World()
    world.fails()
    world.run()
    world.hold(kind=KIND, scope=WHOLE)
    return world


def test_a_case_that_opens_later_is_quiet_too_and_all_stay_in_sight() -> None:
    world = left()
    world.run_for(days=3)
    world.fails("in_2")
    world.run()
    sent(world, due=world.now.date().replace(day=9), invoice="in_3")
    overdue.search(world.ports, world.book, world.now)
    world.run_for(days=60)
    assert len(world.postbox.mails) == 1
    assert [case.status for case in models.Case.objects.order_by("pk")] == ["open", "open", "open"]
    assert (forgotten_cases(), left_alone()) == (0, 3)
    assert models.ReviewItem.objects.count() == 0


def test_a_case_about_to_open_on_the_personal_track_is_neither_drafted_nor_retried() -> None:
    world = left()
    world.customer(mrr=LARGE)
    models.Customer.objects.update(read_at=world.now.replace(year=2025))
    world.fails("in_2")
    world.run_for(days=30)
    assert world.case("in_2").track == "personal"
    assert (world.ledger.switched, world.ledger.charges) == ([], [])
    assert models.Letter.objects.count() == 0
    assert len(world.postbox.mails) == 1


def test_a_payment_ends_a_quiet_case_and_a_release_lets_the_others_run_on() -> None:
    world = left()
    world.fails("in_2")
    world.run()
    world.pays("in_2")
    world.run()
    assert world.case("in_2").ending == words.Ending.RECOVERED
    assert models.Hold.objects.get().ended_at is None
    world.run_for(days=10)
    world.release(models.Hold.objects.get())
    assert len(world.postbox.mails) == 1
    world.run_for(days=3)
    assert len(world.postbox.mails) == 2
