"""Look: ask the mailbox for what has come since the last time, and keep it."""

import logging
from datetime import datetime, timedelta
from threading import Event

from dunwell.engine.incoming.take import take_mail
from dunwell.engine.ports import Ports
from dunwell.engine.trouble import attempt
from dunwell.policy.incoming import Arrived, IncomingMail, MailboxUnreadableError
from dunwell.store import marks

log = logging.getLogger(__name__)

IMAP = "imap"
LOOK_EVERY = timedelta(minutes=1)
# Marks: how far the mailbox was read and when, and since when it cannot be.
MAILBOX, TROUBLE = "mailbox", "mailbox_trouble"


def look_into_mailbox(ports: Ports, now: datetime, stop: Event | None = None) -> int:
    """Keep every mail that has come in since the last look; return how many were new.

    The mark moves after each mail that is kept: whoever dies in between finds it again, and it is still one mail.
    A mailbox that cannot be read is said once, and tried again at the next look.
    """
    if ports.mailbox is None:
        return 0
    place, found = marks.place_of(MAILBOX), 0
    # As long as nothing has ever come, the last days are counted from the last look: downtime loses nothing.
    seen = now if place else marks.mark_of(MAILBOX) or now
    try:
        for arrived in ports.mailbox.arrived(place, seen):
            found += _take(arrived, now)
            place = arrived.place
            marks.move_place(MAILBOX, place, now)
            if stop and stop.is_set():
                return found
    except MailboxUnreadableError as error:
        _say_once(str(error), now)
        return found
    marks.move_place(MAILBOX, place, now)
    marks.forget(TROUBLE)
    return found


def _take(arrived: Arrived, now: datetime) -> bool:
    """One mail that cannot be kept as it is must not keep us from those behind it: its head will have to do."""
    new: list[bool] = []
    trouble = attempt("keeping a mail", lambda: new.append(take_mail(IMAP, arrived.id, arrived.mail, now)))
    if trouble:
        mail, problem = arrived.mail, f"Most of this mail could not be kept: {trouble}."
        head = IncomingMail("", mail.sender, mail.recipients, mail.subject, "", "", problems=(problem,))
        attempt("keeping a mail's head", lambda: new.append(take_mail(IMAP, arrived.id, head, now)))
    return any(new)


def _say_once(why: str, now: datetime) -> None:
    if marks.mark_of(TROUBLE) is None:
        log.warning("the mailbox cannot be read, trying again every minute: %s", why)
        marks.move_place(TROUBLE, why, now)
