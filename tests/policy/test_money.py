from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.money import BadAmountError, Money, exponent


@pytest.mark.parametrize(
    ("text", "currency", "minor", "written"),
    [
        ("1200.00", "USD", 120_000, "USD 1,200.00"),
        ("1200", "usd", 120_000, "USD 1,200.00"),
        ("980000", "JPY", 980_000, "JPY 980,000"),
        ("1250.5", "KWD", 1_250_500, "KWD 1,250.500"),
        ("0.01", "EUR", 1, "EUR 0.01"),
        ("-3.50", "EUR", -350, "EUR -3.50"),
        ("1200.000", "USD", 120_000, "USD 1,200.00"),
    ],
)
def test_an_amount_is_read_into_minor_units_of_its_currency(
    text: str, currency: str, minor: int, written: str
) -> None:
    money = Money.parse(text, currency)

    assert money == Money(minor, currency.upper())
    assert str(money) == written


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("12.345", "USD"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("", "USD"),
        ("12,50", "USD"),
        ("1_000", "USD"),
        ("1E3", "USD"),
        ("1E999999999", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        (" 5", "USD"),
        ("٣", "USD"),
        ("1" * 16, "USD"),
        ("5", "XYZ"),
        ("5", ""),
    ],
)
def test_text_that_is_not_exactly_an_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(BadAmountError):
        Money.parse(text, currency)


def test_a_currency_has_its_iso_number_of_decimals() -> None:
    assert [exponent(code) for code in ("USD", "JPY", "KWD", "ISK", "HUF", "CLF")] == [2, 0, 3, 0, 2, 4]


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_an_amount_survives_being_written_as_a_decimal(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.parse(f"{money.decimal:f}", currency) == money


def test_amounts_of_one_currency_add_and_subtract() -> None:
    assert Money(100, "USD").plus(Money(23, "USD")) == Money(123, "USD")
    assert Money(100, "USD").minus(Money(123, "USD")) == Money(-23, "USD")
    assert Money(1, "KWD").decimal == Decimal("0.001")


def test_amounts_are_never_added_across_currencies() -> None:
    with pytest.raises(BadAmountError, match="cannot add EUR to USD"):
        Money(100, "USD").plus(Money(1, "EUR"))
    with pytest.raises(BadAmountError, match="cannot add EUR to USD"):
        Money(100, "USD").minus(Money(1, "EUR"))
