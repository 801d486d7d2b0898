"""What is read of a customer, over real HTTP."""

from datetime import date, datetime

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Names
from dunwell.policy.facts import Invoice, InvoiceReading, Mrr, Person, Unreadable
from dunwell.policy.ledger import (
    AccountReading,
    OpenInvoices,
    RevenueReading,
    Unapplied,
    UnappliedKind,
    UnappliedReading,
)
from dunwell.policy.money import Money
from dunwell.policy.words import InvoiceStatus, Rail
from dunwell.sandbox.netsuite import Company
from tests.connectors.netsuite.conftest import Connect


def _usd(text: str) -> Money:
    return Money.parse(text, "USD")


def test_a_customer_has_a_crm_status_and_a_relationship_owner(
    ledger: NetSuiteLedger, acme: str, now: datetime
) -> None:
    assert ledger.read_account(acme, now) == AccountReading(
        at=now,
        id=acme,
        name="Acme Inc",
        crm_status="CUSTOMER-Closed Won",
        owner=Person("Felix Nordstrom", "felix@us.example"),
        currency="USD",
    )


def test_fields_the_installation_names_are_read_too(
    connect: Connect, company: Company, now: datetime
) -> None:
    fields = {"custentity_tz": "Europe/Berlin", "custentity_strategic": "T"}
    customer = company.new_customer("Baum GmbH", fields=fields, currency="EUR")
    ledger = connect(Names(timezone_field="custentity_tz", strategic_field="custentity_strategic"))

    read = ledger.read_account(customer, now)

    assert isinstance(read, AccountReading)
    assert (read.timezone, read.strategic, read.currency) == ("Europe/Berlin", True, "EUR")
    assert read.warnings == ("The customer has no sales rep.",)


def test_a_sales_rep_who_left_is_no_relationship_owner(
    ledger: NetSuiteLedger, company: Company, now: datetime
) -> None:
    left = company.new_employee("Ana", "Silva", "ana@us.example", active=False)

    read = ledger.read_account(company.new_customer("Acme", sales_rep=left), now)

    assert isinstance(read, AccountReading)
    assert read.owner is None
    assert read.warnings == ("The sales rep Ana Silva is inactive.",)


def test_a_customer_that_is_not_shown_is_never_taken_for_gone(ledger: NetSuiteLedger, now: datetime) -> None:
    assert ledger.read_account("999", now) == Unreadable(
        "NetSuite shows us no customer 999: it is gone, or our role may not see it."
    )


@pytest.mark.parametrize("given", ["", "1 OR 1=1", "107; DROP", "cus_1", "٣", "9" * 13])
def test_what_is_no_internal_id_never_reaches_netsuite(
    ledger: NetSuiteLedger, company: Company, now: datetime, given: str
) -> None:
    answers = [
        ledger.read_account(given, now),
        ledger.read_contact(given, now),
        ledger.read_open_invoices(given, now),
        ledger.read_invoice(given, now),
        ledger.read_unapplied(given, now),
    ]

    assert all(isinstance(answer, Unreadable) and not answer.permanent for answer in answers)
    assert company.calls == []


