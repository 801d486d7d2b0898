"""From Stripe's amounts to money.

Stripe counts in minor units too, but not always in ISO 4217's: its own list of currencies without and
with three decimals (docs.stripe.com/currencies) differs for ISK, MGA and UGX.
"""

from dunwell.policy.lists import word_set
from dunwell.policy.money import BadAmountError, Money, exponent

_NO_DECIMALS = word_set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF")
_THREE_DECIMALS = word_set("BHD JOD KWD OMR TND")


def stripe_decimals(currency: str) -> int:
    """Say how many decimals Stripe's amounts have in a currency (upper case).

    Two for ISK and UGX, which have none: Stripe keeps them at two for compatibility, always ending in 00.
    Two for HUF and TWD as well; they are whole only in payouts.
    """
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def money(amount: int, currency: str) -> Money:
    """Convert Stripe's amount (in any case of the currency's code) to money in ISO minor units.

    Raises `BadAmountError` for an unknown currency and for one that would lose a fraction (UGX 5.50).
    """
    code = currency.upper()
    shift = exponent(code) - stripe_decimals(code)
    if shift >= 0:
        return Money(amount * 10**shift, code)
    minor, rest = divmod(amount, 10**-shift)
    if rest:
        raise BadAmountError(f"{amount} is not a whole amount in {code}")
    return Money(minor, code)
