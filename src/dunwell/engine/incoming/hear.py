"""Hear: what follows from a mail that came in. A person's reply stops its cases before anybody reads it (spec 7).

Whatever is done here is done once, however often it is begun: each step is a transaction that also moves the mail
on. A worker that dies between the hold and the reading leaves a case that waits and an inbox event that is due.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from dunwell.engine.clock import Clock
from dunwell.engine.incoming import transport
from dunwell.engine.incoming.match import Match, match
from dunwell.engine.incoming.reading import nature_of, read, zone_of
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.record import consider, react
from dunwell.policy.book import Book
from dunwell.policy.facts import Unreadable
from dunwell.policy.named import named_in
from dunwell.policy.replies import ReplyKind, ReplyReading
from dunwell.policy.respond import to_reply
from dunwell.policy.words import MailNature, MailState, MatchedBy, ReviewKind, TransportKind
from dunwell.store import cases, keep, mails, models, people, snapshots
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal

REPLY, AUTO_REPLY = "reply", "auto_reply"
_FOUND = {
    MatchedBy.ADDRESS: "It came to the address that our mail gave for answers.",
    MatchedBy.THREAD: "It answers a mail of ours.",
    MatchedBy.SENDER: "It names no mail of ours; the sender is this customer's contact.",
    MatchedBy.PERSON: "A person said that it belongs here.",
}
# Tries, ever farther apart and a quarter of an hour in all, at a mail that breaks Dunwell itself.
MOST_TRIES = 4
# What no machine says of itself: a ticket system that hands on a person's words carries a machine's headers.
_SAYS_MORE = {ReplyKind.DISPUTE, ReplyKind.ALREADY_PAID, ReplyKind.PROMISE, ReplyKind.HARDSHIP}
# So many invoices are named in a sentence.
_MOST_NAMED = 5
# A desk item that tells of this much more is not read to its end.
_MOST_SAID = 2000


def hear_event(event: models.InboxEvent, ports: Ports, book: Book, clock: Clock) -> str | Unreadable:
    """Do what an event about mail calls for; return a few words about it, or why to come back later."""
    said = keep.parsed(event)
    if event.type == mails.TRANSPORT:
        found = transport.hear(mails.event_of(said), ports, clock.now())
        return found.note if found.again is None else found.again
    mail = mails.mail_with_id(int(said["mail"]))
    if mail is None:
        return "the mail is gone"
    return hear_mail(mail, ports, book, clock)


def give_up(event: models.InboxEvent, trouble: str) -> bool:
    """A mail that breaks Dunwell itself each time is a person's to read; say whether it has come to that."""
    if event.tries < MOST_TRIES:
        return False
    if event.type == mails.MAIL:
        with one_transaction():
            mail = mails.locked_mail(int(keep.parsed(event)["mail"]))
            if mail.state == MailState.ARRIVED.value:
                mails.note_problem(mail, MailState.UNMATCHED, f"It could not be taken in: {trouble}.")
    return True


def hear_mail(mail: models.IncomingMail, ports: Ports, book: Book, clock: Clock) -> str | Unreadable:
    """Take a mail in, then have it read; in a few words what it was, or why to come back later."""
    if mail.is_report or mail.reports:
        return _hear_report(mail, ports, clock)
    company = ZoneInfo(book.policy.company.timezone)
    if mail.state == MailState.ARRIVED.value:
        nature, said = nature_of(mail, zone_of(match(mail, ports, clock.now()).cases, company))
        with one_transaction():
            _take_in(mail, nature, said, ports, clock.now())
        mail = mails.mail_with_id(mail.pk) or mail
    if mail.nature == MailNature.HUMAN.value and not mail.reading_kind:
        zone = zone_of(mails.cases_of(mail), company)
        mails.keep_reading(mail, read(mail, zone, ports))
    return " ".join((mail.nature or "ours", mail.matched_by or mail.state))


