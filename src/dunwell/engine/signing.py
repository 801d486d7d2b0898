"""Signing: what people do about personal mails, and what came of calls.

Each operation locks the case, names who did it and leaves a timeline entry with the write; what cannot be done
raises `NotPossibleError` with a sentence for that person. Who may approve is asked where they log in.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dunwell.engine.personal import drafts
from dunwell.engine.personal.text import LONGEST_TEXT, breaches_of, cleaned, in_words
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider, unblock
from dunwell.engine.review import NotPossibleError, open_item
from dunwell.policy.book import Book
from dunwell.policy.calendars import at_local
from dunwell.policy.content import Breach
from dunwell.policy.facts import Case, Hold
from dunwell.policy.saying import on_hold
from dunwell.policy.signing import no_signature_because
from dunwell.policy.words import CallOutcome, HoldKind, HoldScope, LetterState, ReviewKind
from dunwell.policy.zones import zone_for
from dunwell.store import cases, keep, letters, models, people, snapshots
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal

_CHANGED = "Somebody changed it meanwhile. Look at the text as it is now, then try again."
_OVER = {
    LetterState.LEAVING: "It is on its way to the customer.",
    LetterState.SENT: "It has left already.",
    LetterState.CONFIRMED: "It has left already.",
    LetterState.IN_DOUBT: "It may have left already.",
    LetterState.WITHDRAWN: "It was withdrawn.",
}


class BreaksRulesError(NotPossibleError):
    """The text cannot be approved; `breaches` names each broken rule with its place."""

    def __init__(self, breaches: tuple[Breach, ...]) -> None:
        super().__init__(f"The text breaks the content rules: {in_words(breaches)}")
        self.breaches = breaches


@dataclass(frozen=True, slots=True)
class Edited:
    """A letter after an edit: its version now, and the content rules its text breaks."""

    version: int
    breaches: tuple[Breach, ...]


@dataclass(slots=True)
class _Desk:
    """A locked case, inside one transaction."""

    row: models.Case
    case: Case
    book: Book
    journal: Journal
    ports: Ports

    def finish(self) -> None:
        """Let the rules look, then write everything."""
        unblock(self.row)
        if self.row.closed_at is None:
            consider([self.row], self.journal, self.ports, alarm=False)
        self.journal.write()


@dataclass(slots=True)
class _Signing(_Desk):
    """One letter with its locked case."""

    letter: models.Letter

    @property
    def state(self) -> LetterState:
        return LetterState(self.letter.state)

    def entry(self, kind: str, text: str, by: str) -> None:
        """Add to the timeline what happened to the letter."""
        detail = {"letter": self.letter.pk, "number": self.letter.number, "version": self.letter.version}
        self.journal.entry(self.row, kind, text, by=by, detail=detail)


def check_text(*, letter_id: int, subject: str, text: str, now: datetime, ports: Ports) -> tuple[Breach, ...]:
    """Say which content rules a text would break as this letter, for checking while somebody types. Changes nothing."""
    letter = letters.letter_with_id(letter_id)
    row = None if letter is None else cases.case_with_id(letter.case_id)
    if letter is None or row is None:
        raise NotPossibleError("There is no such mail.")
    case = snapshots.snapshots([row], now)[row.pk]
    return breaches_of(letter, *cleaned(subject, text), case, keep.book_of(row.policy_id), ports, now)


def edit_letter(
    *, letter_id: int, version: int, subject: str, text: str, by: str, now: datetime, ports: Ports
) -> Edited:
    """Keep a new text, whatever rules it breaks, and say which; an approval given to the old text is over."""
    if len(text) > LONGEST_TEXT:
        raise NotPossibleError(f"The text is longer than {LONGEST_TEXT:,} characters.")
    subject, text = cleaned(subject, text)
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_editable(desk, version)
        letter = desk.letter
        breaches = breaches_of(letter, subject, text, desk.case, desk.book, ports, now)
        if (subject, text) == (letter.subject, letter.text):
            return Edited(version, breaches)
        approved = desk.state is LetterState.APPROVED
        letters.change(
            letter,
            subject=subject,
            text=text,
            version=version + 1,
            edited_at=now,
            edited_by=by[:150],
            state=LetterState.DRAFT.value,
            approved_at=None,
            approved_by="",
        )
        again = " The approval was for the text before, so it is to be approved again." if approved else ""
        desk.entry("edited", f"Letter {letter.number} was edited.{again}", by)
        if approved:
            drafts.ask_to_approve(desk.row, letter, now)
        desk.finish()
        return Edited(version + 1, breaches)


def approve_letter(*, letter_id: int, version: int, by: str, now: datetime, ports: Ports) -> None:
    """Sign a letter: it leaves when its owner's time is over and the customer's hours allow it.

    Raises `BreaksRulesError` while the text breaks a content rule.
    """
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        letter = desk.letter
        if desk.state is LetterState.APPROVED:
            raise NotPossibleError(f"{letter.approved_by} has approved it already.")
        _must_be_editable(desk, version)
        _must_be_able_to_leave(desk, now)
        breaches = breaches_of(letter, letter.subject, letter.text, desk.case, desk.book, ports, now)
        if breaches:
            raise BreaksRulesError(breaches)
        letters.change(letter, state=LetterState.APPROVED.value, approved_at=now, approved_by=by[:150])
        desk.entry("approved", f"Letter {letter.number} was approved.", by)
        people.settle_kind(desk.row, ReviewKind.DRAFT, "Approved.", by, now)
        desk.finish()


def discard_letter(*, letter_id: int, version: int, by: str, now: datetime, ports: Ports) -> None:
    """Throw a draft away; the rules write a new one from what is known now."""
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_editable(desk, version)
        drafts.withdraw(desk.row, desk.letter, "It was discarded.", desk.journal, by=by)
        desk.finish()


def take_over_letter(
    *, letter_id: int, version: int, until: date | None, by: str, now: datetime, ports: Ports
) -> None:
    """Throw a draft away and write or call in person: what is to be done lies on that person's desk.

    The case waits through the customer's day `until`; if nothing has come of it by then, the rules go on.
    """
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_editable(desk, version)
        ends = _end_of(desk, until, "Say until which day the case waits for you.")
        drafts.withdraw(desk.row, desk.letter, f"{by} took over.", desk.journal, by=by)
        reason = f"{by} took over from draft {desk.letter.number}."
        _hold(desk, HoldKind.PAUSE, ends, reason, by)
        people.ask(desk.row, ReviewKind.CALL_TASK, reason, _BY_HAND, now)
        for item in people.open_reviews_of(desk.row):
            if item.kind == ReviewKind.CALL_TASK.value:
                people.assign_review(item, by)
        desk.finish()


_BY_HAND = "Write or call, then record what came of it."


def veto_letter(*, letter_id: int, reason: str, by: str, now: datetime, ports: Ports) -> None:
    """The relationship owner stops a letter: the case waits until a person releases the hold."""
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_unsent(desk)
        said = f"The relationship owner stopped it. {reason.strip()[:400]}".strip()
        drafts.withdraw(desk.row, desk.letter, said, desk.journal, by=by)
        _hold(desk, HoldKind.VETO, None, reason, by)
        proposal = "Talk to the owner; releasing the hold makes a new draft."
        people.ask_once(desk.row, ReviewKind.VETO, said, proposal, desk.journal)
        desk.finish()


def postpone_letter(
    *, letter_id: int, until: date, by: str, now: datetime, ports: Ports, reason: str = ""
) -> None:
    """The relationship owner puts a letter off to a day, the customer's: draft and approval stay."""
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_unsent(desk)
        zone = zone_for(desk.case.customer, desk.book.policy).zone
        ends = at_local(until, desk.book.policy.window.opens, zone)
        if ends <= now:
            raise NotPossibleError("Choose a day in the future.")
        if until > now.astimezone(zone).date() + _LONGEST_WAIT:
            raise NotPossibleError(f"Choose a day within {_LONGEST_WAIT.days} days.")
        _end_postponements(desk)
        drafts.hold_back(desk.row, HoldKind.VETO, desk.journal)
        _hold(desk, HoldKind.VETO, ends, reason, by)
        desk.finish()


