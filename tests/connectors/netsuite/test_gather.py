"""Everything NetSuite says about a customer and an invoice, in one go, over real HTTP."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Names
from dunwell.engine.ports import Ledger
from dunwell.policy.facts import Contact, Invoice, Mrr, Person, Unreadable
from dunwell.policy.ledger import (
    AccountReading,
    ContactReading,
    ContactRung,
    Gathering,
    RevenueReading,
    Unapplied,
    UnappliedKind,
    UnappliedReading,
)
from dunwell.policy.money import Money
from dunwell.policy.words import InvoiceStatus, Rail
from dunwell.sandbox.netsuite import Company
from tests.connectors.netsuite.conftest import Connect

UNSEEN = "it is gone, or our role may not see it."
LINK = "netsuite_id in the metadata of Stripe's customer"
NO_SOURCE = "MRR is unknown: no NetSuite field or query is set for it."


def _usd(text: str) -> Money:
    return Money.parse(text, "USD")


def _open(id_: str, number: str = "INV-1", amount: str = "1200.00") -> Invoice:
    return Invoice(id_, number, _usd(amount), InvoiceStatus.OPEN, date(2026, 4, 1), Rail.OTHER)


@pytest.fixture
def dana(company: Company, acme: str) -> str:
    return company.new_contact(acme, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")


@pytest.fixture
def invoice(company: Company, acme: str) -> str:
    return company.new_invoice(acme, "INV-1", "1200.00", due=date(2026, 4, 1))


def _gathered(read: Gathering | Unreadable) -> Gathering:
    assert isinstance(read, Gathering), read
    return read


def _queries(company: Company) -> int:
    return len([call for call in company.calls if not call.path.endswith("/token")])


def test_it_is_what_the_engine_asks_for(ledger: NetSuiteLedger, now: datetime) -> None:
    port: Ledger = ledger
    assert port.read_mail("case-17.1", now) == ledger.read_mail("case-17.1", now)


def test_everything_is_gathered_of_a_customer_known_by_id(
    connect: Connect, company: Company, felix: str, now: datetime
) -> None:
    customer = company.new_customer("Acme Inc", sales_rep=felix, fields={"custentity_mrr": "6000"})
    dana = company.new_contact(customer, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")
    invoice = company.new_invoice(customer, "INV-1", "1200.00", due=date(2026, 4, 1))
    credit = company.new_unapplied(customer, "CustCred", "CM-1", "300", day=date(2026, 4, 2))
    month = _usd("6000")

    read = connect(Names(mrr_field="custentity_mrr")).gather(customer, "INV-1", now)

    assert read == Gathering(
        at=now,
        customer=customer,
        account=AccountReading(
            now,
            customer,
            "Acme Inc",
            "CUSTOMER-Closed Won",
            Person("Felix Nordstrom", "felix@us.example"),
            "USD",
        ),
        contact=ContactReading(
            now,
            Contact("Dana Reyes", "dana@acme.example", f"NetSuite contact {dana}, role Accounts Payable"),
            f"Dana Reyes ({dana}) was taken: role Accounts Payable.",
            dana,
            ContactRung.ROLE,
        ),
        invoice=_open(invoice),
        unapplied=UnappliedReading(
            now, (Unapplied(credit, "CM-1", UnappliedKind.CREDIT, _usd("300"), date(2026, 4, 2)),)
        ),
        revenue=RevenueReading(
            now, Mrr((month, month, month), "NetSuite field custentity_mrr (average)", date(2026, 4, 7))
        ),
    )
    assert _queries(company) == 4


def test_a_customer_nobody_knows_the_id_of_is_found_by_the_invoice(
    ledger: NetSuiteLedger, acme: str, dana: str, invoice: str, now: datetime
) -> None:
    by_number, by_id = ledger.gather("", "INV-1", now), ledger.gather(acme, "INV-1", now)

    assert by_number == by_id
    assert (_gathered(by_number).customer, _gathered(by_number).missing) == (acme, ())


def test_an_unknown_mrr_has_a_warning_and_is_not_among_what_is_missing(
    ledger: NetSuiteLedger, acme: str, dana: str, invoice: str, now: datetime
) -> None:
    read = _gathered(ledger.gather(acme, "INV-1", now))

    assert (read.revenue, read.missing) == (RevenueReading(now, None, NO_SOURCE), ())


def test_an_invoice_that_is_not_there_leaves_the_customer_unknown(
    ledger: NetSuiteLedger, acme: str, now: datetime
) -> None:
    assert ledger.gather("", "INV-9", now) == Gathering(
        now,
        missing=(
            (
                f"NetSuite shows us no invoice INV-9: {UNSEEN} Enter it there with this document number, or let our "
                "role see it."
            ),
            f"Which customer of NetSuite this is, is not known. Put the internal id into {LINK}.",
        ),
    )


def test_an_invoice_that_is_not_there_takes_nothing_else_away(
    ledger: NetSuiteLedger, acme: str, dana: str, now: datetime
) -> None:
    read = _gathered(ledger.gather(acme, "INV-9", now))

    assert read.invoice is None
    assert read.contact is not None
    assert read.contact.id == dana
    assert len(read.missing) == 1


def test_another_customers_invoice_with_the_number_is_not_taken(
    ledger: NetSuiteLedger, company: Company, acme: str, dana: str, now: datetime
) -> None:
    other = company.new_customer("Other")
    company.new_invoice(other, "INV-1", "5")

    read = _gathered(ledger.gather(acme, "INV-1", now))

    assert (read.customer, read.invoice) == (acme, None)
    assert read.missing == (
        (
            f"Invoice INV-1 belongs to customer {other} in NetSuite, not to {acme}. Correct {LINK}, or the customer of "
            "the invoice."
        ),
    )


def test_of_two_invoices_with_the_number_the_customers_own_is_taken(
    ledger: NetSuiteLedger, company: Company, acme: str, dana: str, invoice: str, now: datetime
) -> None:
    company.new_invoice(company.new_customer("Other"), "INV-1", "5")

    assert _gathered(ledger.gather(acme, "INV-1", now)).invoice == _open(invoice)
    assert _gathered(ledger.gather("", "INV-1", now)).missing == (
        "NetSuite has 2 invoices with the number INV-1. Give each a number of its own.",
        f"Which customer of NetSuite this is, is not known. Put the internal id into {LINK}.",
    )


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.VOID])
def test_an_invoice_that_is_not_open_is_told_and_named(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    dana: str,
    invoice: str,
    now: datetime,
    status: InvoiceStatus,
) -> None:
    (company.pay if status is InvoiceStatus.PAID else company.void)(invoice)

    read = _gathered(ledger.gather(acme, "INV-1", now))

    assert read.invoice == replace(_open(invoice), status=status, open=_usd("0"))
    assert read.missing == (
        f"Invoice INV-1 is {status} in NetSuite and in arrears at Stripe. Find out which is right.",
    )


@pytest.mark.parametrize("number", ["", "INV'1", "INV-1\n<b>", "é" * 90])
def test_a_number_netsuite_cannot_be_asked_about_is_told(
    ledger: NetSuiteLedger, acme: str, dana: str, now: datetime, number: str
) -> None:
    read = _gathered(ledger.gather(acme, number, now))

    assert read.invoice is None
    assert len(read.missing) == 1
    assert "the number has characters a document number has not" in read.missing[0]
    assert "\n" not in read.missing[0]


@pytest.mark.parametrize("hidden", ["customer", "nothing"])
def test_a_customer_that_is_not_shown_is_told_and_nothing_is_guessed(
    ledger: NetSuiteLedger, company: Company, acme: str, invoice: str, now: datetime, hidden: str
) -> None:
    company.hidden.add(hidden)
    customer = acme if hidden == "customer" else "999"

    read = _gathered(ledger.gather(customer, "INV-1", now))

    assert (read.account, read.contact, read.unapplied, read.revenue) == (None, None, None, None)
    assert read.customer == (acme if customer == acme else "")
    assert read.missing[-1] == (
        f"NetSuite shows us no customer {customer}: {UNSEEN} Correct {LINK}, or let our role see customers."
    )


@pytest.mark.parametrize("given", ["cus_1", "1 OR 1=1", "٣"])
def test_a_customer_without_an_internal_id_is_told_and_never_asked_about(
    ledger: NetSuiteLedger, company: Company, invoice: str, now: datetime, given: str
) -> None:
    read = _gathered(ledger.gather(given, "INV-1", now))

    assert read.missing[-1] == f"{given!r} is not an internal id of NetSuite. Correct {LINK}."
    assert _queries(company) == 1


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        ({"email": None}, "has no e-mail address"),
        ({"email": "dana@"}, "has a malformed e-mail address"),
        ({"email": "ap@acme.example"}, "has a shared mailbox, not an address of their own"),
        ({"active": False}, "is inactive"),
        ({"private": True}, "is private"),
        ({"first": None}, "has no first name to greet"),
    ],
    ids=["no mail", "malformed", "shared", "inactive", "private", "nameless"],
)
def test_a_contact_we_cannot_write_to_is_missing_with_the_reason(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    invoice: str,
    now: datetime,
    contact: dict[str, object],
    why: str,
) -> None:
    usual = {"first": "Dana", "last": "Reyes", "email": "dana@acme.example", "role": "Accounts Payable"}
    id_ = company.new_contact(acme, **{**usual, **contact})  # type: ignore[arg-type]
    name = "Dana Reyes" if contact.get("first", "Dana") else "Contact"

    read = _gathered(ledger.gather(acme, "INV-1", now))

    assert read.contact is not None
    assert read.contact.contact is None
    assert read.missing == (
        (
            "No accounts-payable contact we can write to is among the 1 the customer has. "
            f"{name} ({id_}) {why}. Give one contact of customer {acme} in NetSuite the role of accounts payable, a "
            "first name and an address of their own, or name the contact on the case page."
        ),
    )


def test_a_chosen_contact_that_is_gone_is_missing_and_nobody_else_is_taken(
    connect: Connect, company: Company, now: datetime
) -> None:
    customer = company.new_customer("Acme", fields={"custentity_ap": "999"})
    company.new_contact(customer, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")
    company.new_invoice(customer, "INV-1", "5")

    read = _gathered(connect(Names(contact_field="custentity_ap")).gather(customer, "INV-1", now))

    assert read.contact is None
    assert read.missing == (
        f"NetSuite does not know contact 999. Name another accounts-payable contact for customer {customer}.",
    )


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "UNEXPECTED_ERROR"),
        (429, "CONCURRENCY_LIMIT_EXCEEDED"),
        (401, "INVALID_LOGIN"),
        (403, "INSUFFICIENT_PERMISSION"),
    ],
)
def test_one_part_that_cannot_be_read_now_makes_the_whole_unreadable(
    connect: Connect,
    company: Company,
    acme: str,
    dana: str,
    invoice: str,
    now: datetime,
    call: int,
    status: int,
    code: str,
) -> None:
    ledger = connect(tries=1)
    whole = ledger.gather(acme, "INV-1", now)
    paths = [each.path for each in company.calls if not each.path.endswith("/token")]
    turn = paths[:call].count(paths[call])
    company.fail(paths[call], status, code=code, times=9, skip=turn)

    read = ledger.gather(acme, "INV-1", now)

    assert isinstance(whole, Gathering)
    assert isinstance(read, Unreadable)
    assert not read.permanent


def test_a_busy_account_is_waited_for_and_everything_is_gathered(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    dana: str,
    invoice: str,
    now: datetime,
    pauses: list[float],
) -> None:
    company.fail("*/suiteql", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=2)
    company.fail("*/restlet.nl", 400, code="SSS_REQUEST_LIMIT_EXCEEDED", times=1)

    assert _gathered(ledger.gather(acme, "INV-1", now)).missing == ()
    assert pauses == [1.0, 2.0, 1.0]
