"""Answering: what a person makes of a mail that came in, and what they write back (spec 7).

Each operation locks customer and cases, then the mail, names who did it and leaves a timeline entry with the
write. What was proposed and what was decided both stand in the entry: from them the reader is measured. Nothing is
sent by deciding; an answer is sent because a person wrote it. What cannot be done raises `NotPossibleError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dunwell.engine.answers import queue_answer
from dunwell.engine.incoming.hear import hold_for, locked_with_others
from dunwell.engine.incoming.reading import read
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.record import consider, stop_mail, unblock
from dunwell.engine.review import NotPossibleError
from dunwell.policy.addresses import is_address
from dunwell.policy.confirming import (
    FOLLOWS,
    BadChoiceError,
    Choice,
    Follows,
    as_it_would_be,
    hold_after,
)
from dunwell.policy.decide import decide
from dunwell.policy.facts import Hold
from dunwell.policy.saying import on_hold
from dunwell.policy.words import HoldKind, MailNature, MailState, MatchedBy, ReviewKind
from dunwell.policy.zones import zone_for
from dunwell.store import cases, keep, mails, models, people, replies, snapshots
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal

READ = "reply_read"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a mail: the reading, the cases it holds for, who is in charge.

    Of the cases that the reply holds, those that it is not about simply go on; none named: what the mail seems to be
    about (`IncomingMail.about`).
    `name` and `email` are those of the person to write to from now on, for `wrong_person` alone.
    """

    choice: Choice
    cases: tuple[int, ...] = ()
    name: str = ""
    email: str = ""
    note: str = ""


@dataclass(slots=True)
class _Desk:
    """A mail with its cases, all locked, inside one transaction."""

    mail: models.IncomingMail
    rows: list[models.Case]
    journal: Journal
    ports: Ports
    by: str

    @property
    def now(self) -> datetime:
        return self.journal.now


def decide_reply(*, mail_id: int, decision: Decision, by: str, now: datetime, ports: Ports) -> None:
    """Say what a reply means: the hold it placed ends, and another takes its place or the case goes on.

    Raises `NotPossibleError` when somebody has decided already, or the choice lacks what it needs.
    """
    with one_transaction():
        _decide(_desk(mail_id, by, now, ports), decision)


def answer_reply(
    *, mail_id: int, text: str, by: str, now: datetime, ports: Ports, decision: Decision | None = None
) -> None:
    """Write back to whoever wrote, once, as the person logged in; with a decision, decide in the same breath."""
    with one_transaction():
        desk = _desk(mail_id, by, now, ports)
        if decision is not None:
            _decide(desk, decision)
        about = [row for row in desk.rows if row.pk in desk.mail.about]
        queue_answer(desk.mail, about or desk.rows, text, by, now, ports)


def preview_decision(*, mail_id: int, decision: Decision, by: str, now: datetime) -> tuple[str, ...]:
    """Say of each case of a mail what would happen next if this were decided now. Changes nothing.

    Raises `NotPossibleError` where deciding so would.
    """
    with one_transaction():
        mail = mails.mail_with_id(mail_id)
        if mail is None:
            raise NotPossibleError("There is no such mail.")
        rows = [row for row in _cases_of(mail) if row.closed_at is None]
        chosen = _chosen(decision, mail, rows)
        kept = replies.others_waiting(mail, [row.pk for row in rows])
        said = []
        for row in rows:
            case, policy = snapshots.snapshots([row], now)[row.pk], keep.book_of(row.policy_id).policy
            hold = _hold(decision, row, chosen, by, now)
            would = as_it_would_be(case, hold, now, still_held=row.pk in kept)
            said.append(f"{case.invoice.number}: {decide(would, policy, now).because}")
        return tuple(said)


