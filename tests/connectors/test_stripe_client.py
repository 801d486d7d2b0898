"""Reading through the real SDK, over HTTP, from the fake Stripe."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from dunwell.connectors.stripe.check import KeyRead
from dunwell.connectors.stripe.client import StripePayments
from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Payments
from dunwell.policy.facts import Invoice, InvoiceReading, Reason, Unreadable
from dunwell.policy.money import Money
from dunwell.policy.readings import ArrearsReading
from dunwell.policy.reasons import NO_PAYMENT_METHOD
from dunwell.policy.words import InvoiceStatus, Rail, RetryClass
from dunwell.sandbox.stripe import Account, FakeStripe, declined, processing, requires_action

Connect = Callable[..., StripePayments]


def arrears(payments: StripePayments, invoice: str, now: datetime) -> ArrearsReading:
    reading = payments.read_arrears(invoice, now)
    assert isinstance(reading, ArrearsReading), reading
    return reading


def _days_later(account: Account) -> None:
    assert isinstance(account.clock, VirtualClock)
    account.clock.advance(timedelta(days=1))


def reads(account: Account) -> list[tuple[str, str]]:
    return [(call.method, call.path) for call in account.calls]


def test_it_is_what_the_engine_asks_for(payments: StripePayments) -> None:
    port: Payments = payments
    assert port.find_invoice("pi_none") is None


def test_an_invoice_nobody_has_charged_is_open_without_a_failure(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000, number="EX-1")
    reading = arrears(payments, invoice, now)
    assert reading.reading == InvoiceReading(
        at=now,
        invoice=Invoice(
            invoice,
            "EX-1",
            Money(1420000, "USD"),
            InvoiceStatus.OPEN,
            auto_advance=True,
            next_attempt=now,
        ),
        auto_advance=True,
        next_attempt=now,
    )
    assert (reading.customer, reading.email) == (acme, "dana@acme.example")
    assert (reading.failed_at, reading.reason, reading.method) == (None, None, "")


def test_a_reading_takes_exactly_two_calls(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    expected = [("GET", f"/v1/invoices/{invoice}"), ("GET", "/v1/invoice_payments")]
    payments.read_invoice(invoice, now)
    assert reads(account) == expected
    payments.read_arrears(invoice, now)
    assert reads(account) == expected * 2


def test_a_declined_invoice_says_when_why_and_with_what(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice, declined("insufficient_funds", advice_code="try_again_later"))
    reading = arrears(payments, invoice, now)
    assert reading.reading.invoice.status is InvoiceStatus.OPEN
    assert reading.failed_at == now
    assert reading.reason == Reason(
        "insufficient_funds",
        RetryClass.SOFT,
        "The account behind the card did not have enough available at that moment.",
    )
    charge = account.attempts(invoice)[0]
    assert (reading.method, reading.payment) == (charge["payment_method"], charge["payment_intent"])
    assert reading.reading.next_attempt is not None
    assert payments.find_invoice(reading.payment) == invoice


def test_the_newest_of_several_failures_counts(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice, declined("insufficient_funds"))
    later = now + timedelta(days=3)
    account.clock.move_to(later)  # type: ignore[attr-defined]
    account.charge_now(invoice, declined("expired_card"))
    reading = arrears(payments, invoice, later)
    assert reading.failed_at == later
    assert reading.reason is not None
    assert (reading.reason.code, reading.reason.retry_class) == ("expired_card", RetryClass.HARD)


def test_an_invoice_without_any_stored_method_says_so(
    account: Account, payments: StripePayments, now: datetime
) -> None:
    customer = account.new_customer("Acme", "dana@acme.example")
    invoice = account.new_subscription_invoice(customer, 1420000)
    account.charge_now(invoice)
    reading = arrears(payments, invoice, now)
    assert (reading.reason, reading.failed_at, reading.method) == (NO_PAYMENT_METHOD, now, "")


def test_a_payment_that_wants_confirming_waits_for_the_customer(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice, requires_action())
    reading = arrears(payments, invoice, now)
    assert reading.reason == Reason(
        "invoice_payment_intent_requires_action", RetryClass.ACTION, "The bank wants the payment confirmed."
    )
    assert reading.failed_at == now


def test_a_debit_under_way_is_in_flight_and_no_failure(
    account: Account, payments: StripePayments, now: datetime
) -> None:
    customer = account.new_customer("Acme", "dana@acme.example")
    method = account.customer_saves_method(customer, "000123456789")
    invoice = account.new_subscription_invoice(customer, 1420000)
    account.script(method, [processing(then=declined("insufficient_funds"))])
    account.charge_now(invoice)
    flying = arrears(payments, invoice, now)
    assert flying.reading.invoice.in_flight
    assert flying.reading.invoice.rail is Rail.BANK_DEBIT
    assert flying.reason is None
    account.settle(invoice)
    landed = arrears(payments, invoice, now)
    assert not landed.reading.invoice.in_flight
    assert landed.reading.invoice.rail is Rail.BANK_DEBIT
    assert landed.reason is not None
    assert landed.reason.code == "insufficient_funds"
    assert landed.method == method


def test_a_paid_invoice_has_no_failure_left(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice, declined())
    account.pay_hosted(invoice)
    reading = arrears(payments, invoice, now)
    assert reading.reading.invoice.status is InvoiceStatus.PAID
    assert reading.reading.invoice.open == Money(0, "USD")
    assert (reading.failed_at, reading.reason) == (None, None)


def test_a_paid_invoice_taken_back_is_charged_back(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice)
    before = payments.read_invoice(invoice, now)
    account.chargeback(invoice)
    after = payments.read_invoice(invoice, now)
    assert isinstance(before, InvoiceReading)
    assert isinstance(after, InvoiceReading)
    assert (before.invoice.charged_back, after.invoice.charged_back) == (False, True)
    assert after.invoice.status is InvoiceStatus.PAID


@pytest.mark.parametrize(("won", "stands"), [(True, False), (False, True)])
def test_money_stands_as_taken_back_until_the_dispute_is_won(
    account: Account, payments: StripePayments, acme: str, now: datetime, *, won: bool, stands: bool
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice)
    dispute = account.chargeback(invoice)
    taken = arrears(payments, invoice, now).taken_back
    assert taken is not None
    assert (taken.amount, taken.reason, taken.final) == (Money(1420000, "USD"), "fraudulent", False)
    account.close_dispute(dispute, won=won)
    after = arrears(payments, invoice, now)
    assert after.reading.invoice.charged_back is stands
    assert [after.taken_back.final if after.taken_back else None] == [None if won else True]


def test_a_key_that_may_not_read_disputes_takes_every_disputed_payment_for_taken_back(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice)
    account.close_dispute(account.chargeback(invoice), won=True)
    account.fail_next("GET", "/v1/disputes", 403)
    reading = arrears(payments, invoice, now)
    assert (reading.reading.invoice.charged_back, reading.taken_back) == (True, None)
    account.fail_next("GET", "/v1/disputes", 500, times=3)
    assert isinstance(payments.read_invoice(invoice, now), Unreadable)


def test_an_invoice_that_a_credit_note_closed_is_not_taken_for_paid(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    credited = account.new_subscription_invoice(acme, 120000)
    account.pay_part(credited, 70000)
    _days_later(account)
    account.credit(credited, 50000)
    paid = account.new_subscription_invoice(acme, 120000)
    account.credit(paid, 50000)
    _days_later(account)
    account.charge_now(paid)
    by_hand = account.new_subscription_invoice(acme, 120000)
    account.credit(by_hand, 50000)
    account.pay_outside(by_hand)
    read = [arrears(payments, each, now).reading.invoice for each in (credited, paid, by_hand)]
    assert [each.status for each in read] == [InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.PAID]
    assert {each.open for each in read} == {Money(0, "USD")}


def test_what_is_open_is_what_remains_after_part_payments(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.pay_part(invoice, 400000)
    assert arrears(payments, invoice, now).reading.invoice.open == Money(1020000, "USD")


def test_a_sent_invoice_has_a_due_date_and_is_not_collected_automatically(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    due = datetime.fromisoformat("2026-05-07T23:30:00-04:00")
    invoice = account.new_subscription_invoice(acme, 1420000, due=due)
    reading = arrears(payments, invoice, now).reading
    assert reading.invoice.due == date(2026, 5, 8)
    assert not reading.collects_automatically
    assert reading.invoice.rail is Rail.OTHER


def test_voided_and_written_off_invoices_say_so(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    voided, lost = (account.new_subscription_invoice(acme, 1000) for _ in range(2))
    account.void(voided)
    account.mark_uncollectible(lost)
    assert arrears(payments, voided, now).reading.invoice.status is InvoiceStatus.VOID
    assert arrears(payments, lost, now).reading.invoice.status is InvoiceStatus.UNCOLLECTIBLE


def test_collection_switched_off_is_seen(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.charge_now(invoice, declined())
    account.set_auto_advance(invoice, on=False)
    reading = arrears(payments, invoice, now).reading
    assert (reading.auto_advance, reading.next_attempt) == (False, None)


@pytest.mark.parametrize("invoice", ["in_unknown", "../v1/account", "in_1?x=1", ""])
def test_an_unknown_invoice_is_unreadable_for_good(
    payments: StripePayments, invoice: str, now: datetime
) -> None:
    answers = [
        payments.read_invoice(invoice, now),
        payments.read_arrears(invoice, now),
        payments.hosted_page(invoice),
    ]
    for answer in answers:
        assert isinstance(answer, Unreadable)
        assert answer.permanent
        assert answer.reason.startswith("Stripe does not know ")


def test_a_wrong_key_says_nothing_about_the_invoice(
    account: Account, connect: Connect, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    wrong = connect("sk_test_wrong")
    refused = wrong.read_invoice(invoice, now)
    assert isinstance(refused, Unreadable)
    assert not refused.permanent
    assert refused.reason.startswith(
        f"Invoice {invoice} could not be read. Stripe refused our API key (request "
    )
    assert "wrong" not in refused.reason


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "Our Stripe key lacks a permission this needs"),
        (409, "Stripe failed with status 409"),
        (500, "Stripe failed with status 500"),
        (503, "Stripe failed with status 503"),
    ],
)
def test_a_refusal_that_may_pass_is_not_permanent(
    account: Account, payments: StripePayments, acme: str, now: datetime, status: int, said: str
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.fail_next("GET", "/v1/invoice*", status, times=2)
    refused = payments.read_invoice(invoice, now)
    assert isinstance(refused, Unreadable)
    assert not refused.permanent
    assert said in refused.reason
    assert isinstance(payments.read_customer(acme, now), Unreadable)
    assert isinstance(payments.read_invoice(invoice, now), InvoiceReading)


def test_a_rate_limit_is_waited_out(
    account: Account, payments: StripePayments, acme: str, now: datetime, pauses: list[float]
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.fail_next("GET", "/v1/invoices/*", 429, times=1)
    account.fail_next("GET", "/v1/invoices/*", 429, times=1, retry_after=7)
    assert isinstance(payments.read_invoice(invoice, now), InvoiceReading)
    assert pauses == [1.0, 7.0]


def test_a_rate_limit_that_stays_is_given_up_after_three_tries(
    account: Account, payments: StripePayments, acme: str, now: datetime, pauses: list[float]
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.fail_next("GET", "/v1/invoices/*", 429, times=9)
    refused = payments.read_invoice(invoice, now)
    assert isinstance(refused, Unreadable)
    assert not refused.permanent
    assert "Stripe asks us to slow down" in refused.reason
    assert pauses == [1.0, 3.0]
    assert account.faults.left == 6


@pytest.mark.parametrize("kind", ["hold", "cut"])
def test_no_answer_is_not_permanent(
    account: Account, connect: Connect, acme: str, now: datetime, kind: str
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.fail_next("GET", "/v1/invoice_payments", kind=kind)  # type: ignore[arg-type]
    refused = connect(timeout=0.3).read_invoice(invoice, now)
    assert refused == Unreadable(
        f"The payments of invoice {invoice} could not be read. Stripe did not answer."
    )


def test_a_server_fault_is_tried_again_by_the_sdk(
    account: Account, connect: Connect, acme: str, now: datetime
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.fail_next("GET", "/v1/invoices/*", 500)
    assert isinstance(connect(max_network_retries=1).read_invoice(invoice, now), InvoiceReading)


def test_an_invoice_page_is_given_for_open_invoices_only(
    account: Account, payments: StripePayments, acme: str
) -> None:
    draft = account.new_subscription_invoice(acme, 1000, draft=True)
    invoice = account.new_subscription_invoice(acme, 1000)
    assert payments.hosted_page(invoice) == account.get(invoice)["hosted_invoice_url"]
    assert payments.hosted_page(draft) == Unreadable(
        f"Stripe gave no address for the page of invoice {draft}."
    )


def test_an_address_that_is_no_https_is_not_passed_on(
    account: Account, server: FakeStripe, connect: Connect, acme: str
) -> None:
    invoice = account.new_subscription_invoice(acme, 1000)
    account.tables["invoice"][invoice]["hosted_invoice_url"] = "javascript:alert(1)"
    assert isinstance(connect().hosted_page(invoice), Unreadable)


def test_a_portal_session_only_updates_the_method_and_comes_back(
    account: Account, payments: StripePayments, acme: str
) -> None:
    back = "https://pay.us.example/pay/token/done"
    url = payments.open_portal(acme, back)
    [session] = account.tables["billing_portal.session"].values()
    assert url == session["url"]
    assert (session["customer"], session["return_url"]) == (acme, back)
    assert session["flow"]["type"] == "payment_method_update"
    assert session["flow"]["after_completion"]["redirect"] == {"return_url": back}


def test_a_portal_for_an_unknown_customer_is_refused(account: Account, payments: StripePayments) -> None:
    refused = payments.open_portal("cus_unknown", "https://pay.us.example/back")
    assert refused == Unreadable("Stripe does not know the portal of customer cus_unknown.", permanent=True)
    assert not account.tables["billing_portal.session"]


def test_a_payment_without_an_invoice_has_none(account: Account, payments: StripePayments) -> None:
    assert payments.find_invoice("pi_unknown") is None
    account.fail_next("GET", "/v1/invoice_payments", 500)
    assert isinstance(payments.find_invoice("pi_unknown"), Unreadable)


def test_a_good_key_is_found_good(account: Account, payments: StripePayments) -> None:
    check = payments.check()
    assert (check.account, check.livemode, check.works) == ("acct_1Sbx", False, True)
    assert [read.name for read in check.reads] == [
        "events",
        "customers",
        "invoices",
        "payments of invoices",
        "chargebacks",
    ]


def test_a_key_that_may_not_read_something_is_found_out(account: Account, payments: StripePayments) -> None:
    account.fail_next("GET", "/v1/account", 403)
    account.fail_next("GET", "/v1/invoice_payments", 403)
    check = payments.check()
    assert (check.account, check.works) == ("", False)
    [bad] = [read for read in check.reads if not read.works]
    assert isinstance(bad, KeyRead)
    assert bad.name == "payments of invoices"
    assert "lacks a permission" in bad.said


def test_a_stripe_that_does_not_answer_is_not_taken_for_a_bad_key(account: Account, now: datetime) -> None:
    with FakeStripe(account) as stripe:
        gone = stripe.url
    payments = StripePayments("sk_test_x", api_base=gone, max_network_retries=0)
    check = payments.check()
    assert (check.reached, check.works, check.reads) == (False, False, ())


def test_a_wrong_key_is_found_out(connect: Connect) -> None:
    check = connect("rk_live_wrong").check()
    assert (check.account, check.livemode, check.works) == ("", True, False)
    assert all("refused our API key" in read.said for read in check.reads)
