"""Tick: every case whose alarm has rung is looked at again. Cost follows what is due, not what is open."""

from datetime import datetime

from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.store.claims import due_cases, one_transaction
from dunwell.store.journal import Journal
from dunwell.store.snapshots import lock_cases

BATCH = 500


def tick(ports: Ports, now: datetime, limit: int = BATCH) -> int:
    """Decide up to `limit` due cases in one transaction; return how many were looked at.

    Safe to run in any number of workers: a case is locked while it is decided, and a worker that dies
    leaves no trace.
    """
    with one_transaction():
        ids = due_cases(now, limit)
        if ids:
            journal = Journal(now)
            consider(lock_cases(ids), journal, ports, alarm=True)
            journal.write()
    return len(ids)
