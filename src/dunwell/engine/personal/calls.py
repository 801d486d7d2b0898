"""A call somebody should make, as a phone call record of the ledger (spec 1.2, 8)."""

from datetime import datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.personal.text import signer
from dunwell.engine.ports import Ports
from dunwell.policy.facts import Case, Unreadable
from dunwell.policy.ledger import LedgerCall
from dunwell.policy.patience import next_wait
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import MessageState
from dunwell.policy.zones import zone_for
from dunwell.store import cases, claims, keep, models, snapshots
from dunwell.store.journal import Journal

_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=1)


def queue_call(row: models.Case, case: Case, to: Journal) -> None:
    """Queue the phone call record of a case, once for ever; nothing without a ledger that knows the customer."""
    if case.ledger is None or not case.ledger.customer or claims.has_effect(row, models.OutboxItem.CALL):
        return
    # The end of the chain makes the key one of this installation, whoever else writes to the ledger.
    key = f"call:{row.pk}:{row.chain_head[:16]}"
    to.queue(row.pk, models.OutboxItem.CALL, key, case.invoice.open)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, _lease: timedelta) -> str:
    """Write the record; the same key writes the same one, so a repeat is harmless. The desk item stands anyway."""
    seen = cases.case_with_id(item.case_id)
    if seen is None or seen.closed_at is not None or ports.ledger is None:
        return _end(item, clock.now(), MessageState.STOPPED, "No call is needed any more.")
    case = snapshots.snapshots([seen], clock.now())[seen.pk]
    answer = ports.ledger.record_call(_call(item, seen, case, ports, clock.now()))
    if not isinstance(answer, Unreadable):
        said = f"The call stands in NetSuite as phone call {answer}."
        return _end(item, clock.now(), MessageState.SENT, said, record=answer)
    waited = clock.now() - item.queued_at
    patience = timedelta(hours=keep.book_of(seen.policy_id).policy.gate.tell_person_after_hours)
    if answer.permanent or waited >= patience:
        said = f"The call could not be written into NetSuite: {answer.reason}. It stands on the desk."
        return _end(item, clock.now(), MessageState.REFUSED, said)
    at = clock.now() + next_wait(waited, shortest=_SHORTEST_WAIT, longest=_LONGEST_WAIT)
    queued = MessageState.QUEUED
    moved = claims.move_effect(item, frm=[MessageState.CLAIMED], to=queued, due_at=at, note=answer.reason)
    return queued.value if moved else "taken"


def _call(item: models.OutboxItem, row: models.Case, case: Case, ports: Ports, now: datetime) -> LedgerCall:
    zone = zone_for(case.customer, keep.book_of(row.policy_id).policy).zone
    contact, owner, ledger = case.customer.contact, case.customer.owner, case.ledger
    about = f"{case.invoice.open} for invoice {case.invoice.number}"
    who = contact.name if contact and contact.name else case.customer.name
    return LedgerCall(
        key=item.key,
        title=one_line(f"Call {who} about {about}", 200),
        message=f"{about} is open. {row.because}",
        on=now.astimezone(zone).date(),
        customer=ledger.customer if ledger else "",
        contact=ledger.contact if ledger else "",
        invoice=ledger.invoice if ledger else "",
        assigned=owner.email if owner else signer(ports).email,
    )


def _end(item: models.OutboxItem, now: datetime, to: MessageState, said: str, **more: object) -> str:
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=to, settled_at=now, note=said):
            return "taken"
        journal = Journal(now)
        journal.entry(row, "call_record", said, detail={"key": item.key, **more})
        journal.write()
    return to.value
