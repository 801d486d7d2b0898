"""What breaks Dunwell itself each time ends with a person, who is told what may have left."""

from datetime import timedelta

import pytest

from dunwell.policy import readings, words
from tests.engine.signed import Signed
from tests.engine.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.trouble]


def test_a_letter_that_can_never_be_read_back_is_a_persons_to_look_for() -> None:
    world = Signed()
    world.sent()

    def breaks(what: str) -> None:
        if what == "mail":
            raise ZeroDivisionError

    world.books.before_read = breaks
    world.run_for(hours=2)
    assert world.reviews() == ["not_confirmed"]
    assert world.item(words.ReviewKind.NOT_CONFIRMED).reason == (
        "Letter 1 has left, and could not be read back: ZeroDivisionError in Dunwell itself; the log says where."
    )
    assert (world.states(), world.effects("confirm")) == (["in_doubt"], ["unknown"])
    world.run_for(days=3)
    assert len(world.to_customer()) == 1


def test_a_charge_that_breaks_after_it_was_handed_over_ends_with_a_person() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(hours=1))
    keys = []

    def breaks(invoice: str, method: str, key: str) -> readings.ChargeResult:
        keys.append((invoice, method, key))
        raise ZeroDivisionError

    world.ledger.charge = breaks  # type: ignore[method-assign]
    world.saves_method("pm_new")
    world.run_for(hours=2)
    assert (len(keys), len(set(keys))) == (12, 1)
    assert world.outbox()[-1] == ("charge", "unknown")
    assert world.reviews() == ["charge_unknown"]
    assert "Nobody knows whether it was charged" in world.item(words.ReviewKind.CHARGE_UNKNOWN).reason
    world.run_for(days=1)
    assert len(keys) == 12