def _take_in(
    mail: models.IncomingMail, nature: MailNature, said: ReplyReading, ports: Ports, now: datetime
) -> None:
    """Do what a mail calls for with its cases locked; they are looked for anew, since cases open and close."""
    found = match(mail, ports, now)
    rows = _locked(found.cases) if nature is MailNature.AUTOMATIC else locked_with_others(found.cases)
    mail = mails.locked_mail(mail.pk)
    if mail.state != MailState.ARRIVED.value:
        return
    if found.forwarded:
        mails.note_nature(mail, MailNature.HUMAN, MailState.UNMATCHED)
        mails.note_problem(mail, MailState.UNMATCHED, f"{_who(mail)} forwarded it: say whose it is.")
    elif found.ours:
        mails.note_problem(mail, MailState.DONE, found.ours)
    elif nature is MailNature.AUTOMATIC:
        _note_machine(mail, said, found, rows, now)
    elif found.by is None:
        mails.note_nature(mail, nature, MailState.UNMATCHED)
    else:
        hold_for(mail, rows, found.by, ports, now, about=_about(mail, rows, found.cases))


def _locked(about: Sequence[int]) -> list[models.Case]:
    """Lock the cases of a mail, their customers before them."""
    for customer in mails.customers_of(about):
        cases.lock_customer(customer)
    return cases.locked_cases(about)


def locked_with_others(about: Sequence[int]) -> list[models.Case]:
    """Lock the cases of a mail and every open one of their customers, the customers before them."""
    customers = mails.customers_of(about)
    for customer in customers:
        cases.lock_customer(customer)
    return cases.locked_cases(sorted({*about, *mails.open_cases_of(customers)}))


def _about(mail: models.IncomingMail, rows: Sequence[models.Case], matched: Sequence[int]) -> list[int]:
    """Which of the cases that a reply holds it is about: those whose invoices it names, else all it was matched to.

    A program writes the subject of a reply, so it only ever narrows down what the reply was matched to.
    """
    named = named_in(mail.own, (row.invoice.number for row in rows))
    if found := [row.pk for row in rows if row.invoice.number in named]:
        return found
    theirs = [row for row in rows if row.pk in set(matched)]
    named = named_in(mail.subject, (row.invoice.number for row in theirs))
    return [row.pk for row in theirs if row.invoice.number in named] or [row.pk for row in theirs]


def _note_machine(
    mail: models.IncomingMail, said: ReplyReading, found: Match, rows: Sequence[models.Case], now: datetime
) -> None:
    """A machine answered: the case goes on, and its timeline says until when the person is away.

    When its words are those of a person, somebody reads it, and still nothing waits (spec 7).
    """
    asks = bool(rows) and said.kind in _SAYS_MORE
    state, known = MailState.WAITING if asks else MailState.DONE, [row.pk for row in rows]
    about = _about(mail, rows, known)
    mails.note_nature(mail, MailNature.AUTOMATIC, state, by=found.by, cases=known, about=about)
    mails.keep_reading(mail, said)
    back = f" They are back on {said.date:%d %B %Y}." if said.date else ""
    journal = Journal(now)
    for row in rows:
        detail = {"mail": mail.pk, "returns": said.date.isoformat() if said.date else None}
        text = f"An automatic reply came from {_who(mail)}: {_subject(mail)}.{back}"
        journal.entry(row, AUTO_REPLY, text, by=mail.sender_address, at=mail.received_at, detail=detail)
        if asks:
            why = f"{text} Its words read as a person's, so somebody should see it. Nothing waits for that."
            people.ask_once(row, ReviewKind.REPLY, why, proposal_for(ReviewKind.REPLY), journal)
    journal.write()


