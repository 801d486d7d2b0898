"""A decision becomes timeline entries, outbox rows, desk items, holds and a new alarm: all or nothing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dunwell.engine.letters import About, Unwritable, compose
from dunwell.engine.personal import drafts
from dunwell.engine.personal.calls import queue_call
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.together import Look, Shared, Written, look_at, mail_key, with_mates, write_together
from dunwell.policy.book import Book
from dunwell.policy.cadence import is_active
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Case, Hold
from dunwell.policy.merging import Asking, Mail, mails_due
from dunwell.policy.money import Money
from dunwell.policy.rules import ON_ITS_WAY
from dunwell.policy.words import (
    ActionKind,
    AttemptTrigger,
    CaseStatus,
    HoldKind,
    LetterState,
    MessageState,
    ReviewKind,
    Stage,
)
from dunwell.store import claims, journal, keep, models, people, snapshots

log = logging.getLogger(__name__)


def consider(
    rows: Sequence[models.Case], book_journal: journal.Journal, ports: Ports, *, alarm: bool
) -> None:
    """Decide each locked case afresh and note the outcome in the journal.

    `alarm` says that the cases were woken by their alarm, so that silence is worth an entry too. One
    contact gets at most one mail out of a batch, about all that is due: the others see it and wait (spec 2, 6).
    """
    now, looks = book_journal.now, []
    for row, case in _pairs(rows, now):
        if row.closed_at is not None:
            row.due_at = None
            book_journal.changed(row)
        else:
            looks.append(look_at(row, drafts.refresh(row, case, book_journal), now))
    batch, mates = _Batch(book_journal, ports, alarm=alarm), with_mates(looks, now)
    for look in looks:
        batch.write_to_payer(mates.pop(look.row.customer_id, ()))
        batch.decide(look)


@dataclass(slots=True)
class _Batch:
    """Cases that are decided together: which are done, and whom they wrote to."""

    to: journal.Journal
    ports: Ports
    alarm: bool
    written: Written = field(default_factory=Written)
    done: set[int] = field(default_factory=set)

    def decide(self, look: Look) -> None:
        """Decide one case by itself, unless it is done."""
        if look.row.pk in self.done:
            return
        seen = self.written.seen_by(look.case)
        decision = look.decision
        if seen is not look.case:
            decision = decide(seen, look.book.policy, self.to.now)
        self._carry_out(look, seen, decision)

    def write_to_payer(self, group: Sequence[Look]) -> None:
        """Choose what leaves for a customer with several cases, and carry it out."""
        looks = {look.row.pk: look for look in group if look.row.pk not in self.done}
        asking = [Asking(pk, self.written.seen_by(look.case), look.book.policy) for pk, look in looks.items()]
        for mail in mails_due(asking, self.to.now):
            self._write(mail, [looks[part.key] for part in mail.parts])

    def _write(self, mail: Mail, looks: Sequence[Look]) -> None:
        shared = write_together(mail, looks, self.ports, self.to.now) if len(looks) > 1 else None
        if isinstance(shared, Unwritable):
            self.decide(looks[0])  # what cannot be said together is said alone, or a person hears why not
            return
        for look, part in zip(looks, mail.parts, strict=True):
            self._carry_out(look, look.case, part.decision, shared)

    def _carry_out(self, look: Look, seen: Case, decision: Decision, shared: Shared | None = None) -> None:
        self.done.add(look.row.pk)
        carry_out(look.row, seen, decision, self.to, self.ports, look.book, alarm=self.alarm, shared=shared)
        _forget_nobody(look.row, seen, self.to)
        if any(action.kind is ActionKind.SEND for action in decision.actions):
            self.written.note(seen, self.to.now)


def look_again(row: models.Case, now: datetime, ports: Ports) -> None:
    """Let the rules see what has just been written about a locked case, and write what they decide."""
    look_at_all_again([row], now, ports)


def look_at_all_again(rows: Sequence[models.Case], now: datetime, ports: Ports) -> None:
    """Let the rules see what has just been written about some locked cases, and write what they decide."""
    again = journal.Journal(now)
    consider(rows, again, ports, alarm=False)
    again.write()


def _pairs(rows: Sequence[models.Case], now: datetime) -> list[tuple[models.Case, Case]]:
    built = snapshots.snapshots(rows, now)
    return [(row, built[row.id]) for row in rows]


def carry_out(
    row: models.Case,
    case: Case,
    decision: Decision,
    book_journal: journal.Journal,
    ports: Ports,
    book: Book,
    *,
    alarm: bool,
    shared: Shared | None = None,
) -> None:
    """Turn one decision into writes. `shared`: the mail about several cases that it sends."""
    row.due_at, row.because = decision.next_look, decision.because
    react(row, case, decision, book_journal, ports, book, shared=shared)
    if alarm and not decision.actions:
        book_journal.entry(row, "wait", decision.because, detail=_detail(decision))


def react(
    row: models.Case,
    case: Case,
    decision: Decision,
    book_journal: journal.Journal,
    ports: Ports,
    book: Book,
    *,
    trigger: AttemptTrigger = AttemptTrigger.RETRY,
    shared: Shared | None = None,
) -> None:
    """Carry out what a fact calls for at once, leaving the alarm as it is. `trigger`: why a charge is made."""
    book_journal.changed(row)
    for action in decision.actions:
        to = book_journal
        to.entry(row, action.kind.value, action.because, detail=_detail(decision, action, shared))
        act = _ACTS.get(action.kind)
        if act is not None:
            act(_Deed(row, case, action, decision, to, ports, book, trigger, shared))


def _forget_nobody(row: models.Case, case: Case, to: journal.Journal) -> None:
    """An open case that nothing would wake any more goes to a person, whatever led there."""
    held = [hold for hold in case.holds if is_active(hold, to.now)]
    if case.reviews and not held and row.due_at is not None:
        _hold_has_ended(row, to.now)
    if row.due_at is not None or row.closed_at is not None or to.asked(row) or to.waits(row):
        return
    moving = case.under_way or any(message.state in ON_ITS_WAY for message in case.messages)
    leaving = any(letter.state is LetterState.LEAVING for letter in case.letters)
    if moving or leaving or case.reviews or any(hold.kind is HoldKind.DO_NOT_CONTACT for hold in held):
        return
    kind = _left_behind(row, case, held)
    to.entry(row, ActionKind.REVIEW.value, f"Nothing would wake this case any more. {row.because}")
    to.review(row, kind, row.because, _END_THE_HOLD if held else proposal_for(kind))


_END_THE_HOLD = "End the hold when it is over, or close the case: nothing else would bring it back."


def _hold_has_ended(row: models.Case, now: datetime) -> None:
    for item in people.open_reviews_of(row):
        if item.proposal == _END_THE_HOLD:
            people.settle_review(item, "The hold has ended.", "dunwell", now)


_ABOUT_HOLDS = {
    HoldKind.REPLY: ReviewKind.REPLY,
    HoldKind.DISPUTE: ReviewKind.DISPUTE,
    HoldKind.VETO: ReviewKind.VETO,
}


def _left_behind(row: models.Case, case: Case, held: Sequence[Hold]) -> ReviewKind:
    if held:
        about = _ABOUT_HOLDS.get(held[0].kind, ReviewKind.GATE_CLOSED)
        return ReviewKind.CHARGEBACK if case.invoice.charged_back else about
    states = {message.state for message in case.messages}
    if row.status == CaseStatus.ESCALATED.value:
        return ReviewKind.ESCALATION
    if case.invoice.charged_back:
        return ReviewKind.CHARGEBACK
    if MessageState.UNKNOWN in states:
        return ReviewKind.SEND_UNKNOWN
    return ReviewKind.SEND_REFUSED if MessageState.REFUSED in states else ReviewKind.GATE_CLOSED


def unblock(row: models.Case) -> None:
    """A case that stood still for people runs on once nothing of it lies on a desk, but a draft to sign."""
    if row.status != CaseStatus.REVIEW.value:
        return
    if all(item.kind == ReviewKind.DRAFT.value for item in people.open_reviews_of(row)):
        row.status = CaseStatus.OPEN.value


def say_again(row: models.Case, item: models.OutboxItem) -> None:
    """The escalation did not leave: let the rules hand the case over once more when they may."""
    if row.status == CaseStatus.ESCALATED.value and item.stage == Stage.ESCALATION.value:
        row.status = CaseStatus.OPEN.value


def stop_mail(row: models.Case, kind: HoldKind, to: journal.Journal) -> None:
    """A hold begins: what is queued leaves neither during it nor in the breath that ends it."""
    why = f"The case is on hold ({kind})."
    drafts.hold_back(row, kind, to)
    for mail in claims.stop_queued_mails(row, to.now, why):
        to.entry(row, "why_not", why, detail={"stage": mail.stage, "key": mail.key})
        say_again(row, mail)


@dataclass(frozen=True, slots=True)
class _Deed:
    """One action of a decision about a locked case, on its way into the journal."""

    row: models.Case
    case: Case
    action: Action
    decision: Decision
    to: journal.Journal
    ports: Ports
    book: Book
    trigger: AttemptTrigger
    shared: Shared | None = None

    def queue(self, kind: str, key: str, **values: Any) -> None:
        """Queue an effect about the case's invoice, to be performed now."""
        self.to.queue(self.row.pk, kind, key, self.case.invoice.open, **values)


