"""The one place that reads the system clock. Everything else is told the time."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """Say what time it is, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Say what time it is, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock


class VirtualClock:
    """A clock that moves only when told: for the sandbox, replay and tests."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Say what time it is, aware, in UTC."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Jump to `at`; raises `ValueError` when that lies in the past."""
        if at < self._at:
            raise ValueError(f"time does not run backwards: {at} is before {self._at}")
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move on by a positive duration."""
        self.move_to(self._at + by)


class ShiftedClock:
    """Runs at real speed from a chosen start: what the sandbox's web app shows after the story."""

    def __init__(self, start: datetime, clock: Clock) -> None:
        self._clock = clock
        self._shift = start - clock.now()

    def now(self) -> datetime:
        """Say what time it is, aware, in UTC."""
        return self._clock.now() + self._shift
