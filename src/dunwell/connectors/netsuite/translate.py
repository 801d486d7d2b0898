"""From NetSuite's rows to what the rules may know. Pure; what is not understood is `Malformed`, with a sentence."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from dunwell.connectors.netsuite import shapes
from dunwell.connectors.netsuite.shapes import fault
from dunwell.policy.addresses import is_address
from dunwell.policy.facts import Invoice, InvoiceReading, Person
from dunwell.policy.ledger import (
    AccountReading,
    LoggedMail,
    OpenInvoices,
    Unapplied,
    UnappliedKind,
    UnappliedReading,
)
from dunwell.policy.money import BadAmountError, Money, exponent
from dunwell.policy.readings import Malformed
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import InvoiceStatus, Rail
from dunwell.policy.zone_table import zone_names

S = TypeVar("S", bound=shapes.Shape)
Row = Mapping[str, Any]

_KINDS = {
    "CustPymt": UnappliedKind.PAYMENT,
    "CustCred": UnappliedKind.CREDIT,
    "CustDep": UnappliedKind.DEPOSIT,
}


def understood(kind: type[S], row: Row, what: str) -> S | Malformed:
    """Check one row; `what` names it in the sentence, as in `an invoice`."""
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        return Malformed(f"NetSuite's answer about {what} is not understood: {fault(error)}")


def all_understood(kind: type[S], rows: Sequence[Row], what: str) -> list[S] | Malformed:
    """Check every row; one that is not understood spoils them all, so that none is missed in silence."""
    found: list[S] = []
    for row in rows:
        one = understood(kind, row, what)
        if isinstance(one, Malformed):
            return one
        found.append(one)
    return found


def account(row: shapes.Customer, now: datetime) -> AccountReading:
    """Read a customer's header; what is wrong with it comes as sentences."""
    warnings: list[str] = []
    return AccountReading(
        at=now,
        id=row.id,
        name=_line(row.companyname) or _line(f"{row.firstname or ''} {row.lastname or ''}") or row.id,
        crm_status=_line(row.crm_status),
        owner=_owner(row, warnings),
        currency=_currency(row.currency, warnings),
        timezone=_timezone(row.timezone, warnings),
        strategic=row.strategic,
        warnings=tuple(warnings),
    )


def open_invoices(rows: Sequence[Row], now: datetime) -> OpenInvoices | Malformed:
    """Read the rows of the open-invoice query."""
    found = all_understood(shapes.Invoice, rows, "an invoice")
    if isinstance(found, Malformed):
        return found
    return _with_amounts(lambda: OpenInvoices(now, tuple(_invoice(row) for row in found)), "an invoice")


def invoice(row: Row, now: datetime) -> InvoiceReading | Malformed:
    """Read one invoice as it stands, open or not."""
    found = understood(shapes.Invoice, row, "an invoice")
    return found if isinstance(found, Malformed) else invoice_of(found, now)


def invoice_of(row: shapes.Invoice, now: datetime) -> InvoiceReading | Malformed:
    """Read one invoice whose row has been checked."""
    return _with_amounts(
        lambda: InvoiceReading(now, _invoice(row), collects_automatically=False), "an invoice"
    )


def unapplied(rows: Sequence[Row], now: datetime) -> UnappliedReading | Malformed:
    """Read the rows of the query for what is not applied yet."""
    found = all_understood(shapes.Unapplied, rows, "an unapplied payment")
    if isinstance(found, Malformed):
        return found
    return _with_amounts(
        lambda: UnappliedReading(now, tuple(_unapplied(row) for row in found)), "an unapplied payment"
    )


def logged(row: shapes.Logged | None) -> LoggedMail | None:
    """Read the message row our RESTlet found, if it did."""
    if row is None:
        return None
    return LoggedMail(row.id, row.author, _line(row.recipient), _line(row.subject))


R = TypeVar("R")


def _with_amounts(read: Callable[[], R], what: str) -> R | Malformed:
    try:
        return read()
    except BadAmountError as error:
        return Malformed(f"NetSuite's amount of {what} is not understood: {error}")


def _invoice(row: shapes.Invoice) -> Invoice:
    unpaid = Money.parse(row.foreignamountunpaid or "0", row.currency)
    return Invoice(
        id=row.id,
        number=_line(row.tranid),
        open=unpaid,
        status=_status(row, unpaid),
        due=row.duedate,
        rail=Rail.OTHER,
    )


def _status(row: shapes.Invoice, unpaid: Money) -> InvoiceStatus:
    """Read it from what the row says of itself; only a posted invoice with nothing unpaid counts as paid."""
    if row.voided:
        return InvoiceStatus.VOID
    if not row.posting:
        return InvoiceStatus.DRAFT
    if row.foreignamountunpaid is None:
        return InvoiceStatus.UNKNOWN
    return InvoiceStatus.OPEN if unpaid.minor > 0 else InvoiceStatus.PAID


def _unapplied(row: shapes.Unapplied) -> Unapplied:
    return Unapplied(
        id=row.id,
        number=_line(row.tranid),
        kind=_KINDS[row.type],
        unused=Money.parse(row.foreignpaymentamountunused, row.currency),
        day=row.trandate,
    )


def _line(text: str | None) -> str:
    return one_line(text or "")


def _owner(row: shapes.Customer, warnings: list[str]) -> Person | None:
    if row.salesrep is None:
        warnings.append("The customer has no sales rep.")
        return None
    email = (row.owner_email or "").strip()
    name = _line(f"{row.owner_firstname or ''} {row.owner_lastname or ''}")
    if row.owner_isinactive:
        warnings.append(f"The sales rep {name or row.salesrep} is inactive.")
        return None
    if not is_address(email):
        warnings.append(f"The sales rep {name or row.salesrep} has no e-mail address that can be used.")
        return None
    return Person(name, email)


def _currency(text: str | None, warnings: list[str]) -> str | None:
    try:
        exponent(text or "")
    except BadAmountError:
        warnings.append(f"The customer's currency {_line(text)!r} is not an ISO code.")
        return None
    return text


def _timezone(text: str | None, warnings: list[str]) -> str | None:
    zone = _line(text)
    if not zone or zone in zone_names():
        return zone or None
    warnings.append(f"The time zone {zone!r} does not exist.")
    return None
