"""Retries of ours: when they can work, with the right instrument, past the gate, each under one key (spec 3)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dunwell.policy import facts, readings, words
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome, HoldKind, Rail, ReviewKind
from dunwell.store import models
from tests.engine.retried import OURS, attempts, keys, large, retried_at, tomorrow
from tests.engine.signed import SINCE_LEASE, KilledError, killed
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

DECLINED, UNKNOWN, PROCESSING = AttemptOutcome.DECLINED, AttemptOutcome.UNKNOWN, AttemptOutcome.PROCESSING
AWAY = facts.Unreadable("Stripe answered 503")


def test_the_standard_track_retries_on_days_1_3_5_and_7_in_the_working_morning() -> None:
    world = World(book=OURS)
    world.fails()
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.run_for(days=30)
    # The fifth day is a Sunday, so it moves to Monday.
    assert retried_at() == ["Wed 08 10:00", "Fri 10 10:00", "Mon 13 10:00", "Tue 14 10:00"]
    assert len(set(keys(world))) == 4
    assert {method for _, method, _ in world.ledger.charges} == {"pm_old"}
    assert world.days() == ["04-07", "04-10", "04-14", "04-21", "04-28"], "the stages go on between them"
    assert world.ledger.invoices["in_1"].reading.auto_advance is False


def test_a_retry_that_works_closes_the_case() -> None:
    world = World(book=OURS)
    world.fails()
    world.ledger.charge_outcomes = [DECLINED]
    world.run_for(days=30)
    assert retried_at() == ["Wed 08 10:00", "Fri 10 10:00"]
    assert world.case().ending == "recovered"
    assert attempts() == [
        ("stripe", "declined", "pm_old"),
        ("retry", "declined", "pm_old"),
        ("retry", "paid", "pm_old"),
    ]


def test_while_stripe_collects_nothing_of_ours_is_ever_tried() -> None:
    world = World()
    world.fails()
    world.run_for(days=30)
    assert (world.ledger.charges, world.ledger.switched) == ([], [])
    assert len(world.days()) == 5


def test_a_retry_missed_in_its_morning_waits_for_the_next_one() -> None:
    world = World(book=OURS)
    world.fails()
    world.run()
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.clock.move_to(START + timedelta(days=1, hours=5))
    world.run()
    assert world.ledger.charges == []
    world.run_for(days=1)
    assert retried_at() == ["Thu 09 10:00"]


@pytest.mark.parametrize("code", ["expired_card", "fraudulent", "authentication_required"])
@pytest.mark.parametrize("make", [lambda: World(book=OURS), World])
def test_what_cannot_work_is_never_retried(code: str, make: Callable[[], World]) -> None:
    world = make()
    world.customer(mrr=LARGE if world.book is not OURS else None)
    world.fails(code=code)
    world.run_for(days=30)
    assert world.ledger.charges == []


def test_a_decline_that_turns_final_ends_the_retries() -> None:
    world = World(book=OURS)
    world.fails()
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.ledger.decline_code = "expired_card"
    world.run_for(days=30)
    assert retried_at() == ["Wed 08 10:00"]
    assert world.case().reason_class == "hard"


def test_a_bank_that_wants_the_customer_ends_the_retries_and_a_letter_follows_at_once() -> None:
    world = large()
    world.ledger.charge_outcomes = [AttemptOutcome.NEEDS_CUSTOMER]
    world.run_for(days=2)
    assert attempts()[1:] == [("retry", "needs_customer", "pm_old")]
    assert world.case().reason_class == "action"
    assert world.reviews() == ["draft"]
    world.run_for(days=10)
    assert len(world.ledger.charges) == 1


def test_a_declined_retry_of_a_large_customer_brings_a_draft_and_no_second_try() -> None:
    world = large()
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.run_for(days=10)
    assert retried_at() == ["Wed 08 10:00"]
    assert world.reviews() == ["draft"]
    [letter] = models.Letter.objects.all()
    assert letter.drafted_at == models.PaymentAttempt.objects.get(trigger="retry").at


@pytest.mark.parametrize("kind", list(HoldKind))
def test_a_retry_is_refused_under_every_hold(kind: HoldKind) -> None:
    world = large()
    tomorrow(world)
    world.hold(kind=kind)
    world.run()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")


def test_a_retry_is_refused_once_a_person_has_the_case() -> None:
    world = large()
    tomorrow(world)
    models.Case.objects.update(status="escalated")
    models.ReviewItem.objects.create(case=world.case(), kind="escalation", opened_at=world.now, reason="test")
    world.perform()
    assert world.ledger.charges == []
    assert world.said("why_not") == ["A person has the case."]


def test_a_case_closed_after_the_decision_lets_no_retry_out() -> None:
    world = large()
    tomorrow(world)
    world.close()
    world.run()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")


def test_an_unanswered_retry_is_repeated_under_its_key() -> None:
    world = large()
    world.ledger.charge_outcomes = [UNKNOWN] * 2
    world.run_for(days=2)
    assert len(keys(world)) == 3
    assert len(set(keys(world))) == 1
    assert world.case().ending == "recovered"
    assert attempts()[1:] == [("retry", "paid", "pm_old")]


def test_a_retry_whose_answer_got_lost_is_read_from_the_invoice_and_not_repeated() -> None:
    world = large()
    tomorrow(world)
    charge = world.ledger.charge

    def unheard(invoice: str, method: str, key: str) -> readings.ChargeResult:
        charge(invoice, method, key)
        return readings.ChargeResult(UNKNOWN, detail="No answer came.")

    world.ledger.charge = unheard  # type: ignore[method-assign]
    world.run()
    assert len(keys(world)) == 1
    assert world.case().ending == "recovered"
    assert attempts()[1:] == [("retry", "paid", "pm_old")]


def test_a_retry_nobody_ever_answers_is_a_persons_and_never_made_under_another_key() -> None:
    world = large()
    world.ledger.charge_outcomes = [UNKNOWN] * 50
    world.run_for(days=2)
    assert world.reviews() == ["charge_unknown"]
    assert len(set(keys(world))) == 1
    assert attempts()[1:] == [("retry", "unknown", "pm_old")]
    made = len(keys(world))
    world.settle(ReviewKind.CHARGE_UNKNOWN)
    world.run_for(days=10)
    assert len(keys(world)) == made
    assert world.reviews() == ["draft"], "it counts as the retry of its step"


def test_a_failure_that_tells_of_an_unanswered_retry_is_the_same_attempt() -> None:
    world = large()
    world.ledger.charge_outcomes = [UNKNOWN] * 50
    world.run_for(days=2)
    world.ledger.declines("in_1", "pm_old", "expired_card")
    world.ledger.failed("in_1", START + timedelta(days=1, minutes=5))
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    assert attempts()[1:] == [("retry", "declined", "pm_old")]
    assert world.case().reason_code == "expired_card"


def test_a_retry_stopped_while_it_waits_to_be_repeated_counts_as_made() -> None:
    world = large()
    world.ledger.charge_outcomes = [UNKNOWN] * 50
    tomorrow(world)
    world.run()
    hold = world.hold()
    world.run_for(hours=1)
    assert world.outbox()[-1] == ("charge", "stopped")
    assert attempts()[1:] == [("retry", "unknown", "pm_old")]
    world.release(hold)
    world.run_for(days=5)
    assert len(set(keys(world))) == 1


def test_a_decline_counts_even_when_the_invoice_cannot_be_read_afterwards() -> None:
    world = large()
    tomorrow(world)
    world.ledger.charge_outcomes = [DECLINED] * 9
    charge = world.ledger.charge

    def last_answer(invoice: str, method: str, key: str) -> readings.ChargeResult:
        answer = charge(invoice, method, key)
        world.ledger.unreadable = AWAY
        return answer

    world.ledger.charge = last_answer  # type: ignore[method-assign]
    world.run()
    assert attempts()[1:] == [("retry", "declined", "pm_old")]
    assert world.reviews() == ["draft"]
    world.ledger.unreadable = None
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    assert attempts()[1:] == [("retry", "declined", "pm_old")], "Stripe's word on it is no second attempt"
    assert world.story().count("attempt") == 0
    world.run_for(days=5)
    assert len(keys(world)) == 1


def test_a_worker_killed_around_the_charge_repeats_its_key() -> None:
    world = large()
    tomorrow(world)
    charge = world.ledger.charge

    def dies(invoice: str, method: str, key: str) -> readings.ChargeResult:
        charge(invoice, method, key)
        raise KilledError

    world.ledger.charge_outcomes = [DECLINED]
    world.ledger.charge = dies  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        world.perform()
    world.ledger.charge = charge  # type: ignore[method-assign]
    assert world.outbox()[-1] == ("charge", "handing_over")
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(keys(world)) == 2
    assert len(set(keys(world))) == 1
    assert attempts()[1:] == [("retry", "declined", "pm_old")]


def test_a_worker_killed_before_the_charge_makes_it_once() -> None:
    world = large()
    tomorrow(world)
    world.ledger.before_read = killed
    with pytest.raises(KilledError):
        world.perform()
    world.ledger.before_read = lambda _invoice: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(keys(world)) == 1
    assert world.case().ending == "recovered"


def test_a_debit_in_flight_stops_retries_and_letters_until_it_fails_as_one_attempt() -> None:
    world = large(rail=Rail.BANK_DEBIT)
    world.ledger.charge_outcomes = [PROCESSING]
    world.run_for(days=6)
    assert attempts()[1:] == [("retry", "processing", "pm_old")]
    assert (world.reviews(), len(keys(world))) == ([], 1)
    world.ledger.change("in_1", in_flight=False)
    world.ledger.declines("in_1", "pm_old", "insufficient_funds")
    world.ledger.failed("in_1", START + timedelta(days=1))
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    assert attempts()[1:] == [("retry", "declined", "pm_old")]
    assert len(world.said("attempt")) == 1
    assert world.reviews() == ["draft"]


def test_a_debit_that_goes_through_ends_as_paid() -> None:
    world = large(rail=Rail.BANK_DEBIT)
    world.ledger.charge_outcomes = [PROCESSING]
    world.run_for(days=2)
    world.ledger.change("in_1", in_flight=False)
    world.pays()
    world.run()
    assert attempts()[1:] == [("retry", "paid", "pm_old")]
    assert world.case().ending == "recovered"


def test_the_method_a_customer_saved_last_is_the_one_that_is_retried() -> None:
    world = World(book=OURS)
    world.fails()
    world.run()
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.clock.advance(timedelta(hours=1))
    world.saves_method("pm_new")
    world.run_for(days=4)
    assert [method for _, method, _ in world.ledger.charges] == ["pm_new"] * 3
    assert [trigger for trigger, _, _ in attempts()] == ["stripe", "new_method", "retry", "retry"]
    assert retried_at() == ["Wed 08 10:00", "Fri 10 10:00"], "the customer's own try is none of ours"


def test_a_method_saved_after_the_decision_is_charged_instead_of_the_old_one() -> None:
    world = large()
    tomorrow(world)
    world.ledger.charge_outcomes = [DECLINED] * 9
    world.saves_method("pm_new")
    world.run()
    assert [method for _, method, _ in world.ledger.charges] == ["pm_new"]
    assert world.said("why_not") == ["Not charged: the customer has another payment method now."]
    world.run_for(days=2)
    assert [method for _, method, _ in world.ledger.charges] == ["pm_new"] * 2
    assert retried_at() == ["Thu 09 10:00"], "not on the day of the customer's own try"


def test_an_invoice_paid_in_the_last_moment_is_not_charged() -> None:
    world = large()
    tomorrow(world)
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run()
    assert world.ledger.charges == []
    assert world.case().ending == "recovered"


def test_stripe_down_in_the_morning_makes_the_retry_wait_and_then_go_on() -> None:
    world = large()
    tomorrow(world)
    world.ledger.unreadable = AWAY
    world.run_for(hours=25)
    assert (world.ledger.charges, world.reviews()) == ([], ["ledger_unreadable"])
    world.ledger.unreadable = None
    world.run_for(hours=1)
    assert world.case().ending == "recovered"
    assert len(keys(world)) == 1
