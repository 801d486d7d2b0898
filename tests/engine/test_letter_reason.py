"""A signed letter never leaves with a reason for the failure that is no longer true (spec 1.2, steps 4 and 5)."""

from datetime import timedelta

import pytest

from dunwell.policy.words import AttemptOutcome
from tests.engine.signed import Signed

pytestmark = pytest.mark.django_db


def another_card_fails(world: Signed) -> None:
    world.clock.advance(timedelta(hours=1))
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.ledger.decline_code = "insufficient_funds"
    world.saves_method()
    world.run_for(minutes=5)


def test_a_signed_letter_is_withdrawn_once_another_card_has_failed_otherwise() -> None:
    world = Signed()
    letter = world.drafts(code="expired_card")
    assert letter.reason_code == "expired_card"
    world.approves()
    another_card_fails(world)
    assert world.states()[0] == "withdrawn"
    [said] = world.said("withdrawn")
    assert said == (
        "Letter 1 was withdrawn: The payment has failed once more, for another reason (insufficient_funds, not "
        "expired_card)."
    )
    world.run_for(hours=6)
    assert world.to_customer() == []
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.run_for(days=2)
    assert world.states() == ["withdrawn", "draft"]
    assert world.letter().reason_code == "insufficient_funds"
    assert "expired" not in world.letter().text
    assert world.to_customer() == []


def test_a_letter_on_its_way_is_stopped_at_the_door_by_another_failure() -> None:
    world = Signed()
    world.signed()
    # The other failure is known, and the letter is in the queue already.
    row = world.case()
    row.reason_code = "insufficient_funds"
    row.save()
    world.perform()
    assert world.to_customer() == []
    assert world.states()[0] == "withdrawn"
    assert "for another reason" in world.said("why_not")[0]
