"""Money that came and went again: chargebacks, and bank debits returned after they had settled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dunwell.engine import links, review
from dunwell.engine.verify import verify
from dunwell.policy import words
from dunwell.policy.money import Money
from dunwell.policy.readings import TakenBack
from dunwell.store import models
from dunwell.store.invariants import forgotten_cases
from dunwell.store.past import case_at
from tests.engine.world import World

pytestmark = pytest.mark.django_db

ALL = Money(120_000, "USD")
LATE_RETURN = "The bank returned the debit after it had settled, so the payment was clawed back."


def recovered(rail: words.Rail = words.Rail.CARD) -> World:
    world = World()
    world.fails(rail=rail)
    world.run()
    world.pays()
    world.run()
    world.run_for(days=20)
    return world


def taken_back(world: World, reason: str = "fraudulent", *, final: bool = False) -> None:
    """Let the money go back, as Stripe tells of it: in several events."""
    world.ledger.change("in_1", charged_back=True)
    taken = TakenBack(world.now, ALL, reason, final)
    world.ledger.invoices["in_1"] = replace(world.ledger.invoices["in_1"], taken_back=taken)
    for type_ in ("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated"):
        world.event(type_, "chargeback", invoice="in_1")
        world.run()


def won(world: World) -> None:
    world.ledger.change("in_1", charged_back=False)
    world.ledger.invoices["in_1"] = replace(world.ledger.invoices["in_1"], taken_back=None)
    world.event("charge.dispute.closed", "chargeback", invoice="in_1")
    world.run()


def test_a_late_return_reopens_its_case_on_a_desk_and_nothing_is_sent() -> None:
    world = recovered(words.Rail.BANK_DEBIT)
    taken_back(world, "insufficient_funds")
    at = world.now
    case = world.case()
    assert models.Case.objects.count() == 1
    assert (case.status, case.ending, case.closed_at, case.reopened_at) == ("review", None, None, at)
    assert world.said("clawed_back") == [
        f"{LATE_RETURN} USD 1,200.00 went back. The case had ended as recovered; it is open again."
    ]
    hold = models.Hold.objects.get()
    assert (hold.kind, hold.until_at, hold.ended_at) == ("dispute", None, None)
    assert hold.reason.startswith("chargeback")
    assert world.reviews() == ["chargeback"]
    assert models.ReviewItem.objects.get(closed_at=None).reason == LATE_RETURN
    world.run_for(days=40)
    assert len(world.postbox.mails) == 1
    assert forgotten_cases() == 0
    assert verify().misfits == ()


def test_a_chargeback_on_a_card_says_so() -> None:
    world = recovered()
    taken_back(world)
    assert models.ReviewItem.objects.get().reason == "The card network took a payment back (chargeback)."


def test_a_chargeback_that_is_won_ends_the_case_as_recovered_again() -> None:
    world = recovered()
    taken_back(world)
    world.run_for(days=30)
    won(world)
    case = world.case()
    assert (case.status, case.ending, case.closed_at) == ("closed", "recovered", world.now)
    assert world.reviews() == []
    assert models.Hold.objects.get().ended_at == world.now
    assert len(world.postbox.mails) == 1


def test_a_second_chargeback_of_one_case_is_held_and_asked_about_like_the_first() -> None:
    world = recovered()
    taken_back(world)
    won(world)
    world.run_for(days=3)
    taken_back(world)
    assert models.Case.objects.count() == 1
    assert world.case().status == "review"
    assert world.reviews() == ["chargeback"]
    assert models.Hold.objects.filter(ended_at=None, kind="dispute").count() == 1
    assert len(world.said("clawed_back")) == 2


def test_a_chargeback_that_is_lost_is_said_once_and_left_to_a_person() -> None:
    world = recovered()
    taken_back(world)
    world.run_for(days=30)
    taken_back(world, final=True)
    assert world.said("lost_for_good") == [
        "The chargeback was decided against us: USD 1,200.00 stays with the customer's bank."
    ]
    assert world.case().status == "review"
    review.close_by_hand(
        case_id=world.case().pk,
        ending=words.Ending.WRITTEN_OFF,
        reason="Lost.",
        by="ana",
        now=world.now,
    )
    world.event("charge.dispute.updated", "chargeback", invoice="in_1")
    world.run()
    assert (world.case().status, world.case().ending) == ("closed", "written_off")


def test_releasing_the_hold_sends_nothing_while_the_money_is_away() -> None:
    world = recovered()
    taken_back(world)
    world.release(models.Hold.objects.get(ended_at=None))
    world.run_for(days=40)
    assert len(world.postbox.mails) == 1
    assert world.reviews() == ["chargeback"]


def test_a_case_that_had_ended_without_money_stays_closed_and_a_person_is_told_once() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", status=words.InvoiceStatus.VOID)
    world.event("invoice.voided", "invoice", invoice="in_1")
    world.run()
    taken_back(world)
    assert (world.case().status, world.case().ending) == ("closed", "voided")
    assert world.reviews() == ["chargeback"]
    assert world.said("chargeback") == ["The payment of INV-1 was taken back after the case had closed."]


def test_a_payment_taken_back_before_the_case_could_end_is_not_counted_as_recovered() -> None:
    world = World()
    world.fails()
    world.run()
    world.pays()
    taken_back(world)
    assert (world.case().status, world.case().ending, world.reviews()) == ("open", None, ["chargeback"])
    world.run_for(days=40)
    assert len(world.postbox.mails) == 1


def test_a_chargeback_read_by_somebody_else_first_still_reopens_the_case() -> None:
    world = recovered()
    world.ledger.change("in_1", charged_back=True)
    models.Invoice.objects.update(charged_back=True)
    taken = TakenBack(world.now, ALL, "fraudulent")
    world.ledger.invoices["in_1"] = replace(world.ledger.invoices["in_1"], taken_back=taken)
    world.event("charge.dispute.created", "chargeback", invoice="in_1")
    world.run()
    assert world.case().status == "review"


def test_the_past_of_a_reopened_case_is_shown_as_it_was() -> None:
    world = recovered()
    closed_at = world.case().closed_at
    assert closed_at is not None
    taken_back(world)
    row = world.case()
    before, between = (
        case_at(row, closed_at - timedelta(minutes=1)),
        case_at(row, closed_at + timedelta(days=1)),
    )
    assert (before.status, before.invoice.charged_back, before.invoice.open) == ("open", False, ALL)
    assert (between.status, between.invoice.charged_back, between.reopened_at) == ("closed", False, None)


def test_the_pay_page_does_not_call_an_invoice_paid_whose_payment_was_taken_back() -> None:
    world = recovered()
    taken_back(world)
    token = links.make_link(world.case().pk, world.ports, world.now).rpartition("/")[2]
    page = links.open_link(token, world.ports)
    assert page is not None
    assert (page.payable, page.state_sentence) == (
        False,
        "The payment was taken back. Please reply to our last e-mail: a person sees to it.",
    )