def agree_letter(*, letter_id: int, by: str, now: datetime, ports: Ports) -> None:
    """The relationship owner agrees: an approved letter need not wait for the end of their time."""
    with one_transaction():
        desk = _letter(letter_id, now, ports)
        _must_be_unsent(desk)
        if desk.letter.owner_agreed_at is not None:
            raise NotPossibleError("It has been agreed to already.")
        letters.change(desk.letter, owner_agreed_at=now)
        desk.entry("agreed", f"The relationship owner agreed to letter {desk.letter.number}.", by)
        desk.finish()


_LONGEST_WAIT = timedelta(days=90)


def record_call_outcome(
    *,
    review_id: int,
    outcome: CallOutcome,
    note: str,
    until: date | None,
    by: str,
    now: datetime,
    ports: Ports,
) -> None:
    """Say how a call ended (spec 8). Who was not reached is still to be called; anything else ends the task.

    A promise lasts, and a plan holds the case, through the customer's day `until`; a dispute until released.
    """
    with one_transaction():
        item, row = _call_task(review_id)
        desk = _Desk(*_parts(row, now), ports)
        ends = _end_of(desk, until, NEEDS_A_DAY[outcome]) if outcome in NEEDS_A_DAY else None
        said = f"{_CALL_SAID[outcome]} {note.strip()[:2000]}".strip()
        desk.journal.entry(row, "called", said, by=by, detail={"outcome": outcome.value})
        if outcome in _CALL_AGAIN:
            desk.journal.write()
            return
        people.settle_review(item, said, by, now)
        if outcome in _CALL_HOLDS:
            drafts.hold_back(row, _CALL_HOLDS[outcome], desk.journal)
            _hold(desk, _CALL_HOLDS[outcome], ends, note, by)
        if outcome is CallOutcome.DISPUTE:
            proposal = "Settle the dispute with the customer, then release the hold."
            people.ask_once(row, ReviewKind.DISPUTE, said, proposal, desk.journal)
        desk.finish()


