"""Searches the books for open invoices that passed their due date, though no charge ever failed (spec 1).

What a search finds goes into the inbox once, like an event of a vendor's: it only says where to look.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dunwell.engine.ports import Ports
from dunwell.policy.book import Book
from dunwell.policy.readings import Malformed, Notice, Overdue, SweepFailedError, Topic
from dunwell.store import keep
from dunwell.store.marks import mark_of, move_mark

log = logging.getLogger(__name__)

SOURCE = "overdue"
SEARCH_EVERY = timedelta(hours=1)
# Invoices may be dated back, and the vendor's day is not everybody's.
OVERLAP = timedelta(days=1)


def search_if_time(ports: Ports, book: Book, now: datetime) -> int:
    """Search unless that was done within the hour; a search that failed is made again."""
    mark = mark_of(SOURCE)
    if mark is not None and timedelta() <= now - mark < SEARCH_EVERY:
        return 0
    return search(ports, book, now)


def search(ports: Ports, book: Book, now: datetime) -> int:
    """Ask Stripe which sent invoices fell due, and keep each once; return how many are news.

    The first search reaches back as far as the policy says, later ones to the one before. The mark moves only when
    the list was read to its end.
    """
    if not book.policy.overdue.stripe:
        return 0
    mark = mark_of(SOURCE)
    since = mark - OVERLAP if mark else now - timedelta(days=book.policy.overdue.lookback_days)
    found = 0
    try:
        for each in ports.payments.overdue(since, now):
            found += _keep(each, now)
    except SweepFailedError as error:
        log.warning("search for overdue invoices at Stripe stopped: %s", error)
        return found
    move_mark(SOURCE, now)
    return found


def notice_of(event: Mapping[str, Any]) -> Notice | Malformed:
    """Say what a finding of ours is about."""
    invoice, at = event.get("invoice"), event.get("at")
    if not isinstance(invoice, str) or not isinstance(at, str):
        return Malformed("not a finding of a search for overdue invoices")
    return Notice(str(event.get("id")), SOURCE, datetime.fromisoformat(at), Topic.OVERDUE, invoice=invoice)


def _keep(found: Overdue, now: datetime) -> bool:
    event = {
        "id": f"{SOURCE}:{found.invoice}:{found.due}"[:255],
        "type": SOURCE,
        "at": now.isoformat(),
        "invoice": found.invoice,
    }
    return keep.keep_event(source=SOURCE, event=event, body=json.dumps(event), now=now)
