"""One mail on its way out: the gate, the words, the hand-over, and what the server said."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.letters import Letter, Unwritable, check_letter, compose, outgoing
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy.facts import Case, InvoiceReading, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_gate
from dunwell.policy.money import Money
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.rules import CALLED
from dunwell.policy.words import CaseStatus, MessageState, ReviewKind, Stage
from dunwell.store import cases, claims, keep, models, people, snapshots
from dunwell.store.journal import Journal

log = logging.getLogger(__name__)

# How long to wait before the next try when a mail server says "not now": about a day in all.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 240, 360, 360)]


@dataclass(frozen=True, slots=True)
class _Ready:
    mail: OutgoingMail


@dataclass(slots=True)
class _Desk:
    """One claimed mail with its locked case, inside one transaction."""

    item: models.OutboxItem
    row: models.Case
    journal: Journal
    ports: Ports
    now: datetime

    def look_again(self) -> None:
        """Write what happened, then let the rules see it."""
        self.journal.write()
        again = Journal(self.now)
        consider([self.row], again, self.ports, alarm=False)
        again.write()


def perform(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """Take one claimed mail past the gate and hand it over; return the state it ended in."""
    reading = ports.payments.read_invoice(item.case.invoice.external_id, now)
    with claims.one_transaction():
        desk = _Desk(item, cases.locked_case(item.case_id), Journal(now), ports, now)
        ready = _pass_gate(desk, reading)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready.mail)
    with claims.one_transaction():
        return _note_delivery(
            _Desk(item, cases.locked_case(item.case_id), Journal(now), ports, now), delivery
        )


def _pass_gate(desk: _Desk, reading: InvoiceReading | Unreadable) -> _Ready | str:
    row, item = desk.row, desk.item
    if isinstance(reading, InvoiceReading):
        row.invoice, changes = keep.keep_invoice(reading, row.customer)
        for change in changes:
            desk.journal.entry(row, "invoice", change, by="stripe")
    book = keep.book_of(row.policy_id)
    case = snapshots.snapshots([row], desk.now)[row.pk]
    amount = Money(item.amount_minor, item.currency)
    stage = Stage(item.stage)
    verdict = check_gate(case, stage, amount, reading, book.policy, desk.now, due_since=item.queued_at)
    if verdict.kind not in (VerdictKind.SEND, VerdictKind.ADJUST):
        if isinstance(reading, Unreadable) and verdict.again_at is not None:
            return _ask_ledger_again(desk, verdict, verdict.again_at)
        return _turn_back(desk, verdict)
    letter = _words(desk, case, stage, verdict)
    if isinstance(letter, Unwritable):
        return _turn_back(desk, Verdict(VerdictKind.REVIEW, letter.reason, review=ReviewKind.CONTENT))
    values = {
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "amount_minor": case.invoice.open.minor,
        "currency": case.invoice.open.currency,
    }
    if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.HANDING_OVER, **values):
        return "taken"
    desk.journal.write()
    return _Ready(outgoing(item, letter, desk.ports, desk.now))


def _words(desk: _Desk, case: Case, stage: Stage, verdict: Verdict) -> Letter | Unwritable:
    """The text that leaves: as queued, or written anew when the amount has changed; checked either way."""
    item = desk.item
    letter: Letter | Unwritable = Letter(item.subject, item.text, item.html)
    book = keep.book_of(desk.row.policy_id)
    written_at = item.queued_at
    if verdict.kind is VerdictKind.ADJUST:
        desk.journal.entry(desk.row, "gate", verdict.why, detail={"stage": item.stage})
        written_at = desk.now
        letter = compose(desk.row.pk, case, stage, book, desk.ports, written_at)
    if isinstance(letter, Unwritable):
        return letter
    return check_letter(letter, desk.row.pk, case, stage, book, desk.ports, written_at) or letter


def _turn_back(desk: _Desk, verdict: Verdict) -> str:
    """The gate is closed: say why not, and reschedule, hold, close or ask a person (spec 5)."""
    item, row = desk.item, desk.row
    if not claims.move_effect(
        item, frm=[MessageState.CLAIMED], to=MessageState.STOPPED, settled_at=desk.now, note=verdict.why
    ):
        return "taken"
    desk.journal.entry(row, "why_not", verdict.why, detail={"stage": item.stage, "key": item.key})
    if verdict.kind is VerdictKind.REVIEW:
        kind = verdict.review or ReviewKind.GATE_CLOSED
        if not people.has_open_review(row, kind):
            desk.journal.review(row, kind, verdict.why, "Look at the case, then settle this.")
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, verdict.why
        desk.journal.changed(row)
    desk.look_again()
    return MessageState.STOPPED.value


def _ask_ledger_again(desk: _Desk, verdict: Verdict, at: datetime) -> str:
    """The ledger can't be read: nothing is sent, the mail stays queued, and in the end a person is told."""
    item, row = desk.item, desk.row
    claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.QUEUED, due_at=at, note=verdict.why)
    if item.note != verdict.why:
        desk.journal.entry(row, "why_not", verdict.why, detail={"stage": item.stage})
    if verdict.kind is VerdictKind.REVIEW and not people.has_open_review(row, ReviewKind.LEDGER_UNREADABLE):
        proposal = "Check the connection to the ledger; the mail goes out once it can be read."
        desk.journal.review(row, ReviewKind.LEDGER_UNREADABLE, verdict.why, proposal)
    desk.journal.write()
    return MessageState.QUEUED.value


