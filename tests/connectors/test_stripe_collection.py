"""Taking collection over from Stripe and giving it back: only what is read afterwards counts."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.words import InvoiceStatus
from dunwell.sandbox.stripe import Account, declined

Connect = Callable[..., StripePayments]
KEY = "dunwell:take_over:17:1"


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    """An invoice that failed once and that Stripe means to try again."""
    invoice = account.new_subscription_invoice(acme, 1420000)
    account.charge_now(invoice, declined("insufficient_funds"))
    assert account.get(invoice)["next_payment_attempt"] is not None
    return invoice


def switch(
    payments: StripePayments, invoice: str, now: datetime, *, automatic: bool, key: str = KEY
) -> InvoiceReading:
    read = payments.set_collection(invoice, automatic=automatic, key=key, now=now)
    assert isinstance(read, InvoiceReading), read
    return read


def test_taken_over_stripe_has_no_next_attempt_and_makes_none(
    account: Account, payments: StripePayments, invoice: str, now: datetime
) -> None:
    before = len(account.attempts(invoice))

    read = switch(payments, invoice, now, automatic=False)

    assert (read.at, read.auto_advance, read.next_attempt) == (now, False, None)
    assert (read.invoice.status, read.invoice.auto_advance, read.invoice.next_attempt) == (
        InvoiceStatus.OPEN,
        False,
        None,
    )
    account.clock.advance(timedelta(days=40))  # type: ignore[attr-defined]
    account.advance(account.clock.now())
    assert len(account.attempts(invoice)) == before


def test_it_takes_one_write_and_reads_the_invoice_back(
    account: Account, payments: StripePayments, invoice: str, now: datetime
) -> None:
    switch(payments, invoice, now, automatic=False)

    assert [(call.method, call.path) for call in account.calls] == [
        ("POST", f"/v1/invoices/{invoice}"),
        ("GET", f"/v1/invoices/{invoice}"),
        ("GET", "/v1/invoice_payments"),
    ]
    assert account.calls[0].key == KEY


def test_handed_back_stripe_plans_its_attempts_again(
    payments: StripePayments, invoice: str, now: datetime
) -> None:
    switch(payments, invoice, now, automatic=False)

    read = switch(payments, invoice, now, automatic=True, key="dunwell:hand_back:17:1")

    assert read.auto_advance is True
    assert read.next_attempt is not None
    assert read.next_attempt > now


def test_switching_twice_changes_nothing_more(
    account: Account, payments: StripePayments, invoice: str, now: datetime
) -> None:
    first = switch(payments, invoice, now, automatic=False)
    events = len(account.events())

    assert switch(payments, invoice, now, automatic=False, key="another") == first
    assert len(account.events()) == events


def test_a_key_that_was_used_changes_nothing_and_the_reading_says_so(
    account: Account, payments: StripePayments, invoice: str, now: datetime
) -> None:
    switch(payments, invoice, now, automatic=False)
    account.set_auto_advance(invoice, on=True)

    assert switch(payments, invoice, now, automatic=False).auto_advance is True
    assert switch(payments, invoice, now, automatic=False, key="another").auto_advance is False


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("void", InvoiceStatus.VOID),
        ("mark_uncollectible", InvoiceStatus.UNCOLLECTIBLE),
        ("pay_outside", InvoiceStatus.PAID),
    ],
)
@pytest.mark.parametrize("automatic", [True, False])
def test_an_invoice_that_has_ended_is_not_changed_and_is_read(
    account: Account,
    payments: StripePayments,
    invoice: str,
    now: datetime,
    end: str,
    status: InvoiceStatus,
    automatic: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    getattr(account, end)(invoice)

    read = switch(payments, invoice, now, automatic=automatic)

    assert (read.invoice.status, read.auto_advance, read.next_attempt) == (status, False, None)


def test_an_invoice_stripe_does_not_know_is_permanent(payments: StripePayments, now: datetime) -> None:
    assert payments.set_collection("in_unknown", automatic=False, key=KEY, now=now) == Unreadable(
        "Stripe does not know invoice in_unknown.", permanent=True
    )


@pytest.mark.parametrize("given", ["", "in_1/void", "../customers"])
def test_what_is_no_id_never_reaches_stripe(
    account: Account, payments: StripePayments, now: datetime, given: str
) -> None:
    read = payments.set_collection(given, automatic=False, key=KEY, now=now)

    assert read == Unreadable(f"invoice {given} has no valid id.", permanent=True)
    assert account.calls == []


@pytest.mark.parametrize("status", [403, 409, 500, 503])
def test_a_switch_that_was_not_made_is_asked_for_again(
    account: Account, payments: StripePayments, invoice: str, now: datetime, status: int
) -> None:
    account.fail_next("POST", f"/v1/invoices/{invoice}", status)

    read = payments.set_collection(invoice, automatic=False, key=KEY, now=now)

    assert isinstance(read, Unreadable)
    assert not read.permanent
    assert account.get(invoice)["auto_advance"] is True
    assert switch(payments, invoice, now, automatic=False).auto_advance is False


@pytest.mark.parametrize("kind", ["hold", "cut"])
def test_a_switch_whose_answer_is_lost_is_made_once(
    account: Account, connect: Connect, invoice: str, now: datetime, kind: str
) -> None:
    account.fail_next("POST", f"/v1/invoices/{invoice}", kind=kind, carried_out=True)  # type: ignore[arg-type]
    payments = connect(timeout=0.3)

    lost = payments.set_collection(invoice, automatic=False, key=KEY, now=now)
    account.faults.release()

    assert lost == Unreadable(f"Invoice {invoice} could not be read. Stripe did not answer.")
    assert switch(payments, invoice, now, automatic=False).auto_advance is False
    assert len(account.events("invoice.updated")) == 2  # the failed payment, and one switch


def test_what_cannot_be_read_back_proves_nothing(
    account: Account, payments: StripePayments, invoice: str, now: datetime
) -> None:
    account.fail_next("GET", f"/v1/invoices/{invoice}", 500)

    read = payments.set_collection(invoice, automatic=False, key=KEY, now=now)

    assert isinstance(read, Unreadable)
    assert not read.permanent