def test_open_invoices_say_what_is_unpaid_and_come_earliest_due_first(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    later = company.new_invoice(acme, "INV-2", "100.10", due=date(2026, 4, 5))
    sooner = company.new_invoice(acme, "INV-1", "1200.00", due=date(2026, 3, 1))
    company.pay(sooner, "200.50")
    company.pay(company.new_invoice(acme, "INV-3", "50"))
    company.void(company.new_invoice(acme, "INV-4", "50"))
    company.new_invoice(company.new_customer("Other"), "INV-5", "50")

    assert ledger.read_open_invoices(acme, now) == OpenInvoices(
        now,
        (
            Invoice(sooner, "INV-1", _usd("999.50"), InvoiceStatus.OPEN, date(2026, 3, 1), Rail.OTHER),
            Invoice(later, "INV-2", _usd("100.10"), InvoiceStatus.OPEN, date(2026, 4, 5), Rail.OTHER),
        ),
    )


def test_every_page_of_invoices_is_read(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    for number in range(1001):
        company.new_invoice(acme, f"INV-{number}", "1.00", due=date(2026, 4, 1))

    read = ledger.read_open_invoices(acme, now)

    assert isinstance(read, OpenInvoices)
    assert [each.number for each in read.invoices] == [f"INV-{number}" for number in range(1001)]
    assert len([call for call in company.calls if call.path.endswith("/suiteql")]) == 2


@pytest.mark.parametrize(
    ("change", "status", "unpaid"),
    [
        ({}, InvoiceStatus.OPEN, "1200.00"),
        ({"foreignamountunpaid": "0", "status": "B"}, InvoiceStatus.PAID, "0"),
        ({"voided": "T", "foreignamountunpaid": "0"}, InvoiceStatus.VOID, "0"),
        ({"posting": "F"}, InvoiceStatus.DRAFT, "1200.00"),
        ({"foreignamountunpaid": None}, InvoiceStatus.UNKNOWN, "0"),
    ],
)
def test_an_invoice_is_read_as_it_stands(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    now: datetime,
    change: dict[str, object],
    status: InvoiceStatus,
    unpaid: str,
) -> None:
    invoice = company.new_invoice(acme, "INV-1", "1200.00", due=date(2026, 3, 1))
    if change:
        company.change("transaction", invoice, **change)

    expected = InvoiceReading(
        now,
        Invoice(invoice, "INV-1", _usd(unpaid), status, date(2026, 3, 1), Rail.OTHER),
        collects_automatically=False,
    )
    assert ledger.read_invoice(invoice, now) == expected
    assert ledger.find_invoice("INV-1", now) == expected


def test_an_invoice_our_role_may_not_see_is_not_taken_for_paid_or_gone(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    invoice = company.new_invoice(acme, "INV-1", "1200.00")
    company.hidden.add("transaction")

    said = f"NetSuite shows us no invoice {invoice}: it is gone, or our role may not see it."
    assert ledger.read_invoice(invoice, now) == Unreadable(said)


def test_a_number_that_two_invoices_carry_is_not_guessed_about(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.new_invoice(acme, "INV-1", "1")
    company.new_invoice(acme, "INV-1", "2")

    assert ledger.find_invoice("INV-1", now) == Unreadable(
        "NetSuite has 2 invoices that could be invoice INV-1."
    )


@pytest.mark.parametrize("number", ["", "' OR 'a'='a", "INV-1\n", "INV-1'", 'INV"1', "INV;1"])
def test_a_strange_document_number_never_reaches_netsuite(
    ledger: NetSuiteLedger, company: Company, now: datetime, number: str
) -> None:
    assert ledger.find_invoice(number, now) == Unreadable(
        "The document number has characters we do not ask NetSuite about."
    )
    assert company.calls == []


def test_payments_credits_and_deposits_that_nothing_used_up_are_listed(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    credit = company.new_unapplied(acme, "CustCred", "CM-1", "300.25", day=date(2026, 4, 2))
    payment = company.new_unapplied(acme, "CustPymt", "PMT-1", "900", day=date(2026, 4, 1))
    euros = company.new_unapplied(acme, "CustDep", "DEP-1", "7", day=date(2026, 4, 3), currency="EUR")
    company.new_unapplied(acme, "CustPymt", "PMT-2", "0", day=date(2026, 4, 1))

    read = ledger.read_unapplied(acme, now)

    assert read == UnappliedReading(
        now,
        (
            Unapplied(payment, "PMT-1", UnappliedKind.PAYMENT, _usd("900"), date(2026, 4, 1)),
            Unapplied(credit, "CM-1", UnappliedKind.CREDIT, _usd("300.25"), date(2026, 4, 2)),
            Unapplied(euros, "DEP-1", UnappliedKind.DEPOSIT, Money.parse("7", "EUR"), date(2026, 4, 3)),
        ),
    )
    assert read.total("USD") == _usd("1200.25")


# Three full months of another table's figures, as an installation might ask for them.
_QUERY = """
SELECT TO_CHAR(t.trandate, 'YYYY-MM') AS month, t.foreigntotal AS mrr FROM transaction t
WHERE t.type = 'Metric' AND t.entity = {customer_id} ORDER BY t.id
"""


def test_mrr_comes_from_the_installations_own_query(
    connect: Connect, company: Company, acme: str, now: datetime
) -> None:
    for month, total in enumerate(["1", "5000.01", "5000.02", "5000.03", "9999"], 12):
        day = date(2025 + month // 12, month % 12 + 1, 28)
        company.insert(
            "transaction", type="Metric", entity=int(acme), trandate=day.isoformat(), foreigntotal=total
        )

    read = connect(Names(mrr_query=_QUERY)).read_revenue(acme, now)

    months = (_usd("1"), _usd("5000.01"), _usd("5000.02"))
    assert read == RevenueReading(now, Mrr(months, "NetSuite query", date(2026, 4, 7)))


def test_mrr_may_stand_in_a_field(connect: Connect, company: Company, now: datetime) -> None:
    customer = company.new_customer("Acme", fields={"custentity_arr": "72000"})

    read = connect(Names(mrr_field="custentity_arr", mrr_field_months=12)).read_revenue(customer, now)

    months = (_usd("6000"), _usd("6000"), _usd("6000"))
    source = "NetSuite field custentity_arr (average)"
    assert read == RevenueReading(now, Mrr(months, source, date(2026, 4, 7)))


def test_mrr_nobody_configured_is_unknown_and_asks_nothing(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    assert ledger.read_revenue(acme, now) == RevenueReading(
        now, None, "MRR is unknown: no NetSuite field or query is set for it."
    )
    assert company.calls == []


def test_a_query_netsuite_refuses_is_ours_to_mend_and_never_permanent(
    connect: Connect, acme: str, now: datetime
) -> None:
    names = Names(mrr_query="SELECT nothing FROM nowhere WHERE id = {customer_id} ORDER BY 1")

    assert connect(names).read_revenue(acme, now) == Unreadable(
        f"The MRR of customer {acme} could not be read. NetSuite refused the request (INVALID_PARAMETER)."
    )
