"""Working days and sending windows on the customer's own calendar (spec 2)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from dunwell.policy.facts import Customer
from dunwell.policy.places import state_code
from dunwell.policy.policy import Policy
from dunwell.policy.sections import Window
from dunwell.policy.zone_table import countries

_DAY = timedelta(days=1)
_MONDAY_TO_FRIDAY = range(5)


class NoWorkingDayError(ValueError):
    """A calendar without a working day in a whole year."""


@dataclass(frozen=True, slots=True)
class PayerCalendar:
    """The weekend and public holidays of a country and, where known, one of its subdivisions.

    `subdivision` is a code of the holidays library or None. A country that library does not know works
    Monday to Friday without holidays. Use `calendar_for` or `calendar_of`, which choose and share them.
    """

    country: str
    subdivision: str | None = None

    def is_working_day(self, day: date) -> bool:
        """Say whether people there work on that date."""
        return _working_days(self.country, self.subdivision, day.year)[day.month << 5 | day.day] == 1

    def next_working_day(self, day: date) -> date:
        """Return the first working day strictly after a date."""
        for _ in range(366):
            day += _DAY
            if self.is_working_day(day):
                return day
        raise NoWorkingDayError(f"no working day in {self.country} in the year before {day}")

    def add_working_days(self, day: date, count: int) -> date:
        """Return the date `count` working days after a date, which itself is day 0."""
        for _ in range(count):
            day = self.next_working_day(day)
        return day


@lru_cache(maxsize=4096)
def _working_days(country: str, subdivision: str | None, year: int) -> bytes:
    """One byte a day, indexed by month and day, because this is asked for every case and every day."""
    first = date(year, 1, 1)
    days = [first + timedelta(days=number) for number in range((date(year, 12, 31) - first).days + 1)]
    table = bytearray(13 << 5)
    for day in _workable(country, subdivision, days):
        table[day.month << 5 | day.day] = 1
    return bytes(table)


def _workable(country: str, subdivision: str | None, days: list[date]) -> list[date]:
    if country not in holidays.list_supported_countries(include_aliases=False):
        return [day for day in days if day.weekday() in _MONDAY_TO_FRIDAY]
    year = days[0].year
    # A holiday moved off a weekend can fall into the year before or after its own.
    around = [near for near in (year - 1, year, year + 1) if date.min.year <= near <= date.max.year]
    known = holidays.country_holidays(country, subdiv=subdivision, years=around, expand=False)
    return [day for day in days if known.is_working_day(day)]


@dataclass(frozen=True, slots=True)
class CalendarChoice:
    """A calendar with the reason it was chosen, in words."""

    calendar: PayerCalendar
    because: str


def calendar_for(customer: Customer, policy: Policy) -> tuple[PayerCalendar, str]:
    """Choose the customer's calendar and say why: their country and state, else the company's country."""
    choice = calendar_of(customer.country, customer.subdivision, policy.company.country)
    return choice.calendar, choice.because


@lru_cache(maxsize=4096)
def calendar_of(country: str | None, state: str | None, company_country: str) -> CalendarChoice:
    """Choose a calendar for an address; the company's country stands in for an unknown one."""
    place = (country or "").strip().upper()
    if place not in countries():
        missing = f"{country!r} is not a country" if country else "no country is known"
        return CalendarChoice(
            PayerCalendar(company_country),
            f"working days of the company's own country {company_country}: {missing}",
        )
    supported = holidays.list_supported_countries(include_aliases=False).get(place)
    if supported is None:
        return CalendarChoice(PayerCalendar(place), f"Monday to Friday: no holidays are known for {place}")
    code = state_code(place, state) if state else None
    if code in supported:
        return CalendarChoice(PayerCalendar(place, code), f"working days of {place}-{code}")
    without = f": state {state!r} has no calendar of its own" if state else ""
    return CalendarChoice(PayerCalendar(place), f"working days of {place}{without}")


def at_local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return a wall-clock time on a local date as UTC. A time skipped by summer time moves forward."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def into_window(at: datetime, calendar: PayerCalendar, zone: ZoneInfo, window: Window) -> datetime:
    """Move an aware datetime forward, if needed, into the window on a working day. Returns UTC.

    The window is half-open on the local clock: its closing time is outside.
    """
    local = at.astimezone(zone)
    day, clock = local.date(), local.time()
    if calendar.is_working_day(day):
        if window.opens <= clock < window.closes:
            return at.astimezone(UTC)
        if clock < window.opens:
            return max(at.astimezone(UTC), at_local(day, window.opens, zone))
    return at_local(calendar.next_working_day(day), window.opens, zone)


def next_opening(after: datetime, calendar: PayerCalendar, zone: ZoneInfo, window: Window) -> datetime:
    """Return the first opening of the window strictly after a moment, on a working day. Returns UTC."""
    day = after.astimezone(zone).date()
    if calendar.is_working_day(day) and (today := at_local(day, window.opens, zone)) > after:
        return today
    return at_local(calendar.next_working_day(day), window.opens, zone)