def queue_one_more(row: models.Case, kind: str, owed: Money, to: journal.Journal) -> None:
    """Queue an effect that a locked case may need more than once, under a key of its own."""
    before = claims.count_effects(row, kind)
    to.queue(row.pk, kind, f"{kind}:{row.pk}:{before}", owed)


def _send(deed: _Deed) -> None:
    if deed.action.letter is not None:
        drafts.leave(deed.row, deed.to)
    else:
        _queue_mail(deed)


def _draft(deed: _Deed) -> None:
    number = deed.action.letter or 1
    unwritable = drafts.write(deed.row, deed.case, number, deed.to, deed.ports, deed.book)
    if unwritable is not None:
        _unwritable(deed, unwritable)


def _call(deed: _Deed) -> None:
    _ask_a_person(deed)
    queue_call(deed.row, deed.case, deed.to)


def _escalate(deed: _Deed) -> None:
    deed.row.status = CaseStatus.ESCALATED.value
    if deed.case.letters:
        drafts.withdraw_live(deed.row, "The case was handed to a person.", deed.to)


def _hold(deed: _Deed) -> None:
    if deed.action.hold is not None:
        deed.to.hold(deed.row, deed.action.hold)
        stop_mail(deed.row, deed.action.hold.kind, deed.to)


def _resume(deed: _Deed) -> None:
    if deed.action.hold is not None and deed.action.hold.instalments:
        deed.to.break_plan(deed.row, deed.action.hold)
    else:
        deed.to.resume(deed.row)


