"""Why a payment failed: from a vendor's codes to a class and a plain sentence (spec 3).

The table is `decline_codes.csv`: one row a code and rail. Its sentences are Dunwell's own; the classes follow
Stripe's, Visa's, Mastercard's and Nacha's published lists, named row by row in the column `source`.
"""

import csv
import importlib.resources
from dataclasses import dataclass
from functools import lru_cache

from dunwell.policy.facts import Reason
from dunwell.policy.words import RetryClass

GENERIC_SENTENCE = "The bank did not approve the charge and gave us no further detail."
NO_PAYMENT_METHOD = Reason("no_payment_method", RetryClass.ACTION, "There is no payment method on file.")

# Codes that hint at fraud, loss or theft: whatever else the vendor says, the customer reads the generic
# sentence. The last one is not in the table, because Stripe only ever adds it to another code.
SECRET_CODES = frozenset(
    {
        "fraudulent",
        "highest_risk_level",
        "lost_card",
        "merchant_blacklist",
        "partner_high_risk_customer",
        "pickup_card",
        "request_blocked",
        "restricted_card",
        "security_violation",
        "stolen_card",
        "elevated_risk_level",
    }
)

_ADVICE, _NETWORK_ADVICE = "card_advice", "mastercard_advice"
_CARD = ("card", _ADVICE, "visa_network")
_ACH = ("us_bank_account", "ach_return")
_LOCAL = ("local_payment_method",)
# Which tables to look in, by Stripe's payment method type or by Dunwell's rail; a type that is not listed
# here is one of the many local methods.
_TABLES = {
    "": (*_CARD, *_ACH, "sepa_debit", "bacs_debit", *_LOCAL),
    "card": _CARD,
    "link": _CARD,
    "ach_debit": _ACH,
    "us_bank_account": _ACH,
    "bank_debit": (*_ACH, "sepa_debit", "bacs_debit"),
    "sepa_debit": ("sepa_debit",),
    "bacs_debit": ("bacs_debit",),
    "other": (*_LOCAL, *_CARD),
    "transfer": _LOCAL,
}
# Advice that tells the customer something about the instrument, not only about trying again.
_TELLING_ADVICE = frozenset({"confirm_card_data", "01", "04", "21", "40", "41"})
# Says that a card was declined, never why.
_CATCH_ALL = "card_declined"


@dataclass(frozen=True, slots=True)
class DeclineCodes:
    """The codes a vendor gave for one failed payment, in the order they are read.

    `payment_method_type` is Stripe's (`card`, `us_bank_account`, `sepa_debit`, ...). No code and no type
    at all means that nothing was tried, because no payment method is stored.
    """

    advice_code: str | None = None
    network_advice_code: str | None = None
    decline_code: str | None = None
    outcome_reason: str | None = None
    error_code: str | None = None
    payment_method_type: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    code: str
    retry_class: RetryClass
    sentence: str


def read_reason(codes: DeclineCodes) -> Reason:
    """Read a failed payment's codes into one reason.

    The class is that of the first known code in the order advice, network advice, decline, outcome, error:
    whoever advises on trying again decides about that. The sentence (and the code kept beside it) is that of
    the first code which says what went wrong: advice such as `try_again_later` hides no cause below it.
    Only unknown codes: soft, the generic sentence, `known` False.
    """
    given = (codes.decline_code, codes.outcome_reason, codes.error_code)
    advice = (codes.advice_code, codes.network_advice_code)
    if not any((*advice, *given)):
        return _unknown("") if codes.payment_method_type else NO_PAYMENT_METHOD
    tables = _tables(codes.payment_method_type)
    advised = [row for row in (_row(advice[0], (_ADVICE,)), _row(advice[1], (_NETWORK_ADVICE,))) if row]
    causes = [row for row in (_row(code, tables) for code in given) if row]
    known = [*advised, *causes]
    if not known:
        return _unknown(next(code for code in (*given, *advice) if code))
    code, sentence = _told(advised, causes)
    for secret in given:
        if secret in SECRET_CODES:
            code, sentence = secret, GENERIC_SENTENCE
            break
    if (
        codes.decline_code
        and all(row.code == _CATCH_ALL for row in causes)
        and codes.decline_code != _CATCH_ALL
    ):
        return Reason(codes.decline_code, known[0].retry_class, sentence, known=False)
    return Reason(code, known[0].retry_class, sentence)


def reason_for_code(code: str | None, rail: str) -> Reason:
    """Read a single code on a rail: Dunwell's (`bank_debit`), Stripe's type, or a table (`ach_return`).

    A missing code is unknown. `no_payment_method` is understood.
    """
    if code == NO_PAYMENT_METHOD.code:
        return NO_PAYMENT_METHOD
    row = _row(code, _tables(rail))
    if row is None:
        return _unknown(code or "")
    return Reason(row.code, row.retry_class, row.sentence)


def _told(advised: list[_Row], causes: list[_Row]) -> tuple[str, str]:
    for row in causes:
        if row.sentence != GENERIC_SENTENCE:
            return row.code, row.sentence
    first = [*causes, *advised][0]
    for row in advised:
        if row.code in _TELLING_ADVICE:
            return first.code, row.sentence
    return first.code, first.sentence


def _unknown(code: str) -> Reason:
    return Reason(code, RetryClass.SOFT, GENERIC_SENTENCE, known=False)


def _tables(rail: str | None) -> tuple[str, ...]:
    if rail in _TABLES:
        return _TABLES[rail]
    if rail is None:
        return _TABLES[""]
    return (rail,) if rail in _table_names() else _LOCAL


def _row(code: str | None, tables: tuple[str, ...]) -> _Row | None:
    """Find a code in its rail's tables, then among API errors, then among cards if the row fits any rail."""
    if not code:
        return None
    rows = decline_rows()
    for table in tables:
        if row := rows.get((table, code)):
            return row
    if tables in ((_ADVICE,), (_NETWORK_ADVICE,)):
        return None
    if row := rows.get(("api_error_code", code)):
        return row
    row = rows.get(("card", code))
    return row if row and "card" not in row.sentence.lower() else None


@lru_cache(maxsize=1)
def decline_rows() -> dict[tuple[str, str], _Row]:
    """Return the packaged table by (rail, code)."""
    text = (importlib.resources.files("dunwell.policy") / "decline_codes.csv").read_text("utf-8")
    return {
        (row["rail"], row["code"]): _Row(row["code"], RetryClass(row["retry_class"]), row["plain_reason"])
        for row in csv.DictReader(text.splitlines())
    }


@lru_cache(maxsize=1)
def _table_names() -> frozenset[str]:
    return frozenset(rail for rail, _ in decline_rows())
