"""Charging an invoice: every outcome, and never twice."""

from collections.abc import Callable

import pytest

from dunwell.connectors.stripe.attempts import as_it_stands, refused
from dunwell.connectors.stripe.attempts import declined as read_declined
from dunwell.connectors.stripe.client import StripePayments
from dunwell.policy.facts import Reason
from dunwell.policy.readings import ChargeResult
from dunwell.policy.words import AttemptOutcome, RetryClass
from dunwell.sandbox.stripe import Account, declined, processing, requires_action

Connect = Callable[..., StripePayments]
KEY = "dunning:pay:in_1:1"


@pytest.fixture
def method(account: Account, acme: str) -> str:
    return account.customer_saves_method(acme, default=False)


@pytest.fixture
def invoice(account: Account, acme: str, method: str) -> str:
    """An open invoice whose first automatic attempt was declined."""
    made = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(made, declined())
    return made


def charges(account: Account, invoice: str) -> int:
    return len(account.attempts(invoice))


def test_a_good_method_pays(account: Account, payments: StripePayments, invoice: str, method: str) -> None:
    assert payments.charge(invoice, method, KEY) == ChargeResult(AttemptOutcome.PAID)
    assert account.get(invoice)["status"] == "paid"
    assert account.attempts(invoice)[-1]["payment_method"] == method


