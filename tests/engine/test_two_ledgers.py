"""Both ledgers are read right before anything leaves: paid in either is paid, and a doubt is a person's (spec 5)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dunwell.policy import facts, words
from dunwell.policy.ledger import UnappliedKind
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome, InvoiceStatus, ReviewKind
from dunwell.store import models
from tests.engine.signed import Signed
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("NetSuite answered 503")
FULL = Money(120_000, "USD")


def a_standard_mail() -> World:
    """A notice is queued, and would leave now."""
    world = World(keeps_books=True)
    world.fails()
    world.decide()
    world.perform()
    world.decide()
    assert world.outbox()[-1] == ("notice", "queued")
    return world


def a_retry() -> World:
    """A retry of ours is queued, and would be made now."""
    world = World(keeps_books=True)
    world.customer(mrr=LARGE)
    world.fails()
    world.run()
    world.run_to(START + timedelta(hours=23))
    world.clock.move_to(START + timedelta(days=1))
    world.decide()
    assert world.outbox()[-1] == ("charge", "queued")
    return world


def a_saved_method() -> World:
    """A method the customer saved would be charged now."""
    world = World(keeps_books=True)
    world.fails()
    world.run()
    world.postbox.mails.clear()
    world.clock.advance(timedelta(hours=1))
    world.saves_method("pm_new")
    world.decide()
    assert world.outbox()[-1] == ("charge", "queued")
    return world


def a_letter() -> World:
    """A signed letter would leave now."""
    world = Signed()
    world.drafts()
    world.approves()
    world.clock.advance(timedelta(hours=3))
    world.decide()
    assert world.outbox()[-1] == ("letter", "queued")
    world.postbox.mails.clear()
    return world


def nothing_left(world: World) -> bool:
    return not (world.postbox.mails or world.ledger.charges or world.books.mails)


EVERYTHING = pytest.mark.parametrize("make", [a_standard_mail, a_retry, a_saved_method, a_letter])


@EVERYTHING
def test_what_agrees_leaves(make: Callable[[], World]) -> None:
    world = make()
    world.run()
    assert not nothing_left(world)
    invoice = world.case().invoice
    assert (invoice.ledger_id, invoice.ledger_status, invoice.ledger_open_minor) == ("91", "open", 120_000)


@EVERYTHING
def test_paid_in_netsuite_but_open_in_stripe_is_a_persons_and_nothing_leaves(
    make: Callable[[], World],
) -> None:
    world = make()
    world.books.pays("INV-1")
    world.run()
    assert nothing_left(world)
    assert world.reviews() == ["ledgers_disagree"]
    assert world.outbox()[-1][1] == "stopped"
    why = "Stripe says that USD 1,200.00 is open, NetSuite that the invoice is paid."
    assert world.item(ReviewKind.LEDGERS_DISAGREE).reason == why
    assert world.case().closed_at is None
    world.run_for(days=3)
    assert nothing_left(world)
    assert world.case().invoice.ledger_status == "paid"


@EVERYTHING
@pytest.mark.parametrize("cents", [60_000, 130_000])
def test_another_amount_in_netsuite_is_a_persons(make: Callable[[], World], cents: int) -> None:
    world = make()
    world.books.change("INV-1", open=Money(cents, "USD"))
    world.run()
    assert nothing_left(world)
    assert world.reviews() == ["ledgers_disagree"]


@EVERYTHING
def test_an_invoice_voided_in_netsuite_is_a_persons(make: Callable[[], World]) -> None:
    world = make()
    world.books.change("INV-1", status=InvoiceStatus.VOID)
    world.run()
    assert nothing_left(world)
    assert world.reviews() == ["ledgers_disagree"]


@EVERYTHING
@pytest.mark.parametrize("kind", list(UnappliedKind))
def test_money_that_no_invoice_has_used_up_is_a_persons(
    make: Callable[[], World], kind: UnappliedKind
) -> None:
    world = make()
    world.books.receives(FULL, kind)
    world.run()
    assert nothing_left(world)
    assert world.reviews() == ["unapplied"]
    assert (
        "USD 1,200.00 from this customer that no invoice has used up"
        in world.item(ReviewKind.UNAPPLIED).reason
    )


@EVERYTHING
def test_money_that_does_not_cover_the_invoice_stops_nothing(make: Callable[[], World]) -> None:
    world = make()
    world.books.receives(Money(119_999, "USD"))
    world.books.receives(Money(900_000, "EUR"))
    world.run()
    assert not nothing_left(world)


@EVERYTHING
def test_netsuite_down_for_a_day_lets_nothing_out_tells_a_person_and_goes_on_by_itself(
    make: Callable[[], World],
) -> None:
    world = make()
    world.books.unreadable = AWAY
    world.run()
    world.run_for(hours=23)
    assert (nothing_left(world), world.reviews()) == (True, [])
    world.run_for(hours=3)
    assert (nothing_left(world), world.reviews()) == (True, ["ledger_unreadable"])
    world.books.unreadable = None
    world.run_for(days=1)
    assert not nothing_left(world)
    assert "ledger_unreadable" not in world.reviews()


@EVERYTHING
def test_netsuite_that_answers_too_late_is_as_good_as_silent(make: Callable[[], World]) -> None:
    world = make()

    def slowly(what: str) -> None:
        if what == "standing":
            world.clock.advance(timedelta(seconds=70))

    world.books.before_read = slowly
    world.perform()
    assert nothing_left(world)
    assert world.outbox()[-1][1] == "queued"
    assert world.said("why_not")[-1] == "NetSuite could not be read: it took too long to answer."


@EVERYTHING
def test_a_case_that_uses_netsuite_does_not_go_on_without_it(make: Callable[[], World]) -> None:
    world = make()
    world.keeps_books = False
    world.run()
    assert nothing_left(world)
    assert world.outbox()[-1][1] == "queued"


@EVERYTHING
def test_paid_in_stripe_closes_the_case_whatever_netsuite_says(make: Callable[[], World]) -> None:
    world = make()
    world.ledger.change("in_1", status=InvoiceStatus.PAID, open=Money(0, "USD"))
    world.books.unreadable = AWAY
    world.run()
    assert nothing_left(world)
    assert world.case().ending == "recovered"


def test_settling_a_disagreement_that_is_gone_lets_the_mail_leave() -> None:
    world = a_standard_mail()
    world.books.pays("INV-1")
    world.run()
    world.books.change("INV-1", status=InvoiceStatus.OPEN, open=FULL)
    world.clock.advance(timedelta(hours=1))
    world.settle(ReviewKind.LEDGERS_DISAGREE)
    world.run()
    assert (len(world.postbox.mails), world.reviews()) == (1, [])


def test_settling_a_disagreement_that_stands_puts_it_on_the_desk_again() -> None:
    world = a_retry()
    world.books.pays("INV-1")
    world.run()
    assert world.case().status == "review"
    world.settle(ReviewKind.LEDGERS_DISAGREE)
    world.run()
    assert (world.ledger.charges, world.reviews()) == ([], ["ledgers_disagree"])


def test_an_invoice_netsuite_did_not_know_is_looked_for_again_before_each_mail() -> None:
    world = World(keeps_books=True)
    world.fails()
    accounts = dict(world.books.accounts)
    world.books.accounts.clear()
    world.run()
    assert len(world.postbox.mails) == 1
    world.books.accounts.update(accounts)
    world.books.pays("INV-1")
    world.run_for(days=4)
    assert len(world.postbox.mails) == 1, "entered and paid in NetSuite meanwhile"
    assert world.reviews() == ["ledgers_disagree"]
    case = world.case()
    assert (case.customer.ledger_id, case.invoice.ledger_id) == ("101", "91")


def test_an_invoice_hidden_from_us_is_no_obstacle_on_the_standard_track() -> None:
    world = a_standard_mail()
    world.books.account.invoices.clear()
    world.run()
    assert len(world.postbox.mails) == 1


@pytest.mark.parametrize("make", [a_retry, a_letter])
def test_an_invoice_hidden_from_us_stops_the_personal_track(make: Callable[[], World]) -> None:
    world = make()
    world.books.account.invoices.clear()
    world.run()
    assert nothing_left(world)
    assert world.reviews() == ["incomplete"]


def test_a_person_is_asked_once_however_often_the_gate_is_closed() -> None:
    world = a_standard_mail()
    world.books.pays("INV-1")
    world.run()
    world.run_for(days=30)
    assert models.ReviewItem.objects.count() == 1
    assert world.said("why_not") == [
        "Stripe says that USD 1,200.00 is open, NetSuite that the invoice is paid."
    ]


def test_a_debit_in_flight_makes_a_letter_wait() -> None:
    world = a_letter()
    world.ledger.change("in_1", in_flight=True)
    world.run()
    assert nothing_left(world)
    assert world.reviews() == []


def test_a_case_without_netsuite_asks_nothing_of_it() -> None:
    world = World()
    world.fails()
    world.run()
    assert (world.case().uses_ledger, world.books.asked) == (False, [])
    assert words.ActionKind.GATHER.value not in world.story()


def test_an_unanswered_charge_reads_both_ledgers_before_it_is_repeated() -> None:
    world = a_retry()
    world.ledger.charge_outcomes = [AttemptOutcome.UNKNOWN] * 9
    world.perform()
    assert len(world.ledger.charges) == 1
    world.books.pays("INV-1")
    world.run_for(hours=2)
    assert len(world.ledger.charges) == 1
    assert world.reviews() == ["ledgers_disagree"]
