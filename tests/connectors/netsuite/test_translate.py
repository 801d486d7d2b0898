"""From rows to values, without any HTTP: what is missing, malformed or hostile."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dunwell.connectors.netsuite import revenue, shapes, translate
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.suiteql import UnsafeValueError, id_, number
from dunwell.connectors.netsuite.trouble import AGAIN, NOTHING_DONE, Kind, Trouble, read_trouble, unreadable
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.ledger import AccountReading, RevenueReading
from dunwell.policy.money import Money
from dunwell.policy.readings import Malformed

NOW = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
INVOICE = {
    "links": [],
    "id": "24",
    "tranid": "INV-1",
    "entity": "107",
    "foreignamountunpaid": "95.49",
    "currency": "USD",
    "posting": "T",
    "voided": "F",
}


def _account(row: dict[str, object]) -> AccountReading:
    return translate.account(shapes.Customer.model_validate({"id": "1", "currency": "USD", **row}), NOW)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currency": "US Dollar"}, "amount of an invoice is not understood: unknown currency 'US DOLLAR'"),
        ({"foreignamountunpaid": "1.234"}, "amount of an invoice is not understood: '1.234' has more"),
        ({"foreignamountunpaid": "1E3"}, "amount of an invoice is not understood: '1E3' is not an amount"),
        (
            {"voided": "maybe"},
            "answer about an invoice is not understood: voided: Value error, neither T nor F",
        ),
        ({"duedate": "4/1/2026"}, "duedate: Value error, not a date as YYYY-MM-DD"),
        ({"duedate": "2026-02-30"}, "duedate: Value error, not a date as YYYY-MM-DD"),
        ({"id": "24; DROP"}, "id: String should match pattern"),
        ({"tranid": None}, "tranid: Input should be a valid string"),
    ],
)
def test_an_invoice_that_is_not_understood_says_where(change: dict[str, object], said: str) -> None:
    read = translate.invoice(INVOICE | change, NOW)

    assert isinstance(read, Malformed)
    assert said in read.reason


@pytest.mark.parametrize("given", ["95.49", ".49", Decimal("95.49"), 95])
def test_an_amount_may_be_a_text_or_a_number(given: object) -> None:
    read = translate.invoice(INVOICE | {"foreignamountunpaid": given}, NOW)

    assert isinstance(read, InvoiceReading)
    assert read.invoice.open == Money(round(Decimal(str(given)) * 100), "USD")


def test_one_row_that_is_not_understood_spoils_the_list() -> None:
    assert isinstance(translate.open_invoices([INVOICE, INVOICE | {"posting": None}], NOW), Malformed)


def test_a_person_is_named_by_first_and_last_name() -> None:
    assert _account({"firstname": "Joe", "lastname": "Shmoe"}).name == "Joe Shmoe"
    assert _account({}).name == "1"


def test_what_is_wrong_with_a_customer_comes_as_sentences() -> None:
    read = _account(
        {"currency": "Dollars\n", "timezone": "Mars/Base", "salesrep": "5", "owner_email": "felix@"}
    )

    assert read.warnings == (
        "The sales rep 5 has no e-mail address that can be used.",
        "The customer's currency 'Dollars' is not an ISO code.",
        "The time zone 'Mars/Base' does not exist.",
    )
    assert (read.owner, read.currency, read.timezone) == (None, None, None)


class TestRevenue:
    def _months(self, *given: tuple[str, str]) -> RevenueReading:
        rows = [shapes.Month(month=month, mrr=mrr) for month, mrr in given]
        return revenue.from_months(rows, "USD", NOW)

    def test_the_three_full_months_before_january_are_last_years(self) -> None:
        assert revenue.last_months(NOW) == ("2025-10", "2025-11", "2025-12")

    def test_rows_of_one_month_add_up_and_other_months_do_not_count(self) -> None:
        read = self._months(
            ("2025-09", "7"),
            ("2025-12", "3"),
            ("2025-11", "2"),
            ("2025-10", "1"),
            ("2025-12", "0.50"),
            ("2026-01", "9"),
        )

        assert read.mrr is not None
        assert [each.minor for each in read.mrr.months] == [100, 200, 350]

    def test_a_missing_month_is_not_zero(self) -> None:
        assert self._months(("2025-10", "1"), ("2025-12", "1")) == RevenueReading(
            NOW, None, "MRR is unknown: NetSuite query gave nothing for 2025-11."
        )

    def test_two_currencies_are_not_added(self) -> None:
        rows = [shapes.Month(month=month, mrr="1") for month in revenue.last_months(NOW)]

        read = revenue.from_months([*rows, rows[0].model_copy(update={"currency": "EUR"})], "USD", NOW)

        assert read == RevenueReading(
            NOW, None, "MRR is unknown: NetSuite query gave amounts in EUR and USD."
        )

    def test_an_amount_that_is_none_makes_it_unknown(self) -> None:
        read = self._months(("2025-10", "many"), ("2025-11", "1"), ("2025-12", "1"))

        assert read.mrr is None
        assert "'many' is not an amount" in read.warning

    @pytest.mark.parametrize(("held", "minor"), [("100", 833), ("0.06", 1), ("0.05", 0), ("-1", -8)])
    def test_a_yearly_figure_is_divided_and_rounded(self, held: str, minor: int) -> None:
        row = shapes.Customer(id="1", currency="USD", mrr=held)

        read = revenue.from_field(row, Names(mrr_field="custentity_arr", mrr_field_months=12), NOW)

        assert read.mrr is not None
        assert read.mrr.months[0].minor == minor

    def test_an_empty_field_is_unknown(self) -> None:
        row = shapes.Customer(id="1", currency="USD")

        assert revenue.from_field(row, Names(mrr_field="custentity_arr"), NOW) == RevenueReading(
            NOW, None, "MRR is unknown: NetSuite field custentity_arr is empty."
        )


class TestTrouble:
    def test_every_kind_is_either_certain_to_have_done_nothing_or_in_doubt(self) -> None:
        in_doubt = {Kind.BROKEN, Kind.NO_ANSWER, Kind.STRANGE}

        assert in_doubt | NOTHING_DONE == set(Kind)
        assert not in_doubt & NOTHING_DONE

    def test_every_kind_is_asked_again_or_not(self) -> None:
        once = {Kind.LOGGED_OUT, Kind.DENIED, Kind.MISSING, Kind.REFUSED, Kind.STRANGE}

        assert once | AGAIN == set(Kind)
        assert not once & AGAIN

    @pytest.mark.parametrize("kind", Kind)
    def test_only_a_record_that_is_missing_ends_anything(self, kind: Kind) -> None:
        assert unreadable(Trouble(kind), "contact 7").permanent is (kind is Kind.MISSING)

    def test_the_busy_code_is_found_among_several(self) -> None:
        details = [{"o:errorCode": "USER_ERROR"}, {"o:errorCode": "SSS_REQUEST_LIMIT_EXCEEDED"}, None, {}]

        trouble = read_trouble(400, {"o:errorDetails": details}, restlet=False)

        assert (trouble.kind, trouble.code) == (Kind.BUSY, "SSS_REQUEST_LIMIT_EXCEEDED")

    @pytest.mark.parametrize(
        "body", [None, [], "x", {"error": None}, {"o:errorDetails": {}}, {"error": {"code": 7}}]
    )
    def test_a_body_that_says_nothing_leaves_the_status(self, body: object) -> None:
        assert read_trouble(500, body, restlet=False) == Trouble(Kind.BROKEN, "", 500)

    def test_an_uncaught_error_of_a_script_is_in_doubt_whatever_its_code(self) -> None:
        body = {"error": {"code": "INSUFFICIENT_PERMISSION", "message": "reading the message back"}}

        assert read_trouble(400, body, restlet=True).kind is Kind.BROKEN

    def test_a_missing_script_is_no_missing_record(self) -> None:
        assert read_trouble(404, None, restlet=True).kind is Kind.REFUSED


@pytest.mark.parametrize("given", ["", "1 ", "-", "1.0", "1\n", "٣", "0x1", "1;"])
def test_only_a_plain_number_becomes_part_of_a_query_as_an_id(given: str) -> None:
    with pytest.raises(UnsafeValueError):
        id_(given)


@pytest.mark.parametrize("given", ["", "'", "a'b", 'a"b', "a\\b", "a\n", "a;b", "é", "a" * 61])
def test_only_harmless_characters_become_part_of_a_query_as_a_number(given: str) -> None:
    with pytest.raises(UnsafeValueError):
        number(given)


def test_what_is_safe_stands_in_the_query_as_it_is() -> None:
    assert (id_("-10"), id_("007"), number("INV-1/2026")) == ("-10", "7", "'INV-1/2026'")


def test_nothing_is_permanent_because_it_is_not_understood() -> None:
    assert unreadable(Trouble(Kind.STRANGE, status=200), "customer 7") == Unreadable(
        "Customer 7 could not be read. NetSuite's answer is not understood (status 200)."
    )
