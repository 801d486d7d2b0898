"""Perform: effects leave the house, each past the gate, each at most once where a repeat could hurt.

A mail goes through three commits: claimed (may be taken again), handing over (may have left), and its
final state. A worker that dies before the second commit is repeated; one that dies after it leaves a
mail nobody knows about, and that goes to a person. A charge carries one idempotency key, so repeating
it is harmless.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine import charges, mails
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy.words import MessageState, ReviewKind
from dunwell.store import cases, claims, models, people
from dunwell.store.journal import Journal

log = logging.getLogger(__name__)

BATCH = 50
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Worker:
    """Who performs: a name that is different in every running worker."""

    name: str


def perform_due(ports: Ports, now: datetime, worker: Worker, limit: int = BATCH) -> Counter[str]:
    """Perform up to `limit` due effects; return how many ended in which state."""
    done: Counter[str] = Counter()
    for item in claims.abandoned_mails(now):
        done[give_to_a_person(item, ports, now)] += 1
    for item in claims.claim_effects(now, limit, worker.name, LEASE):
        perform_one = mails.perform if item.kind == models.OutboxItem.MAIL else charges.perform
        done[perform_one(item, ports, now)] += 1
    return done


def give_to_a_person(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """A worker vanished while handing this mail over: never send it again, ask a person."""
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        if not claims.move_effect(
            item, frm=[MessageState.HANDING_OVER], to=MessageState.UNKNOWN, settled_at=now
        ):
            return "taken"
        text = (
            f"The worker stopped while handing the {item.stage} to the mail server for {item.to_address}. "
            "It may or may not have left; it will not be sent again."
        )
        journal = Journal(now)
        journal.entry(row, "unknown", text, detail={"stage": item.stage, "key": item.key})
        if not people.has_open_review(row, ReviewKind.SEND_UNKNOWN):
            proposal = "Look for it in the mail server's log, then say whether it arrived."
            journal.review(row, ReviewKind.SEND_UNKNOWN, text, proposal)
        journal.write()
        again = Journal(now)
        consider([row], again, ports, alarm=False)
        again.write()
    return MessageState.UNKNOWN.value
