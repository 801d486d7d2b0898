"""Stripe's invoices as JSON: odd, sparse and hostile ones."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.stripe.invoices import rail_of, read_arrears, read_invoice
from dunwell.policy.facts import InvoiceReading
from dunwell.policy.money import Money
from dunwell.policy.readings import ArrearsReading, Malformed
from dunwell.policy.reasons import NO_PAYMENT_METHOD
from dunwell.policy.words import InvoiceStatus, Rail, RetryClass

SAMPLES = Path(__file__).parent.parent / "sandbox" / "stripe_payloads" / "events"
NOW = datetime(2026, 9, 22, tzinfo=UTC)
FAILED_AT = datetime(2026, 9, 21, 13, 15, tzinfo=UTC)


def the_object(name: str) -> dict[str, Any]:
    event = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = event["data"]["object"]
    return found


def payment_of(intent: str, charge: str | None, **changes: Any) -> dict[str, Any]:
    """Make the row of an invoice payment, its intent and charge expanded as the API does."""
    about = the_object(f"payment_intent.payment_failed.{intent}")
    tried = the_object(f"charge.failed.{charge}") if charge else None
    if tried:
        tried["created"] = int(FAILED_AT.timestamp())
    whole = {**about, "latest_charge": tried, **changes}
    return {
        "object": "invoice_payment",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": whole},
    }


INVOICE = the_object("invoice.payment_failed.card_insufficient_funds")
FAILED = payment_of("card_insufficient_funds", "card_insufficient_funds")


def read(invoice: dict[str, Any], *payments: dict[str, Any]) -> ArrearsReading:
    reading = read_arrears(invoice, payments, NOW)
    assert isinstance(reading, ArrearsReading), reading
    return reading


def test_a_sample_failure_is_read_whole() -> None:
    reading = read(INVOICE, FAILED)
    assert reading.reading.invoice.number == "EX-2026-0417"
    assert reading.reading.invoice.open == Money(1420000, "USD")
    assert reading.reading.next_attempt == datetime.fromtimestamp(1790259200, UTC)
    assert reading.failed_at == FAILED_AT
    assert reading.reason is not None
    assert (reading.reason.code, reading.reason.retry_class) == ("insufficient_funds", RetryClass.SOFT)
    assert (reading.method, reading.payment) == ("pm_1SampleDunning0000000001", "pi_3SampleDunning0000000001")
    assert reading.email == "ap@example.com"


def test_the_gates_reading_is_the_same_without_the_failure() -> None:
    assert read_invoice(INVOICE, [FAILED], NOW) == read(INVOICE, FAILED).reading


@pytest.mark.parametrize(
    ("intent", "code", "retry_class", "rail"),
    [
        ("card_expired", "expired_card", RetryClass.ACTION, Rail.CARD),
        ("authentication_required", "authentication_required", RetryClass.ACTION, Rail.CARD),
        ("ach_account_closed", "bank_account_closed", RetryClass.HARD, Rail.BANK_DEBIT),
    ],
)
def test_each_sample_decline_gives_its_reason_and_rail(
    intent: str, code: str, retry_class: RetryClass, rail: Rail
) -> None:
    reading = read(INVOICE, payment_of(intent, None))
    assert reading.reason is not None
    assert (reading.reason.code, reading.reason.retry_class) == (code, retry_class)
    assert reading.reading.invoice.rail is rail
    error = the_object(f"payment_intent.payment_failed.{intent}")["last_payment_error"]
    assert reading.method == error["payment_method"]["id"]


def test_a_charge_alone_still_gives_the_reason_once_stripe_has_cleared_the_error() -> None:
    lost = read(INVOICE, payment_of("card_insufficient_funds", "card_lost", last_payment_error=None))
    assert lost.reason is not None
    assert lost.reason.retry_class is RetryClass.HARD
    assert "lost" not in lost.reason.sentence.lower()
    bank = read(INVOICE, payment_of("ach_account_closed", "ach_insufficient_funds", last_payment_error=None))
    assert bank.reason is not None
    assert bank.reason.code == "insufficient_funds"
    assert bank.reading.invoice.rail is Rail.BANK_DEBIT


def test_an_error_about_another_charge_is_not_mixed_with_the_latest_one() -> None:
    payment = payment_of("card_expired", "card_lost")
    payment["payment"]["payment_intent"]["last_payment_error"]["charge"] = "ch_another"
    reading = read(INVOICE, payment)
    assert reading.reason is not None
    assert reading.reason.code == "expired_card"


def test_an_error_without_any_code_is_not_taken_for_a_missing_method() -> None:
    payment = payment_of("card_expired", None, last_payment_error={"type": "api_error"})
    reading = read(INVOICE, payment)
    assert reading.reason is not None
    assert reading.reason != NO_PAYMENT_METHOD
    assert not reading.reason.known


def test_an_attempt_without_payment_or_error_means_that_no_method_is_stored() -> None:
    reading = read(the_object("invoice.payment_failed.no_payment_method"))
    assert reading.reason == NO_PAYMENT_METHOD
    assert reading.failed_at == datetime.fromtimestamp(1789996500, UTC)
    sent = {**INVOICE, "collection_method": "send_invoice"}
    untried = {**INVOICE, "attempted": False}
    assert read(sent).reason is None
    assert read(untried).reason is None


def test_the_newest_failure_of_several_payments_counts_and_one_in_flight_silences_all() -> None:
    older = payment_of("card_expired", "card_insufficient_funds")
    older["payment"]["payment_intent"]["latest_charge"]["created"] -= 86400
    reading = read(INVOICE, older, FAILED)
    assert reading.reason is not None
    assert reading.reason.code == "insufficient_funds"
    flying = payment_of("ach_account_closed", None, status="processing", last_payment_error=None)
    both = read(INVOICE, FAILED, flying)
    assert both.reason is None
    assert both.reading.invoice.in_flight


def test_one_charge_taken_back_among_several_is_enough() -> None:
    disputed = payment_of("card_insufficient_funds", "card_insufficient_funds")
    disputed["payment"]["payment_intent"]["latest_charge"]["disputed"] = True
    assert read(INVOICE, FAILED, disputed).reading.invoice.charged_back


@pytest.mark.parametrize(
    ("changes", "rail"),
    [
        ({}, Rail.CARD),
        ({"default_payment_method": {"id": "pm_1", "type": "sepa_debit"}}, Rail.BANK_DEBIT),
        ({"default_payment_method": "pm_1"}, Rail.CARD),
        ({"payment_settings": {"payment_method_types": ["us_bank_account"]}}, Rail.BANK_DEBIT),
        ({"payment_settings": {"payment_method_types": ["card", "us_bank_account"]}}, Rail.CARD),
        ({"payment_settings": None}, Rail.CARD),
        ({"collection_method": "send_invoice"}, Rail.OTHER),
        (
            {
                "collection_method": "send_invoice",
                "payment_settings": {"payment_method_types": ["card", "customer_balance"]},
            },
            Rail.TRANSFER,
        ),
    ],
)
def test_the_rail_of_an_invoice_nobody_has_charged(changes: dict[str, Any], rail: Rail) -> None:
    assert read({**INVOICE, "attempted": False, **changes}).reading.invoice.rail is rail


@pytest.mark.parametrize(
    ("kind", "rail"),
    [
        ("card", Rail.CARD),
        ("link", Rail.CARD),
        ("us_bank_account", Rail.BANK_DEBIT),
        ("sepa_debit", Rail.BANK_DEBIT),
        ("bacs_debit", Rail.BANK_DEBIT),
        ("customer_balance", Rail.TRANSFER),
        ("paypal", Rail.OTHER),
        ("a_new_one", Rail.OTHER),
    ],
)
def test_the_rail_of_a_type_of_method(kind: str, rail: Rail) -> None:
    assert rail_of(kind) is rail


def test_a_draft_without_a_number_goes_by_its_id() -> None:
    reading = read({**INVOICE, "status": "draft", "number": None, "attempted": False})
    assert reading.reading.invoice.number == INVOICE["id"]
    assert reading.reading.invoice.status is InvoiceStatus.DRAFT


def test_a_due_date_is_a_day_in_utc() -> None:
    midnight = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())
    assert read({**INVOICE, "due_date": midnight}).reading.invoice.due == date(2026, 10, 1)
    assert read({**INVOICE, "due_date": midnight - 1}).reading.invoice.due == date(2026, 9, 30)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [(980000, "jpy", 980000), (1250500, "kwd", 1250500), (500, "isk", 5), (250050, "huf", 250050)],
)
def test_the_open_amount_is_in_iso_minor_units(amount: int, currency: str, expected: int) -> None:
    reading = read({**INVOICE, "amount_remaining": amount, "currency": currency})
    assert reading.reading.invoice.open == Money(expected, currency.upper())


_NOT_UNDERSTOOD = "Stripe's answer about an invoice is not understood: "


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, _NOT_UNDERSTOOD + "id: Input should be a valid string"),
        (
            {"status": "frozen"},
            _NOT_UNDERSTOOD + "status: Input should be 'draft', 'open', 'paid', 'void' or 'uncollectible'",
        ),
        (
            {"amount_remaining": "1420000"},
            _NOT_UNDERSTOOD + "amount_remaining: Input should be a valid integer",
        ),
        (
            {"amount_remaining": 14200.5},
            _NOT_UNDERSTOOD + "amount_remaining: Input should be a valid integer",
        ),
        ({"amount_remaining": True}, _NOT_UNDERSTOOD + "amount_remaining: Input should be a valid integer"),
        ({"customer": None}, _NOT_UNDERSTOOD + "customer: Input should be a valid string"),
        ({"auto_advance": "false"}, _NOT_UNDERSTOOD + "auto_advance: Input should be a valid boolean"),
        ({"due_date": "soon"}, _NOT_UNDERSTOOD + "due_date: Value error, not a time in Unix seconds"),
        (
            {"currency": "ugx", "amount_remaining": 550},
            "Stripe's amount for an invoice is not understood: 550 is not a whole amount in UGX",
        ),
        ({"currency": "zzz"}, "Stripe's amount for an invoice is not understood: unknown currency 'ZZZ'"),
    ],
)
def test_a_hostile_invoice_is_malformed_with_the_place(changes: dict[str, Any], reason: str) -> None:
    assert read_arrears({**INVOICE, **changes}, [FAILED], NOW) == Malformed(reason)


@pytest.mark.parametrize("intent", ["pi_not_expanded", {"id": "pi_1"}, 7])
def test_a_payment_that_was_not_expanded_is_never_taken_for_one_at_rest(intent: object) -> None:
    payment = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert isinstance(read_invoice(INVOICE, [payment], NOW), Malformed)


def test_a_charge_that_was_not_expanded_is_never_taken_for_one_nobody_disputes() -> None:
    payment = payment_of("card_expired", None, latest_charge="ch_1")
    assert isinstance(read_invoice(INVOICE, [payment], NOW), Malformed)


JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(sorted(INVOICE)), JUNK, max_size=4), st.lists(JUNK, max_size=2))
def test_no_invoice_whatever_breaks_the_reading(changes: dict[str, Any], rows: list[Any]) -> None:
    answer = read_invoice({**INVOICE, **changes}, rows or [FAILED], NOW)
    assert isinstance(answer, InvoiceReading | Malformed)
