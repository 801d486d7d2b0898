"""One mail on its way out: the gate, the words, the hand-over, and what the server said."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.ask_again import answers_again, ask_again
from dunwell.engine.clock import Clock
from dunwell.engine.incoming.unheard import unheard
from dunwell.engine.letters import (
    Letter,
    Unwritable,
    check_letter,
    compose,
    is_of_today,
    message_id,
    outgoing,
)
from dunwell.engine.ports import Ports
from dunwell.engine.record import look_again, proposal_for, say_again
from dunwell.engine.rereading import Reread, keep_reread, lock, reread
from dunwell.policy.facts import Case
from dunwell.policy.gate import Verdict, VerdictKind, check_gate
from dunwell.policy.money import Money
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.rules import CALLED
from dunwell.policy.words import CaseStatus, MessageState, ReviewKind, Stage
from dunwell.store import cases, claims, keep, models, people, snapshots, timeline
from dunwell.store.journal import Journal
from dunwell.store.mails import short_id
from dunwell.store.plain import plain

log = logging.getLogger(__name__)

# How long to wait before the next try when a mail server says "not now": about a day in all. A stage that
# leaves the customer's working hours meanwhile is written anew, so the day counts from the first "not now".
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 240, 360, 360)]
PATIENCE = timedelta(days=1)


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
        look_again(self.row, self.now, self.ports)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Take one claimed mail past the gate and hand it over; return the state it ended in.

    The lease begins anew with the hand-over: only a worker that is gone leaves it running out.
    """
    read = reread(item.case, ports, clock)
    with claims.one_transaction():
        ready = _pass_gate(_desk(item, lock(item, read), ports, clock), read, lease)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready.mail)
    with claims.one_transaction():
        return _note_delivery(_desk(item, cases.locked_case(item.case_id), ports, clock), delivery)


def _desk(item: models.OutboxItem, row: models.Case, ports: Ports, clock: Clock) -> _Desk:
    now = clock.now()
    return _Desk(item, row, Journal(now), ports, now)


def _pass_gate(desk: _Desk, read: Reread, lease: timedelta) -> _Ready | str:
    row, item = desk.row, desk.item
    policy = keep.book_of(row.policy_id).policy
    read = keep_reread(row, read, policy, desk.journal)
    case = snapshots.snapshots([row], desk.now)[row.pk]
    amount = Money(item.amount_minor, item.currency)
    stage = Stage(item.stage)
    verdict = check_gate(
        case, stage, amount, read.stripe, policy, desk.now, due_since=item.queued_at, standing=read.standing
    )
    if not read.readable and verdict.again_at is not None:
        return ask_again(item, row, desk.journal, verdict, verdict.again_at)
    if read.readable and ReviewKind.LEDGER_UNREADABLE in case.reviews:
        answers_again(row, desk.journal)
    if verdict.kind not in (VerdictKind.SEND, VerdictKind.ADJUST):
        return _turn_back(desk, verdict)
    wait = unheard(item.to_address, desk.now)
    if wait is not None and wait.again_at is not None:
        return ask_again(item, row, desk.journal, wait, wait.again_at)
    letter = _words(desk, case, stage, verdict)
    if isinstance(letter, Unwritable):
        return _turn_back(desk, Verdict(VerdictKind.REVIEW, letter.reason, review=ReviewKind.CONTENT))
    values = {
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "to_name": item.to_name,
        "to_address": item.to_address,
        "amount_minor": case.invoice.open.minor,
        "currency": case.invoice.open.currency,
        "due_at": desk.now + lease,
        "message_id": message_id(item.key, desk.ports),
    }
    if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.HANDING_OVER, **values):
        return "taken"
    desk.journal.write()
    return _Ready(outgoing(item, letter, desk.ports, desk.now))


def _words(desk: _Desk, case: Case, stage: Stage, verdict: Verdict) -> Letter | Unwritable:
    """The text that leaves: as queued, or written anew when what it says has changed; checked either way."""
    item, contact = desk.item, case.customer.contact
    letter: Letter | Unwritable = Letter(item.subject, item.text, item.html)
    book = keep.book_of(desk.row.policy_id)
    written_at = item.queued_at
    news = [verdict.why] if verdict.kind is VerdictKind.ADJUST else []
    if not is_of_today(case, book, item.queued_at, desk.now):
        news.append("It was written on another day, so its dates are written anew.")
    if contact is not None and (contact.name, contact.email) != (item.to_name, item.to_address):
        item.to_name, item.to_address = contact.name, contact.email
        news.append(f"It goes to {contact.email}, who is the contact now.")
    if news:
        desk.journal.entry(desk.row, "gate", " ".join(news), detail={"stage": item.stage})
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
        people.ask_once(row, kind, verdict.why, proposal_for(kind), desk.journal)
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, plain(verdict.why)
        desk.journal.changed(row)
    else:
        say_again(row, item)
    desk.look_again()
    return MessageState.STOPPED.value


def _note_delivery(desk: _Desk, delivery: Delivery) -> str:
    if isinstance(delivery, Handed):
        text = f"The {_called(desk)} went to {desk.item.to_address}."
        return _settle(desk, MessageState.SENT, text, provider_id=delivery.id)
    if isinstance(delivery, Refused) and not delivery.permanent:
        put_off = timeline.deferrals(desk.row, desk.item.stage)
        if len(put_off) < len(WAITS) and (not put_off or desk.now - put_off[0] < PATIENCE):
            return _try_later(desk, delivery.reason, WAITS[len(put_off)])
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
    desk: _Desk,
    state: MessageState,
    text: str,
    review: ReviewKind | None = None,
    proposal: str = "",
    *,
    provider_id: str = "",
) -> str:
    values = {"settled_at": desk.now, "note": text, "provider_id": short_id(provider_id)}
    moved = claims.move_effect(desk.item, frm=[MessageState.HANDING_OVER], to=state, **values)
    if not moved:
        return "taken"
    desk.journal.entry(desk.row, state.value, text, detail={"stage": desk.item.stage, "key": desk.item.key})
    if desk.row.closed_at is not None:
        desk.journal.write()
        return state.value
    if review is not None:
        people.ask_once(desk.row, review, text, proposal, desk.journal)
    desk.look_again()
    return state.value


def _try_later(desk: _Desk, reason: str, wait: timedelta) -> str:
    moved = claims.move_effect(
        desk.item,
        frm=[MessageState.HANDING_OVER],
        to=MessageState.QUEUED,
        due_at=desk.now + wait,
        note=reason,
    )
    if not moved:
        return "taken"
    text = f"The mail server could not take the {_called(desk)} yet: {reason} Next try {desk.now + wait:%H:%M} UTC."
    desk.journal.entry(desk.row, timeline.DEFERRED, text, detail={"stage": desk.item.stage})
    desk.journal.write()
    return MessageState.QUEUED.value