def assign_mail(*, mail_id: int, invoice: str, by: str, now: datetime, ports: Ports) -> int:
    """Say which invoice a mail is about that nobody could place; return its case.

    It waits from then on, like every open case of the customer.
    """
    found = cases.case_of_invoice(invoice.strip()) if invoice.strip() else None
    if found is None:
        raise NotPossibleError(f"There is no case on invoice {invoice.strip() or '(none given)'}.")
    with one_transaction():
        rows = locked_with_others([found.pk])
        mail = _unplaced(mail_id)
        if mail.nature not in _WRITTEN:
            raise NotPossibleError("Nobody wrote this: it is a report of a mail server. Set it aside.")
        hold_for(mail, rows, MatchedBy.PERSON, ports, now, about=[found.pk], placed_by=by)
    if not mail.reading_kind:
        # Reading may ask a vendor, so it comes after the hold and outside the transaction.
        mails.keep_reading(mail, read(mail, _zone(found), ports))
    return found.pk


# "" is a mail that broke Dunwell before anybody saw what it is.
_WRITTEN = (MailNature.HUMAN.value, MailNature.AUTOMATIC.value, "")


def set_aside(*, mail_id: int, reason: str, by: str, now: datetime) -> None:
    """Say that a mail nobody could place is about no case."""
    if not reason.strip():
        raise NotPossibleError("Say in a few words what it is.")
    with one_transaction():
        replies.set_mail_aside(_unplaced(mail_id), reason.strip(), by, now)


def _unplaced(mail_id: int) -> models.IncomingMail:
    if mails.mail_with_id(mail_id) is None:
        raise NotPossibleError("There is no such mail.")
    mail = mails.locked_mail(mail_id)
    if mail.state != MailState.UNMATCHED.value:
        raise NotPossibleError("Somebody has placed this mail already.")
    return mail


def _cases_of(mail: models.IncomingMail) -> list[models.Case]:
    found = (cases.case_with_id(case) for case in replies.case_ids(mail))
    return [row for row in found if row is not None]


def _desk(mail_id: int, by: str, now: datetime, ports: Ports) -> _Desk:
    """Lock a mail's customers, its cases, then the mail; two people may look at it at once."""
    seen = mails.mail_with_id(mail_id)
    if seen is None:
        raise NotPossibleError("There is no such mail.")
    about = replies.case_ids(seen)
    for customer in mails.customers_of(about):
        cases.lock_customer(customer)
    rows = [cases.locked_case(case) for case in about]
    return _Desk(mails.locked_mail(mail_id), rows, Journal(now), ports, by)


def _decide(desk: _Desk, decision: Decision) -> None:
    mail = desk.mail
    _must_wait(mail)
    kind = decision.choice.kind
    open_rows = [row for row in desk.rows if row.closed_at is None]
    chosen = _chosen(decision, mail, open_rows)
    kept = replies.others_waiting(mail, [row.pk for row in open_rows])
    if FOLLOWS[kind] is Follows.CONTACT:
        whose = {row.customer_id for row in desk.rows if row.pk in (chosen or set(mail.about))}
        _name_contact(desk, decision, [row for row in open_rows if row.customer_id in whose])
    day: date | None = None
    for row in desk.rows:
        hold = _hold(decision, row, chosen, desk.by, desk.now) if row in open_rows else None
        day = day or (_day_of(hold, row) if hold else None)
        _say_read(desk, row, decision, hold, row.pk in chosen)
        _put_in_place(desk, row, hold, stays_held=row.pk in kept)
    replies.keep_decision(mail, kind, day or decision.choice.until, desk.by, desk.now)
    consider([row for row in desk.rows if row.closed_at is None], desk.journal, desk.ports, alarm=False)
    desk.journal.write()


def _must_wait(mail: models.IncomingMail) -> None:
    if mail.decided_kind:
        raise NotPossibleError(f"{mail.decided_by} has decided about this mail already.")
    if mail.state != MailState.WAITING.value:
        raise NotPossibleError("Nothing is to be decided about this mail.")


def _chosen(decision: Decision, mail: models.IncomingMail, rows: Sequence[models.Case]) -> set[int]:
    """The open cases that a decision is about; what the mail is about may all be closed, and then there are none."""
    known = {row.pk for row in rows}
    chosen = set(decision.cases or mail.about) & known
    if decision.cases and known and not chosen:
        raise NotPossibleError("Choose the invoice it is about.")
    if decision.choice.parts and len(chosen) > 1:
        raise NotPossibleError("A payment plan is for one invoice: choose which.")
    return chosen


