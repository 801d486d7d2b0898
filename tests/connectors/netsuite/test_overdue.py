"""Which invoices fell due, asked of the fake NetSuite over HTTP."""

from datetime import date

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.policy.facts import Unreadable
from dunwell.policy.money import Money
from dunwell.policy.words import InvoiceStatus
from dunwell.sandbox.netsuite import Company
from tests.connectors.netsuite.conftest import NOW


def test_only_open_invoices_that_fell_due_in_the_days_asked_for_are_listed(
    company: Company, ledger: NetSuiteLedger
) -> None:
    acme, corvid = company.new_customer("Acme Inc"), company.new_customer("Corvid Freight", currency="EUR")
    first = company.new_invoice(acme, "INV-1", "100.00", due=date(2026, 4, 1))
    last = company.new_invoice(corvid, "INV-2", "70.50", due=date(2026, 4, 6), currency="EUR")
    company.new_invoice(acme, "INV-3", "100.00", due=date(2026, 3, 31))
    company.new_invoice(acme, "INV-4", "100.00", due=date(2026, 4, 7))
    company.new_invoice(acme, "INV-5", "100.00")
    company.pay(company.new_invoice(acme, "INV-6", "100.00", due=date(2026, 4, 3)))
    company.void(company.new_invoice(acme, "INV-7", "100.00", due=date(2026, 4, 3)))
    draft = company.new_invoice(acme, "INV-8", "100.00", due=date(2026, 4, 3))
    company.change("transaction", draft, posting="F")
    company.pay(last, "20.50")

    found = ledger.overdue(date(2026, 4, 1), date(2026, 4, 6))

    assert not isinstance(found, Unreadable)
    assert [(each.id, each.number, each.open, each.due) for each in found] == [
        (first, "INV-1", Money(10000, "USD"), date(2026, 4, 1)),
        (last, "INV-2", Money(5000, "EUR"), date(2026, 4, 6)),
    ]


def test_every_page_of_them_is_read(company: Company, ledger: NetSuiteLedger) -> None:
    acme = company.new_customer("Acme Inc")
    for number in range(1003):
        company.new_invoice(acme, f"INV-{number}", "1.00", due=date(2026, 4, 1))
    found = ledger.overdue(date(2026, 4, 1), date(2026, 4, 1))
    assert not isinstance(found, Unreadable)
    assert len({each.id for each in found}) == 1003


def test_a_list_that_cannot_be_read_is_not_an_empty_one(company: Company, ledger: NetSuiteLedger) -> None:
    company.fail("*suiteql*", 503, times=9)
    assert isinstance(ledger.overdue(date(2026, 4, 1), date(2026, 4, 6)), Unreadable)


def test_an_invoice_read_without_its_customer_says_whose_it_is(
    company: Company, ledger: NetSuiteLedger
) -> None:
    acme = company.new_customer("Acme Inc")
    invoice = company.new_invoice(acme, "INV-1", "100.00", due=date(2026, 4, 1))
    standing = ledger.read_standing("", invoice, NOW)
    assert not isinstance(standing, Unreadable)
    assert standing.invoice is not None
    assert (standing.customer, standing.invoice.status) == (acme, InvoiceStatus.OPEN)
    assert standing.unapplied.items == ()
