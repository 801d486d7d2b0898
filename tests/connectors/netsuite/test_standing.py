"""The ledger's side of the gate, and who works there, over real HTTP."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.policy.facts import Invoice, Unreadable
from dunwell.policy.ledger import (
    Standing,
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


def _open(id_: str, number: str = "INV-1", amount: str = "1200.00") -> Invoice:
    return Invoice(id_, number, _usd(amount), InvoiceStatus.OPEN, date(2026, 4, 1), Rail.OTHER)


@pytest.fixture
def invoice(company: Company, acme: str) -> str:
    return company.new_invoice(acme, "INV-1", "1200.00", due=date(2026, 4, 1))


def _queries(company: Company) -> int:
    return len([call for call in company.calls if not call.path.endswith("/token")])


class TestStanding:
    def test_it_has_the_invoice_and_what_is_unapplied(
        self, ledger: NetSuiteLedger, company: Company, acme: str, invoice: str, now: datetime
    ) -> None:
        payment = company.new_unapplied(acme, "CustPymt", "PMT-1", "1200", day=date(2026, 4, 3))
        unapplied = Unapplied(payment, "PMT-1", UnappliedKind.PAYMENT, _usd("1200"), date(2026, 4, 3))

        assert ledger.read_standing(acme, invoice, now) == Standing(
            now, _open(invoice), UnappliedReading(now, (unapplied,)), acme
        )
        assert _queries(company) == 2

    def test_a_payment_that_arrived_is_seen(
        self, ledger: NetSuiteLedger, company: Company, acme: str, invoice: str, now: datetime
    ) -> None:
        company.pay(invoice)

        read = ledger.read_standing(acme, invoice, now)

        assert isinstance(read, Standing)
        assert read.invoice == replace(_open(invoice), status=InvoiceStatus.PAID, open=_usd("0"))

    def test_an_invoice_that_is_not_shown_is_none(
        self, ledger: NetSuiteLedger, company: Company, acme: str, invoice: str, now: datetime
    ) -> None:
        company.hidden.add("transaction")

        assert ledger.read_standing(acme, invoice, now) == Standing(now, None, UnappliedReading(now, ()))

    def test_what_the_ledger_never_knew_is_not_asked_about(
        self, ledger: NetSuiteLedger, company: Company, now: datetime
    ) -> None:
        assert ledger.read_standing("", "", now) == Standing(now, None, UnappliedReading(now, ()))
        assert company.calls == []

    @pytest.mark.parametrize("turn", [0, 1])
    def test_half_a_standing_is_none(
        self,
        connect: Connect,
        company: Company,
        acme: str,
        invoice: str,
        now: datetime,
        turn: int,
    ) -> None:
        company.fail("*/suiteql", 503, skip=turn)

        read = connect(tries=1).read_standing(acme, invoice, now)

        assert isinstance(read, Unreadable)
        assert not read.permanent


class TestEmployee:
    def test_an_active_employee_is_found_by_address_in_any_case(
        self, ledger: NetSuiteLedger, company: Company
    ) -> None:
        maria = company.new_employee("Maria", "O'Hara", "maria.o'hara@us.example")

        assert ledger.find_employee("Maria.O'Hara@US.example") == maria

    @pytest.mark.parametrize(
        ("many", "said"), [(0, "no active employee"), (2, "2 active employees")], ids=["none", "two"]
    )
    def test_none_or_several_is_permanent(
        self, ledger: NetSuiteLedger, company: Company, many: int, said: str
    ) -> None:
        company.new_employee("Maria", "Okafor", "maria@us.example", active=False)
        for _ in range(many):
            company.new_employee("Maria", "Okafor", "maria@us.example")

        assert ledger.find_employee("maria@us.example") == Unreadable(
            f"NetSuite shows us {said} with the address maria@us.example: one employee record must have it, be "
            "active, and be visible to our role.",
            permanent=True,
        )

    @pytest.mark.parametrize("given", ["", "maria", 'a"b@x.example', "a;b@x.example", "a\\@x.example", "a@x"])
    def test_a_strange_address_never_reaches_netsuite(
        self, ledger: NetSuiteLedger, company: Company, given: str
    ) -> None:
        assert ledger.find_employee(given) == Unreadable(
            "The address has characters we do not ask NetSuite about.", permanent=True
        )
        assert company.calls == []

    def test_an_account_that_is_away_is_no_proof(
        self, connect: Connect, company: Company, felix: str
    ) -> None:
        company.fail("*/suiteql", 503)

        read = connect(tries=1).find_employee("felix@us.example")

        assert isinstance(read, Unreadable)
        assert not read.permanent
