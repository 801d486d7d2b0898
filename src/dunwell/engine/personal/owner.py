"""The relationship owner is told of a draft before it can leave; their time runs from when they were told."""

from datetime import datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.letters import message_id
from dunwell.engine.links import make_owner_link
from dunwell.engine.personal import drafts
from dunwell.engine.personal.desk import Desk, desk_of
from dunwell.engine.personal.text import as_html, signer
from dunwell.engine.ports import Ports
from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.policy.owner import owner_note, owner_time_ends
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.words import LetterState, MessageState
from dunwell.store import claims, letters, models, timeline
from dunwell.store.mails import short_id

# How long to wait before the next try when the mail server says "not now", or the connection breaks.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120)]

_ASK_THEM = "Ask them yourself before you approve it: that says that you have."
_WAITING = (LetterState.DRAFT.value, LetterState.APPROVED.value)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Tell the owner of a draft by mail, unless it is none any more; return the state the note ended in.

    A note whose worker died is sent again: the owner had better hear of it twice than not at all.
    """
    with claims.one_transaction():
        ready = _prepared(desk_of(item, ports, clock.now()), lease)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready)
    with claims.one_transaction():
        desk = desk_of(item, ports, clock.now())
        state = _note_delivery(desk, delivery)
        desk.look_again()
    return state


def _entry(desk: Desk, kind: str, text: str) -> None:
    desk.journal.entry(desk.row, kind, text, detail={"letter": desk.letter.pk, "key": desk.item.key})


def _give_time(desk: Desk, since: datetime) -> None:
    """Let the owner's time run from when they were, or will be, told; it never gets shorter."""
    ends = owner_time_ends(since, desk.book.policy)
    if desk.letter.owner_until is None or ends > desk.letter.owner_until:
        letters.change(desk.letter, owner_until=ends)


def _prepared(desk: Desk, lease: timedelta) -> OutgoingMail | str:
    item, row, letter, now, ports = desk.item, desk.row, desk.letter, desk.now, desk.ports
    if row.closed_at is not None or letter.state not in _WAITING:
        why = "The draft it is about is none any more."
        return MessageState.STOPPED.value if desk.settle(MessageState.STOPPED, why) else "taken"
    _give_time(desk, now)
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
        policy=desk.book.policy,
    )
    named = message_id(item.key, ports)
    if not desk.move(MessageState.HANDING_OVER, subject=note.subject, due_at=now + lease, message_id=named):
        return "taken"
    return OutgoingMail(
        message_id=named,
        sender=ports.sender,
        to=owner,
        reply_to=manager.email,
        subject=note.subject,
        text=note.text,
        html=as_html(note.text, link, "Read it, agree, put it off or stop it"),
        date=now,
    )


def _note_delivery(desk: Desk, delivery: Delivery) -> str:
    now, who = desk.now, desk.item.to_name or desk.item.to_address
    if isinstance(delivery, Handed):
        _give_time(desk, now)
        said = f"{who}, the relationship owner, was sent the draft of letter {desk.letter.number}."
        return _settle(desk, MessageState.SENT, "owner_told", said, short_id(delivery.id))
    put_off = timeline.told_of(desk.row, timeline.DEFERRED, desk.item.key)
    if (not isinstance(delivery, Refused) or not delivery.permanent) and put_off < len(WAITS):
        return _try_later(desk, who, delivery.reason, now + WAITS[put_off])
    _give_time(desk, now)
    said = f"The draft could not be sent to {who}, the relationship owner: {delivery.reason}"
    state = _settle(desk, MessageState.REFUSED, "refused", said)
    if state == MessageState.REFUSED.value and desk.letter.state in _WAITING:
        _ask_signer(desk, f"{said} {_ASK_THEM}")
    return state


def came_back(desk: Desk, said: str) -> None:
    """The note left and came back: whoever signs the draft has to ask the owner, if it is still to be signed."""
    if desk.letter.state in _WAITING:
        _ask_signer(desk, f"{said} {_ASK_THEM}")


def _ask_signer(desk: Desk, said: str) -> None:
    """Nobody else will tell the owner. A signature given before that was known does not say that anybody did."""
    if desk.letter.state == LetterState.APPROVED.value:
        drafts.unsign(desk.row, desk.letter, said, desk.journal)
    else:
        drafts.tell_signer(desk.row, desk.letter, said, desk.now)


def _settle(desk: Desk, state: MessageState, kind: str, said: str, provider_id: str = "") -> str:
    if not desk.settle(state, said, provider_id=provider_id):
        return "taken"
    _entry(desk, kind, said)
    return state.value


def _try_later(desk: Desk, who: str, reason: str, at: datetime) -> str:
    if not desk.move(MessageState.QUEUED, due_at=at, note=reason):
        return "taken"
    _give_time(desk, at)
    said = f"The draft could not be sent to {who}, the relationship owner, yet: {reason} Next try {at:%H:%M} UTC."
    _entry(desk, timeline.DEFERRED, said)
    return MessageState.QUEUED.value
