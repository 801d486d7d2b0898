"""Tick: every case whose alarm has rung is looked at again. Cost follows what is due, not what is open."""

from datetime import datetime, timedelta
from functools import partial

from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.engine.trouble import attempt
from dunwell.policy.words import ReviewKind
from dunwell.store import cases, people
from dunwell.store.claims import due_cases, one_transaction
from dunwell.store.journal import Journal
from dunwell.store.snapshots import read_locked

BATCH = 500
LOOK_AGAIN = timedelta(hours=1)


def tick(ports: Ports, now: datetime, limit: int = BATCH) -> int:
    """Decide up to `limit` due cases in one transaction; return how many were looked at.

    Safe to run in any number of workers: a case is locked while it is decided, and a worker that dies
    leaves no trace. If one case breaks the decision of all, each is decided by itself and the broken one
    goes to a person.
    """
    found: list[int] = []
    if attempt(f"deciding {limit} cases at once", lambda: found.extend(_decide(ports, now, limit))):
        return _one_by_one(ports, now, limit)
    return len(found)


def _decide(ports: Ports, now: datetime, limit: int) -> list[int]:
    with one_transaction():
        ids = due_cases(now, limit)
        if ids:
            _look(ids, ports, now)
    return ids


def _look(ids: list[int], ports: Ports, now: datetime) -> None:
    journal = Journal(now)
    consider(read_locked(ids), journal, ports, alarm=True)
    journal.write()


def _one_by_one(ports: Ports, now: datetime, limit: int) -> int:
    with one_transaction():
        ids = due_cases(now, limit)
    for case in ids:
        trouble = attempt(f"deciding case {case}", partial(_decide_one, case, ports, now))
        if trouble:
            _set_aside(case, trouble, now)
    return len(ids)


def _decide_one(case: int, ports: Ports, now: datetime) -> None:
    with one_transaction():
        row = cases.locked_case(case)
        if row.due_at is not None and row.due_at <= now:
            _look([case], ports, now)


def _set_aside(case: int, trouble: str, now: datetime) -> None:
    """A case that cannot be decided waits, and a person is told; once it can be, it runs on by itself."""
    text = f"This case could not be decided: {trouble}."
    with one_transaction():
        row = cases.locked_case(case)
        row.due_at = now + LOOK_AGAIN
        journal = Journal(now)
        if not people.has_open_review(row, ReviewKind.BAD_DATA):
            journal.entry(row, "trouble", text)
            journal.review(row, ReviewKind.BAD_DATA, text, "Ask whoever runs Dunwell to read the log.")
        journal.changed(row)
        journal.write()
