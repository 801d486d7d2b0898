"""A customer saves a method: every open failed invoice of theirs is charged, once (spec 3)."""

from datetime import timedelta

import pytest

from dunwell.policy import facts, readings, words
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome
from dunwell.store import models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

UNKNOWN = [AttemptOutcome.UNKNOWN]


def started() -> World:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(hours=1))
    return world


def attempts() -> list[tuple[str, str, str]]:
    """Trigger, outcome and method of every attempt, oldest first."""
    rows = models.PaymentAttempt.objects.order_by("at", "pk")
    return list(rows.values_list("trigger", "outcome", "method"))


def test_a_saved_method_is_charged_once_however_many_events_tell_of_it() -> None:
    world = started()
    world.saves_method("pm_new")
    world.run()
    assert [(invoice, method) for invoice, method, _ in world.ledger.charges] == [("in_1", "pm_new")]
    assert world.case().ending == "recovered"
    assert len(world.said("method_saved")) == 1
    assert attempts() == [("stripe", "declined", "pm_old"), ("new_method", "paid", "pm_new")]


def test_events_that_come_one_by_one_charge_once_too() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    for type_ in ("setup_intent.succeeded", "payment_method.attached", "customer.updated"):
        world.event(type_, "new_method", customer="cus_1", method="pm_new")
        world.decide()
    world.run()
    world.event("late", "new_method", customer="cus_1", method="pm_new")
    world.run()
    assert len(world.ledger.charges) == 1
    assert len(world.said("method_saved")) == 1


def test_each_open_invoice_of_the_customer_is_charged_and_nobody_elses() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.fails("in_3", "cus_2")
    world.run()
    world.saves_method("pm_new")
    world.run()
    assert sorted(invoice for invoice, _, _ in world.ledger.charges) == ["in_1", "in_2"]
    assert len({key for _, _, key in world.ledger.charges}) == 2
    assert [world.case(f"in_{n}").ending for n in (1, 2, 3)] == ["recovered", "recovered", None]


def test_a_declined_charge_is_one_attempt_whoever_tells_of_it_first() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.saves_method("pm_new")
    world.run()
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.event("charge.failed", "payment", payment="pi_in_1")
    world.run()
    assert attempts() == [("stripe", "declined", "pm_old"), ("new_method", "declined", "pm_new")]
    assert world.outbox()[-1] == ("charge", "refused")
    assert world.case().reason_code == "do_not_honor"
    assert world.case().anchor_at == START, "a charge of ours does not start the clock anew"
    assert world.story().count("attempt") == 1
    world.run_for(days=4)
    assert len(world.postbox.mails) == 2, "the track goes on"


def test_a_webhook_about_our_charge_that_is_faster_than_our_answer_makes_no_second_attempt() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.saves_method("pm_new")
    world.decide()
    charge = world.ledger.charge

    def slowly(invoice: str, method: str, key: str) -> readings.ChargeResult:
        answer = charge(invoice, method, key)
        world.event("invoice.payment_failed", "failure", invoice="in_1")
        world.decide()
        return answer

    world.ledger.charge = slowly  # type: ignore[method-assign]
    world.perform()
    assert attempts()[1:] == [("new_method", "declined", "pm_new")]
    assert world.story().count("attempt") == 1


def test_a_charge_without_an_answer_is_repeated_under_the_same_key() -> None:
    world = started()
    world.ledger.charge_outcomes = UNKNOWN * 3
    world.saves_method("pm_new")
    world.run_for(hours=2)
    keys = [key for _, _, key in world.ledger.charges]
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert world.case().ending == "recovered"
    assert attempts()[1:] == [("new_method", "paid", "pm_new")]


def test_a_charge_nobody_ever_answers_goes_to_a_person_after_ten_hours() -> None:
    world = started()
    world.ledger.charge_outcomes = UNKNOWN * 50
    world.saves_method("pm_new")
    world.run_for(hours=11)
    assert len(world.ledger.charges) == 7
    assert len({key for _, _, key in world.ledger.charges}) == 1
    assert world.reviews() == ["charge_unknown"]
    assert world.outbox()[-1] == ("charge", "unknown")
    world.run_for(days=2)
    assert len(world.ledger.charges) == 7


def test_waiting_for_the_ledger_does_not_use_up_the_tries_of_a_charge() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    world.run_for(hours=20)
    assert world.ledger.charges == []
    world.ledger.unreadable = None
    world.ledger.charge_outcomes = UNKNOWN
    world.run_for(hours=2)
    assert len(world.ledger.charges) == 2
    assert world.case().ending == "recovered"


def test_a_charge_whose_ledger_is_away_for_a_day_tells_a_person_once_and_is_made_later() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    world.run_for(hours=26)
    assert world.reviews() == ["ledger_unreadable"]
    assert world.ledger.charges == []
    world.ledger.unreadable = None
    world.run_for(hours=2)
    assert world.case().ending == "recovered"
    assert world.reviews() == []


def test_an_invoice_paid_meanwhile_is_not_charged() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    assert world.outbox()[-1] == ("charge", "queued")
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.perform()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")
    assert world.case().ending == "recovered"


def test_an_invoice_that_vanished_is_not_charged_and_a_person_is_told() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    world.ledger.unreadable_invoices["in_1"] = facts.Unreadable("no such invoice", permanent=True)
    world.perform()
    assert world.ledger.charges == []
    assert world.reviews() == ["ledger_unreadable"]


