"""Why a case is where it is: its track, band, clock and MRR, in words for the case page."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from dunwell.policy import facts
from dunwell.policy.cadence import rhythm_of
from dunwell.policy.money import Money
from dunwell.policy.opening import open_on
from dunwell.policy.words import Band
from dunwell.store.casefile import CaseFile
from dunwell.store.keep import book_of


@dataclass(frozen=True, slots=True)
class Standing:
    """What applies to a case and why, each reason a phrase or sentence."""

    track_because: str
    band: Band
    band_because: str
    zone_because: str
    calendar_because: str
    months: tuple[tuple[str, Money], ...]
    average: Money | None


def of(file: CaseFile) -> Standing:
    """Say why a case is where it is, by the policy it opened under and the customer as last read."""
    customer = file.case.customer
    policy = book_of(file.policy).policy
    rhythm = rhythm_of(customer, policy)
    opening = open_on(customer, policy)
    return Standing(
        track_because=opening.because,
        band=rhythm.band.band,
        band_because=rhythm.band.because,
        zone_because=rhythm.zone.because,
        calendar_because=rhythm.calendar.because,
        months=_months(customer.mrr) if customer.mrr else (),
        average=_average(customer.mrr) if customer.mrr else None,
    )


def _average(mrr: facts.Mrr) -> Money | None:
    """The mean to the nearest minor unit, for reading; the rules compare the exact sum."""
    currencies = {month.currency for month in mrr.months}
    if len(currencies) != 1:
        return None
    mean = Decimal(sum(month.minor for month in mrr.months)) / len(mrr.months)
    return Money(int(mean.to_integral_value(ROUND_HALF_UP)), currencies.pop())


def _months(mrr: facts.Mrr) -> tuple[tuple[str, Money], ...]:
    """Name the three months: the last full ones before the reading, oldest first."""
    if mrr.as_of is None:
        return tuple(zip(("Three months back", "Two months back", "Last month"), mrr.months, strict=True))
    names: list[str] = []
    first = mrr.as_of.replace(day=1)
    for _ in mrr.months:
        first = (first - timedelta(days=1)).replace(day=1)
        names.append(_month(first))
    return tuple(zip(reversed(names), mrr.months, strict=True))


def _month(first: date) -> str:
    return f"{first:%B %Y}"
