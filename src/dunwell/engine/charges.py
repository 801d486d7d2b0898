"""One charge on its way out: the gate, one idempotency key, and what the bank said."""

from datetime import datetime, timedelta

from dunwell.engine import facts_in
from dunwell.engine.ask_again import answers_again, ask_again
from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.record import look_again
from dunwell.engine.rereading import Reread, keep_reread, lock, reread
from dunwell.policy.facts import Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_charge_gate
from dunwell.policy.readings import ArrearsReading, ChargeResult
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    InvoiceStatus,
    MessageState,
    ReviewKind,
)
from dunwell.store import cases, claims, keep, models, people, snapshots, timeline
from dunwell.store.journal import Journal
from dunwell.store.plain import plain

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
    read = reread(item.case, ports, clock)
    with claims.one_transaction():
        stopped = _pass_gate(item, lock(item, read), read, ports, clock, lease)
    if stopped:
        return stopped
    began = clock.now()
    result = ports.payments.charge(invoice, item.method, item.key)
    arrears = ports.payments.read_arrears(invoice, clock.now())
    result = _as_seen(result, arrears)
    with claims.one_transaction():
        cases.lock_customer(item.case.customer_id)
        row = cases.locked_case(item.case_id)
        if result.outcome is AttemptOutcome.UNKNOWN:
            return _try_later(item, row, result, ports, clock)
        charged = facts_in.Charged(began, AttemptTrigger(item.trigger), item.method, result.outcome)
        return _note_answer(item, row, result, charged, arrears, ports, clock.now())


def give_up(item: models.OutboxItem, trouble: str, ports: Ports, now: datetime) -> bool:
    """A charge that breaks Dunwell itself each time it is made goes to a person; False if it was never handed over."""
    text = f"Nobody knows whether it was charged: {trouble}. It is not repeated."
    with claims.one_transaction():
        row, journal = cases.locked_case(item.case_id), Journal(now)
        handed, unknown = [MessageState.HANDING_OVER], MessageState.UNKNOWN
        if not claims.move_effect(item, frm=handed, to=unknown, note=text):
            return False
        journal.entry(row, timeline.CHARGE, text, detail=_about(item))
        _keep_unanswered(item, row, journal)
        if row.closed_at is None:
            _ask(row, ReviewKind.CHARGE_UNKNOWN, text, journal)
        journal.write()
        look_again(row, journal.now, ports)
    return True


def _as_seen(result: ChargeResult, arrears: ArrearsReading | Unreadable) -> ChargeResult:
    """When no answer came, the invoice may show what came of it: it is paid, or money is under way."""
    if result.outcome is not AttemptOutcome.UNKNOWN or isinstance(arrears, Unreadable):
        return result
    if arrears.reading.invoice.status is InvoiceStatus.PAID:
        return ChargeResult(AttemptOutcome.PAID, payment=arrears.payment)
    if arrears.reading.invoice.in_flight:
        return ChargeResult(AttemptOutcome.PROCESSING, payment=arrears.payment)
    return result


def _note_answer(
    item: models.OutboxItem,
    row: models.Case,
    result: ChargeResult,
    charged: facts_in.Charged,
    arrears: ArrearsReading | Unreadable,
    ports: Ports,
    now: datetime,
) -> str:
    text = f"{_SAID[result.outcome]} {result.reason.sentence if result.reason else ''}".strip()
    state = MessageState.SENT if result.outcome is not AttemptOutcome.DECLINED else MessageState.REFUSED
    if not claims.move_effect(item, frm=[MessageState.HANDING_OVER], to=state, settled_at=now, note=text):
        return "taken"
    journal = Journal(now)
    journal.entry(row, timeline.CHARGE, text, by="stripe", detail=_about(item))
    # A failure that the invoice tells of is kept from there, under the key the webhook about it has too.
    if not (isinstance(arrears, ArrearsReading) and facts_in.tells_of(arrears, charged)):
        keep.keep_charge(row.invoice, item.key, now, charged.trigger, result, item.method)
        if result.outcome in (AttemptOutcome.DECLINED, AttemptOutcome.NEEDS_CUSTOMER):
            for name, value in facts_in.reason_columns(result.reason).items():
                setattr(row, name, value)
    journal.write()
    if isinstance(arrears, ArrearsReading):
        facts_in.invoice_read(arrears, None, [], ports, keep.book_of(row.policy_id), now, charged)
    elif result.outcome in (AttemptOutcome.DECLINED, AttemptOutcome.NEEDS_CUSTOMER):
        # Money that moved is told by the invoice; that none did is known.
        look_again(row, journal.now, ports)
    return state.value


