"""Times as people read them: in the customer's zone, with the place named, and UTC at hand."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from dunwell.policy import facts
from dunwell.policy.saying import clock, day
from dunwell.policy.zones import ZoneChoice, zone_for
from dunwell.store.keep import book_of


def zone_choice(customer: facts.Customer, policy: str) -> ZoneChoice:
    """A customer's zone and why it is that one, by the policy version their case opened under."""
    return zone_for(customer, book_of(policy).policy)


def zone_of(customer: facts.Customer, policy: str) -> ZoneInfo:
    """The zone in which a customer's times are shown."""
    return zone_choice(customer, policy).zone


def place(zone: ZoneInfo) -> str:
    """Name a zone by its town: `America/New_York` is New York."""
    return town_of(zone.key)


def town_of(key: str) -> str:
    """Name the town of a zone's key."""
    return key.rsplit("/", 1)[-1].replace("_", " ")


# A stamp inside a sentence; not a part of something longer, such as the number of an invoice.
_STAMP = re.compile(
    r"(?<![\w/.-])([0-9]{4}-[0-9]{2}-[0-9]{2})( [0-9]{2}:[0-9]{2})?"
    r"( (?:UTC|[A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+)+))?(?![\w/-])"
)

_CLOCK = re.compile(r"(?<=clock of )[A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+)+")


def friendly(said: str, now: datetime) -> str:
    """Write the stamps inside a sentence as the page writes its own.

    `2026-04-16 09:00 America/New_York` reads `Thu 16 Apr, 09:00 New York`; what is kept stays as it was.
    """

    def plainly(found: re.Match[str]) -> str:
        try:
            stamp = day(date.fromisoformat(found[1]), now)
        except ValueError:
            return found[0]
        town = f" {town_of(found[3].strip())}" if found[3] else ""
        return f"{stamp},{found[2]}{town}" if found[2] else f"{stamp}{town}"

    return _CLOCK.sub(lambda found: town_of(found[0]), _STAMP.sub(plainly, said))


def moment(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Write a moment as `Thu 16 Apr, 09:00 New York`."""
    return f"{clock(at, zone, now)} {place(zone)}"


def in_utc(at: datetime) -> str:
    """Write a moment as `2026-04-16 13:00:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def days_between(start: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Count the midnights from `start` to `now` on the zone's clock."""
    return (now.astimezone(zone).date() - start.astimezone(zone).date()).days


def ago_or_ahead(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say how far away a moment is: `today`, `in 3 days`, `2 days ago`."""
    away = -days_between(at, now, zone)
    if away == 0:
        return "today"
    if abs(away) == 1:
        return "tomorrow" if away == 1 else "yesterday"
    return f"in {away} days" if away > 0 else f"{-away} days ago"
