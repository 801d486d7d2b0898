"""Unheard: nothing leaves to somebody whose own mail has just come in and nobody has looked at (spec 7)."""

from datetime import datetime, timedelta

from dunwell.policy.gate import Verdict, VerdictKind
from dunwell.store import mails

_SOON = timedelta(minutes=1)


def unheard(address: str, now: datetime) -> Verdict | None:
    """Why a mail to an address has to wait a minute, at most until theirs is heard; None when it need not."""
    if not mails.waits_unheard(address):
        return None
    why = f"{address} has just written; nothing leaves before that is looked at."
    return Verdict(VerdictKind.WAIT, why, again_at=now + _SOON)
