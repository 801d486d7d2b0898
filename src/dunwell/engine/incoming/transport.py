"""What became of mail of ours, by a provider's word or a mail server's report: delivered, put off, back, unwanted.

It counts only as far as it names a mail of ours by its Message-ID, or by the provider's id for it, and whom that
went to: both are hard to guess, so a forged report changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dunwell.engine.personal import owner
from dunwell.engine.personal.desk import desk_of
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider, say_again, unblock
from dunwell.policy.facts import Unreadable
from dunwell.policy.incoming import TransportEvent
from dunwell.policy.rules import CALLED
from dunwell.policy.words import CaseStatus, MessageState, ReviewKind, Stage, TransportKind
from dunwell.store import cases, claims, mails, models, people, timeline
from dunwell.store.journal import Journal
from dunwell.store.plain import plain

BOUNCED, COMPLAINT, DELIVERED = "bounced", "complaint", "delivered"
_ABOUT_A_CONTACT = (TransportKind.BOUNCED, TransportKind.COMPLAINED)
_LEFT = (MessageState.SENT.value, MessageState.UNKNOWN.value)
_LEAVING = (MessageState.QUEUED.value, MessageState.CLAIMED.value, MessageState.HANDING_OVER.value)


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event came to: a few words, the cases it is about, and why to come back later if that is needed."""

    note: str
    cases: tuple[int, ...] = ()
    again: Unreadable | None = None


def hear(event: TransportEvent, ports: Ports, now: datetime) -> Heard:
    """Note what became of a mail of ours, in one transaction; hearing the same twice changes nothing."""
    about = _named(event)
    if not about:
        return Heard("about no mail of ours")
    with claims.one_transaction():
        sound = _Sound.locked(event, about, ports, now)
        if not sound.items:
            return Heard("about a mail of ours, but not to that address")
        if sound.leader.state in _LEAVING:
            return Heard("", again=Unreadable("the mail it is about is just leaving"))
        _KINDS[_kind_of(event)](sound)
        sound.finish()
    return Heard(event.kind.value, tuple(sorted({item.case_id for item in sound.items})))


def _named(event: TransportEvent) -> list[models.OutboxItem]:
    """The rows of the mail an event names; some providers put a Message-ID of their own in place of ours."""
    return mails.effects_named(event.message_id, event.provider_id or event.message_id)


def _kind_of(event: TransportEvent) -> TransportKind:
    """A server that will try again, or may be asked again, has only put the mail off."""
    for_now = event.kind is TransportKind.BOUNCED and not event.permanent
    return TransportKind.DEFERRED if for_now else event.kind


@dataclass(slots=True)
class _Sound:
    """One event with the rows of the mail it is about, their cases and all others it touches, locked.

    `items` are empty when the mail did not go to that address. `copied`: it went there as a copy.
    """

    event: TransportEvent
    items: list[models.OutboxItem]
    copied: bool
    rows: dict[int, models.Case]
    journal: Journal
    ports: Ports

    @classmethod
    def locked(
        cls, event: TransportEvent, about: Sequence[models.OutboxItem], ports: Ports, now: datetime
    ) -> "_Sound":
        """Lock the cases of the mail; if its contact may be lost, all whose contact that is, customers first."""
        wanted = {item.case_id for item in about}
        if _kind_of(event) in _ABOUT_A_CONTACT:
            whose = set(mails.customers_of(sorted(wanted)))
            whose |= set(people.customers_with_contact(event.recipient))
            for customer in sorted(whose):
                cases.lock_customer(customer)
            wanted |= set(mails.open_cases_of(sorted(whose)))
        rows = {row.pk: row for row in cases.locked_cases(sorted(wanted))}
        items = _named(event)
        went_to = bool(items) and _same(items[0].to_address, event.recipient)
        copied = bool(items) and not went_to and _same(mails.copied_to(items[0]), event.recipient)
        return cls(event, items if went_to or copied else [], copied, rows, Journal(now), ports)

    @property
    def leader(self) -> models.OutboxItem:
        """The row the mail left under."""
        return self.items[0]

    @property
    def reason(self) -> str:
        """What the other side said, as the end of a sentence."""
        said = " ".join(self.event.reason.split())[:300]
        return f": {said}" if said else "."

    def entry(self, item: models.OutboxItem, kind: str, text: str) -> None:
        """Tell a case of it, under the key of its row."""
        detail = {"key": item.key, "to": self.event.recipient}
        at = min(self.event.at or self.journal.now, self.journal.now)
        self.journal.entry(self.rows[item.case_id], kind, text, by="mail", at=at, detail=detail)

    def told(self, item: models.OutboxItem, kind: str) -> bool:
        """Say whether the case has heard it already."""
        return timeline.told_of(self.rows[item.case_id], kind, item.key) > 0

    def finish(self) -> None:
        """Write it all, then let the rules see what is left of the contacts."""
        self.journal.write()
        if _kind_of(self.event) not in _ABOUT_A_CONTACT:
            return
        again = Journal(self.journal.now)
        consider([row for row in self.rows.values() if row.closed_at is None], again, self.ports, alarm=False)
        again.write()


def _same(one: str, other: str) -> bool:
    return bool(one) and one.lower() == other.lower()


def _delivered(sound: _Sound) -> None:
    for item in sound.items:
        if not sound.told(item, DELIVERED):
            sound.entry(item, DELIVERED, f"{_called(item)} was delivered to {sound.event.recipient}.")


