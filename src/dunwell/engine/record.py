"""A decision becomes timeline entries, outbox rows, desk items, holds and a new alarm: all or nothing."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dunwell.engine.letters import Unwritable, compose
from dunwell.engine.ports import Ports
from dunwell.policy.book import Book
from dunwell.policy.cadence import is_active
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Case
from dunwell.policy.rules import ON_ITS_WAY
from dunwell.policy.words import ActionKind, AttemptTrigger, CaseStatus, MessageState, ReviewKind, Stage
from dunwell.store import claims, journal, keep, models, people, snapshots

log = logging.getLogger(__name__)

_PROPOSALS = {
    ReviewKind.PERSONAL_TRACK: "Write to the customer yourself: their MRR is above the threshold.",
    ReviewKind.MRR_UNKNOWN: "Find out the customer's MRR and choose the track.",
    ReviewKind.NO_CONTACT: "Find a working address for accounts payable at the customer.",
    ReviewKind.CHARGEBACK: "Answer the chargeback at Stripe before anything else.",
    ReviewKind.INVOICE_UNKNOWN: "Look the invoice up at Stripe and close the case.",
    ReviewKind.ESCALATION: "Call or write to the customer yourself; automation has ended.",
    ReviewKind.CALL_TASK: "Call the customer.",
    ReviewKind.REPLY: "Read the reply and decide what follows.",
    ReviewKind.DISPUTE: "Settle the dispute with the customer, then release the hold.",
    ReviewKind.BROKEN_PROMISE: "Ask what happened to the promised payment.",
    ReviewKind.CONTENT: "Correct the template or the data, then settle this.",
    ReviewKind.SEND_UNKNOWN: "Look for the mail in the mail server's log, then say whether it arrived.",
    ReviewKind.SEND_REFUSED: "Correct the address or the mail settings, then settle this.",
}


def consider(
    rows: Sequence[models.Case], book_journal: journal.Journal, ports: Ports, *, alarm: bool
) -> None:
    """Decide each locked case afresh and note the outcome in the journal.

    `alarm` says that the cases were woken by their alarm, so that silence is worth an entry too. One
    contact is written to by at most one case of a batch: the others see it and wait (spec 2).
    """
    now = book_journal.now
    written: dict[str, datetime] = {}
    for row, case in _pairs(rows, now):
        if row.closed_at is not None:
            row.due_at = None
            book_journal.changed(row)
            continue
        book = keep.book_of(row.policy_id)
        seen = _with_batch(case, written)
        decision = decide(seen, book.policy, now)
        carry_out(row, seen, decision, book_journal, ports, book, alarm=alarm)
        _forget_nobody(row, seen, book_journal)
        if any(action.kind is ActionKind.SEND for action in decision.actions) and case.customer.contact:
            written[case.customer.contact.email] = now


def _pairs(rows: Sequence[models.Case], now: datetime) -> list[tuple[models.Case, Case]]:
    built = snapshots.snapshots(rows, now)
    return [(row, built[row.id]) for row in rows]


def _with_batch(case: Case, written: dict[str, datetime]) -> Case:
    at = written.get(case.customer.contact.email) if case.customer.contact else None
    return replace(case, payer_written_at=at) if at else case


def carry_out(
    row: models.Case,
    case: Case,
    decision: Decision,
    book_journal: journal.Journal,
    ports: Ports,
    book: Book,
    *,
    alarm: bool,
) -> None:
    """Turn one decision into writes."""
    row.due_at, row.because = decision.next_look, decision.because
    react(row, case, decision, book_journal, ports, book)
    if alarm and not decision.actions:
        book_journal.entry(row, "wait", decision.because, detail=_detail(decision))


def react(
    row: models.Case, case: Case, decision: Decision, book_journal: journal.Journal, ports: Ports, book: Book
) -> None:
    """Carry out what a fact calls for at once, leaving the alarm as it is."""
    book_journal.changed(row)
    for action in decision.actions:
        _act(row, case, action, decision, book_journal, ports, book)


def _forget_nobody(row: models.Case, case: Case, to: journal.Journal) -> None:
    """An open case that nothing would wake any more goes to a person, whatever led there."""
    if row.due_at is not None or row.closed_at is not None or to.asked(row) or to.waits(row):
        return
    moving = any(message.state in ON_ITS_WAY for message in case.messages)
    if moving or case.reviews or any(is_active(hold, to.now) for hold in case.holds):
        return
    kind = _left_behind(row, case)
    to.entry(row, ActionKind.REVIEW.value, f"Nothing would wake this case any more. {row.because}")
    to.review(row, kind, row.because, _PROPOSALS.get(kind, "Look at the case."))


def _left_behind(row: models.Case, case: Case) -> ReviewKind:
    states = {message.state for message in case.messages}
    if row.status == CaseStatus.ESCALATED.value:
        return ReviewKind.ESCALATION
    if case.invoice.charged_back:
        return ReviewKind.CHARGEBACK
    if MessageState.UNKNOWN in states:
        return ReviewKind.SEND_UNKNOWN
    return ReviewKind.SEND_REFUSED if MessageState.REFUSED in states else ReviewKind.GATE_CLOSED


def unblock(row: models.Case) -> None:
    """A case that stood still for people runs on once nothing of it lies on a desk."""
    if row.status == CaseStatus.REVIEW.value and not people.open_reviews_of(row):
        row.status = CaseStatus.OPEN.value


def say_again(row: models.Case, item: models.OutboxItem) -> None:
    """The escalation did not leave: let the rules hand the case over once more when they may."""
    if row.status == CaseStatus.ESCALATED.value and item.stage == Stage.ESCALATION.value:
        row.status = CaseStatus.OPEN.value


def stop_mail(row: models.Case, why: str, to: journal.Journal) -> None:
    """A hold begins: what is queued leaves neither during it nor in the breath that ends it."""
    for mail in claims.stop_queued_mails(row, to.now, why):
        to.entry(row, "why_not", why, detail={"stage": mail.stage, "key": mail.key})
        say_again(row, mail)


def _act(
    row: models.Case,
    case: Case,
    action: Action,
    decision: Decision,
    to: journal.Journal,
    ports: Ports,
    book: Book,
) -> None:
    kind = action.kind
    to.entry(row, kind.value, action.because, detail=_detail(decision, action))
    if kind is ActionKind.SEND:
        _queue_mail(row, case, action, to, ports, book)
    elif kind is ActionKind.RETRY:
        _queue_charge(row, case, action, to)
    elif kind in (ActionKind.REVIEW, ActionKind.CALL_TASK):
        _ask_a_person(row, case, action, decision, to)
    elif kind is ActionKind.ESCALATE:
        row.status = CaseStatus.ESCALATED.value
    elif kind is ActionKind.HOLD and action.hold is not None:
        to.hold(row, action.hold)
        stop_mail(row, f"The case is on hold ({action.hold.kind}).", to)
    elif kind is ActionKind.RESUME:
        to.resume(row)
    elif kind is ActionKind.CLOSE and action.ending is not None:
        to.close(row, action.ending)


def _queue_mail(
    row: models.Case, case: Case, action: Action, to: journal.Journal, ports: Ports, book: Book
) -> None:
    stage, contact = action.stage, case.customer.contact
    if stage is None or contact is None:
        raise ValueError(f"a send without stage or contact on case {row.pk}")
    letter = compose(row.pk, case, stage, book, ports, to.now)
    if isinstance(letter, Unwritable):
        row.due_at, row.status = None, CaseStatus.REVIEW.value
        to.entry(row, ActionKind.REVIEW.value, letter.reason)
        if ReviewKind.CONTENT not in case.reviews:
            to.review(row, ReviewKind.CONTENT, letter.reason, _PROPOSALS[ReviewKind.CONTENT])
        return
    before = sum(1 for message in case.messages if message.stage is stage)
    to.outbox(
        journal.Effect(
            key=f"mail:{row.pk}:{stage.value}:{before}",
            kind=models.OutboxItem.MAIL,
            case_id=row.pk,
            stage=stage.value,
            state=MessageState.QUEUED.value,
            queued_at=to.now,
            due_at=to.now,
            to_name=contact.name,
            to_address=contact.email,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            amount_minor=case.invoice.open.minor,
            currency=case.invoice.open.currency,
        )
    )


def _queue_charge(row: models.Case, case: Case, action: Action, to: journal.Journal) -> None:
    method = action.method or ""
    # Those before it were stopped at the gate, so that nothing of them reached the bank.
    before = len(claims.charges_with(row, method))
    to.outbox(
        journal.Effect(
            key=f"charge:{case.invoice.id}:{method}:{row.pk}.{before}",
            kind=models.OutboxItem.CHARGE,
            case_id=row.pk,
            state=MessageState.QUEUED.value,
            queued_at=to.now,
            due_at=to.now,
            amount_minor=case.invoice.open.minor,
            currency=case.invoice.open.currency,
            method=method,
            trigger=AttemptTrigger.NEW_METHOD.value,
        )
    )


def _ask_a_person(
    row: models.Case, case: Case, action: Action, decision: Decision, to: journal.Journal
) -> None:
    kind = action.review or ReviewKind.CALL_TASK
    if kind not in case.reviews:
        to.review(row, kind, action.because, _PROPOSALS.get(kind, "Look at the case."))
    held = any(act.kind is ActionKind.HOLD for act in decision.actions)
    if row.status == CaseStatus.OPEN.value and decision.next_look is None and not held:
        row.status = CaseStatus.REVIEW.value


def _detail(decision: Decision, action: Action | None = None) -> dict[str, object]:
    said: dict[str, object] = {"rule": decision.rule}
    if decision.next_look:
        said["next_look"] = decision.next_look.isoformat()
    if action is not None:
        if action.stage:
            said["stage"] = action.stage.value
        if action.to:
            said["to"] = action.to
        if action.method:
            said["method"] = action.method
    return said
