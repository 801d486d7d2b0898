"""Searches the books for open invoices that passed their due date, though no charge ever failed (spec 1).

What a search finds goes into the inbox once, like an event of a vendor's: it only says where to look.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dunwell.engine import booked
from dunwell.engine.ports import Ledger, Ports
from dunwell.policy.book import Book
from dunwell.policy.facts import Unreadable
from dunwell.policy.readings import Malformed, Notice, Overdue, SweepFailedError, Topic
from dunwell.policy.sections import OverdueRule
from dunwell.store import cases, keep
from dunwell.store.marks import mark_of, move_mark

log = logging.getLogger(__name__)

SOURCE, IN_LEDGER = "overdue", "overdue in NetSuite"
SEARCH_EVERY = timedelta(hours=1)
# Invoices may be dated back, and the vendor's day is not everybody's.
OVERLAP = timedelta(days=1)


def search_if_time(ports: Ports, book: Book, now: datetime) -> int:
    """Search unless that was done within the hour; a search that failed is made again."""
    rule = book.policy.overdue
    in_ledger = rule.netsuite and ports.ledger is not None
    searched = [SOURCE] * rule.stripe + [IN_LEDGER] * in_ledger
    marks = [mark_of(source) for source in searched]
    if marks and all(mark is not None and timedelta() <= now - mark < SEARCH_EVERY for mark in marks):
        return 0
    return search(ports, book, now)


def search(ports: Ports, book: Book, now: datetime) -> int:
    """Search the books the policy names for invoices that fell due, and keep each once; return how many are news.

    The first search reaches back as far as the policy says, later ones to the one before. A mark moves only when a
    list was read to its end.
    """
    rule = book.policy.overdue
    found = _at_stripe(ports, rule, now) if rule.stripe else 0
    if ports.ledger is not None:
        found += _in_ledger(ports.ledger, rule, now) if rule.netsuite else 0
        found += _changed(ports.ledger, now)
    return found


def _since(source: str, rule: OverdueRule, now: datetime) -> datetime:
    mark = mark_of(source)
    return mark - OVERLAP if mark else now - timedelta(days=rule.lookback_days)


def _in_ledger(ledger: Ledger, rule: OverdueRule, now: datetime) -> int:
    """Ask NetSuite, which knows of no zones: an invoice of today may be late where the customer is."""
    listed = ledger.overdue(_since(IN_LEDGER, rule, now).date(), now.date())
    if isinstance(listed, Unreadable):
        log.warning("search for overdue invoices in NetSuite stopped: %s", listed.reason)
        return 0
    found = sum(_keep(Overdue(f"{booked.PREFIX}{each.id}", str(each.due)), now) for each in listed)
    move_mark(IN_LEDGER, now)
    return found


def _changed(ledger: Ledger, now: datetime) -> int:
    """Nobody calls when an invoice of NetSuite's is paid: ask about each that has an open case."""
    found = 0
    for invoice, status, open_minor in cases.open_in_ledger():
        standing = ledger.read_standing("", invoice.removeprefix(booked.PREFIX), now)
        if isinstance(standing, Unreadable):
            log.warning("invoice %s could not be read: %s", invoice, standing.reason)
            return found
        said = standing.invoice
        if said is not None and (said.status.value, said.open.minor) != (status, open_minor):
            found += _keep(Overdue(invoice, f"changed {now.isoformat()}"), now)
    return found


def _at_stripe(ports: Ports, rule: OverdueRule, now: datetime) -> int:
    since = _since(SOURCE, rule, now)
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
