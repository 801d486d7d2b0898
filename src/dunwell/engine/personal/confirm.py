"""A letter that left through NetSuite is read back until its row is there, and compared (spec 1.2, step 6)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.personal.desk import Desk, desk_of
from dunwell.engine.ports import Ports
from dunwell.engine.rereading import NOT_SET_UP
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LoggedMail, MailReading
from dunwell.policy.patience import next_wait
from dunwell.policy.words import LetterState, MessageState, ReviewKind
from dunwell.store import claims, letters, models

EVERY = timedelta(minutes=1)
# How far the two clocks may be apart.
CLOCK_SKEW = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(hours=1)


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, _lease: timedelta) -> str:
    """Read a letter back once; return the state the effect is in: queued until the row is there or time is up."""
    key = item.key.removeprefix("confirm:")
    reading: MailReading | Unreadable = NOT_SET_UP
    if ports.ledger is not None:
        reading = ports.ledger.read_mail(key, clock.now())
    with claims.one_transaction():
        desk = desk_of(item, ports, clock.now())
        if desk.letter.state != LetterState.SENT.value:
            return _stop(desk)
        if isinstance(reading, Unreadable):
            return _unreadable(desk, reading)
        if reading.logged is not None:
            return _compare(desk, reading, reading.logged)
        return _not_there(desk)


def give_up(item: models.OutboxItem, trouble: str, ports: Ports, now: datetime) -> None:
    """Reading it back breaks Dunwell itself each time: the letter has left, and a person looks whether it arrived."""
    with claims.one_transaction():
        desk = desk_of(item, ports, now)
        if desk.letter.state != LetterState.SENT.value:
            _stop(desk)
            return
        _not_confirmed(desk, f"Letter {desk.letter.number} has left, and could not be read back: {trouble}.")


def _stop(desk: Desk) -> str:
    moved = desk.settle(MessageState.STOPPED, "A person has said what became of it.")
    return MessageState.STOPPED.value if moved else "taken"


def _compare(desk: Desk, reading: MailReading, found: LoggedMail) -> str:
    wrong = list(_differences(desk.letter, reading, found))
    if wrong:
        said = f"NetSuite shows letter {desk.letter.number} otherwise than it was sent: {'; '.join(wrong)}."
        return _not_confirmed(desk, said, record=found.id)
    said = (
        f"Letter {desk.letter.number} stands on the customer's record in NetSuite (message {found.id}), with the "
        "author, the recipient, the subject and the time it was sent with."
    )
    if not desk.settle(MessageState.SENT, said):
        return "taken"
    values = {"state": LetterState.CONFIRMED.value, "confirmed_at": desk.now, "record_id": found.id[:40]}
    letters.change(desk.letter, note=said, **values)
    shown = {"record": found.id, "author": found.author, "recipient": found.recipient}
    at = reading.sent_at.isoformat() if reading.sent_at else None
    desk.entry("confirmed", said, **shown, subject=found.subject, sent_at=at)
    desk.look_again()
    return MessageState.SENT.value


def _differences(letter: models.Letter, reading: MailReading, found: LoggedMail) -> Iterator[str]:
    # The author is an id, the recipient the address the mail went to.
    compared = (
        ("author", letter.author_ledger_id, found.author),
        ("recipient", letter.to_address, found.recipient),
        ("subject", letter.subject, found.subject),
    )
    for what, sent, shown in compared:
        if sent.casefold() != shown.casefold():
            yield f"the {what} is {shown or 'empty'}, not {sent}"
    at = reading.sent_at
    if letter.sent_at is not None and (at is None or abs(at - letter.sent_at) > CLOCK_SKEW):
        yield f"the time is {_minute(at) if at else 'empty'}, not {_minute(letter.sent_at)}"


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _not_there(desk: Desk) -> str:
    minutes = desk.book.policy.personal.confirm_within_minutes
    sent = desk.letter.sent_at or desk.item.queued_at
    until = max(sent, desk.item.queued_at) + timedelta(minutes=minutes)
    if desk.now < until:
        return _later(desk, "Its row is not there yet.", min(desk.now + EVERY, until))
    said = (
        f"NetSuite says that letter {desk.letter.number} was sent, but {minutes} minutes later its row is not on the "
        f"customer's record: author {desk.letter.author_ledger_id}, recipient {desk.letter.to_address}, subject "
        f"{desk.letter.subject!r}, sent {_minute(sent)}, were expected."
    )
    return _not_confirmed(desk, said)


def _not_confirmed(desk: Desk, said: str, **more: object) -> str:
    """A person looks; nothing is sent a second time."""
    if not desk.settle(MessageState.UNKNOWN, said):
        return "taken"
    letters.change(desk.letter, state=LetterState.IN_DOUBT.value, note=said)
    desk.entry("not_confirmed", said, **more)
    proposal = "Look at the customer's Communication tab, then say whether the letter arrived."
    desk.ask(ReviewKind.NOT_CONFIRMED, said, proposal)
    desk.look_again()
    return MessageState.UNKNOWN.value


def _unreadable(desk: Desk, reading: Unreadable) -> str:
    """NetSuite cannot be asked: that says nothing about the letter, so it is asked again; in the end a person is."""
    waited = desk.now - desk.item.queued_at
    patience = timedelta(hours=desk.book.policy.gate.tell_person_after_hours)
    if reading.permanent or waited >= patience:
        said = f"Letter {desk.letter.number} could not be read back from NetSuite: {reading.reason}."
        return _not_confirmed(desk, said)
    wait = next_wait(waited, shortest=EVERY, longest=_LONGEST_WAIT)
    return _later(desk, reading.reason, desk.now + wait)


def _later(desk: Desk, why: str, at: datetime) -> str:
    return MessageState.QUEUED.value if desk.move(MessageState.QUEUED, due_at=at, note=why) else "taken"
