"""One answer on its way out: written by a person, sent as that person, at most once whatever dies (spec 7).

It carries no `Auto-Submitted`, since nobody's machine wrote it. The mail server cannot be asked what became of it, so
one that was being handed over when its worker died goes to a person.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.addresses import reply_address
from dunwell.engine.clock import Clock
from dunwell.engine.letters import message_id
from dunwell.engine.ports import Ports
from dunwell.engine.record import look_again
from dunwell.engine.review import NotPossibleError
from dunwell.policy.addresses import is_address
from dunwell.policy.answering import answer_subject, thread, why_not_from, why_not_written
from dunwell.policy.cadence import is_active
from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused
from dunwell.policy.words import HoldKind, MailNature, MessageState, ReviewKind
from dunwell.store import accounts, cases, claims, models, people, replies, snapshots, timeline
from dunwell.store.journal import Journal

# How long to wait before the next try when the mail server says "not now".
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240)]
ANSWER = "answer"
_NOBODY = "This customer must not be contacted. Release that hold first."
_LOOK = "Look for it in the mail server's log, then say whether it arrived."
_AGAIN = "Correct the address or the mail settings, settle this and answer again."


def why_no_answer(mail: models.IncomingMail, rows: Sequence[models.Case]) -> str | None:
    """Say in a sentence why a mail cannot be answered, whatever is written; None when it can."""
    if mail.nature != MailNature.HUMAN.value or not rows:
        return "Only a person's mail about a known case is answered."
    if not is_address(mail.sender_address):
        return "The mail has no address to answer to."
    if replies.answers_to(mail)[1]:
        return "This mail has been answered already. Whatever follows is a new mail."
    return None


def queue_answer(
    mail: models.IncomingMail, rows: Sequence[models.Case], text: str, by: str, now: datetime, ports: Ports
) -> None:
    """Queue a person's answer to a mail, all of them locked; raises `NotPossibleError`. Once for each mail."""
    writer = accounts.writer(by)
    why = why_no_answer(mail, rows) or why_not_written(text) or why_not_from(writer)
    if why is None and mail.sender_address.lower() in _ours(ports):
        why = "That is our own address."
    why = why or (_NOBODY if any(_must_not_be_contacted(row, now) for row in rows) else None)
    if why or writer is None:
        raise NotPossibleError(why or "You cannot log in any more.")
    row = next((each for each in rows if each.closed_at is None), rows[0])
    before, _ = replies.answers_to(mail)
    subject = answer_subject(mail.subject)
    journal = Journal(now)
    key = f"answer:{mail.pk}:{before}"
    journal.queue(
        row.pk,
        models.OutboxItem.ANSWER,
        key,
        Money(row.invoice.open_minor, row.invoice.currency),
        to_name=mail.sender_name,
        to_address=mail.sender_address,
        subject=subject,
        text="\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n")) + "\n",
        method=by,
        reply_id=mail.pk,
    )
    for each in rows:
        said = f"{writer.name} answers {mail.sender_address}: “{subject}”."
        journal.entry(each, ANSWER, said, by=by, detail={"mail": mail.pk, "key": key})
    journal.write()


def _ours(ports: Ports) -> set[str]:
    own = (ports.sender.email, ports.manager.email if ports.manager else "", ports.reply_to)
    return {address.lower() for address in own if address}


def _must_not_be_contacted(row: models.Case, now: datetime) -> bool:
    holds = snapshots.snapshots([row], now)[row.pk].holds
    return any(hold.kind is HoldKind.DO_NOT_CONTACT and is_active(hold, now) for hold in holds)


