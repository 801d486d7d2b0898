"""How moments and holds are said to people: on the customer's clock, wherever it is known."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dunwell.policy.facts import Instalment
from dunwell.policy.words import HoldKind


def day(at: datetime | date, now: datetime) -> str:
    """Write a day as `Thu 16 Apr`, with the year when it is not this one."""
    year = "" if at.year == now.year else f" {at.year}"
    return f"{at:%a} {at.day} {at:%b}{year}"


def clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Write a moment as `Thu 16 Apr, 09:00`, where the place is plain from what stands around it."""
    local = at.astimezone(zone)
    return f"{day(local, now.astimezone(zone))}, {local:%H:%M}"


def in_full(at: datetime, zone: ZoneInfo) -> str:
    """Write a moment as `2026-04-16 09:00 America/New_York`, to be understood years later."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def hold_word(kind: HoldKind, until: datetime | None) -> str:
    """Name a hold inside a sentence. A veto that has an end is a postponement."""
    return (
        kind.value.replace("_", " ") if kind is not HoldKind.VETO or until is None else "put off by the owner"
    )


def on_hold(kind: HoldKind, until: datetime | None, zone: ZoneInfo, parts: Sequence[Instalment] = ()) -> str:
    """Say in a sentence that a case waits now, and until when; `parts` are those of a payment plan."""
    if parts:
        said = ", ".join(f"{part.amount} by {part.due:%Y-%m-%d}" for part in parts)
        return f"On hold ({hold_word(kind, until)}) as long as every part comes: {said}."
    ends = f"until {in_full(until, zone)}" if until else "until somebody releases it"
    if kind is HoldKind.VETO and until is not None:
        return f"Put off by the relationship owner {ends}."
    return f"On hold ({hold_word(kind, until)}) {ends}."
