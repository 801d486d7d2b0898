"""One mail on its way out: the gate, the words, the hand-over, and what the server said.

A mail about several invoices passes the gate with all of them or not at all: if one may not leave, all are looked
at again, and what still may leaves together anew (spec 5, 6).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.ask_again import answers_again, ask_again, tell_waiting
from dunwell.engine.clock import Clock
from dunwell.engine.incoming.deaf import CHECK_MAILBOX, deaf
from dunwell.engine.incoming.unheard import unheard
from dunwell.engine.letters import (
    About,
    Letter,
    Unwritable,
    check_letter,
    compose,
    is_of_today,
    message_id,
    outgoing,
)
from dunwell.engine.parts import Part, called, is_out, items_of, locked_parts
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.record import look_at_all_again, say_again
from dunwell.engine.rereading import Reread, keep_reread, reread
from dunwell.policy.cadence import STAGES
from dunwell.policy.facts import Case
from dunwell.policy.gate import Verdict, VerdictKind, check_gate
from dunwell.policy.money import Money
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.words import CaseStatus, MessageState, ReviewKind
from dunwell.store import claims, keep, models, people, shared, snapshots, timeline
from dunwell.store.journal import Journal
from dunwell.store.mails import short_id
from dunwell.store.plain import plain

log = logging.getLogger(__name__)

# How long to wait before the next try when a mail server says "not now": about a day in all. A stage that
# leaves the customer's working hours meanwhile is written anew, so the day counts from the first "not now".
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 240, 360, 360)]
PATIENCE = timedelta(days=1)

# Why nothing leaves with an invoice that has left its mail since it was queued.
_INCOMPLETE = "An invoice was taken out of this mail, so it is put together anew."


@dataclass(frozen=True, slots=True)
class _Ready:
    mail: OutgoingMail


@dataclass(slots=True)
class _Desk:
    """One claimed mail with the locked cases it is about, the one that leads first, inside one transaction."""

    parts: Sequence[Part]
    journal: Journal
    ports: Ports
    now: datetime

    @property
    def item(self) -> models.OutboxItem:
        """The row that leaves."""
        return self.parts[0].item

    def look_again(self) -> None:
        """Write what happened, then let the rules see it."""
        self.journal.write()
        look_at_all_again([part.row for part in self.parts if not is_out(part)], self.now, self.ports)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Take one claimed mail past the gate and hand it over; return the state it ended in.

    The lease begins anew with the hand-over: only a worker that is gone leaves it running out.
    """
    reads = {each.pk: reread(each.case, ports, clock) for each in items_of(item)}
    with claims.one_transaction():
        parts = locked_parts(item, list(reads.values()))
        ready = _pass_gate(_desk(parts, ports, clock), reads, lease)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready.mail)
    with claims.one_transaction():
        return _note_delivery(_desk(locked_parts(item), ports, clock), delivery)


def _desk(parts: Sequence[Part], ports: Ports, clock: Clock) -> _Desk:
    now = clock.now()
    return _Desk(parts, Journal(now), ports, now)


def _pass_gate(desk: _Desk, reads: Mapping[int, Reread], lease: timedelta) -> _Ready | str:
    if any(is_out(part) for part in desk.parts):
        return _turn_back(desk, {})
    kept = {part.item.pk: _keep(desk, part, reads[part.item.pk]) for part in desk.parts}
    built = snapshots.snapshots([part.row for part in desk.parts], desk.now)
    verdicts = {
        part.item.pk: _judge(desk, part, built[part.row.pk], kept[part.item.pk]) for part in desk.parts
    }
    if waiting := _unread(desk, kept, verdicts):
        return waiting
    policy = keep.book_of(desk.parts[0].row.policy_id).policy
    unread = deaf([part.stage for part in desk.parts], policy, desk.ports, desk.now)
    for part in desk.parts:
        asked = ReviewKind.LEDGER_UNREADABLE in built[part.row.pk].reviews
        if asked and unread is None and kept[part.item.pk].readable:
            answers_again(part.row, desk.journal)
    no = {
        pk: each for pk, each in verdicts.items() if each.kind not in (VerdictKind.SEND, VerdictKind.ADJUST)
    }
    if no:
        return _turn_back(desk, no)
    if waiting := _lie_unread(desk, unread):
        return waiting
    letter = _words(desk, built, verdicts)
    if isinstance(letter, Unwritable):
        broken = Verdict(VerdictKind.REVIEW, letter.reason, review=ReviewKind.CONTENT)
        return _turn_back(desk, dict.fromkeys(verdicts, broken))
    return _leave(desk, built, letter, lease)