@pytest.mark.parametrize(
    ("kind", "charged"),
    [
        (words.HoldKind.REPLY, True),
        (words.HoldKind.PROMISE, True),
        (words.HoldKind.PAUSE, True),
        (words.HoldKind.DO_NOT_CONTACT, True),
        (words.HoldKind.VETO, True),
        (words.HoldKind.DISPUTE, False),
        (words.HoldKind.PAYMENT_PLAN, False),
    ],
)
def test_a_hold_forbids_charging_only_when_the_amount_is_in_question(
    kind: words.HoldKind,
    charged: bool,  # noqa: FBT001 - a case of the table
) -> None:
    world = started()
    world.hold(kind=kind)
    world.clock.advance(timedelta(minutes=1))
    world.saves_method("pm_new")
    world.run()
    assert bool(world.ledger.charges) is charged
    assert len(world.said("why_not")) == (0 if charged else 1)


def test_a_dispute_placed_after_the_decision_stops_the_charge() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    world.hold(kind=words.HoldKind.DISPUTE)
    world.run()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")
    assert world.said("why_not") == ["Not charged: the case is on hold (dispute)."]


def test_a_charge_stopped_at_the_gate_can_be_asked_for_again_under_a_new_key() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    hold = world.hold(kind=words.HoldKind.DISPUTE)
    world.run()
    world.clock.advance(timedelta(minutes=5))
    world.release(hold)
    world.event("payment_method.attached", "new_method", customer="cus_1", method="pm_new")
    world.run()
    keys = list(models.OutboxItem.objects.filter(kind="charge").order_by("pk").values_list("key", "state"))
    assert [state for _, state in keys] == ["stopped", "sent"]
    assert len({key for key, _ in keys}) == 2
    assert len(world.ledger.charges) == 1


def test_a_charged_back_invoice_is_not_charged() -> None:
    world = started()
    world.ledger.change("in_1", charged_back=True)
    world.saves_method("pm_new")
    world.run()
    assert world.ledger.charges == []
    assert world.reviews() == ["chargeback"]


def test_a_method_that_failed_already_is_not_charged_again() -> None:
    world = started()
    world.saves_method("pm_old")
    world.run()
    assert world.ledger.charges == []
    assert world.said("why_not") == [
        "No retry with the new method: this method was tried for this invoice already."
    ]


def test_two_methods_one_after_the_other_are_two_charges() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.saves_method("pm_new")
    world.run()
    world.clock.advance(timedelta(minutes=5))
    world.saves_method("pm_newer")
    world.run()
    assert [method for _, method, _ in world.ledger.charges] == ["pm_new", "pm_newer"]
    assert [row[0] for row in attempts()] == ["stripe", "new_method", "new_method"]


def test_a_bank_debit_under_way_is_kept_and_silences_the_case() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.PROCESSING]
    world.saves_method("pm_debit")
    world.run()
    world.run_for(days=6)
    assert attempts()[1:] == [("new_method", "processing", "pm_debit")]
    assert len(world.postbox.mails) == 1
    world.saves_method("pm_other")
    world.run()
    assert len(world.ledger.charges) == 1


def test_a_charge_the_bank_wants_confirmed_is_one_attempt() -> None:
    world = started()
    world.ledger.charge_outcomes = [AttemptOutcome.NEEDS_CUSTOMER]
    world.saves_method("pm_new")
    world.run()
    assert attempts()[1:] == [("new_method", "needs_customer", "pm_new")]


def test_an_answer_is_kept_when_the_invoice_cannot_be_read_afterwards() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    charge = world.ledger.charge

    def last_answer(invoice: str, method: str, key: str) -> readings.ChargeResult:
        answer = charge(invoice, method, key)
        world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
        return answer

    world.ledger.charge = last_answer  # type: ignore[method-assign]
    assert world.perform() == {"sent": 1}
    assert attempts()[1:] == [("new_method", "paid", "pm_new")]
    assert world.case().closed_at is None
    world.ledger.unreadable = None
    world.event("invoice.paid", "invoice", invoice="in_1")
    world.run()
    assert world.case().ending == "recovered"


def test_a_large_customer_who_saves_a_method_is_charged_too() -> None:
    world = World()
    world.customer(mrr=facts.Mrr((Money(900_000, "USD"),) * 3, "test"))
    world.fails()
    world.run()
    world.saves_method("pm_new")
    world.run()
    assert len(world.ledger.charges) == 1
    assert world.case().ending == "recovered"


def test_one_invoice_that_vanished_does_not_keep_the_others_from_being_charged() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    del world.ledger.invoices["in_1"]
    world.saves_method("pm_new")
    world.run()
    assert [invoice for invoice, _, _ in world.ledger.charges] == ["in_2"]
    assert world.reviews("in_1") == ["invoice_unknown"]


def test_one_invoice_that_cannot_be_read_now_makes_them_all_wait() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    world.ledger.unreadable_invoices["in_2"] = facts.Unreadable("Stripe answered 503")
    world.saves_method("pm_new")
    world.run()
    assert world.ledger.charges == []
    world.ledger.unreadable_invoices.clear()
    world.run_for(minutes=1)
    assert len(world.ledger.charges) == 2


def test_a_case_closed_by_hand_lets_no_charge_out() -> None:
    world = started()
    world.saves_method("pm_new")
    world.decide()
    world.close()
    world.run()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")


def test_a_method_of_a_customer_without_a_case_charges_nothing() -> None:
    world = started()
    world.saves_method("pm_new", customer="cus_9")
    world.run()
    assert world.ledger.charges == []
