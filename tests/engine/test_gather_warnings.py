"""What NetSuite lacks or passed over is said once, and never against what another source knows (spec 1.2, step 1)."""

from dataclasses import replace

import pytest

from dunwell.policy.facts import Contact
from tests.engine.books import NO_CONTACT, NO_MRR
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

EVE = "Eve Sample (22) is inactive."


def _large() -> World:
    world = World(keeps_books=True)
    world.customer(mrr=LARGE)
    world.fails()
    return world


def test_whoever_was_passed_over_is_named_once_when_nobody_was_chosen() -> None:
    world = _large()
    world.books.account.contact, world.books.account.passed_over = None, (EVE,)
    world.run()
    assert world.said("warning") == [f"{NO_CONTACT} {EVE}"]
    assert world.case().missing == [f"{NO_CONTACT} {EVE}"]


def test_whoever_was_passed_over_for_another_is_a_warning_of_its_own() -> None:
    world = _large()
    chosen = world.books.account.contact
    assert isinstance(chosen, Contact)
    world.books.account.contact, world.books.account.passed_over = replace(chosen), (EVE, EVE)
    world.run()
    assert world.said("warning") == [EVE]


def test_an_mrr_that_stripe_gave_is_not_called_unknown() -> None:
    world = _large()
    world.run()
    [gathered] = world.said("gathered")
    assert "averages above USD 5,000.00" in gathered
    assert world.said("warning") == []
    assert world.case().missing == []


def test_an_mrr_that_no_source_gives_is_called_unknown_with_the_reason() -> None:
    world = World(keeps_books=True)
    world.customer(mrr=None)
    world.fails()
    world.run()
    assert world.said("warning") == [NO_MRR]
