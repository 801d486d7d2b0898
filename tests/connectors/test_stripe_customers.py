"""Who a customer is and how they have paid, from Stripe's JSON and through the real SDK."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.connectors.stripe.customers import read_customer
from dunwell.policy.facts import Contact, Customer, PaymentRecord, Person, Unreadable
from dunwell.policy.money import Money
from dunwell.policy.readings import CustomerReading, Malformed
from dunwell.sandbox.stripe import Account, declined

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)
NO_INVOICE = "MRR is unknown: the customer has no invoice that was paid or is open."


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def customer(**changes: Any) -> dict[str, Any]:
    return {
        "id": "cus_1",
        "object": "customer",
        "created": seconds(datetime(2024, 10, 8, tzinfo=UTC)),
        "name": "Acme Inc",
        "email": "dana@acme.example",
        "address": {"country": "US", "state": "New York"},
        "metadata": {},
        **changes,
    }


def invoice(age: timedelta, **changes: Any) -> dict[str, Any]:
    """Make an invoice finalized `age` ago and paid at once, as the list gives it."""
    opened = seconds(NOW - age)
    return {
        "id": f"in_{opened}",
        "status": "paid",
        "currency": "usd",
        "total": 90_000,
        "amount_remaining": 0,
        "created": opened,
        "collection_method": "charge_automatically",
        "attempted": True,
        "attempt_count": 1,
        "customer": "cus_1",
        "status_transitions": {"finalized_at": opened, "paid_at": opened + 60},
        "lines": {"data": [], "has_more": False},
        **changes,
    }


def read(who: dict[str, Any], *invoices: dict[str, Any]) -> CustomerReading:
    reading = read_customer(who, invoices, NOW, complete=True)
    assert isinstance(reading, CustomerReading), reading
    return reading


def record(*invoices: dict[str, Any]) -> PaymentRecord:
    found = read(customer(), *invoices).customer.record
    assert found is not None
    return found


def test_a_plain_customer_is_read_whole() -> None:
    reading = read(customer(), invoice(timedelta(days=7)))
    assert reading.at == NOW
    assert reading.warnings == ()
    facts = reading.customer
    assert (facts.id, facts.name, facts.country, facts.subdivision) == ("cus_1", "Acme Inc", "US", "NY")
    assert facts.contact == Contact("", "dana@acme.example", "Stripe customer")
    assert (facts.timezone, facts.strategic, facts.owner) == (None, False, None)
    assert facts.mrr is not None
    assert facts.mrr.months == (Money(0, "USD"),) * 3


@pytest.mark.parametrize(("given", "kept"), [("107", "107"), (" 107 ", "107"), ("", "")])
def test_the_ledgers_id_stands_in_the_metadata(given: str, kept: str) -> None:
    reading = read(customer(metadata={"netsuite_id": given}), invoice(timedelta(days=7)))
    assert (reading.ledger_id, reading.warnings) == (kept, ())


@pytest.mark.parametrize("given", ["CUST-107", "-5", "1 OR 1=1", "٣", "9" * 13])
def test_what_is_no_id_of_the_ledger_is_left_out_and_told(given: str) -> None:
    reading = read(customer(metadata={"netsuite_id": given}), invoice(timedelta(days=7)))
    assert reading.ledger_id == ""
    assert reading.warnings == (
        f"The netsuite_id {given!r} in the metadata is not an internal id of NetSuite.",
    )


def test_what_is_set_for_us_in_the_metadata_wins() -> None:
    metadata = {
        "dunwell_contact_name": "Dana Reyes",
        "dunwell_contact_email": "ap@acme.example",
        "dunwell_owner_name": "Felix Nordstrom",
        "dunwell_owner_email": "felix@us.example",
        "dunwell_timezone": "America/Chicago",
        "dunwell_strategic": "True",
    }
    facts = read(customer(metadata=metadata), invoice(timedelta(days=7))).customer
    assert facts.contact == Contact("Dana Reyes", "ap@acme.example", "Stripe customer metadata")
    assert facts.owner == Person("Felix Nordstrom", "felix@us.example")
    assert (facts.timezone, facts.strategic) == ("America/Chicago", True)


def test_a_contact_is_named_only_when_stripe_names_a_person() -> None:
    named = customer(individual_name="Dana Reyes", business_name="Acme Inc", name=None)
    facts = read(named).customer
    assert facts.name == "Acme Inc"
    assert facts.contact == Contact("Dana Reyes", "dana@acme.example", "Stripe customer")


def test_the_address_on_the_newest_invoice_stands_in() -> None:
    newest = invoice(timedelta(days=1), customer_email="new@acme.example")
    older = invoice(timedelta(days=31), customer_email="old@acme.example")
    contact = read(customer(email=None), newest, older).customer.contact
    assert contact == Contact("", "new@acme.example", "Stripe invoice")


def test_no_address_anywhere_is_a_warning_and_no_contact() -> None:
    reading = read(customer(email=" "), invoice(timedelta(days=1)))
    assert reading.customer.contact is None
    assert reading.warnings == ("The customer has no e-mail address.",)


@pytest.mark.parametrize(
    "email", ["dana", "dana@", "a b@acme.example", "x" * 400 + "@acme.example", "dana@acme\n.example"]
)
def test_a_malformed_address_is_kept_with_a_warning(email: str) -> None:
    reading = read(customer(email=email), invoice(timedelta(days=1)))
    assert reading.customer.contact is not None
    assert reading.customer.contact.email == email[:320]
    [warning] = reading.warnings
    assert warning.startswith("The e-mail address ")
    assert warning.endswith(" of the contact is malformed.")
    assert "\n" not in warning


@pytest.mark.parametrize("country", ["XX", "USA", "Germany", "U\u2028S"])
def test_an_impossible_country_is_none_with_a_warning(country: str) -> None:
    reading = read(customer(address={"country": country, "state": "NY"}), invoice(timedelta(days=1)))
    assert (reading.customer.country, reading.customer.subdivision) == (None, None)
    [warning] = reading.warnings
    assert warning.endswith(" is not a country.")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, (None, None)),
        ({"country": None, "state": None}, (None, None)),
        ({"country": "de", "state": "Bavaria"}, ("DE", "BY")),
        ({"country": "US", "state": "us-ny"}, ("US", "NY")),
        ({"country": "US", "state": "Atlantis"}, ("US", None)),
        ({"country": "US", "state": "  "}, ("US", None)),
    ],
)
def test_country_and_state_become_codes(address: dict[str, Any] | None, expected: tuple[str, str]) -> None:
    facts = read(customer(address=address), invoice(timedelta(days=1))).customer
    assert (facts.country, facts.subdivision) == expected


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "EST5EDT4"])
def test_a_zone_that_does_not_exist_is_none_with_a_warning(zone: str) -> None:
    reading = read(customer(metadata={"dunwell_timezone": zone}), invoice(timedelta(days=1)))
    assert reading.customer.timezone is None
    assert reading.warnings == (f"The time zone {zone!r} in the metadata does not exist.",)


def test_a_name_is_one_clean_line_and_never_empty() -> None:
    assert read(customer(name="Acme\r\nBcc: x\u202e")).customer.name == "Acme Bcc: x"
    assert read(customer(name="\u200b", email=None)).customer.name == "cus_1"


def test_tenure_counts_whole_months() -> None:
    assert record().tenure_months == 17  # 8 October 2024 to 7 April 2026
    assert read(customer(created=seconds(NOW + timedelta(days=1)))).customer.record == PaymentRecord(
        0, 0, 0, 0
    )


def test_paid_invoices_count_and_those_paid_at_once_are_on_time() -> None:
    month = timedelta(days=30)
    found = record(
        invoice(month),
        invoice(2 * month, attempt_count=3),
        invoice(3 * month, status="void"),
        invoice(4 * month, status="uncollectible"),
        invoice(5 * month, status="draft"),
        invoice(6 * month, total=0),
        invoice(7 * month, attempt_count=0),
    )
    assert (found.invoices_paid, found.invoices_on_time) == (3, 2)


def test_an_invoice_with_a_due_date_is_on_time_on_that_day() -> None:
    opened = NOW - timedelta(days=60)
    due = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def paid(at: datetime) -> dict[str, Any]:
        moments = {"finalized_at": seconds(opened), "paid_at": seconds(at)}
        return invoice(timedelta(days=60), due_date=seconds(due), status_transitions=moments, attempt_count=0)

    evening, morning_after = datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, 1, tzinfo=UTC)
    found = record(paid(evening), paid(morning_after))
    assert (found.invoices_paid, found.invoices_on_time) == (2, 1)


def test_paid_long_after_the_only_counted_attempt_is_not_on_time() -> None:
    late = {"finalized_at": seconds(NOW - timedelta(days=40)), "paid_at": seconds(NOW - timedelta(days=25))}
    debit = {"finalized_at": seconds(NOW - timedelta(days=40)), "paid_at": seconds(NOW - timedelta(days=33))}
    found = record(
        invoice(timedelta(days=40), status_transitions=late),
        invoice(timedelta(days=40), status_transitions=debit),
    )
    assert (found.invoices_on_time, found.failures_90d) == (1, 1)


def test_other_failures_of_the_last_ninety_days_count_and_the_cases_own_does_not() -> None:
    failing = {"status": "open", "attempt_count": 2}
    own = invoice(timedelta(days=1), **failing)
    assert record(own).failures_90d == 0
    assert record(own, invoice(timedelta(days=20), **failing)).failures_90d == 1
    assert record(own, invoice(timedelta(days=89), attempt_count=2)).failures_90d == 1
    assert record(own, invoice(timedelta(days=91), attempt_count=2)).failures_90d == 0
    assert record(own, invoice(timedelta(days=9), attempt_count=2, status="void")).failures_90d == 0
    assert record(own, invoice(timedelta(days=9), attempt_count=1, status="uncollectible")).failures_90d == 1
    assert record(invoice(timedelta(days=9), attempt_count=2)).failures_90d == 1


def test_an_open_invoice_nobody_tried_to_charge_is_no_failure() -> None:
    sent = {"status": "open", "collection_method": "send_invoice", "attempt_count": 1}
    untried = {"status": "open", "attempt_count": 0}
    past = invoice(timedelta(days=30), attempt_count=2)
    assert (
        record(invoice(timedelta(days=1), **sent), invoice(timedelta(days=2), **untried), past).failures_90d
        == 1
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"created": None}, "created: Value error, not a time in Unix seconds"),
        (
            {"metadata": {"dunwell_strategic": 1}},
            "metadata.dunwell_strategic: Input should be a valid string",
        ),
        ({"address": "Berlin"}, "address: Input should be a valid dictionary or instance of Address"),
        ({"id": "cus 1"}, "id: String should match pattern '^[A-Za-z0-9_\\-]{1,200}$'"),
    ],
)
def test_a_hostile_customer_is_malformed_with_the_place(changes: dict[str, Any], reason: str) -> None:
    expected = Malformed(f"Stripe's answer about a customer is not understood: {reason}")
    assert read_customer(customer(**changes), [], NOW, complete=True) == expected


def test_an_amount_that_fits_no_currency_is_malformed() -> None:
    item = {"proration": False}
    whole = {
        "start": seconds(datetime(2026, 3, 1, tzinfo=UTC)),
        "end": seconds(datetime(2026, 4, 1, tzinfo=UTC)),
    }
    parent = {"type": "subscription_item_details", "subscription_item_details": item}
    bad = {"amount": 550, "currency": "ugx", "period": whole, "parent": parent}
    listed = invoice(timedelta(days=30), currency="ugx", lines={"data": [bad], "has_more": False})
    expected = Malformed("Stripe's amount for a customer is not understood: 550 is not a whole amount in UGX")
    assert read_customer(customer(), [listed], NOW, complete=True) == expected


Connect = Callable[..., StripePayments]


def facts_of(payments: StripePayments, who: str) -> tuple[Customer, tuple[str, ...]]:
    reading = payments.read_customer(who, NOW)
    assert isinstance(reading, CustomerReading), reading
    return reading.customer, reading.warnings


def test_a_customer_with_a_past_is_read_in_two_calls(
    account: Account, payments: StripePayments, acme: str
) -> None:
    account.history(acme, months=18, amount=90_000, on_time=16)
    facts, warnings = facts_of(payments, acme)
    assert warnings == ()
    assert facts.record == PaymentRecord(18, 18, 16, 0)
    assert facts.mrr is not None
    assert [str(month) for month in facts.mrr.months] == ["USD 900.00", "USD 900.00", "USD 900.00"]
    assert [call.path for call in account.calls] == [f"/v1/customers/{acme}", "/v1/invoices"]


def test_a_failing_invoice_counts_towards_mrr_and_not_as_another_failure(
    account: Account, payments: StripePayments, acme: str
) -> None:
    invoice_id = account.new_subscription_invoice(acme, 620_000)
    account.charge_now(invoice_id, declined())
    facts, _ = facts_of(payments, acme)
    assert facts.record == PaymentRecord(0, 0, 0, 0)
    assert facts.mrr is not None
    assert facts.mrr.months == (Money(0, "USD"),) * 3


def test_many_invoices_are_read_two_hundred_at_most_in_four_calls(
    account: Account, payments: StripePayments, acme: str
) -> None:
    for _ in range(205):
        account.new_subscription_invoice(acme, 1000)
    facts, warnings = facts_of(payments, acme)
    assert [call.path for call in account.calls] == [f"/v1/customers/{acme}", "/v1/invoices", "/v1/invoices"]
    assert facts.mrr is None
    assert warnings == ("MRR is unknown: there are more invoices in three months than were read.",)


def test_an_invoice_with_many_lines_is_read_in_full(
    account: Account, payments: StripePayments, acme: str
) -> None:
    invoice_id = account.new_subscription_invoice(acme, 1000)
    row = account.tables["invoice"][invoice_id]
    row["lines"] = {**row["lines"], "has_more": True}
    facts, warnings = facts_of(payments, acme)
    assert (facts.mrr is not None, warnings) == (True, ())
    assert [call.path for call in account.calls][2:] == [f"/v1/invoices/{invoice_id}/lines"]


def test_a_deleted_customer_is_unreadable_for_good(
    account: Account, payments: StripePayments, acme: str
) -> None:
    account.tables["customer"][acme] = {"id": acme, "object": "customer", "deleted": True}
    assert payments.read_customer(acme, NOW) == Unreadable(
        f"Stripe has deleted customer {acme}.", permanent=True
    )
    del account.tables["customer"][acme]
    assert payments.read_customer(acme, NOW) == Unreadable(
        f"Stripe does not know customer {acme}.", permanent=True
    )


def test_a_customer_whose_invoices_cannot_be_read_is_unreadable_for_now(
    account: Account, payments: StripePayments, acme: str
) -> None:
    account.fail_next("GET", "/v1/invoices", 500)
    answer = payments.read_customer(acme, NOW)
    assert isinstance(answer, Unreadable)
    assert not answer.permanent
