from datetime import timedelta

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import (
    Account,
    blocked,
    declined,
    paid,
    paid_from,
    processing,
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


class TestBankDebits:
    @pytest.fixture
    def bank(self, account: Account, acme: str) -> str:
        return account.customer_saves_method(acme, "000123456789")

    def test_a_debit_is_in_flight_first_and_arrives_days_later(
        self, account: Account, client: stripe.StripeClient, invoice: str, bank: str, clock: VirtualClock
    ) -> None:
        before = len(account.events())
        open_ = client.v1.invoices.pay(invoice)
        assert (open_.status, open_.attempt_count, open_.next_payment_attempt) == ("open", 1, None)
        assert types_after(account, before) == [
            "charge.pending",
            "payment_intent.processing",
            "invoice.updated",
        ]
        (charge,) = account.attempts(invoice)
        assert charge["status"] == "pending"
        assert charge["payment_method_details"]["us_bank_account"]["last4"] == "6789"
        assert charge["payment_method_details"]["us_bank_account"]["mandate"].startswith("mandate_")
        assert client.v1.payment_intents.retrieve(charge["payment_intent"]).status == "processing"

        clock.advance(3 * DAY)
        assert account.advance(clock.now()) == 0
        clock.advance(DAY)
        assert account.advance(clock.now()) == 1
        assert account.get(invoice)["status"] == "paid"
        assert account.attempts(invoice)[0]["status"] == "succeeded"

    def test_nothing_else_can_happen_while_a_debit_is_in_flight(
        self, account: Account, client: stripe.StripeClient, invoice: str, bank: str
    ) -> None:
        client.v1.invoices.pay(invoice)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.invoices.pay(invoice)
        assert refused.value.code == "payment_intent_unexpected_state"
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.void_invoice(invoice)
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.pay(invoice, {"paid_out_of_band": True})
        assert len(account.attempts(invoice)) == 1

    @pytest.mark.parametrize(
        ("number", "code", "returned"),
        [
            ("000222222227", "insufficient_funds", "R01"),
            ("000111111113", "bank_account_closed", "R02"),
            ("000111111116", "bank_account_invalid_details", "R03"),
            ("000333333335", "debit_not_authorized", "R10"),
        ],
    )
    def test_a_returned_debit_says_why(
        self, account: Account, client: stripe.StripeClient, acme: str, invoice: str, number: str, code: str,
        returned: str,
    ) -> None:  # fmt: skip
        account.customer_saves_method(acme, number)
        client.v1.invoices.pay(invoice)
        before = len(account.events())
        assert account.settle(invoice) == "open"
        assert types_after(account, before)[:4] == [
            "charge.failed",
            "payment_intent.payment_failed",
            "invoice.updated",
            "invoice.payment_failed",
        ]
        (charge,) = account.attempts(invoice)
        assert (charge["status"], charge["failure_code"]) == ("failed", code)
        assert charge["outcome"]["network_decline_code"] == returned
        error = client.v1.payment_intents.retrieve(charge["payment_intent"]).last_payment_error
        assert error is not None
        assert (error.decline_code, error.network_decline_code) == (code, returned)
        assert account.get(invoice)["next_payment_attempt"] is not None

    def test_a_debit_can_be_told_how_to_end(self, account: Account, invoice: str, bank: str) -> None:
        account.charge_now(invoice, processing(then=paid()))
        assert account.settle(invoice, declined("insufficient_funds")) == "open"
        account.charge_now(invoice)
        assert account.settle(invoice, paid()) == "paid"

    def test_a_card_can_be_slow_too(self, account: Account, invoice: str, clock: VirtualClock) -> None:
        account.charge_now(invoice, processing(after=2 * DAY))
        clock.advance(2 * DAY)
        account.advance(clock.now())
        assert account.get(invoice)["status"] == "paid"

    def test_money_beyond_what_is_owed_is_counted_as_overpaid(
        self, account: Account, invoice: str, bank: str
    ) -> None:
        account.charge_now(invoice)
        account.credit(invoice, 20000)
        account.settle(invoice)
        row = account.get(invoice)
        assert (row["amount_paid"], row["amount_overpaid"], row["amount_remaining"]) == (100000, 20000, 0)
        assert len(account.events("invoice.overpaid")) == 1

    def test_a_dead_mandate_stops_us_and_stripe(
        self, account: Account, client: stripe.StripeClient, invoice: str, bank: str, clock: VirtualClock
    ) -> None:
        account.revoke_mandate(bank)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.invoices.pay(invoice)
        assert refused.value.code == "payment_intent_mandate_invalid"
        account.advance(clock.now())
        assert account.attempts(invoice) == []
        assert account.get(invoice)["attempt_count"] == 1

    def test_a_late_return_is_a_dispute_and_the_invoice_stays_paid(
        self, account: Account, client: stripe.StripeClient, invoice: str, bank: str
    ) -> None:
        account.charge_now(invoice)
        account.settle(invoice)
        dispute = client.v1.disputes.retrieve(account.late_return(invoice))
        assert (dispute.reason, dispute.amount) == ("insufficient_funds", 120000)
        assert client.v1.invoices.retrieve(invoice).status == "paid"
        assert account.attempts(invoice)[0]["disputed"] is True

    def test_a_sepa_debit_works_the_same_way(self, account: Account, acme: str, clock: VirtualClock) -> None:
        account.customer_saves_method(acme, "DE62370400440532013001")
        invoice = account.new_subscription_invoice(acme, 5000, "eur")
        account.advance(clock.now())
        clock.advance(5 * DAY)
        account.advance(clock.now())
        (charge,) = account.attempts(invoice)
        assert charge["payment_method_details"]["sepa_debit"]["last4"] == "3001"
        assert (charge["status"], charge["failure_code"]) == ("failed", "insufficient_funds")


def test_a_chargeback_takes_the_money_back_and_leads_to_the_invoice(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    account.charge_now(invoice)
    before = len(account.events())
    id_ = account.chargeback(invoice)
    assert types_after(account, before) == [
        "charge.updated",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    dispute = client.v1.disputes.retrieve(id_)
    assert (dispute.reason, dispute.status) == ("fraudulent", "needs_response")
    assert client.v1.charges.retrieve(str(dispute.charge)).disputed is True
    (payment,) = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(dispute.payment_intent)}}
    ).data
    assert payment.invoice == invoice
    assert [d.id for d in client.v1.disputes.list({"payment_intent": str(dispute.payment_intent)}).data] == [
        id_
    ]
    account.close_dispute(id_, won=True)
    assert client.v1.disputes.retrieve(id_).status == "won"
    assert len(account.events("charge.dispute.closed")) == 1


def test_an_unpaid_invoice_cannot_be_charged_back(account: Account, invoice: str) -> None:
    with pytest.raises(Exception, match="not paid by a charge"):
        account.chargeback(invoice)


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
