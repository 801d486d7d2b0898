"""Unheard: nothing leaves to a customer whose own mail has just come in and nobody has looked at (spec 7)."""

from datetime import datetime, timedelta

from dunwell.engine.incoming.match import match
from dunwell.engine.ports import Ports
from dunwell.policy.gate import Verdict, VerdictKind
from dunwell.store import mails, models

_SOON = timedelta(minutes=1)
# With more than these nobody asks whose they are: everything waits a minute.
MOST_ASKED = 50


def unheard(address: str, customer: int, ports: Ports, now: datetime) -> Verdict | None:
    """Why a mail to a customer has to wait a minute, at most until theirs is heard; None when it need not.

    Theirs is what comes from `address`, and what is about a case of theirs, whoever wrote it.
    """
    waiting = mails.unheard_mails(MOST_ASKED + 1)
    if len(waiting) > MOST_ASKED:
        return _wait(
            f"More than {MOST_ASKED} mails have come in; nothing leaves before they are looked at.", now
        )
    for mail in waiting:
        if mail.sender_address == address.lower() or _is_about(customer, mail, ports, now):
            who = mail.sender_address or "Somebody"
            return _wait(f"{who} has just written; nothing leaves before that is looked at.", now)
    return None


def _is_about(customer: int, mail: models.IncomingMail, ports: Ports, now: datetime) -> bool:
    return not mail.is_report and customer in mails.customers_of(match(mail, ports, now).cases)


def _wait(why: str, now: datetime) -> Verdict:
    return Verdict(VerdictKind.WAIT, why, again_at=now + _SOON)
