from datetime import timedelta

import pytest
import stripe

from dunwell.sandbox.stripe import (
    Account,
    blocked,
    declined,
    paid,
    requires_action,
)

DAY = timedelta(days=1)


@pytest.fixture
def method(account: Account, acme: str) -> str:
    return str(account.get(acme)["invoice_settings"]["default_payment_method"])


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


def types_after(account: Account, before: int) -> list[str]:
    return [event["type"] for event in account.events()[before:]]


def test_a_charge_that_works_pays_the_invoice_with_every_event(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    before = len(account.events())
    paid_ = client.v1.invoices.pay(invoice)
    assert (paid_.status, paid_.amount_paid, paid_.amount_remaining) == ("paid", 120000, 0)
    assert (paid_.attempted, paid_.attempt_count, paid_.auto_advance) == (True, 1, False)
    assert paid_.status_transitions.paid_at == account.stamp()
    assert types_after(account, before) == [
        "invoice.updated",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    (charge,) = account.attempts(invoice)
    assert (charge["status"], charge["amount"], charge["payment_method"]) == ("succeeded", 120000, method)
    assert charge["outcome"]["type"] == "authorized"


def test_a_decline_is_a_402_with_everything_the_bank_said(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(
        method,
        [
            declined(
                "insufficient_funds",
                advice_code="try_again_later",
                network_decline_code="51",
                network_advice_code="02",
            )
        ],
    )
    before = len(account.events())
    with pytest.raises(stripe.CardError) as refused:
        client.v1.invoices.pay(invoice, {"payment_method": method, "off_session": True})
    error = refused.value.error
    assert error is not None
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    assert (error.decline_code, error.advice_code) == ("insufficient_funds", "try_again_later")
    assert (error.network_decline_code, error.network_advice_code) == ("51", "02")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.latest_charge == error.charge
    assert types_after(account, before) == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
    ]
    (charge,) = account.attempts(invoice)
    assert (charge["status"], charge["failure_code"]) == ("failed", "card_declined")
    assert {key: charge["outcome"][key] for key in ("type", "reason", "network_status", "advice_code")} == {
        "type": "issuer_declined",
        "reason": "insufficient_funds",
        "network_status": "declined_by_network",
        "advice_code": "try_again_later",
    }


@pytest.mark.parametrize(
    ("decline_code", "code", "network"),
    [
        ("generic_decline", "card_declined", "05"),
        ("do_not_honor", "card_declined", "05"),
        ("insufficient_funds", "card_declined", "51"),
        ("lost_card", "card_declined", "41"),
        ("stolen_card", "card_declined", "43"),
        ("pickup_card", "card_declined", "04"),
        ("transaction_not_allowed", "card_declined", "57"),
        ("stop_payment_order", "card_declined", "R0"),
        ("expired_card", "expired_card", "54"),
        ("incorrect_number", "incorrect_number", "14"),
        ("processing_error", "processing_error", None),
        ("authentication_required", "authentication_required", "1A"),
        ("try_again_later", "card_declined", None),
    ],
)
def test_each_decline_code_comes_with_its_error_code(
    account: Account, client: stripe.StripeClient, invoice: str, method: str, decline_code: str, code: str,
    network: str | None,
) -> None:  # fmt: skip
    account.script(method, [declined(decline_code)])
    with pytest.raises(stripe.CardError) as refused:
        client.v1.invoices.pay(invoice)
    assert refused.value.code == code
    assert refused.value.error is not None
    assert refused.value.error.decline_code == decline_code
    assert refused.value.error.network_decline_code == network
    intent = client.v1.payment_intents.retrieve(refused.value.error.payment_intent.id)  # type: ignore[union-attr]
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, decline_code)


def test_a_charge_stopped_by_the_fraud_screen_never_reached_the_bank(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(method, [blocked()])
    with pytest.raises(stripe.CardError) as refused:
        client.v1.invoices.pay(invoice)
    assert refused.value.error is not None
    assert refused.value.error.decline_code == "fraudulent"
    (charge,) = account.attempts(invoice)
    assert (charge["outcome"]["type"], charge["outcome"]["reason"]) == ("blocked", "highest_risk_level")
    assert charge["outcome"]["network_status"] == "not_sent_to_network"


def test_a_bank_that_wants_confirmation_is_a_402_without_a_charge(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(method, [requires_action()])
    before = len(account.events())
    with pytest.raises(stripe.CardError) as refused:
        client.v1.invoices.pay(invoice)
    assert refused.value.code == "invoice_payment_intent_requires_action"
    assert refused.value.error is not None
    assert refused.value.error.payment_intent.status == "requires_action"  # type: ignore[union-attr]
    assert account.attempts(invoice) == []
    assert types_after(account, before)[:4] == [
        "payment_intent.requires_action",
        "invoice.updated",
        "invoice.payment_action_required",
        "invoice.payment_failed",
    ]
    assert account.pay_hosted(invoice) == "paid"


def test_the_last_error_is_cleared_when_the_payment_is_touched(
    account: Account, client: stripe.StripeClient, invoice: str, method: str
) -> None:
    account.script(method, [declined("insufficient_funds")])
    account.charge_now(invoice)
    (payment,) = client.v1.invoice_payments.list(
        {"invoice": invoice, "expand": ["data.payment.payment_intent"]}
    ).data
    intent = payment.payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.last_payment_error is not None
    account.pay_part(invoice, 100)
    assert client.v1.payment_intents.retrieve(intent.id).last_payment_error is None


def test_the_instrument_is_the_given_one_then_the_subscriptions_then_the_customers(
    account: Account, client: stripe.StripeClient, acme: str, method: str
) -> None:
    subscription = account.new_subscription(acme, 1000)
    second = account.customer_saves_method(acme, default=False)
    third = account.customer_saves_method(acme, default=False)

    def charged(given: str | None = None) -> str:
        invoice = account.new_subscription_invoice(acme, 1000, subscription=subscription)
        client.v1.invoices.pay(invoice, {"payment_method": given} if given else {})
        (charge,) = account.attempts(invoice)
        return str(charge["payment_method"])

    assert charged() == method
    client.v1.subscriptions.update(subscription, {"default_payment_method": second})
    assert charged() == second
    assert charged(third) == third
    # The customer's new default does not beat the subscription's own.
    account.customer_saves_method(acme)
    assert charged() == second


def test_a_method_of_somebody_else_is_refused(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    other = account.customer_saves_method(account.new_customer("Other"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.pay(invoice, {"payment_method": other})
    assert refused.value.param == "payment_method"
    assert account.attempts(invoice) == []


def test_a_customer_without_a_method_cannot_be_charged(account: Account, client: stripe.StripeClient) -> None:
    invoice = account.new_subscription_invoice(account.new_customer("Bare"), 100)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.pay(invoice)
    assert refused.value.code == "resource_missing"
    assert account.get(invoice)["attempted"] is False


def test_a_paid_invoice_cannot_be_paid_again(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    client.v1.invoices.pay(invoice)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(invoice)
    assert len(account.attempts(invoice)) == 1


def test_a_failure_puts_the_subscription_past_due_and_payment_brings_it_back(
    account: Account, acme: str, invoice: str, method: str
) -> None:
    account.script(method, [declined(), paid()])
    account.charge_now(invoice)
    (subscription,) = account.rows("subscription")
    assert subscription["status"] == "past_due"
    assert account.get(acme)["delinquent"] is True
    account.charge_now(invoice)
    assert subscription["status"] == "active"
    assert account.get(acme)["delinquent"] is False
    changes = account.events("customer.subscription.updated")
    assert [change["data"]["previous_attributes"] for change in changes] == [
        {"status": "active"},
        {"status": "past_due"},
    ]


def test_a_subscription_with_a_second_failed_invoice_stays_past_due(
    account: Account, acme: str, invoice: str, method: str
) -> None:
    (subscription,) = account.rows("subscription")
    second = account.new_subscription_invoice(acme, 120000, subscription=subscription["id"])
    account.script(method, [declined(), declined(), paid()])
    account.charge_now(invoice)
    account.charge_now(second)
    account.charge_now(invoice)
    assert subscription["status"] == "past_due"
    account.charge_now(second)
    assert subscription["status"] == "active"


def test_canceling_a_subscription_ends_stripes_collection_of_its_invoices(
    account: Account, client: stripe.StripeClient, acme: str, invoice: str
) -> None:
    other = account.new_subscription_invoice(acme, 100)
    subscription = account.get(invoice)["parent"]["subscription_details"]["subscription"]
    assert client.v1.subscriptions.cancel(subscription).status == "canceled"
    assert account.get(invoice)["auto_advance"] is False
    assert account.get(other)["auto_advance"] is True
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(subscription)


def test_a_script_is_used_in_order_and_its_last_outcome_stays(
    account: Account, invoice: str, method: str
) -> None:
    account.script(method, [declined("processing_error"), declined("do_not_honor")])
    for _ in range(3):
        account.charge_now(invoice)
    reasons = [charge["outcome"]["reason"] for charge in account.attempts(invoice)]
    assert reasons == ["processing_error", "do_not_honor", "do_not_honor"]
    with pytest.raises(ValueError, match="at least one"):
        account.script(method, [])


def test_a_decline_on_the_hosted_page_leaves_the_saved_card_alone(account: Account, invoice: str) -> None:
    assert account.pay_hosted(invoice, "4000000000009995") == "open"
    assert account.pay_hosted(invoice) == "paid"
    assert [charge["status"] for charge in account.attempts(invoice)] == ["failed", "succeeded"]
