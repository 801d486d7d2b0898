"""The last three full months of recurring revenue, from a field or a query of the installation's own (spec 1). Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from dunwell.connectors.netsuite import shapes
from dunwell.connectors.netsuite.names import Names
from dunwell.policy.facts import Mrr
from dunwell.policy.ledger import RevenueReading
from dunwell.policy.money import BadAmountError, Money

QUERY = "NetSuite query"


def last_months(now: datetime) -> tuple[str, str, str]:
    """Name the three full calendar months (UTC) before `now`, oldest first, as YYYY-MM."""
    moment = now.astimezone(UTC)
    first, second, third = (_month(moment.year * 12 + moment.month - 1 - back) for back in (3, 2, 1))
    return first, second, third


def nowhere(now: datetime) -> RevenueReading:
    """Say that nobody has set where NetSuite keeps the figure."""
    return _unknown(now, "no NetSuite field or query is set for it")


def from_months(
    rows: Sequence[shapes.Month], usual: str | None, now: datetime, source: str = QUERY
) -> RevenueReading:
    """Take the three months out of the query's rows; several rows of one month add up.

    `usual` is the customer's currency, for rows without one. A month that is missing makes the whole unknown: it is
    not zero. So do two currencies.
    """
    wanted = last_months(now)
    found = [row for row in rows if row.month in wanted]
    missing = [month for month in wanted if month not in {row.month for row in found}]
    if missing:
        return _unknown(now, f"{source} gave nothing for {', '.join(missing)}")
    currencies = sorted({(row.currency or usual or "").upper() for row in found})
    if len(currencies) > 1:
        return _unknown(
            now, f"{source} gave amounts in {' and '.join(each or 'none' for each in currencies)}"
        )
    try:
        first, second, third = (
            Money(
                sum(Money.parse(row.mrr, currencies[0]).minor for row in found if row.month == month),
                currencies[0],
            )
            for month in wanted
        )
    except BadAmountError as error:
        return _unknown(now, f"{source} gave an amount that is not understood ({error})")
    return RevenueReading(now, Mrr((first, second, third), source, now.astimezone(UTC).date()))


def from_field(row: shapes.Customer, names: Names, now: datetime) -> RevenueReading:
    """Take the average a field holds as each of the three months, which is all it tells."""
    source = f"NetSuite field {names.mrr_field}"
    if row.mrr is None:
        return _unknown(now, f"{source} is empty")
    try:
        held = Money.parse(row.mrr, row.currency or "")
    except BadAmountError as error:
        return _unknown(now, f"{source} is not understood ({error})")
    month = Money(_half_up(Fraction(held.minor, names.mrr_field_months)), held.currency)
    return RevenueReading(now, Mrr((month, month, month), f"{source} (average)", now.astimezone(UTC).date()))


def _unknown(now: datetime, why: str) -> RevenueReading:
    return RevenueReading(now, None, f"MRR is unknown: {why}.")


def _month(count: int) -> str:
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def _half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)