def _keep(desk: _Desk, part: Part, read: Reread) -> Reread:
    return keep_reread(part.row, read, keep.book_of(part.row.policy_id).policy, desk.journal)


def _judge(desk: _Desk, part: Part, case: Case, read: Reread) -> Verdict:
    item, policy = part.item, keep.book_of(part.row.policy_id).policy
    amount = Money(item.amount_minor, item.currency)
    return check_gate(
        case,
        part.stage,
        amount,
        read.stripe,
        policy,
        desk.now,
        due_since=item.queued_at,
        standing=read.standing,
    )


def _unread(desk: _Desk, kept: Mapping[int, Reread], verdicts: Mapping[int, Verdict]) -> str:
    """A ledger that cannot be read makes the whole mail wait, and each case it was asked about says so."""
    waits = [
        (part, verdict, verdict.again_at)
        for part in desk.parts
        if (verdict := verdicts[part.item.pk]).again_at and not kept[part.item.pk].readable
    ]
    if not waits:
        return ""
    for part, verdict, _ in waits:
        tell_waiting(part.item, part.row, desk.journal, verdict)
    first, at = waits[0][1], max(at for _, _, at in waits if at is not None)
    queued = MessageState.QUEUED
    if not claims.move_effect(desk.item, frm=[MessageState.CLAIMED], to=queued, due_at=at, note=first.why):
        return "taken"
    desk.journal.write()
    return queued.value


def _lie_unread(desk: _Desk, unread: Verdict | None) -> str:
    """What the customer may have written and nobody has seen makes the whole mail wait; "" when nothing has."""
    item, first = desk.item, desk.parts[0].row
    if unread is not None and unread.again_at is not None:
        for part in desk.parts[1:]:
            tell_waiting(part.item, part.row, desk.journal, unread, CHECK_MAILBOX)
        return ask_again(item, first, desk.journal, unread, unread.again_at, CHECK_MAILBOX)
    wait = unheard(item.to_address, first.customer_id, desk.ports, desk.now)
    if wait is not None and wait.again_at is not None:
        return ask_again(item, first, desk.journal, wait, wait.again_at)
    return ""


def _leave(desk: _Desk, built: Mapping[int, Case], letter: Letter, lease: timedelta) -> _Ready | str:
    item, owed = desk.item, {part.item.pk: built[part.row.pk].invoice.open for part in desk.parts}
    values = {
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "to_name": item.to_name,
        "to_address": item.to_address,
        "amount_minor": owed[item.pk].minor,
        "currency": owed[item.pk].currency,
        "due_at": desk.now + lease,
        "message_id": message_id(item.key, desk.ports),
    }
    if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.HANDING_OVER, **values):
        return "taken"
    for part in desk.parts[1:]:
        if owed[part.item.pk].minor != part.item.amount_minor:
            shared.set_amount(part.item, owed[part.item.pk].minor)
    desk.journal.write()
    return _Ready(outgoing(item, letter, desk.ports, desk.now))


def _words(desk: _Desk, built: Mapping[int, Case], verdicts: Mapping[int, Verdict]) -> Letter | Unwritable:
    """The text that leaves: as queued, or written anew when what it says has changed; checked either way."""
    item, first = desk.item, built[desk.parts[0].row.pk]
    tone = min((part.stage for part in desk.parts), key=STAGES.index)
    about = About([(part.row.pk, built[part.row.pk]) for part in desk.parts], tone)
    letter: Letter | Unwritable = Letter(item.subject, item.text, item.html)
    book = keep.book_of(desk.parts[0].row.policy_id)
    written_at, contact, news = item.queued_at, first.customer.contact, []
    if not is_of_today(first, book, item.queued_at, desk.now):
        news.append("It was written on another day, so its dates are written anew.")
    if contact is not None and (contact.name, contact.email) != (item.to_name, item.to_address):
        item.to_name, item.to_address = contact.name, contact.email
        news.append(f"It goes to {contact.email}, who is the contact now.")
    changed = {pk: each.why for pk, each in verdicts.items() if each.kind is VerdictKind.ADJUST}
    if news or changed:
        _tell_news(desk, news, changed)
        written_at = desk.now
        letter = compose(about, book, desk.ports, written_at)
    if isinstance(letter, Unwritable):
        return letter
    return check_letter(letter, about, book, desk.ports, written_at) or letter


