from datetime import timedelta

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import (
    Account,
    declined,
    paid_from,
    processing,
)

DAY = timedelta(days=1)


@pytest.fixture
def method(account: Account, acme: str) -> str:
    return str(account.get(acme)["invoice_settings"]["default_payment_method"])


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


def test_our_own_attempts_do_not_count_after_the_first(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(method, [declined()])
    for _ in range(3):
        with pytest.raises(stripe.CardError):
            client.v1.invoices.pay(invoice)
    assert account.get(invoice)["attempt_count"] == 1
    assert len(account.attempts(invoice)) == 3
    account.charge_now(invoice)
    assert account.get(invoice)["attempt_count"] == 2


def test_stripe_retries_on_its_own_schedule_until_it_gives_up(
    account: Account, invoice: str, method: str, clock: VirtualClock
) -> None:
    account.script(method, [declined("insufficient_funds")])
    account.retry_gaps = (3 * DAY, 4 * DAY)
    start = clock.now()
    clock.advance(30 * DAY)
    assert account.advance(clock.now()) == 3
    made = [charge["created"] - int(start.timestamp()) for charge in account.attempts(invoice)]
    assert made == [0, 3 * 86400, 7 * 86400]
    row = account.get(invoice)
    assert (row["attempt_count"], row["next_payment_attempt"], row["auto_advance"]) == (3, None, True)
    failed = account.events("invoice.payment_failed")
    assert [event["data"]["object"]["attempt_count"] for event in failed] == [1, 2, 3]
    assert [event["created"] for event in failed] == [
        charge["created"] for charge in account.attempts(invoice)
    ]


def test_the_account_says_when_stripe_will_act_next(
    account: Account, invoice: str, method: str, clock: VirtualClock
) -> None:
    assert account.next_due() == clock.now()
    account.script(method, [declined(), processing(after=2 * DAY)])
    account.advance(clock.now())
    assert account.next_due() == clock.now() + 3 * DAY
    clock.advance(3 * DAY)
    account.advance(clock.now())
    assert account.next_due() == clock.now() + 2 * DAY
    clock.advance(2 * DAY)
    account.advance(clock.now())
    assert account.next_due() is None


def test_a_retry_that_works_ends_the_schedule(
    account: Account, invoice: str, method: str, clock: VirtualClock
) -> None:
    account.script(method, [paid_from(clock.now() + 5 * DAY)])
    account.charge_now(invoice)
    assert account.get(invoice)["status"] == "open"
    clock.advance(60 * DAY)
    account.advance(clock.now())
    assert [charge["status"] for charge in account.attempts(invoice)] == ["failed", "failed", "succeeded"]
    assert account.get(invoice)["status"] == "paid"


def test_retries_can_be_named_for_one_invoice(
    account: Account, invoice: str, method: str, clock: VirtualClock
) -> None:
    start = clock.now()
    account.plan_retries(invoice, [start + 9 * DAY, start + 2 * DAY])
    account.script(method, [declined()])
    account.charge_now(invoice)
    assert account.get(invoice)["next_payment_attempt"] == int((start + 2 * DAY).timestamp())
    clock.advance(30 * DAY)
    assert account.advance(clock.now()) == 2


def test_a_plan_without_moments_ends_stripes_attempts_at_once(
    account: Account, invoice: str, method: str, clock: VirtualClock
) -> None:
    account.script(method, [declined()])
    account.charge_now(invoice)
    account.plan_retries(invoice, [])
    event = account.events("invoice.updated")[-1]
    assert event["data"]["object"]["next_payment_attempt"] is None
    assert event["data"]["previous_attributes"] == {
        "next_payment_attempt": int((clock.now() + 3 * DAY).timestamp())
    }
    clock.advance(30 * DAY)
    assert account.advance(clock.now()) == 0
    assert len(account.attempts(invoice)) == 1


def test_taking_over_after_a_failure_stops_the_retries_and_handing_back_resumes_them(
    account: Account, client: stripe.StripeClient, invoice: str, method: str, clock: VirtualClock
) -> None:
    account.script(method, [declined()])
    account.charge_now(invoice)
    assert account.get(invoice)["next_payment_attempt"] is not None
    taken = client.v1.invoices.update(invoice, {"auto_advance": False})
    assert taken.next_payment_attempt is None
    clock.advance(10 * DAY)
    assert account.advance(clock.now()) == 0
    back = client.v1.invoices.update(invoice, {"auto_advance": True})
    assert back.next_payment_attempt == int((clock.now() + 3 * DAY).timestamp())


def test_a_failed_try_of_ours_leaves_the_schedule_alone(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(method, [declined()])
    account.charge_now(invoice)
    planned = account.get(invoice)["next_payment_attempt"]
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice)
    assert account.get(invoice)["next_payment_attempt"] == planned


def test_after_a_hard_decline_the_schedule_moves_but_nothing_is_sent_until_a_new_card(
    account: Account, acme: str, invoice: str, method: str, clock: VirtualClock
) -> None:
    account.script(method, [declined("lost_card")])
    account.charge_now(invoice)
    clock.advance(3 * DAY)
    account.advance(clock.now())
    assert account.get(invoice)["attempt_count"] == 2
    assert len(account.attempts(invoice)) == 1
    account.customer_saves_method(acme)
    clock.advance(4 * DAY)
    account.advance(clock.now())
    assert [charge["status"] for charge in account.attempts(invoice)] == ["failed", "succeeded"]


def test_without_a_method_the_schedule_announces_failures_and_charges_nothing(
    account: Account, clock: VirtualClock
) -> None:
    invoice = account.new_subscription_invoice(account.new_customer("Bare"), 100)
    account.advance(clock.now())
    row = account.get(invoice)
    assert (row["status"], row["attempted"], row["attempt_count"]) == ("open", True, 1)
    assert len(account.events("invoice.payment_failed")) == 1
    assert account.attempts(invoice) == []


@pytest.mark.parametrize(
    ("setting", "status", "event"),
    [
        ("past_due", "past_due", "customer.subscription.updated"),
        ("unpaid", "unpaid", "customer.subscription.updated"),
        ("canceled", "canceled", "customer.subscription.deleted"),
    ],
)
def test_when_retries_are_used_up_the_subscription_follows_the_settings(
    account: Account, invoice: str, method: str, clock: VirtualClock, setting: str, status: str, event: str
) -> None:
    account.after_retries = setting
    account.retry_gaps = (DAY,)
    account.script(method, [declined()])
    clock.advance(10 * DAY)
    account.advance(clock.now())
    (subscription,) = account.rows("subscription")
    assert subscription["status"] == status
    assert account.events(event)[-1]["data"]["object"]["status"] == status
    assert account.get(invoice)["auto_advance"] is (setting != "canceled")
