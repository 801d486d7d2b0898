"""Reads recorded history: one JSON object a line, checked whole before anything is replayed (contract, Replay)."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from dunwell.policy.money import BadAmountError, Money, exponent
from dunwell.policy.plans import MOST_PARTS
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.policy.zone_table import countries, zone_names


class HistoryError(Exception):
    """The history cannot be replayed; the message has the line number."""


def _country(value: str) -> str:
    if value not in countries():
        raise ValueError("must be a country's two letters (ISO 3166)")
    return value


def _zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError("must be a time zone such as America/New_York")
    return value


def _currency(value: str) -> str:
    try:
        exponent(value)
    except BadAmountError as error:
        raise ValueError(str(error)) from None
    return value


Name = Annotated[str, Field(min_length=1, max_length=500)]
Currency = Annotated[str, AfterValidator(_currency)]
Count = Annotated[int, Field(ge=0, strict=True)]


# Beyond these years clocks and calendars cannot be reckoned with.
FIRST_YEAR, LAST_YEAR = 1970, 2199


def _in_reach(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return value


Day = Annotated[date, AfterValidator(_in_reach)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class Line(BaseModel):
    """What every line has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment


class NamedAddress(BaseModel):
    """A person; the address is checked by the rules, so that a bad one goes to review as it does live."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    email: str = ""


class CustomerLine(Line):
    """Who owes, as known from this moment on."""

    type: Literal["customer"]
    customer: Name
    name: Name
    country: Annotated[str, AfterValidator(_country)] | None = None
    subdivision: str | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    mrr: tuple[str, str, str] | None = None
    currency: Currency = "USD"
    tenure_months: Count | None = None
    invoices_paid: Count = 0
    invoices_on_time: Count = 0
    failures_90d: Count = 0
    strategic: bool = False
    contact: NamedAddress | None = None
    owner: NamedAddress | None = None

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        for month in self.mrr or ():
            _amount(month, self.currency, "mrr", least=0)
        return self


class ArrearsLine(Line):
    """What a failed payment and an invoice past its due date have in common."""

    customer: Name
    invoice: Name
    amount: str
    currency: Currency
    due: Day | None = None

    @model_validator(mode="after")
    def _amount_fits(self) -> Self:
        _amount(self.amount, self.currency, "amount", least=1)
        return self

    @property
    def money(self) -> Money:
        """The amount."""
        return Money.parse(self.amount, self.currency)


class PaymentFailedLine(ArrearsLine):
    """A payment attempt failed."""

    type: Literal["payment_failed"]
    rail: str = "card"
    code: str | None = None


class OverdueLine(ArrearsLine):
    """An invoice passed its due date without a failed payment."""

    type: Literal["overdue"]


class InvoiceLine(Line):
    """Something happened to an invoice."""

    type: Literal["paid", "release", "dispute", "chargeback", "voided", "approve", "processing"]
    invoice: Name


class PartialPaymentLine(Line):
    """Part of an invoice was paid, or credited."""

    type: Literal["partial_payment", "credit"]
    invoice: Name
    amount: str


class MethodLine(Line):
    """A customer saved a payment method."""

    type: Literal["payment_method_updated"]
    customer: Name


class ReplyLine(Line):
    """The customer wrote back."""

    type: Literal["reply"]
    invoice: Name
    text: str


class InstalmentLine(BaseModel):
    """One part of a payment plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    due: Day
    amount: str


class HoldLine(Line):
    """Somebody put a case, or all cases of its customer, on hold."""

    type: Literal["hold"]
    invoice: Name
    kind: HoldKind = HoldKind.PAUSE
    scope: HoldScope = HoldScope.CASE
    until: Day | Moment | None = None
    reason: str = ""
    instalments: Annotated[tuple[InstalmentLine, ...], Field(max_length=MOST_PARTS)] = ()

    @model_validator(mode="after")
    def _has_its_date(self) -> Self:
        if self.kind is HoldKind.PROMISE and self.until is None:
            raise ValueError("until: a promise needs a date")
        return self

    @model_validator(mode="after")
    def _is_a_plan(self) -> Self:
        if not self.instalments:
            return self
        if self.kind is not HoldKind.PAYMENT_PLAN or self.scope is not HoldScope.CASE or self.until:
            raise ValueError("instalments: only for a payment_plan of one invoice, without until")
        days = [part.due for part in self.instalments]
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError("instalments: each must be due after the one before it")
        return self


class DowntimeLine(Line):
    """Nothing runs between `at` and `until`; what happens meanwhile is found afterwards."""

    type: Literal["downtime"]
    until: Moment


