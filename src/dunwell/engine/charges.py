"""One charge on its way out: the gate, one idempotency key, and what the bank said."""

from datetime import datetime, timedelta

from dunwell.engine import facts_in
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.gate import VerdictKind, check_charge_gate
from dunwell.policy.readings import ChargeResult
from dunwell.policy.words import AttemptOutcome, AttemptTrigger, MessageState, ReviewKind
from dunwell.store import cases, claims, keep, models, people, snapshots
from dunwell.store.journal import Journal

# A charge with an unknown outcome is repeated under the same key, which cannot charge twice.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360)]

_SAID = {
    AttemptOutcome.PAID: "The charge went through.",
    AttemptOutcome.DECLINED: "The charge was declined.",
    AttemptOutcome.PROCESSING: "The bank debit is under way.",
    AttemptOutcome.NEEDS_CUSTOMER: "The bank wants the customer to confirm the payment.",
    AttemptOutcome.UNKNOWN: "No answer came to the charge; it is repeated under the same key.",
}


def perform(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """Take one claimed charge past the gate and make it; return the state it ended in."""
    invoice = item.case.invoice.external_id
    reading = ports.payments.read_invoice(invoice, now)
    stopped = _pass_gate(item, reading, ports, now)
    if stopped:
        return stopped
    result = ports.payments.charge(invoice, item.method, item.key)
    if result.outcome is AttemptOutcome.UNKNOWN:
        return _try_later(item, result, ports, now)
    arrears = ports.payments.read_arrears(invoice, now)
    with claims.one_transaction():
        text = f"{_SAID[result.outcome]} {result.reason.sentence if result.reason else ''}".strip()
        state = MessageState.SENT if result.outcome is not AttemptOutcome.DECLINED else MessageState.REFUSED
        if not claims.move_effect(item, frm=[MessageState.HANDING_OVER], to=state, settled_at=now, note=text):
            return "taken"
        row = cases.locked_case(item.case_id)
        journal = Journal(now)
        journal.entry(row, "charge", text, by="stripe", detail={"method": item.method, "key": item.key})
        journal.write()
        if isinstance(arrears, Unreadable):
            return state.value
        trigger = AttemptTrigger(item.trigger)
        keep.keep_charge(row.invoice, item.key, now, trigger, result, item.method)
        book = keep.book_of(row.policy_id)
        facts_in.invoice_read(arrears, None, [], ports, book, now, trigger=trigger)
    return state.value


def _pass_gate(
    item: models.OutboxItem, reading: InvoiceReading | Unreadable, ports: Ports, now: datetime
) -> str:
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        journal = Journal(now)
        if isinstance(reading, InvoiceReading):
            row.invoice, changes = keep.keep_invoice(reading, row.customer)
            for change in changes:
                journal.entry(row, "invoice", change, by="stripe")
        case = snapshots.snapshots([row], now)[row.pk]
        policy = keep.book_of(row.policy_id).policy
        verdict = check_charge_gate(case, item.method, reading, policy, now, due_since=item.queued_at)
        if verdict.kind in (VerdictKind.SEND, VerdictKind.ADJUST):
            moved = claims.move_effect(
                item,
                frm=[MessageState.CLAIMED],
                to=MessageState.HANDING_OVER,
                amount_minor=case.invoice.open.minor,
            )
            journal.write()
            return "" if moved else "taken"
        journal.entry(row, "why_not", verdict.why, detail={"method": item.method})
        if verdict.kind is VerdictKind.WAIT:
            again = verdict.again_at or now + WAITS[min(item.tries, len(WAITS)) - 1]
            claims.move_effect(
                item, frm=[MessageState.CLAIMED], to=MessageState.QUEUED, due_at=again, note=verdict.why
            )
        else:
            claims.move_effect(
                item, frm=[MessageState.CLAIMED], to=MessageState.STOPPED, settled_at=now, note=verdict.why
            )
        journal.write()
        again_journal = Journal(now)
        consider([row], again_journal, ports, alarm=False)
        again_journal.write()
        return MessageState.STOPPED.value


def _try_later(item: models.OutboxItem, result: ChargeResult, ports: Ports, now: datetime) -> str:
    del ports
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        journal = Journal(now)
        given_up = item.tries > len(WAITS)
        text = f"{_SAID[AttemptOutcome.UNKNOWN]} {result.detail}".strip()
        journal.entry(row, "charge", text, by="stripe", detail={"method": item.method, "key": item.key})
        if given_up and not people.has_open_review(row, ReviewKind.CHARGE_UNKNOWN):
            journal.review(
                row, ReviewKind.CHARGE_UNKNOWN, text, "Look the payment up at Stripe, then settle this."
            )
        claims.move_effect(
            item,
            frm=[MessageState.HANDING_OVER],
            to=MessageState.UNKNOWN if given_up else MessageState.QUEUED,
            due_at=now + WAITS[min(item.tries, len(WAITS)) - 1],
            note=text,
        )
        journal.write()
    return MessageState.UNKNOWN.value
