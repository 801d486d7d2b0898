"""Money: integer minor units with a currency, never a float, never added across currencies."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_decimal, list_currencies

# ISO 4217 exponents that are not 2. CLDR's digits (what Babel offers) round some two-decimal
# currencies to whole units, so they cannot be used to store amounts.
_EXPONENTS = {
    code: places
    for places, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}

# ASCII digits only and few of them: `Decimal` alone would take "1_000", "1E999999" and other scripts.
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class BadAmountError(ValueError):
    """The text is not an amount in that currency."""


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Return every ISO 4217 code there is or was."""
    return frozenset(list_currencies())


def exponent(currency: str) -> int:
    """Say how many decimals the currency has (USD 2, JPY 0, KWD 3); `BadAmountError` if unknown."""
    if currency not in currencies():
        raise BadAmountError(f"unknown currency {currency!r}")
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of an ISO 4217 currency (upper case)."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read a decimal text such as `"1200.00"`; raise `BadAmountError` when it does not fit exactly."""
        code = currency.upper()
        places = exponent(code)
        if not _AMOUNT.fullmatch(text):
            raise BadAmountError(f"{text[:40]!r} is not an amount")
        scaled = Decimal(text).scaleb(places)
        if scaled != scaled.to_integral_value():
            raise BadAmountError(f"{text!r} has more decimals than {code} allows ({places})")
        return cls(int(scaled), code)

    @property
    def decimal(self) -> Decimal:
        """The amount as people write it, in major units."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def plus(self, other: "Money") -> "Money":
        """Add two amounts of one currency; `BadAmountError` across currencies."""
        if other.currency != self.currency:
            raise BadAmountError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def minus(self, other: "Money") -> "Money":
        """Subtract an amount of the same currency; `BadAmountError` across currencies."""
        return self.plus(Money(-other.minor, other.currency))

    def __str__(self) -> str:
        """Write it unambiguously: `USD 14,200.00`, `JPY 980,000`, `KWD 1,250.500`."""
        return f"{self.currency} {_grouped(self.decimal, exponent(self.currency))}"


@lru_cache(maxsize=4096)
def _grouped(value: Decimal, places: int) -> str:
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return format_decimal(value, format=pattern, locale="en_US")
