"""Finding the invoices that Stripe sends and that fell due, over HTTP, at the fake Stripe."""

from datetime import datetime, timedelta

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.policy.facts import Unreadable
from dunwell.policy.readings import Overdue, SweepFailedError
from dunwell.sandbox.stripe import Account

DAY = timedelta(days=1)


def due(account: Account, customer: str, at: datetime, number: str | None = None) -> str:
    return account.new_subscription_invoice(customer, 90000, number=number, due=at)


def test_only_open_sent_invoices_that_fell_due_in_the_time_asked_for_are_found(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    late = due(account, acme, now + DAY)
    due(account, acme, now + 5 * DAY)
    due(account, acme, now + timedelta(minutes=1))
    account.pay_outside(due(account, acme, now + DAY))
    account.void(due(account, acme, now + DAY))
    account.new_subscription_invoice(acme, 90000)
    found = list(payments.overdue(now + timedelta(hours=1), now + 5 * DAY))
    assert found == [Overdue(late, (now + DAY).date().isoformat())]
    [asked] = [call for call in account.calls if call.path == "/v1/invoices"]
    assert asked.params["status"] == "open"
    assert asked.params["collection_method"] == "send_invoice"
    assert set(asked.params["due_date"]) == {"gte", "lt"}


def test_every_page_of_the_list_is_read(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    late = {due(account, acme, now + DAY) for _ in range(103)}
    found = [each.invoice for each in payments.overdue(now, now + 2 * DAY)]
    assert len(found) == 103
    assert set(found) == late


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_list_that_cannot_be_read_to_its_end_says_so(
    account: Account, payments: StripePayments, now: datetime, status: int
) -> None:
    account.fail_next("GET", "/v1/invoices", status, times=9)
    with pytest.raises(SweepFailedError):
        list(payments.overdue(now, now + DAY))


def test_a_card_that_was_tried_on_the_page_of_a_sent_invoice_is_not_one_on_file(
    account: Account, payments: StripePayments, acme: str, now: datetime
) -> None:
    invoice = due(account, acme, now + DAY)
    account.pay_hosted(invoice, "4000000000000002")
    read = payments.read_arrears(invoice, now)
    assert not isinstance(read, Unreadable)
    assert (read.reading.collects_automatically, read.failed_at, read.method) == (False, now, "")
    assert read.reason is not None


@pytest.mark.parametrize("number", ["INV-1042", 'odd "quoted" \\ number'])
def test_an_invoice_is_found_by_its_number_whatever_became_of_it(
    account: Account, payments: StripePayments, acme: str, now: datetime, number: str
) -> None:
    due(account, acme, now + DAY, "INV-1")
    invoice = due(account, acme, now + DAY, number)
    account.void(invoice)
    assert payments.find_numbered(number) == invoice
    assert payments.find_numbered("INV-104") is None


def test_a_search_by_number_that_fails_is_no_proof_that_there_is_none(
    account: Account, payments: StripePayments
) -> None:
    account.fail_next("GET", "/v1/invoices/search", 500, times=9)
    assert isinstance(payments.find_numbered("INV-1"), Unreadable)
