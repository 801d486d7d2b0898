"""Perform: effects leave the house, each past the gate, each at most once where a repeat could hurt.

A mail goes through three commits: claimed (may be taken again), handing over (may have left), and its
final state. A worker that dies before the second commit is repeated; one that dies after it leaves a
mail nobody knows about, and that goes to a person. A charge carries one idempotency key, so repeating
it is harmless; so does a letter through NetSuite, which can be asked what became of it.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from dunwell.engine import answers, charges, gather, mails, switching
from dunwell.engine.clock import Clock, ShiftedClock
from dunwell.engine.parts import called, locked_parts
from dunwell.engine.personal import calls, confirm, owner, send
from dunwell.engine.ports import Ports
from dunwell.engine.record import look_at_all_again
from dunwell.engine.trouble import attempt
from dunwell.policy.words import CaseStatus, MessageState, ReviewKind
from dunwell.store import claims, models, people
from dunwell.store.journal import Journal

log = logging.getLogger(__name__)

BATCH = 50
LEASE = timedelta(minutes=5)
# Tries, a lease apart, at an effect that breaks Dunwell itself.
MOST_TRIES = 12

# What performs an effect of each kind: takes it claimed, returns the state it ended in.
Perform = Callable[[models.OutboxItem, Ports, Clock, timedelta], str]
PERFORMS: dict[str, Perform] = {
    models.OutboxItem.MAIL: mails.perform,
    models.OutboxItem.CHARGE: charges.perform,
    models.OutboxItem.GATHER: gather.perform,
    models.OutboxItem.TAKE_OVER: switching.take_over,
    models.OutboxItem.HAND_BACK: switching.hand_back,
    models.OutboxItem.OWNER_NOTE: owner.perform,
    models.OutboxItem.LETTER: send.perform,
    models.OutboxItem.CONFIRM: confirm.perform,
    models.OutboxItem.CALL: calls.perform,
    models.OutboxItem.ANSWER: answers.perform,
}
# What asks a person about mail whose worker vanished while handing it over, where that is not mail to a stage.
_ABANDONED: dict[str, Callable[[models.OutboxItem, Ports, datetime], str]] = {
    models.OutboxItem.LETTER: send.give_to_a_person,
    models.OutboxItem.ANSWER: answers.give_to_a_person,
}


@dataclass(frozen=True, slots=True)
class Worker:
    """Who performs: a name that is different in every running worker."""

    name: str


def perform_due(
    ports: Ports, now: datetime, worker: Worker, limit: int = BATCH, stop: Event | None = None
) -> Counter[str]:
    """Perform up to `limit` due effects; return how many ended in which state.

    `now` is when this begins; slow vendors and mail servers move the time on. What is not reached before
    its lease has run out is left to whoever claims it next; what is not begun when `stop` is set is put back.
    """
    clock = ShiftedClock(now, ports.clock)
    done: Counter[str] = Counter()
    for item in claims.abandoned_mails(now):
        done[_ABANDONED.get(item.kind, give_to_a_person)(item, ports, now)] += 1
    for item in claims.claim_effects(now, limit, worker.name, LEASE):
        if stop and stop.is_set():
            claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.QUEUED, due_at=now)
        else:
            done[_perform_one(item, ports, clock)] += 1
    return done


def _perform_one(item: models.OutboxItem, ports: Ports, clock: Clock) -> str:
    if clock.now() >= item.due_at:
        return "left"
    perform = PERFORMS[item.kind]
    states: list[str] = []
    trouble = attempt(f"performing {item.key}", lambda: states.append(perform(item, ports, clock, LEASE)))
    if trouble and item.tries >= MOST_TRIES:
        _tell_somebody(item, trouble, ports, clock.now())
    return states[0] if states else "trouble"


def _tell_somebody(item: models.OutboxItem, trouble: str, ports: Ports, now: datetime) -> None:
    """What may have left is not said to have stayed."""
    if item.kind == models.OutboxItem.LETTER:
        send.give_up(item, trouble, ports, now)
    elif item.kind == models.OutboxItem.CONFIRM:
        confirm.give_up(item, trouble, ports, now)
    elif item.kind != models.OutboxItem.CHARGE or not charges.give_up(item, trouble, ports, now):
        _give_up(item, trouble, now)


def _give_up(item: models.OutboxItem, trouble: str, now: datetime) -> None:
    """An effect that breaks Dunwell itself each time is stopped before it left, and a person is told."""
    text = f"It cannot leave: {trouble}."
    with claims.one_transaction():
        parts = locked_parts(item)
        stopped = MessageState.STOPPED
        if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=stopped, settled_at=now, note=text):
            return
        journal = Journal(now)
        for part in parts:
            row = part.row
            journal.entry(row, "trouble", text, detail=part.detail)
            if row.closed_at is None:
                proposal = "Ask whoever runs Dunwell to read the log."
                people.ask_once(row, ReviewKind.BAD_DATA, text, proposal, journal)
            if row.closed_at is None and item.kind == models.OutboxItem.MAIL:
                row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, text
            journal.changed(row)
        journal.write()


def give_to_a_person(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """A worker vanished while handing this mail over: never send it again, ask a person."""
    with claims.one_transaction():
        parts = locked_parts(item)
        if not claims.move_effect(
            item, frm=[MessageState.HANDING_OVER], to=MessageState.UNKNOWN, settled_at=now
        ):
            return "taken"
        what = item.stage if len(parts) == 1 else called(parts)
        text = (
            f"The worker stopped while handing the {what} to the mail server for {item.to_address}. "
            "It may or may not have left; it will not be sent again."
        )
        journal = Journal(now)
        for part in parts:
            journal.entry(part.row, "unknown", text, detail=part.detail)
            if part.row.closed_at is None:
                proposal = "Look for it in the mail server's log, then say whether it arrived."
                people.ask_once(part.row, ReviewKind.SEND_UNKNOWN, text, proposal, journal)
        journal.write()
        look_at_all_again([part.row for part in parts], now, ports)
    return MessageState.UNKNOWN.value
