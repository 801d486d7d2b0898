"""How long to wait before asking again somebody who gives no answer."""

from datetime import timedelta


def next_wait(waited: timedelta, *, shortest: timedelta, longest: timedelta) -> timedelta:
    """Ask ever more slowly: wait a quarter of what was waited already, within bounds."""
    return min(max(waited / 4, shortest), longest)
