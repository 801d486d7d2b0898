"""How often a card, an invoice and a returned debit may be tried (spec 3)."""

from datetime import datetime, timedelta

import pytest

from dunwell.policy.words import AttemptOutcome, AttemptTrigger, Rail
from dunwell.store import models
from tests.engine.retried import keys, large, tomorrow
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

DECLINED = AttemptOutcome.DECLINED


def tried(invoice: models.Invoice, count: int, at: datetime) -> None:
    """Let a card have been tried that often, for whatever invoice."""
    for number in range(count):
        models.PaymentAttempt.objects.create(
            invoice=invoice,
            key=f"t{number}",
            at=at,
            trigger=AttemptTrigger.STRIPE.value,
            outcome=DECLINED.value,
            method="pm_old",
        )


@pytest.mark.parametrize(("count", "age", "made"), [(14, 29, 0), (13, 29, 1), (14, 31, 1)])
def test_a_card_is_tried_fifteen_times_in_thirty_days_whatever_for(count: int, age: int, made: int) -> None:
    world = World()
    world.customer(mrr=LARGE)
    world.fails("in_0")
    world.run()
    world.close("in_0")
    other = world.case("in_0").invoice
    models.PaymentAttempt.objects.all().delete()
    tried(other, count, START + timedelta(days=1) - timedelta(days=age))
    world.fails("in_1")
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.run_for(days=2)
    assert len(keys(world)) == made
    assert world.reviews("in_1") == ["draft"]


@pytest.mark.parametrize(("count", "made"), [(7, 0), (6, 1)])
def test_an_invoice_is_tried_eight_times(count: int, made: int) -> None:
    world = large()
    tried(world.case().invoice, count, START)
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.run_for(days=2)
    assert len(keys(world)) == made


def test_a_ceiling_reached_between_decision_and_charge_stops_it() -> None:
    world = large()
    tomorrow(world)
    tried(world.case().invoice, 7, world.now)
    world.perform()
    assert world.ledger.charges == []
    assert world.said("why_not") == ["Not charged: 8 charges of the invoice have been tried."]


@pytest.mark.parametrize(
    ("code", "before", "age", "made"),
    [
        ("insufficient_funds", 0, 0, 1),
        ("insufficient_funds", 2, 0, 0),
        ("insufficient_funds", 2, 200, 1),
        ("bank_account_closed", 0, 0, 0),
        ("debit_not_authorized", 0, 0, 0),
    ],
)
def test_a_returned_debit_is_presented_again_twice_at_most_and_for_two_reasons(
    code: str, before: int, age: int, made: int
) -> None:
    world = large(rail=Rail.BANK_DEBIT, code=code)
    tried(world.case().invoice, before, START - timedelta(days=age))
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.run_for(days=2)
    assert len(keys(world)) == made