def _about(item: models.OutboxItem) -> dict[str, str]:
    return {"method": item.method, "key": item.key, "trigger": item.trigger}


def _pass_gate(
    item: models.OutboxItem,
    row: models.Case,
    read: Reread,
    ports: Ports,
    clock: Clock,
    lease: timedelta,
) -> str:
    now = clock.now()
    journal = Journal(now)
    policy = keep.book_of(row.policy_id).policy
    read = keep_reread(row, read, policy, journal)
    case = snapshots.snapshots([row], now)[row.pk]
    verdict = check_charge_gate(
        case,
        item.method,
        read.stripe,
        policy,
        now,
        due_since=item.queued_at,
        standing=read.standing,
        trigger=AttemptTrigger(item.trigger),
    )
    if not read.readable and verdict.again_at is not None:
        return ask_again(item, row, journal, verdict, verdict.again_at)
    if read.readable and ReviewKind.LEDGER_UNREADABLE in case.reviews:
        answers_again(row, journal)
    if verdict.kind not in (VerdictKind.SEND, VerdictKind.ADJUST):
        return _turn_back(item, row, journal, verdict, ports)
    moved = claims.move_effect(
        item,
        frm=[MessageState.CLAIMED],
        to=MessageState.HANDING_OVER,
        amount_minor=case.invoice.open.minor,
        due_at=now + lease,
    )
    journal.write()
    return "" if moved else "taken"


def _turn_back(
    item: models.OutboxItem, row: models.Case, journal: Journal, verdict: Verdict, ports: Ports
) -> str:
    """The gate is closed: nothing is charged, the case says why not, and the rules look again."""
    if not claims.move_effect(
        item, frm=[MessageState.CLAIMED], to=MessageState.STOPPED, settled_at=journal.now, note=verdict.why
    ):
        return "taken"
    journal.entry(row, "why_not", verdict.why, detail=_about(item))
    if timeline.charges_told(row, item.key):
        # It was asked for before and not answered: it counts as a try, whatever came of it.
        _keep_unanswered(item, row, journal)
    if verdict.kind is VerdictKind.REVIEW:
        _ask(row, verdict.review or ReviewKind.GATE_CLOSED, verdict.why, journal)
        if item.trigger == AttemptTrigger.RETRY.value and row.status == CaseStatus.OPEN.value:
            row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, plain(verdict.why)
            journal.changed(row)
    journal.write()
    look_again(row, journal.now, ports)
    return MessageState.STOPPED.value


def _ask(row: models.Case, kind: ReviewKind, why: str, journal: Journal) -> None:
    people.ask_once(row, kind, why, proposal_for(kind), journal)


def _keep_unanswered(item: models.OutboxItem, row: models.Case, journal: Journal) -> None:
    result = ChargeResult(AttemptOutcome.UNKNOWN)
    trigger = AttemptTrigger(item.trigger)
    keep.keep_charge(row.invoice, item.key, journal.now, trigger, result, item.method)


def _try_later(
    item: models.OutboxItem, row: models.Case, result: ChargeResult, ports: Ports, clock: Clock
) -> str:
    journal = Journal(clock.now())
    unanswered = timeline.charges_told(row, item.key)
    given_up = unanswered >= len(WAITS)
    state = MessageState.UNKNOWN if given_up else MessageState.QUEUED
    text = f"{_SAID[AttemptOutcome.UNKNOWN]} {result.detail}".strip()
    due_at = journal.now + WAITS[min(unanswered, len(WAITS) - 1)]
    if not claims.move_effect(item, frm=[MessageState.HANDING_OVER], to=state, due_at=due_at, note=text):
        return "taken"
    journal.entry(row, timeline.CHARGE, text, by="stripe", detail=_about(item))
    if given_up:
        _keep_unanswered(item, row, journal)
        _ask(row, ReviewKind.CHARGE_UNKNOWN, text, journal)
    journal.write()
    if given_up:
        look_again(row, journal.now, ports)
    return state.value