def test_the_charge_names_its_method_and_that_nobody_is_there(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    payments.charge(invoice, method, KEY)
    [call] = [call for call in account.calls if call.path.endswith("/pay")]
    assert call.params == {"payment_method": method, "off_session": "true"}
    assert call.key == KEY


def test_a_declined_charge_says_why(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    account.script(method, [declined("lost_card")])
    result = payments.charge(invoice, method, KEY)
    assert result == ChargeResult(
        AttemptOutcome.DECLINED,
        reason=Reason(
            "lost_card", RetryClass.HARD, "The bank did not approve the charge and gave us no further detail."
        ),
        payment=account.attempts(invoice)[-1]["payment_intent"],
        detail="Stripe's codes: card_declined, lost_card.",
    )


@pytest.mark.parametrize("outcome", [requires_action(), declined("authentication_required")])
def test_a_charge_that_wants_confirming_needs_the_customer(
    account: Account, payments: StripePayments, invoice: str, method: str, outcome: object
) -> None:
    account.script(method, [outcome])  # type: ignore[list-item]
    result = payments.charge(invoice, method, KEY)
    assert result.outcome is AttemptOutcome.NEEDS_CUSTOMER
    assert result.reason is not None
    assert result.reason.retry_class is RetryClass.ACTION
    assert result.payment.startswith("pi_")


def test_a_debit_goes_under_way(account: Account, payments: StripePayments, acme: str, invoice: str) -> None:
    bank = account.customer_saves_method(acme, "000123456789", default=False)
    account.script(bank, [processing()])
    result = payments.charge(invoice, bank, KEY)
    assert result.outcome is AttemptOutcome.PROCESSING
    assert result.payment == account.attempts(invoice)[-1]["payment_intent"]
    again = payments.charge(invoice, bank, "dunning:pay:in_1:2")
    assert again.outcome is AttemptOutcome.PROCESSING
    assert charges(account, invoice) == 2


def test_an_invoice_paid_before_counts_as_paid_and_is_not_charged_again(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    account.pay_hosted(invoice)
    result = payments.charge(invoice, method, KEY)
    assert result.outcome is AttemptOutcome.PAID
    assert charges(account, invoice) == 2


def test_the_same_key_gives_the_same_answer_and_charges_once(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    account.script(method, [declined("insufficient_funds")])
    first = payments.charge(invoice, method, KEY)
    assert payments.charge(invoice, method, KEY) == first
    assert charges(account, invoice) == 2
    payments.charge(invoice, method, "dunning:pay:in_1:2")
    assert charges(account, invoice) == 3


def test_the_same_key_for_another_charge_is_unknown_and_charges_nothing(
    account: Account, payments: StripePayments, acme: str, invoice: str, method: str
) -> None:
    account.script(method, [declined()])
    payments.charge(invoice, method, KEY)
    other = account.customer_saves_method(acme, default=False)
    result = payments.charge(invoice, other, KEY)
    assert (result.outcome, result.retry_at_once) == (AttemptOutcome.UNKNOWN, False)
    assert "the same key was used for another request" in result.detail.lower()
    assert charges(account, invoice) == 2


@pytest.mark.parametrize("status", [401, 403, 409, 500, 503])
def test_no_word_from_stripe_is_unknown(
    account: Account, payments: StripePayments, invoice: str, method: str, status: int
) -> None:
    account.fail_next("POST", "*/pay", status)
    result = payments.charge(invoice, method, KEY)
    assert (result.outcome, result.reason) == (AttemptOutcome.UNKNOWN, None)
    assert result.retry_at_once == (status not in (401, 403))
    assert payments.charge(invoice, method, KEY).outcome is AttemptOutcome.PAID
    assert charges(account, invoice) == 2


def test_a_limit_that_stays_is_unknown_and_not_repeated_at_once(
    account: Account, payments: StripePayments, invoice: str, method: str, pauses: list[float]
) -> None:
    account.fail_next("POST", "*/pay", 429, times=3)
    result = payments.charge(invoice, method, KEY)
    assert (result.outcome, result.retry_at_once) == (AttemptOutcome.UNKNOWN, False)
    assert pauses == [1.0, 3.0]
    assert charges(account, invoice) == 1


@pytest.mark.parametrize("kind", ["hold", "cut"])
def test_a_charge_whose_answer_is_lost_is_repeated_with_the_same_key_and_made_once(
    account: Account, connect: Connect, invoice: str, method: str, kind: str
) -> None:
    account.fail_next("POST", "*/pay", kind=kind, carried_out=True)  # type: ignore[arg-type]
    payments = connect(timeout=0.3)
    lost = payments.charge(invoice, method, KEY)
    assert (lost.outcome, lost.retry_at_once) == (AttemptOutcome.UNKNOWN, True)
    assert lost.detail == "Stripe did not answer."
    account.faults.release()
    assert payments.charge(invoice, method, KEY) == ChargeResult(AttemptOutcome.PAID)
    assert charges(account, invoice) == 2


def test_the_sdks_own_tries_use_the_one_key(
    account: Account, connect: Connect, invoice: str, method: str
) -> None:
    account.fail_next("POST", "*/pay", 500, carried_out=True)
    assert connect(max_network_retries=1).charge(invoice, method, KEY).outcome is AttemptOutcome.PAID
    assert [call.key for call in account.calls if call.path.endswith("/pay")] == [KEY, KEY]
    assert charges(account, invoice) == 2


def test_a_voided_invoice_is_not_charged(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    account.void(invoice)
    result = payments.charge(invoice, method, KEY)
    assert (result.outcome, result.reason) == (AttemptOutcome.DECLINED, None)
    assert result.detail.startswith("Stripe refused the request (400)")
    assert charges(account, invoice) == 1


def test_an_unknown_invoice_is_not_charged(payments: StripePayments, method: str) -> None:
    result = payments.charge("in_unknown", method, KEY)
    assert result.outcome is AttemptOutcome.DECLINED
    assert result.detail.startswith("Stripe refused the request (resource_missing)")


def test_a_method_stripe_does_not_know_is_refused_with_a_reason(
    account: Account, payments: StripePayments, invoice: str
) -> None:
    result = payments.charge(invoice, "pm_unknown", KEY)
    assert result.outcome is AttemptOutcome.DECLINED
    assert result.reason is not None
    assert result.reason.retry_class is RetryClass.ACTION
    assert charges(account, invoice) == 1


def test_a_refusal_that_cannot_be_looked_into_is_unknown(
    account: Account, payments: StripePayments, invoice: str
) -> None:
    account.fail_next("GET", "*", 500)
    assert payments.charge(invoice, "pm_unknown", KEY).outcome is AttemptOutcome.UNKNOWN


@pytest.mark.parametrize(("invoice", "method"), [("../account", "pm_1"), ("in_1", ""), ("in_1/pay", "pm_1")])
def test_what_is_no_id_never_reaches_stripe(
    account: Account, payments: StripePayments, invoice: str, method: str
) -> None:
    assert payments.charge(invoice, method, KEY).outcome is AttemptOutcome.DECLINED
    assert account.calls == []


@pytest.mark.parametrize("body", [None, {}, {"error": None}, {"error": {"code": 7}}])
def test_a_402_we_do_not_understand_is_a_decline_without_detail(body: object) -> None:
    result = read_declined(body)
    assert result.outcome is AttemptOutcome.DECLINED
    assert result.reason is not None
    assert not result.reason.known
    assert result.reason.retry_class is RetryClass.SOFT


def test_an_answer_we_do_not_understand_leaves_the_outcome_unknown() -> None:
    for result in (as_it_stands({}, []), refused({}, [], "", "")):
        assert (result.outcome, result.retry_at_once) == (AttemptOutcome.UNKNOWN, True)
