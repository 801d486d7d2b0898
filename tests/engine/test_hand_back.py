"""What is paid, contested or under way is not handed back to Stripe, which would charge it (spec 1.2, 5)."""

import pytest

from dunwell.engine import review
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.policy.words import HoldKind
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

FULL = Money(120_000, "USD")


def ours() -> World:
    """A large customer in both ledgers, whose invoice we collect."""
    world = World(keeps_books=True)
    world.customer(mrr=LARGE)
    world.fails()
    world.run()
    assert world.case().collection == "dunwell"
    return world


def hand_back(world: World) -> None:
    review.hand_back(case_id=world.case().pk, by="ana", now=world.now)
    world.run()


def test_what_is_paid_in_netsuite_is_not_handed_back() -> None:
    world = ours()
    world.books.pays("INV-1")
    hand_back(world)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert world.reviews()[-1] == "ledgers_disagree"
    [said] = world.said("why_not")
    assert said == (
        "INV-1 is not handed back to Stripe, which still leaves it alone. Stripe says that USD 1,200.00 is open, "
        "NetSuite that the invoice is paid."
    )
    world.run_for(hours=30)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert len(world.said("why_not")) == 1
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run_for(hours=2)
    assert world.outbox()[-1] == ("hand_back", "stopped")
    assert len(world.ledger.switched) == 2, "taken over, and Stripe then refused to switch a paid invoice"


def test_what_is_paid_in_part_in_netsuite_is_not_handed_back() -> None:
    world = ours()
    world.books.change("INV-1", open=Money(70_000, "USD"))
    hand_back(world)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert world.reviews()[-1] == "ledgers_disagree"


def test_money_nobody_has_applied_keeps_an_invoice_until_it_is_gone() -> None:
    world = ours()
    world.books.receives(FULL)
    hand_back(world)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert "unapplied" in world.reviews()
    world.books.account.unapplied.clear()
    world.run_for(hours=1)
    assert world.ledger.invoices["in_1"].reading.auto_advance is True
    assert "unapplied" not in world.reviews()
    assert len(world.said("handed_back")) == 1


def test_netsuite_that_cannot_be_read_is_asked_again_before_anything_is_handed_back() -> None:
    world = ours()
    world.books.unreadable = facts.Unreadable("NetSuite answered 503")
    hand_back(world)
    world.run_for(hours=25)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert "ledger_unreadable" in world.reviews()
    world.books.unreadable = None
    world.run_for(hours=1)
    assert world.ledger.invoices["in_1"].reading.auto_advance is True
    assert "ledger_unreadable" not in world.reviews()


@pytest.mark.parametrize("kind", [HoldKind.DISPUTE, HoldKind.PAYMENT_PLAN])
def test_what_is_contested_or_paid_in_parts_cannot_be_handed_back(kind: HoldKind) -> None:
    world = ours()
    world.hold(kind=kind)
    with pytest.raises(
        review.NotPossibleError, match="Collection cannot go back to Stripe now: the case is on"
    ):
        hand_back(world)
    with pytest.raises(review.NotPossibleError, match="Wait for it, release the hold"):
        review.close_by_hand(
            case_id=world.case().pk, ending=words.Ending.TRANSFERRED, reason="Legal.", by="ana", now=world.now
        )
    assert (world.case().closed_at, world.case().collection) == (None, "dunwell")


def test_a_debit_in_flight_cannot_be_handed_back() -> None:
    world = ours()
    world.ledger.change("in_1", in_flight=True)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    with pytest.raises(review.NotPossibleError, match="a payment is under way"):
        hand_back(world)
    assert world.case().collection == "dunwell"


def test_a_debit_that_began_after_the_click_keeps_the_invoice_too() -> None:
    world = ours()
    world.ledger.change("in_1", in_flight=True)
    hand_back(world)
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert "gate_closed" in world.reviews()
    world.ledger.change("in_1", in_flight=False)
    world.run_for(hours=1)
    assert world.ledger.invoices["in_1"].reading.auto_advance is True
