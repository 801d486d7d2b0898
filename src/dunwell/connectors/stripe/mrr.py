"""Monthly recurring revenue rebuilt from a customer's invoices (spec 1). Pure.

Stripe's API has no MRR. A recurring line is spread over its service period: a period of whole months
counts the same in each (a yearly 1,200 is 100 a month, whatever the length of the months, and a month it
covers in part counts in part), any other period by its days. Months are calendar months in UTC.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from dunwell.connectors.stripe.amounts import money
from dunwell.connectors.stripe.shapes import BilledInvoice, Line
from dunwell.policy.facts import Mrr
from dunwell.policy.money import Money

SOURCE = "Stripe invoices"
# A line's service period can begin a year before the invoice months we count in.
_LONGEST_PERIOD = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class MrrReading:
    """The MRR, or None with the sentence that says why it is unknown."""

    mrr: Mrr | None
    warning: str = ""


def rebuild_mrr(invoices: Sequence[BilledInvoice], now: datetime, *, complete: bool) -> MrrReading:
    """Rebuild the last three full months before `now` from paid and open invoices, newest first.

    What counts: subscription lines that are no prorations, less their discounts and the taxes inside
    them. A month without any counts 0. `complete` says whether the list holds every invoice. Unknown, with
    a sentence: two currencies in those months, no invoice to give a currency, or lines we could not see.
    """
    starts = _month_starts(now)
    counted = [invoice for invoice in invoices if invoice.status in ("paid", "open")]
    seen_from = min((invoice.created for invoice in invoices), default=now)
    if not complete and seen_from > starts[0]:
        return MrrReading(None, "MRR is unknown: there are more invoices in three months than were read.")
    for invoice in counted:
        if invoice.lines.has_more and invoice.created > starts[0] - _LONGEST_PERIOD:
            return MrrReading(None, f"MRR is unknown: invoice {invoice.id} has more lines than were read.")
    lines = [line for invoice in counted for line in _recurring(invoice, starts)]
    currencies = sorted({line.currency.upper() for line in lines})
    if len(currencies) > 1:
        return MrrReading(None, f"MRR is unknown: recurring invoices are in {' and '.join(currencies)}.")
    if not lines and not counted:
        return MrrReading(None, "MRR is unknown: the customer has no invoice that was paid or is open.")
    currency = currencies[0] if lines else counted[0].currency.upper()
    first, second, third = (
        Money(_rounded(sum((_share(line, start, end) for line in lines), Fraction())), currency)
        for start, end in pairwise(starts)
    )
    warning = "" if complete else "MRR rests on the newest invoices only; older yearly ones may be missing."
    return MrrReading(Mrr((first, second, third), SOURCE, now.astimezone(UTC).date()), warning)


def _month_starts(now: datetime) -> tuple[datetime, ...]:
    """Give the first moments of the last three full months and of the current one."""
    here = now.astimezone(UTC)
    months = here.year * 12 + here.month - 1
    return tuple(
        datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(months - 3, months + 1)
    )


def _recurring(invoice: BilledInvoice, starts: Sequence[datetime]) -> Iterator[Line]:
    for line in invoice.lines.data:
        parent = line.parent
        if parent is None or parent.type != "subscription_item_details":
            continue
        if parent.subscription_item_details and parent.subscription_item_details.proration:
            continue
        if line.period.start < starts[-1] and line.period.end > starts[0]:
            yield line


def _share(line: Line, start: datetime, end: datetime) -> Fraction:
    """Say how much of a line falls into a month, in ISO minor units."""
    overlap = min(line.period.end, end) - max(line.period.start, start)
    if overlap <= timedelta():
        return Fraction()
    months = _whole_months(line.period.start, line.period.end)
    whole = months * (end - start) if months else line.period.end - line.period.start
    return _net(line) * Fraction(overlap // timedelta(seconds=1), whole // timedelta(seconds=1))


def _whole_months(start: datetime, end: datetime) -> int:
    """Count the months of a period from one day of a month to the same day of another; 0 if it is none.

    A subscription that renews on the 31st does so on the last day of a shorter month, and comes back to
    the 31st after it.
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    shortened = end.day < start.day and end.day == monthrange(end.year, end.month)[1]
    restored = end.day > start.day and start.day == monthrange(start.year, start.month)[1]
    same_day = end.day == start.day or shortened or restored
    return months if same_day and start.time() == end.time() else 0


def _net(line: Line) -> int:
    discounts = sum(discount.amount for discount in line.discount_amounts or ())
    inside = sum(tax.amount for tax in line.taxes or () if tax.tax_behavior == "inclusive")
    return money(line.amount - discounts - inside, line.currency).minor


def _rounded(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