def _close(deed: _Deed) -> None:
    if deed.action.ending is None:
        return
    if deed.case.letters:
        drafts.withdraw_live(deed.row, "The case was closed.", deed.to)
    deed.to.close(deed.row, deed.action.ending)


def _queue_mail(deed: _Deed) -> None:
    row, case, stage, contact = deed.row, deed.case, deed.action.stage, deed.case.customer.contact
    if stage is None or contact is None:
        raise ValueError(f"a send without stage or contact on case {row.pk}")
    shared = deed.shared
    about = About([(row.pk, case)], stage)
    letter = shared.letter if shared else compose(about, deed.book, deed.ports, deed.to.now)
    if isinstance(letter, Unwritable):
        _unwritable(deed, letter)
        return
    key = mail_key(row, case, stage)
    deed.queue(
        models.OutboxItem.MAIL,
        key,
        stage=stage.value,
        carried_by=shared.leader if shared and shared.leader != key else "",
        to_name=contact.name,
        to_address=contact.email,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
    )


def _unwritable(deed: _Deed, why: Unwritable) -> None:
    """What cannot be written is a person's to correct."""
    deed.row.due_at, deed.row.status = None, CaseStatus.REVIEW.value
    deed.to.entry(deed.row, ActionKind.REVIEW.value, why.reason)
    if ReviewKind.CONTENT not in deed.case.reviews:
        deed.to.review(deed.row, ReviewKind.CONTENT, why.reason, proposal_for(ReviewKind.CONTENT))


def _queue_charge(deed: _Deed) -> None:
    """One key for each attempt: the invoice, the method, the case, and how often it has been asked for before."""
    row, method = deed.row, deed.action.method or ""
    before = len(claims.charges_with(row, method))
    key = f"{keep.OUR_CHARGE}{deed.case.invoice.id}:{method}:{row.pk}.{before}"
    deed.queue(models.OutboxItem.CHARGE, key, method=method, trigger=deed.trigger.value)


def _gather(deed: _Deed) -> None:
    queue_one_more(deed.row, models.OutboxItem.GATHER, deed.case.invoice.open, deed.to)


def _take_over(deed: _Deed) -> None:
    queue_one_more(deed.row, models.OutboxItem.TAKE_OVER, deed.case.invoice.open, deed.to)


def _ask_a_person(deed: _Deed) -> None:
    row, action = deed.row, deed.action
    kind = action.review or ReviewKind.CALL_TASK
    if kind not in deed.case.reviews:
        deed.to.review(row, kind, action.because, proposal_for(kind))
    held = any(act.kind is ActionKind.HOLD for act in deed.decision.actions)
    if row.status == CaseStatus.OPEN.value and deed.decision.next_look is None and not held:
        row.status = CaseStatus.REVIEW.value


# What each action of a decision does besides its entry on the timeline.
_ACTS: dict[ActionKind, Callable[[_Deed], None]] = {
    ActionKind.SEND: _send,
    ActionKind.DRAFT: _draft,
    ActionKind.RETRY: _queue_charge,
    ActionKind.GATHER: _gather,
    ActionKind.TAKE_OVER: _take_over,
    ActionKind.REVIEW: _ask_a_person,
    ActionKind.CALL_TASK: _call,
    ActionKind.ESCALATE: _escalate,
    ActionKind.HOLD: _hold,
    ActionKind.RESUME: _resume,
    ActionKind.CLOSE: _close,
}


def _detail(
    decision: Decision, action: Action | None = None, shared: Shared | None = None
) -> dict[str, object]:
    said: dict[str, object] = {"rule": decision.rule}
    if shared is not None:
        said["about"], said["tone"] = shared.numbers, shared.tone.value
    if decision.next_look:
        said["next_look"] = decision.next_look.isoformat()
    if action is not None:
        if action.stage:
            said["stage"] = action.stage.value
        if action.to:
            said["to"] = action.to
        if action.method:
            said["method"] = action.method
        if action.letter:
            said["number"] = action.letter
    return said