_CALL_SAID = {
    CallOutcome.REACHED: "The customer was reached.",
    CallOutcome.NO_ANSWER: "Nobody answered; the call is still to be made.",
    CallOutcome.PROMISE: "The customer promised to pay.",
    CallOutcome.DISPUTE: "The customer disputes the invoice.",
    CallOutcome.PLAN: "The customer asked for a payment plan.",
    CallOutcome.WRONG_NUMBER: "The number is wrong; the call is still to be made.",
}
NEEDS_A_DAY = {
    CallOutcome.PROMISE: "Say by which day they promised to pay.",
    CallOutcome.PLAN: "Say on which day the plan is to be looked at again.",
}
_CALL_AGAIN = (CallOutcome.NO_ANSWER, CallOutcome.WRONG_NUMBER)
_CALL_HOLDS = {
    CallOutcome.PROMISE: HoldKind.PROMISE,
    CallOutcome.DISPUTE: HoldKind.DISPUTE,
    CallOutcome.PLAN: HoldKind.PAYMENT_PLAN,
}


def _call_task(review_id: int) -> tuple[models.ReviewItem, models.Case]:
    item, row = open_item(review_id)
    if item.kind != ReviewKind.CALL_TASK.value:
        raise NotPossibleError("This is not about a call.")
    return item, row


def _end_of(desk: _Desk, until: date | None, wanted: str) -> datetime:
    """The last minute of a day where the customer is; rules speak again the working morning after."""
    if until is None:
        raise NotPossibleError(wanted)
    zone = zone_for(desk.case.customer, desk.book.policy).zone
    ends = at_local(until, time(23, 59), zone)
    if ends <= desk.journal.now:
        raise NotPossibleError("The day must not lie in the past.")
    if until > desk.journal.now.astimezone(zone).date() + _LONGEST_WAIT:
        raise NotPossibleError(f"Choose a day within {_LONGEST_WAIT.days} days.")
    return ends


def _hold(desk: _Desk, kind: HoldKind, until: datetime | None, reason: str, by: str) -> None:
    now = desk.journal.now
    people.keep_hold(desk.row, Hold(kind, HoldScope.CASE, now, until, reason.strip()[:500], by))
    waits = on_hold(kind, until, zone_for(desk.case.customer, desk.book.policy).zone)
    desk.journal.entry(desk.row, "hold", f"{waits} {reason}".strip(), by=by)


def _end_postponements(desk: _Desk) -> None:
    """A new day replaces the one before."""
    now = desk.journal.now
    for hold in people.holds_of(desk.row, HoldKind.VETO, now):
        if hold.until_at is not None:
            people.end_hold(hold, now)


def _letter(letter_id: int, now: datetime, ports: Ports) -> _Signing:
    """A letter with its case, locked; asked for again under the lock, since two people may act on it."""
    seen = letters.letter_with_id(letter_id)
    row = cases.locked_case(seen.case_id) if seen is not None else None
    letter = letters.letter_with_id(letter_id)
    if letter is None or row is None:
        raise NotPossibleError("There is no such mail.")
    if row.closed_at is not None:
        raise NotPossibleError("This case is closed.")
    return _Signing(*_parts(row, now), ports, letter)


def _parts(row: models.Case, now: datetime) -> tuple[models.Case, Case, Book, Journal]:
    return row, snapshots.snapshots([row], now)[row.pk], keep.book_of(row.policy_id), Journal(now)


def _must_be_editable(desk: _Signing, version: int) -> None:
    if desk.state in _OVER:
        raise NotPossibleError(_OVER[desk.state])
    if desk.letter.version != version:
        raise NotPossibleError(_CHANGED)


def _must_be_unsent(desk: _Signing) -> None:
    if desk.state is LetterState.LEAVING and not letters.may_have_left(desk.letter):
        return
    if desk.state in _OVER:
        raise NotPossibleError(_OVER[desk.state])


def _must_be_able_to_leave(desk: _Desk, now: datetime) -> None:
    if why := no_signature_because(desk.case, now):
        raise NotPossibleError(why)