def _hold(decision: Decision, row: models.Case, chosen: set[int], by: str, now: datetime) -> Hold | None:
    """The hold that follows for a case; None for one that the decision is not about."""
    if row.pk not in chosen:
        return None
    case = snapshots.snapshots([row], now)[row.pk]
    try:
        hold = hold_after(decision.choice, case, keep.book_of(row.policy_id).policy, by, now)
    except BadChoiceError as error:
        raise NotPossibleError(str(error)) from None
    return hold


def _put_in_place(desk: _Desk, row: models.Case, hold: Hold | None, *, stays_held: bool) -> None:
    """End the reply's hold, unless another reply still waits, and let the other one begin."""
    if not stays_held:
        for placed in people.holds_of(row, HoldKind.REPLY, desk.now):
            people.end_hold(placed, desk.now)
        people.settle_kind(row, ReviewKind.REPLY, "The reply was read.", desk.by, desk.now)
    if hold is not None:
        people.keep_hold(row, hold)
        stop_mail(row, hold.kind, desk.journal)
        desk.journal.entry(row, "hold", f"{_waits(row, hold)} {hold.reason}", by=desk.by)
    if hold is not None and hold.kind is HoldKind.DISPUTE:
        people.ask_once(row, ReviewKind.DISPUTE, hold.reason, proposal_for(ReviewKind.DISPUTE), desk.journal)
    unblock(row)


def _zone(row: models.Case) -> ZoneInfo:
    policy = keep.book_of(row.policy_id).policy
    return zone_for(snapshots.customer_facts(row.customer, None), policy).zone


def _waits(row: models.Case, hold: Hold) -> str:
    return on_hold(hold.kind, hold.until, _zone(row), hold.instalments)


def _day_of(hold: Hold | None, row: models.Case) -> date | None:
    return hold.until.astimezone(_zone(row)).date() if hold is not None and hold.until else None


def _say_read(desk: _Desk, row: models.Case, decision: Decision, hold: Hold | None, about: bool) -> None:  # noqa: FBT001
    mail, choice = desk.mail, decision.choice
    day = _day_of(hold, row) or choice.until
    other_day = mail.reading_date and choice.until and choice.until != mail.reading_date
    same = mail.reading_kind == choice.kind.value and not other_day
    how = "Confirmed" if same else "Corrected" if mail.reading_kind else "Read"
    what = choice.kind.value.replace("_", " ") + (f" ({day:%Y-%m-%d})" if day else "")
    who = mail.sender_address or "nobody known"
    text = (
        f"{how}: the mail from {who} says {what}."
        if about
        else (f"{how}: the mail from {who} says {what}, about another invoice.")
    )
    detail = {
        "mail": mail.pk,
        "proposed": mail.reading_kind,
        "proposed_date": mail.reading_date.isoformat() if mail.reading_date else "",
        "decided": choice.kind.value,
        "decided_date": day.isoformat() if day else "",
        "words": mail.reading_words[:300],
    }
    desk.journal.entry(row, READ, f"{text} {decision.note.strip()}".strip(), by=desk.by, detail=detail)


def _name_contact(desk: _Desk, decision: Decision, rows: Sequence[models.Case]) -> None:
    """Write to somebody else from now on, about everything the customer owes."""
    name, email = decision.name.strip(), decision.email.strip()
    if not rows:
        return
    if not name or not is_address(email):
        raise NotPossibleError("Name the person to write to instead, with their address.")
    for customer in {row.customer_id: row.customer for row in rows}.values():
        people.set_contact(customer, name, email, desk.by)
        # Their other open cases see it too.
        others = [row for row in cases.open_cases_of(customer) if row.pk not in {each.pk for each in rows}]
        for row in (*[each for each in rows if each.customer_id == customer.pk], *others):
            people.settle_kind(row, ReviewKind.NO_CONTACT, f"Contact: {email}", desk.by, desk.now)
            desk.journal.entry(row, "contact", f"The contact is now {name} <{email}>.", by=desk.by)
        for row in others:
            unblock(row)
        consider(others, desk.journal, desk.ports, alarm=False)
