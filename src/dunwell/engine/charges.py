"""One charge on its way out: the gate, one idempotency key, and what the bank said."""

from datetime import timedelta

from dunwell.engine import facts_in
from dunwell.engine.ask_again import answers_again, ask_again, in_time
from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_charge_gate
from dunwell.policy.readings import ArrearsReading, ChargeResult
from dunwell.policy.words import AttemptOutcome, AttemptTrigger, MessageState, ReviewKind
from dunwell.store import cases, claims, keep, models, people, snapshots, timeline
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


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Take one claimed charge past the gate and make it; return the state it ended in."""
    invoice = item.case.invoice.external_id
    stopped = _pass_gate(item, ports.payments.read_invoice(invoice, clock.now()), ports, clock, lease)
    if stopped:
        return stopped
    result = ports.payments.charge(invoice, item.method, item.key)
    if result.outcome is AttemptOutcome.UNKNOWN:
        return _try_later(item, result, clock)
    arrears = ports.payments.read_arrears(invoice, clock.now())
    with claims.one_transaction():
        return _note_answer(item, result, arrears, ports, clock)


def _note_answer(
    item: models.OutboxItem,
    result: ChargeResult,
    arrears: ArrearsReading | Unreadable,
    ports: Ports,
    clock: Clock,
) -> str:
    cases.lock_customer(item.case.customer_id)
    now, row = clock.now(), cases.locked_case(item.case_id)
    text = f"{_SAID[result.outcome]} {result.reason.sentence if result.reason else ''}".strip()
    state = MessageState.SENT if result.outcome is not AttemptOutcome.DECLINED else MessageState.REFUSED
    if not claims.move_effect(item, frm=[MessageState.HANDING_OVER], to=state, settled_at=now, note=text):
        return "taken"
    journal = Journal(now)
    journal.entry(row, timeline.CHARGE, text, by="stripe", detail={"method": item.method, "key": item.key})
    journal.write()
    charged = facts_in.Charged(AttemptTrigger(item.trigger), item.method)
    told = isinstance(arrears, ArrearsReading) and facts_in.tells_of(arrears, charged)
    # A failure that the invoice tells of is kept from there, under the key the webhook about it has too.
    if result.outcome is not AttemptOutcome.DECLINED and not told:
        keep.keep_charge(row.invoice, item.key, now, charged.trigger, result, item.method)
    if isinstance(arrears, ArrearsReading):
        facts_in.invoice_read(arrears, None, [], ports, keep.book_of(row.policy_id), now, charged)
    return state.value


def _pass_gate(
    item: models.OutboxItem,
    reading: InvoiceReading | Unreadable,
    ports: Ports,
    clock: Clock,
    lease: timedelta,
) -> str:
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        now = clock.now()
        journal = Journal(now)
        policy = keep.book_of(row.policy_id).policy
        reading = in_time(reading, policy, now)
        if isinstance(reading, InvoiceReading):
            kept = keep.keep_invoice(reading, row.customer, now)
            row.invoice = kept.row
            for change in kept.changes:
                journal.entry(row, "invoice", change, by="stripe")
        case = snapshots.snapshots([row], now)[row.pk]
        trigger = AttemptTrigger(item.trigger)
        verdict = check_charge_gate(
            case,
            item.method,
            reading,
            policy,
            now,
            due_since=item.queued_at,
            standing=None,
            trigger=trigger,
        )
        if isinstance(reading, Unreadable) and verdict.again_at is not None:
            return ask_again(item, row, journal, verdict, verdict.again_at)
        if isinstance(reading, InvoiceReading) and ReviewKind.LEDGER_UNREADABLE in case.reviews:
            answers_again(row, journal)
        if verdict.kind in (VerdictKind.SEND, VerdictKind.ADJUST):
            moved = claims.move_effect(
                item,
                frm=[MessageState.CLAIMED],
                to=MessageState.HANDING_OVER,
                amount_minor=case.invoice.open.minor,
                due_at=now + lease,
            )
            journal.write()
            return "" if moved else "taken"
        return _turn_back(item, row, journal, verdict, ports)


def _turn_back(
    item: models.OutboxItem, row: models.Case, journal: Journal, verdict: Verdict, ports: Ports
) -> str:
    """The gate is closed: nothing is charged, the case says why not, and the rules look again."""
    if not claims.move_effect(
        item, frm=[MessageState.CLAIMED], to=MessageState.STOPPED, settled_at=journal.now, note=verdict.why
    ):
        return "taken"
    journal.entry(row, "why_not", verdict.why, detail={"method": item.method})
    if verdict.review is not None and not people.has_open_review(row, verdict.review):
        journal.review(row, verdict.review, verdict.why, "Look at the case, then settle this.")
    journal.write()
    again = Journal(journal.now)
    consider([row], again, ports, alarm=False)
    again.write()
    return MessageState.STOPPED.value


def _try_later(item: models.OutboxItem, result: ChargeResult, clock: Clock) -> str:
    with claims.one_transaction():
        row = cases.locked_case(item.case_id)
        journal = Journal(clock.now())
        unanswered = timeline.charges_told(row, item.key)
        given_up = unanswered >= len(WAITS)
        state = MessageState.UNKNOWN if given_up else MessageState.QUEUED
        text = f"{_SAID[AttemptOutcome.UNKNOWN]} {result.detail}".strip()
        due_at = journal.now + WAITS[min(unanswered, len(WAITS) - 1)]
        if not claims.move_effect(item, frm=[MessageState.HANDING_OVER], to=state, due_at=due_at, note=text):
            return "taken"
        detail = {"method": item.method, "key": item.key}
        journal.entry(row, timeline.CHARGE, text, by="stripe", detail=detail)
        if given_up and not people.has_open_review(row, ReviewKind.CHARGE_UNKNOWN):
            proposal = "Look the payment up at Stripe, then settle this."
            journal.review(row, ReviewKind.CHARGE_UNKNOWN, text, proposal)
        journal.write()
    return state.value