def _tell_news(desk: _Desk, news: Sequence[str], changed: Mapping[int, str]) -> None:
    """Tell each case why the mail is written anew."""
    for part in desk.parts:
        own = [changed[part.item.pk]] if part.item.pk in changed else []
        own = [*own, *news] or [
            "What is open on another invoice of this mail has changed; it is written anew."
        ]
        desk.journal.entry(part.row, "gate", " ".join(own), detail={"stage": part.item.stage})


def _turn_back(desk: _Desk, no: Mapping[int, Verdict]) -> str:
    """The gate is closed: say why not, and reschedule, hold, close or ask a person (spec 5).

    `no` are the verdicts on the invoices that may not leave, by row; the others of the mail are looked at again.
    """
    why = next((verdict.why for verdict in no.values()), _INCOMPLETE)
    stopped = MessageState.STOPPED
    if not claims.move_effect(
        desk.item, frm=[MessageState.CLAIMED], to=stopped, settled_at=desk.now, note=why
    ):
        return "taken"
    for part in desk.parts:
        if is_out(part):
            continue
        verdict = no.get(part.item.pk)
        if verdict is not None:
            _say_no(desk, part, verdict)
        else:
            _say_others(desk, part, no)
    desk.look_again()
    return stopped.value


def _say_no(desk: _Desk, part: Part, verdict: Verdict) -> None:
    row = part.row
    desk.journal.entry(row, "why_not", verdict.why, detail=part.detail)
    if verdict.kind is VerdictKind.REVIEW:
        kind = verdict.review or ReviewKind.GATE_CLOSED
        people.ask_once(row, kind, verdict.why, proposal_for(kind), desk.journal)
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, plain(verdict.why)
        desk.journal.changed(row)
    else:
        say_again(row, part.item)


def _say_others(desk: _Desk, part: Part, no: Mapping[int, Verdict]) -> None:
    """This invoice might leave, but not in this mail."""
    others = [
        f"{other.row.invoice.number}: {verdict.why}"
        for other in desk.parts
        if (verdict := no.get(other.item.pk)) is not None
    ]
    text = f"The {called(desk.parts)} did not leave. {' '.join(others) or _INCOMPLETE}"
    desk.journal.entry(part.row, "why_not", text, detail=part.detail)


def _note_delivery(desk: _Desk, delivery: Delivery) -> str:
    item, what = desk.item, called(desk.parts)
    if isinstance(delivery, Handed):
        text = f"The {what} went to {item.to_address}."
        return _settle(desk, MessageState.SENT, text, provider_id=delivery.id)
    if isinstance(delivery, Refused) and not delivery.permanent:
        put_off = timeline.deferrals(desk.parts[0].row, item.stage)
        if len(put_off) < len(WAITS) and (not put_off or desk.now - put_off[0] < PATIENCE):
            return _try_later(desk, delivery.reason, WAITS[len(put_off)])
    if isinstance(delivery, Refused):
        text = f"The mail server did not take the {what} for {item.to_address}: {delivery.reason}"
        proposal = "Correct the address or the mail settings, then settle this."
        return _settle(desk, MessageState.REFUSED, text, ReviewKind.SEND_REFUSED, proposal)
    text = (
        f"The connection broke while handing over the {what} for {item.to_address}: "
        f"{delivery.reason} It may or may not have left; it will not be sent again."
    )
    proposal = "Look for it in the mail server's log, then say whether it arrived."
    return _settle(desk, MessageState.UNKNOWN, text, ReviewKind.SEND_UNKNOWN, proposal)


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
    for part in desk.parts:
        desk.journal.entry(part.row, state.value, text, detail=part.detail)
        if review is not None and part.row.closed_at is None:
            people.ask_once(part.row, review, text, proposal, desk.journal)
    if all(part.row.closed_at is not None for part in desk.parts):
        desk.journal.write()
    else:
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
    what, again = called(desk.parts), f"{desk.now + wait:%H:%M}"
    text = f"The mail server could not take the {what} yet: {reason} Next try {again} UTC."
    for part in desk.parts:
        desk.journal.entry(part.row, timeline.DEFERRED, text, detail={"stage": part.item.stage})
    desk.journal.write()
    return MessageState.QUEUED.value
