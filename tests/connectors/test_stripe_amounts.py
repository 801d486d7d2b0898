"""Stripe's amounts in every odd currency."""

import pytest

from dunwell.connectors.stripe.amounts import money
from dunwell.policy.money import BadAmountError, Money


@pytest.mark.parametrize(
    ("amount", "currency", "expected", "written"),
    [
        (1420000, "usd", Money(1420000, "USD"), "USD 14,200.00"),
        (980000, "jpy", Money(980000, "JPY"), "JPY 980,000"),
        (1250500, "kwd", Money(1250500, "KWD"), "KWD 1,250.500"),
        (500, "isk", Money(5, "ISK"), "ISK 5"),
        (1250000, "ugx", Money(12500, "UGX"), "UGX 12,500"),
        (250050, "huf", Money(250050, "HUF"), "HUF 2,500.50"),
        (80050, "twd", Money(80050, "TWD"), "TWD 800.50"),
        (700, "mga", Money(70000, "MGA"), "MGA 700.00"),
        (-500, "isk", Money(-5, "ISK"), "ISK -5"),
        (0, "ugx", Money(0, "UGX"), "UGX 0"),
        (100, "EUR", Money(100, "EUR"), "EUR 1.00"),
    ],
)
def test_an_amount_of_stripes_is_the_same_money(
    amount: int, currency: str, expected: Money, written: str
) -> None:
    assert money(amount, currency) == expected
    assert str(expected) == written


@pytest.mark.parametrize(("amount", "currency"), [(550, "ugx"), (1, "isk"), (-501, "isk")])
def test_a_fraction_that_would_be_lost_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(BadAmountError, match="is not a whole amount in"):
        money(amount, currency)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(BadAmountError, match="unknown currency 'XXZ'"):
        money(100, "xxz")