@dataclass(slots=True)
class _Desk:
    """One answer with its locked case, inside one transaction."""

    item: models.OutboxItem
    row: models.Case
    journal: Journal
    ports: Ports

    @property
    def now(self) -> datetime:
        return self.journal.now

    def settle(
        self, frm: MessageState, to: MessageState, said: str, ask: ReviewKind | None = None, **values: object
    ) -> str:
        """Note what became of it, ask a person where that is needed, and let the rules look."""
        moved = claims.move_effect(self.item, frm=[frm], to=to, settled_at=self.now, note=said, **values)
        if not moved:
            return "taken"
        detail = {"key": self.item.key, "mail": self.item.reply_id}
        self.journal.entry(self.row, to.value, said, detail=detail)
        if ask is not None:
            proposal = _LOOK if ask is ReviewKind.SEND_UNKNOWN else _AGAIN
            people.ask_once(self.row, ask, said, proposal, self.journal)
        self.journal.write()
        if self.row.closed_at is None:
            look_again(self.row, self.now, self.ports)
        return to.value


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Hand one claimed answer over, unless it must not leave any more; return the state it ended in."""
    with claims.one_transaction():
        ready = _prepared(_desk(item, ports, clock.now()), lease)
    if isinstance(ready, str):
        return ready
    delivery = ports.mailer.send(ready)
    with claims.one_transaction():
        return _note(_desk(item, ports, clock.now()), delivery)


def give_to_a_person(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """A worker vanished while handing an answer over: it is never sent again by itself."""
    said = (
        f"The worker stopped while handing the answer to {item.to_address} to the mail server. It may or may not "
        "have left; it will not be sent again."
    )
    with claims.one_transaction():
        desk = _desk(item, ports, now)
        ask = ReviewKind.SEND_UNKNOWN
        return desk.settle(MessageState.HANDING_OVER, MessageState.UNKNOWN, said, ask)


def _desk(item: models.OutboxItem, ports: Ports, now: datetime) -> _Desk:
    return _Desk(item, cases.locked_case(item.case_id), Journal(now), ports)


def _prepared(desk: _Desk, lease: timedelta) -> OutgoingMail | str:
    item, now, ports = desk.item, desk.now, desk.ports
    writer, mail = accounts.writer(item.method), replies.mail_of_answer(item)
    if _must_not_be_contacted(desk.row, now):
        return desk.settle(MessageState.CLAIMED, MessageState.STOPPED, f"The answer was stopped. {_NOBODY}")
    why = why_not_from(writer)
    if why or writer is None:
        said = f"The answer of {item.method} cannot leave: {why}"
        return desk.settle(MessageState.CLAIMED, MessageState.REFUSED, said, ReviewKind.SEND_REFUSED)
    own_id = message_id(item.key, ports)
    moved = claims.move_effect(
        item,
        frm=[MessageState.CLAIMED],
        to=MessageState.HANDING_OVER,
        due_at=now + lease,
        message_id=own_id,
    )
    if not moved:
        return "taken"
    heard = ports.sender.email if ports.mailbox is not None else ""
    return OutgoingMail(
        message_id=own_id,
        sender=writer,
        to=Person(item.to_name, item.to_address),
        reply_to=reply_address(item.case_id, ports) or heard,
        subject=item.subject,
        text=item.text,
        html=_as_html(item.text),
        date=now,
        automatic=False,
        answers=thread([str(each) for each in mail.references], mail.message_id),
    )


def _as_html(text: str) -> str:
    blocks = (html.escape(block).replace("\n", "<br>\n") for block in re.split(r"\n{2,}", text.strip()))
    body = "\n".join(f"<p>{block}</p>" for block in blocks)
    return f"<!doctype html>\n<html>\n<body>\n{body}\n</body>\n</html>\n"


def _note(desk: _Desk, delivery: Delivery) -> str:
    to, frm = desk.item.to_address, MessageState.HANDING_OVER
    if isinstance(delivery, Handed):
        return desk.settle(frm, MessageState.SENT, f"The answer went to {to}.", provider_id=delivery.id[:255])
    if isinstance(delivery, Refused):
        put_off = timeline.told_of(desk.row, timeline.DEFERRED, desk.item.key)
        if not delivery.permanent and put_off < len(WAITS):
            return _try_later(desk, delivery.reason, desk.now + WAITS[put_off])
        said = f"The mail server did not take the answer for {to}: {delivery.reason}"
        return desk.settle(frm, MessageState.REFUSED, said, ReviewKind.SEND_REFUSED)
    said = (
        f"The connection broke while handing over the answer for {to}: {delivery.reason} It may or may not have "
        "left; it will not be sent again."
    )
    return desk.settle(frm, MessageState.UNKNOWN, said, ReviewKind.SEND_UNKNOWN)


def _try_later(desk: _Desk, reason: str, at: datetime) -> str:
    moved = claims.move_effect(
        desk.item, frm=[MessageState.HANDING_OVER], to=MessageState.QUEUED, due_at=at, note=reason
    )
    if not moved:
        return "taken"
    said = f"The mail server could not take the answer yet: {reason} Next try {at:%H:%M} UTC."
    desk.journal.entry(desk.row, timeline.DEFERRED, said, detail={"key": desk.item.key})
    desk.journal.write()
    return MessageState.QUEUED.value