Told = (
    CustomerLine
    | PaymentFailedLine
    | OverdueLine
    | InvoiceLine
    | PartialPaymentLine
    | MethodLine
    | ReplyLine
    | HoldLine
)
Fact = Told | DowntimeLine
_ADAPTER: TypeAdapter[Fact] = TypeAdapter(Annotated[Fact, Field(discriminator="type")])


def read_history(lines: Iterable[str]) -> list[Fact]:
    """Read all lines; raises `HistoryError` naming the first line that is wrong. Empty lines are skipped."""
    facts: list[Fact] = []
    customers: set[str] = set()
    invoices: dict[str, str] = {}
    owed: dict[str, Money] = {}
    for number, fact in _parsed(lines):
        if facts and fact.at < facts[-1].at:
            raise HistoryError(f"line {number}: at: earlier than the line before it")
        if isinstance(fact, CustomerLine):
            customers.add(fact.customer)
        _known(number, fact, customers, invoices)
        _adds_up(number, fact, owed)
        facts.append(fact)
    return facts


def _parsed(lines: Iterable[str]) -> Iterator[tuple[int, Fact]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, _ADAPTER.validate_json(line)
        except ValidationError as error:
            raise HistoryError(f"line {number}: {_said(error.errors()[0])}") from None


def _known(number: int, fact: Fact, customers: set[str], invoices: dict[str, str]) -> None:
    if isinstance(fact, ArrearsLine | MethodLine) and fact.customer not in customers:
        raise HistoryError(f"line {number}: customer: no line before this one describes {fact.customer!r}")
    if isinstance(fact, ArrearsLine):
        invoices[fact.invoice] = fact.currency
    wide = isinstance(fact, HoldLine) and fact.scope is HoldScope.CUSTOMER
    if isinstance(fact, HoldLine) and wide and fact.invoice not in invoices:
        raise HistoryError(f"line {number}: invoice: no line before this one tells of {fact.invoice!r}")
    if isinstance(fact, PartialPaymentLine | HoldLine) and fact.invoice in invoices:
        try:
            for place, amount in _parts_of(fact):
                _amount(amount, invoices[fact.invoice], place, least=1)
        except ValueError as error:
            raise HistoryError(f"line {number}: {error}") from None
    if (
        isinstance(fact, DowntimeLine | HoldLine)
        and isinstance(fact.until, datetime)
        and fact.until < fact.at
    ):
        raise HistoryError(f"line {number}: until: earlier than at")


def _adds_up(number: int, fact: Fact, owed: dict[str, Money]) -> None:
    """Keep what is open on each invoice, and hold the parts of a plan to it; refused as at the desk.

    Of an invoice that was paid or voided, nothing is known until it fails again.
    """
    if isinstance(fact, ArrearsLine):
        owed[fact.invoice] = fact.money
    elif isinstance(fact, InvoiceLine) and fact.type in ("paid", "voided", "chargeback"):
        owed.pop(fact.invoice, None)
    elif isinstance(fact, PartialPaymentLine) and (left := owed.pop(fact.invoice, None)):
        left = left.minus(Money.parse(fact.amount, left.currency))
        if left.minor > 0:
            owed[fact.invoice] = left
    elif isinstance(fact, HoldLine) and fact.instalments and (left := owed.get(fact.invoice)):
        parts = [Money.parse(part.amount, left.currency) for part in fact.instalments]
        total = Money(sum(part.minor for part in parts), left.currency)
        if total != left:
            raise HistoryError(f"line {number}: instalments: come to {total}, but {left} is open")


def _parts_of(fact: PartialPaymentLine | HoldLine) -> list[tuple[str, str]]:
    if isinstance(fact, PartialPaymentLine):
        return [("amount", fact.amount)]
    return [(f"instalments.{place}.amount", part.amount) for place, part in enumerate(fact.instalments)]


def _amount(text: str, currency: str, key: str, *, least: int) -> None:
    try:
        amount = Money.parse(text, currency)
    except BadAmountError as error:
        raise ValueError(f"{key}: {error}") from None
    if amount.minor < least:
        raise ValueError(f"{key}: must be {'above zero' if least else 'zero or more'}, not {text}")


_SAID = {
    "extra_forbidden": "unknown key",
    "union_tag_invalid": "unknown type",
    "union_tag_not_found": "the type is missing",
    "missing": "is missing",
    "timezone_aware": "needs a time zone",
    "json_invalid": "not a JSON object",
    "model_attributes_type": "not a JSON object",
}


def _said(error: ErrorDetails) -> str:
    # The first part of the place is the line's own type: the reader knows that.
    place = ".".join(str(part) for part in error["loc"][1:])
    if error["type"] == "union_tag_invalid":
        return f"type: unknown type {error['ctx']['tag']!r}"
    said = _SAID.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