def hold_for(
    mail: models.IncomingMail,
    rows: Sequence[models.Case],
    by: MatchedBy,
    ports: Ports,
    now: datetime,
    *,
    about: Sequence[int],
    placed_by: str = "",
) -> None:
    """A person replied: all their cases wait from now on, and somebody is asked to read it (spec 7).

    Runs inside the caller's transaction, which has locked the customers, the cases and the mail. A case that waits
    for a reading already gets no second hold; a closed one only lands on a desk. `about`: the cases that the mail is
    about; `placed_by`: who said so, of a mail that nobody could place.
    """
    known = [row.pk for row in rows]
    mails.note_nature(mail, MailNature.HUMAN, MailState.WAITING, by=by, cases=known, about=about)
    named = _named([row.invoice.number for row in rows if row.pk in about])
    journal = Journal(now)
    seen = snapshots.snapshots(rows, now)
    sender = mail.sender_address or "a sender without an address"
    for row in rows:
        detail = {"mail": mail.pk, "matched_by": by.value, "subject": mail.subject}
        if placed_by:
            detail["placed_by"] = placed_by
        elsewhere = "" if row.pk in about else named
        also = f" It is about {elsewhere}; this invoice waits with it." if elsewhere else ""
        text = f"{_who(mail)} replied: {_subject(mail)}. {_how(mail, row, by)}{also}"
        journal.entry(row, REPLY, text, by=sender, at=mail.received_at, detail=detail)
        decision = to_reply(seen[row.pk], now, sender, elsewhere)
        react(row, seen[row.pk], decision, journal, ports, keep.book_of(row.policy_id))
    journal.write()
    for row in rows:
        _tell(row, mail)
    again = Journal(now)
    consider([row for row in rows if row.closed_at is None], again, ports, alarm=False)
    again.write()


def _named(numbers: Sequence[str]) -> str:
    rest = f" and {len(numbers) - _MOST_NAMED} more" if len(numbers) > _MOST_NAMED else ""
    return ", ".join(numbers[:_MOST_NAMED]) + rest


def _how(mail: models.IncomingMail, row: models.Case, by: MatchedBy) -> str:
    known = by is MatchedBy.SENDER or mails.is_a_contact(row.customer_id, mail.sender_address)
    return _FOUND[by] if known else f"{_FOUND[by]} The sender is not a contact we know."


def _tell(row: models.Case, mail: models.IncomingMail) -> None:
    """Say on the desk item who wrote about what; an earlier reply's item tells of this one too."""
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.REPLY.value and len(item.reason) < _MOST_SAID:
            people.add_to_review(item, f"{_who(mail)}: {_subject(mail)}.")


def _hear_report(mail: models.IncomingMail, ports: Ports, clock: Clock) -> str | Unreadable:
    """A mail server reports: each part counts as far as it names a mail of ours (decision 4 of ADR 14)."""
    events = [mails.event_of(each) for each in mail.reports]
    heard = [transport.hear(event, ports, clock.now()) for event in events]
    again = next((each.again for each in heard if each.again is not None), None)
    if again is not None:
        return again
    about = sorted({case for each in heard for case in each.cases})
    with one_transaction():
        mail = mails.locked_mail(mail.pk)
        if mail.state == MailState.ARRIVED.value:
            kinds = {event.kind for event in events}
            asks = kinds & {TransportKind.BOUNCED, TransportKind.COMPLAINED}
            state = MailState.UNMATCHED if asks and not about else MailState.DONE
            by = MatchedBy.THREAD if about else None
            mails.note_nature(mail, _nature_of_report(kinds), state, by=by, cases=about)
    return "; ".join(each.note for each in heard) or "a report that asks for nothing"


def _nature_of_report(kinds: set[TransportKind]) -> MailNature:
    if TransportKind.COMPLAINED in kinds:
        return MailNature.COMPLAINT
    return MailNature.BOUNCE if TransportKind.BOUNCED in kinds else MailNature.REPORT


def _who(mail: models.IncomingMail) -> str:
    name, address = mail.sender_name.strip(), mail.sender_address or "an unknown address"
    return f"{name} <{address}>" if name else address


def _subject(mail: models.IncomingMail) -> str:
    said = " ".join(mail.subject.split())[:200]
    return f"“{said}”" if said else "without a subject"
