from datetime import timedelta

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import (
    Account,
    declined,
    paid,
    processing,
)
from dunwell.sandbox.stripe.errors import RefusedError

DAY = timedelta(days=1)


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


def types_after(account: Account, before: int) -> list[str]:
    return [event["type"] for event in account.events()[before:]]


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
        with pytest.raises(RefusedError, match="not returned for fraudulent"):
            account.late_return(invoice, "fraudulent")

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


def test_only_a_debit_is_returned(account: Account, invoice: str) -> None:
    account.charge_now(invoice)
    with pytest.raises(RefusedError, match="not paid by a bank debit"):
        account.late_return(invoice)


def test_an_unpaid_invoice_cannot_be_charged_back(account: Account, invoice: str) -> None:
    with pytest.raises(Exception, match="not paid by a charge"):
        account.chargeback(invoice)
