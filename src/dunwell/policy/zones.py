"""The customer's time zone, and why it is that one (spec 2)."""

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from dunwell.policy.facts import Customer
from dunwell.policy.places import state_code
from dunwell.policy.policy import Policy
from dunwell.policy.zone_table import (
    countries,
    has_several_clocks,
    main_zone,
    zone_names,
    zone_of_state,
)


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """A time zone with the reason it was chosen, as a phrase that follows the zone's name."""

    name: str
    zone: ZoneInfo
    because: str


def zone_for(customer: Customer, policy: Policy) -> ZoneChoice:
    """Choose the customer's zone: a set value, else the billing address, else the company's own.

    A set value or country that does not exist is passed over, and the reason says so.
    """
    return _choose(customer.timezone, customer.country, customer.subdivision, policy.company.timezone)


@lru_cache(maxsize=4096)
def _choose(given: str | None, country: str | None, state: str | None, company_zone: str) -> ZoneChoice:
    if given and given in zone_names():
        return _choice(given, "set for this customer")
    passed_over = f"{given!r} is not a time zone, so " if given else ""
    place = (country or "").strip().upper()
    if place not in countries():
        missing = f"{country!r} is not a country" if country else "no country is known"
        return _choice(company_zone, f"{passed_over}{missing}, so the company's own")
    name, because = _from_address(place, state)
    return _choice(name, passed_over + because)


def _from_address(country: str, state: str | None) -> tuple[str, str]:
    code = state_code(country, state) if state else None
    zone = zone_of_state(country, code) if code else None
    if zone:
        return zone, f"from the billing address, {country}-{code}"
    if has_several_clocks(country):
        missing = f"state {state!r} not in the table" if state else "no state given"
        return main_zone(country), f"from the billing country {country}: {missing}, so where most people live"
    return main_zone(country), f"from the billing country {country}"


def _choice(name: str, because: str) -> ZoneChoice:
    return ZoneChoice(name, ZoneInfo(name), because)
