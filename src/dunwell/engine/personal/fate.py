"""What became of a letter that was handed over: it left, it did not, or nobody knows and somebody is asked."""

from datetime import datetime, timedelta

from dunwell.engine.personal.desk import Desk
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import MailReading, MailState, Posted, Posting
from dunwell.policy.money import Money
from dunwell.policy.patience import next_wait
from dunwell.policy.readings import Delivery, Handed, Refused, Uncertain
from dunwell.policy.words import LetterState, MessageState, ReviewKind
from dunwell.store import claims, letters, models, timeline
from dunwell.store.mails import short_id

# What a letter leaves through: `Letter.via` and the `method` of its effect.
NETSUITE, SMTP = "netsuite", claims.SMTP
CALLED = {NETSUITE: "NetSuite", SMTP: "the mail server"}
# The kind of entry that says an answer was not clear and NetSuite is asked what became of the letter.
UNCLEAR = "unclear"
# How long to wait before the next try when the answer is "not now": about a day in all.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 240, 360, 360)]
ASK_AGAIN = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_LOOK_FOR_IT = "Look for it there, then say whether it arrived."


def note(desk: Desk, answer: Posting | Delivery) -> str:
    """Write down what NetSuite or the mail server said to a letter; return the state its effect is in."""
    if isinstance(answer, Posted):
        return left(desk, answer.sent_at)
    if isinstance(answer, Handed):
        return left(desk, desk.now, short_id(answer.id))
    if isinstance(answer, Uncertain):
        return _unclear(desk, answer)
    put_off = timeline.told_of(desk.row, timeline.DEFERRED, desk.item.key)
    if not answer.permanent and put_off < len(WAITS):
        return _try_later(desk, answer.reason, desk.now + WAITS[put_off])
    return _refused(desk, answer)


def became(desk: Desk, said: MailReading | Unreadable) -> str:
    """Write down what NetSuite says became of a letter; empty when it never came there and may go again."""
    unclear_since = timeline.first_told(desk.row, UNCLEAR, desk.item.key)
    if unclear_since is None:
        desk.entry(
            UNCLEAR, f"{_what(desk)} was being handed over when the worker stopped; NetSuite is asked."
        )
        unclear_since = desk.now
    if isinstance(said, Unreadable):
        return _cannot_be_asked(desk, said, unclear_since)
    if said.state is MailState.SENT:
        return left(desk, said.sent_at or said.at)
    if said.state is MailState.ABSENT:
        letters.change(desk.letter, via="")
        desk.entry("absent", f"{_what(desk)} never came to NetSuite, so it may leave under the same key.")
        desk.journal.write()
        return ""
    waited = desk.now - unclear_since
    if waited < timedelta(minutes=desk.book.policy.personal.confirm_within_minutes):
        return _ask_later(desk, "NetSuite is still sending it.", desk.now + ASK_AGAIN)
    return in_doubt(
        desk, f"{_what(desk)} began to leave through NetSuite, which never said that it finished."
    )


def left(desk: Desk, at: datetime, provider_id: str = "") -> str:
    """The letter left. What the mail server took is proved by that; what NetSuite took is read back."""
    via = desk.letter.via
    said = f"{_what(desk)} left through {CALLED[via]}.{_not_on_record(desk)}"
    if not desk.settle(MessageState.SENT, said, provider_id=provider_id):
        return "taken"
    proved = via == SMTP
    state = LetterState.CONFIRMED if proved else LetterState.SENT
    letters.change(
        desk.letter, state=state.value, sent_at=at, confirmed_at=desk.now if proved else None, note=said
    )
    desk.entry("sent", said, via=via, sent_at=at.isoformat())
    if not proved:
        _queue_confirmation(desk)
    desk.look_again()
    return MessageState.SENT.value


def _not_on_record(desk: Desk) -> str:
    """A letter that should have left through NetSuite and could not is not where people will look for it."""
    wanted = desk.book.policy.personal.send_by == NETSUITE and desk.row.uses_ledger
    if not wanted or desk.letter.via != SMTP:
        return ""
    why = "NetSuite is not set up any more" if desk.letter.to_ledger_id else "the contact is not in NetSuite"
    return f" By SMTP: {why}, so the mail will not stand on the customer's record."


def in_doubt(desk: Desk, why: str) -> str:
    """Nobody knows whether the letter left: it never leaves again by itself, and a person is asked."""
    said = f"{why} It may or may not have left; it will not be sent again."
    if not desk.settle(MessageState.UNKNOWN, said):
        return "taken"
    letters.change(desk.letter, state=LetterState.IN_DOUBT.value, note=said)
    desk.entry("unknown", said)
    desk.ask(ReviewKind.SEND_UNKNOWN, said, _LOOK_FOR_IT)
    desk.look_again()
    return MessageState.UNKNOWN.value


def _what(desk: Desk) -> str:
    return f"Letter {desk.letter.number} to {desk.item.to_address}"


def _queue_confirmation(desk: Desk) -> None:
    item, kind = desk.item, models.OutboxItem.CONFIRM
    owed = Money(item.amount_minor, item.currency)
    desk.journal.queue(item.case_id, kind, f"confirm:{item.key}", owed, letter_id=desk.letter.pk)


def _unclear(desk: Desk, answer: Uncertain) -> str:
    """Through NetSuite we can ask; the mail server cannot be asked."""
    if desk.letter.via == SMTP:
        return in_doubt(desk, f"The connection broke while handing over {_what(desk)}: {answer.reason}")
    desk.entry(UNCLEAR, f"No clear answer came about {_what(desk)}, so NetSuite is asked: {answer.reason}")
    return _ask_later(desk, answer.reason, desk.now + ASK_AGAIN)


def _ask_later(desk: Desk, why: str, at: datetime) -> str:
    if not desk.move(MessageState.HANDING_OVER, due_at=at, note=why):
        return "taken"
    desk.journal.write()
    return MessageState.HANDING_OVER.value


def _cannot_be_asked(desk: Desk, said: Unreadable, since: datetime) -> str:
    waited = desk.now - since
    patience = timedelta(hours=desk.book.policy.gate.tell_person_after_hours)
    if said.permanent or waited >= patience:
        return in_doubt(desk, f"NetSuite could not say what became of {_what(desk)}: {said.reason}.")
    wait = next_wait(waited, shortest=ASK_AGAIN, longest=_LONGEST_WAIT)
    return _ask_later(desk, said.reason, desk.now + wait)


def _try_later(desk: Desk, reason: str, at: datetime) -> str:
    """Nothing left: the letter waits in the queue and passes the gate anew."""
    by = CALLED[desk.letter.via]
    if not desk.move(MessageState.QUEUED, due_at=at, note=reason, method=""):
        return "taken"
    letters.change(desk.letter, via="")
    desk.entry(timeline.DEFERRED, f"{by} could not take {_what(desk)} yet: {reason} Next try {at:%H:%M} UTC.")
    desk.journal.write()
    return MessageState.QUEUED.value


def _refused(desk: Desk, answer: Refused) -> str:
    said = f"{CALLED[desk.letter.via]} did not take {_what(desk)}: {answer.reason}"
    said = said[0].upper() + said[1:]
    if not desk.settle(MessageState.REFUSED, said):
        return "taken"
    letters.change(desk.letter, state=LetterState.IN_DOUBT.value, via="", note=said)
    desk.entry("refused", said)
    desk.ask(ReviewKind.SEND_REFUSED, said, "Correct what it complains about, then settle this.")
    desk.look_again()
    return MessageState.REFUSED.value
