"""The relationship owner is told of a draft before it can leave; their time runs from when they were told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.letters import message_id
from dunwell.engine.links import make_owner_link
from dunwell.engine.personal import drafts
from dunwell.engine.personal.text import as_html, signer
from dunwell.engine.ports import Ports
from dunwell.engine.record import look_again
from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.policy.owner import owner_note, owner_time_ends
from dunwell.policy.policy import Policy
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.words import LetterState, MessageState
from dunwell.store import cases, claims, keep, letters, models, timeline
from dunwell.store.journal import Journal

# How long to wait before the next try when the mail server says "not now", or the connection breaks.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120)]

_WAITING = (LetterState.DRAFT.value, LetterState.APPROVED.value)


@dataclass(slots=True)
class _Desk:
    """One claimed note with its letter and locked case, inside one transaction."""

    item: models.OutboxItem
    row: models.Case
    letter: models.Letter
    policy: Policy
    journal: Journal

    def entry(self, kind: str, text: str) -> None:
        detail = {"letter": self.letter.pk, "key": self.item.key}
        self.journal.entry(self.row, kind, text, detail=detail)

    def give_time(self, since: datetime) -> None:
        """Let the owner's time run from when they were, or will be, told; it never gets shorter."""
        ends = owner_time_ends(since, self.policy)
        if self.letter.owner_until is None or ends > self.letter.owner_until:
            letters.change(self.letter, owner_until=ends)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Tell the owner of a draft by mail, unless it is none any more; return the state the note ended in.

    A note whose worker died is sent again: the owner had better hear of it twice than not at all.
    """
    with claims.one_transaction():
        ready = _prepared(_desk(item, clock.now()), ports, lease)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready)
    with claims.one_transaction():
        desk = _desk(item, clock.now())
        state = _note_delivery(desk, delivery)
        desk.journal.write()
        look_again(desk.row, desk.journal.now, ports)
    return state


def _desk(item: models.OutboxItem, now: datetime) -> _Desk:
    row = cases.locked_case(item.case_id)
    letter = letters.letter_of(item)
    return _Desk(item, row, letter, keep.book_of(row.policy_id).policy, Journal(now))


def _prepared(desk: _Desk, ports: Ports, lease: timedelta) -> OutgoingMail | str:
    item, row, letter, now = desk.item, desk.row, desk.letter, desk.journal.now
    if row.closed_at is not None or letter.state not in _WAITING:
        why = "The draft it is about is none any more."
        stopped = MessageState.STOPPED
        moved = claims.move_effect(item, frm=[MessageState.CLAIMED], to=stopped, settled_at=now, note=why)
        return stopped.value if moved else "taken"
    desk.give_time(now)
    owner, manager = Person(item.to_name, item.to_address), signer(ports)
    link = make_owner_link(letter.pk, ports, now)
    note = owner_note(
        owner=owner,
        manager=manager,
        contact=Person(letter.to_name, letter.to_address),
        customer=row.customer.name,
        invoice=row.invoice.number,
        amount=str(Money(letter.amount_minor, letter.currency)),
        until=letter.owner_until or now,
        link=link,
        policy=desk.policy,
    )
    values = {"subject": note.subject, "due_at": now + lease}
    if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.HANDING_OVER, **values):
        return "taken"
    return OutgoingMail(
        message_id=message_id(item.key, ports),
        sender=ports.sender,
        to=owner,
        reply_to=manager.email,
        subject=note.subject,
        text=note.text,
        html=as_html(note.text, link, "Read it, agree, put it off or stop it"),
        date=now,
    )


def _note_delivery(desk: _Desk, delivery: Delivery) -> str:
    now, who = desk.journal.now, desk.item.to_name or desk.item.to_address
    if isinstance(delivery, Handed):
        desk.give_time(now)
        said = f"{who}, the relationship owner, was sent the draft of letter {desk.letter.number}."
        return _settle(desk, MessageState.SENT, "owner_told", said)
    put_off = timeline.told_of(desk.row, timeline.DEFERRED, desk.item.key)
    if (not isinstance(delivery, Refused) or not delivery.permanent) and put_off < len(WAITS):
        return _try_later(desk, who, delivery.reason, now + WAITS[put_off])
    desk.give_time(now)
    said = f"The draft could not be sent to {who}, the relationship owner: {delivery.reason}"
    state = _settle(desk, MessageState.REFUSED, "refused", said)
    if state == MessageState.REFUSED.value and desk.letter.state in _WAITING:
        _ask_signer(desk, f"{said} Ask them yourself before you approve it: that says that you have.")
    return state


def _ask_signer(desk: _Desk, said: str) -> None:
    """Nobody else will tell the owner. A signature given before that was known does not say that anybody did."""
    if desk.letter.state == LetterState.APPROVED.value:
        drafts.unsign(desk.row, desk.letter, said, desk.journal)
    else:
        drafts.tell_signer(desk.row, desk.letter, said, desk.journal.now)


def _settle(desk: _Desk, state: MessageState, kind: str, said: str) -> str:
    moved = claims.move_effect(
        desk.item, frm=[MessageState.HANDING_OVER], to=state, settled_at=desk.journal.now, note=said
    )
    if not moved:
        return "taken"
    desk.entry(kind, said)
    return state.value


def _try_later(desk: _Desk, who: str, reason: str, at: datetime) -> str:
    moved = claims.move_effect(
        desk.item, frm=[MessageState.HANDING_OVER], to=MessageState.QUEUED, due_at=at, note=reason
    )
    if not moved:
        return "taken"
    desk.give_time(at)
    said = f"The draft could not be sent to {who}, the relationship owner, yet: {reason} Next try {at:%H:%M} UTC."
    desk.entry(timeline.DEFERRED, said)
    return MessageState.QUEUED.value