def _note_delivery(desk: _Desk, delivery: Delivery) -> str:
    if isinstance(delivery, Handed):
        return _settle(desk, MessageState.SENT, f"The {_called(desk)} went to {desk.item.to_address}.")
    if isinstance(delivery, Refused) and not delivery.permanent and desk.item.tries <= len(WAITS):
        return _try_later(desk, delivery.reason)
    if isinstance(delivery, Refused):
        text = (
            f"The mail server did not take the {_called(desk)} for {desk.item.to_address}: {delivery.reason}"
        )
        proposal = "Correct the address or the mail settings, then settle this."
        return _settle(desk, MessageState.REFUSED, text, ReviewKind.SEND_REFUSED, proposal)
    text = (
        f"The connection broke while handing over the {_called(desk)} for {desk.item.to_address}: "
        f"{delivery.reason} It may or may not have left; it will not be sent again."
    )
    proposal = "Look for it in the mail server's log, then say whether it arrived."
    return _settle(desk, MessageState.UNKNOWN, text, ReviewKind.SEND_UNKNOWN, proposal)


def _called(desk: _Desk) -> str:
    return CALLED[Stage(desk.item.stage)]


def _settle(
    desk: _Desk, state: MessageState, text: str, review: ReviewKind | None = None, proposal: str = ""
) -> str:
    moved = claims.move_effect(
        desk.item, frm=[MessageState.HANDING_OVER], to=state, settled_at=desk.now, note=text[:2000]
    )
    if not moved:
        return "taken"
    desk.journal.entry(desk.row, state.value, text, detail={"stage": desk.item.stage, "key": desk.item.key})
    if review is not None and not people.has_open_review(desk.row, review):
        desk.journal.review(desk.row, review, text, proposal)
    if desk.row.closed_at is None:
        desk.look_again()
    else:
        desk.journal.write()
    return state.value


def _try_later(desk: _Desk, reason: str) -> str:
    wait = WAITS[min(desk.item.tries, len(WAITS)) - 1]
    claims.move_effect(
        desk.item,
        frm=[MessageState.HANDING_OVER],
        to=MessageState.QUEUED,
        due_at=desk.now + wait,
        note=reason,
    )
    text = f"The mail server could not take the {_called(desk)} yet: {reason} Next try {desk.now + wait:%H:%M} UTC."
    desk.journal.entry(desk.row, "deferred", text, detail={"stage": desk.item.stage})
    desk.journal.write()
    return MessageState.QUEUED.value