def _deferred(sound: _Sound) -> None:
    """Another server has the mail and goes on trying: nothing is to be done, but people may want to know."""
    for item in sound.items:
        if not sound.told(item, timeline.DEFERRED):
            text = f"{_called(item)} has not reached {sound.event.recipient} yet{sound.reason}"
            sound.entry(item, timeline.DEFERRED, text)


def _complained(sound: _Sound) -> None:
    """Whoever calls our mail unwanted is not written to any more; the mail itself reached them."""
    for item in sound.items:
        if not sound.told(item, COMPLAINT):
            text = f"{sound.event.recipient} marked {_called(item).lower()} as unwanted; nothing more goes there."
            sound.entry(item, COMPLAINT, text)
    _bury(sound, "They marked a mail of ours as unwanted.")


def _bounced(sound: _Sound) -> None:
    """A mail reached nobody: its stage is still to be sent, to the next contact or after a person found one."""
    note = f"It came back from {sound.event.recipient}{sound.reason}"
    moved = not sound.copied and sound.leader.state in _left(sound.leader)
    if moved:
        before = [MessageState(sound.leader.state)]
        moved = claims.move_effect(sound.leader, frm=before, to=MessageState.BOUNCED, note=note)
    elif sound.leader.state == MessageState.UNKNOWN.value:
        _tell_who_looks(sound, note)
    for item in sound.items:
        if not sound.told(item, BOUNCED):
            what = f"The copy of {_called(item).lower()}" if sound.copied else _called(item)
            sound.entry(item, BOUNCED, f"{what} for {sound.event.recipient} came back{sound.reason}")
        if moved:
            _CAME_BACK[item.kind](sound, item)
    _bury(sound, note)


def _left(item: models.OutboxItem) -> tuple[str, ...]:
    """The states from which a mail comes back; of a letter nobody is sure of, a person says what became of it."""
    return _LEFT[:1] if item.kind == models.OutboxItem.LETTER else _LEFT


def _tell_who_looks(sound: _Sound, note: str) -> None:
    row = sound.rows[sound.leader.case_id]
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.SEND_UNKNOWN.value and note not in item.reason:
            people.add_to_review(item, note)


def _no_doubt_any_more(sound: _Sound, row: models.Case) -> None:
    """What came back did leave: nobody has to look for it."""
    if people.settle_kind(row, ReviewKind.SEND_UNKNOWN, "It came back.", "dunwell", sound.journal.now):
        unblock(row)


def _bury(sound: _Sound, because: str) -> None:
    """Nobody writes to that address any more, whoever's contact it is; the cases this is news for hear of it."""
    news = people.mark_undeliverable(sound.event.recipient, because)
    about = {item.case_id for item in sound.items}
    for row in sound.rows.values():
        if row.customer_id in news and row.closed_at is None and row.pk not in about:
            text = f"Nothing more goes to {sound.event.recipient}. {because}"
            sound.journal.entry(row, "contact", text, by="mail", detail={"to": sound.event.recipient})


def _mail_came_back(sound: _Sound, item: models.OutboxItem) -> None:
    row = sound.rows[item.case_id]
    if row.closed_at is not None:
        return
    _no_doubt_any_more(sound, row)
    say_again(row, item)
    sound.journal.changed(row)


def _letter_came_back(sound: _Sound, item: models.OutboxItem) -> None:
    """What a manager signed counts as sent; that nobody has read it is for a person to mend."""
    row = sound.rows[item.case_id]
    if row.closed_at is not None:
        return
    text = f"The letter to {item.to_address} came back, so nobody has read it{sound.reason}"
    todo = "Find a working address for accounts payable, and write or call yourself."
    people.ask_once(row, ReviewKind.NO_CONTACT, text, todo, sound.journal)
    if row.status == CaseStatus.OPEN.value:
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, plain(text)
    sound.journal.changed(row)


def _note_came_back(sound: _Sound, item: models.OutboxItem) -> None:
    """The relationship owner was not told: whoever signs has to ask them."""
    desk = desk_of(item, sound.ports, sound.journal.now)
    desk.row, desk.journal = sound.rows[item.case_id], sound.journal
    owner.came_back(desk, f"The draft could not be brought to {sound.event.recipient}{sound.reason}")


def _answer_came_back(sound: _Sound, item: models.OutboxItem) -> None:
    row = sound.rows[item.case_id]
    _no_doubt_any_more(sound, row)
    sound.journal.changed(row)
    text = f"The answer to {item.to_address} came back, so nobody has read it{sound.reason}"
    people.ask_once(row, ReviewKind.REPLY, text, "Find another way to answer them.", sound.journal)


def _called(item: models.OutboxItem) -> str:
    if item.kind == models.OutboxItem.MAIL:
        return f"The {CALLED[Stage(item.stage)]}"
    return _WORDS[item.kind]


_WORDS = {
    models.OutboxItem.LETTER: "The letter",
    models.OutboxItem.OWNER_NOTE: "The note to the relationship owner",
    models.OutboxItem.ANSWER: "The answer",
}
_CAME_BACK: dict[str, Callable[[_Sound, models.OutboxItem], None]] = {
    models.OutboxItem.MAIL: _mail_came_back,
    models.OutboxItem.LETTER: _letter_came_back,
    models.OutboxItem.OWNER_NOTE: _note_came_back,
    models.OutboxItem.ANSWER: _answer_came_back,
}
_KINDS: dict[TransportKind, Callable[[_Sound], None]] = {
    TransportKind.DELIVERED: _delivered,
    TransportKind.DEFERRED: _deferred,
    TransportKind.BOUNCED: _bounced,
    TransportKind.COMPLAINED: _complained,
}
