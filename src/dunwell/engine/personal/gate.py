"""The gate for a signed letter: both ledgers read again, the text checked as it will leave, then handed over."""

from dataclasses import dataclass
from datetime import timedelta

from dunwell.engine.addresses import reply_address
from dunwell.engine.ask_again import answers_again, ask_again
from dunwell.engine.clock import Clock
from dunwell.engine.incoming.deaf import CHECK_MAILBOX, deaf
from dunwell.engine.incoming.unheard import unheard
from dunwell.engine.letters import message_id
from dunwell.engine.links import link_in
from dunwell.engine.personal import drafts
from dunwell.engine.personal.desk import Desk, desk_of
from dunwell.engine.personal.fate import NETSUITE, SMTP
from dunwell.engine.personal.text import as_html, breaches_of, in_words, signer
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.rereading import NOT_SET_UP, Reread, keep_reread, lock, reread
from dunwell.policy.facts import Case, Person, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_letter_gate
from dunwell.policy.ledger import LedgerMail
from dunwell.policy.readings import OutgoingMail
from dunwell.policy.words import CaseStatus, LetterState, MessageState, ReviewKind
from dunwell.store import claims, keep, letters, models, snapshots
from dunwell.store.plain import plain


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read outside the transaction; `author` is the manager's id in NetSuite, asked for when needed."""

    ledgers: Reread
    author: str | Unreadable


def pass_gate(
    item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta
) -> LedgerMail | OutgoingMail | str:
    """Hold a claimed letter to everything that must be so; return it ready to leave, or the state it ended in.

    The lease begins anew with the hand-over: only a worker that is gone leaves it running out.
    """
    letter = letters.letter_of(item)
    via = _way(item.case, letter, ports)
    read = _read(item.case, letter, via, ports, clock)
    with claims.one_transaction():
        lock(item, read.ledgers)
        desk = desk_of(item, ports, clock.now())
        if desk.letter.state != LetterState.LEAVING.value:
            return _not_leaving(desk)
        return _judged(desk, read, via, lease)


def _way(row: models.Case, letter: models.Letter, ports: Ports) -> str:
    """By NetSuite when the policy says so and NetSuite knows the contact; else by the mail server."""
    book = keep.book_of(row.policy_id)
    through_ledger = book.policy.personal.send_by == NETSUITE and row.uses_ledger and ports.ledger is not None
    return NETSUITE if through_ledger and letter.to_ledger_id else SMTP


def _read(row: models.Case, letter: models.Letter, via: str, ports: Ports, clock: Clock) -> _Read:
    author: str | Unreadable = letter.author_ledger_id
    if via == NETSUITE and not author:
        author = ports.ledger.find_employee(signer(ports).email) if ports.ledger else NOT_SET_UP
    return _Read(reread(row, ports, clock), author)


def _judged(desk: Desk, read: _Read, via: str, lease: timedelta) -> LedgerMail | OutgoingMail | str:
    since, policy = desk.item.queued_at, desk.book.policy
    ledgers = keep_reread(desk.row, read.ledgers, policy, desk.journal)
    case = snapshots.snapshots([desk.row], desk.now)[desk.row.pk]
    unread = deaf([None], policy, desk.ports, desk.now)
    if ledgers.readable and unread is None and ReviewKind.LEDGER_UNREADABLE in case.reviews:
        answers_again(desk.row, desk.journal)
    says = drafts.says(desk.letter)
    verdict = check_letter_gate(
        case, says, ledgers.stripe, ledgers.standing, policy, desk.now, due_since=since
    )
    if not ledgers.readable and verdict.again_at is not None:
        return ask_again(desk.item, desk.row, desk.journal, verdict, verdict.again_at)
    if verdict.kind is not VerdictKind.SEND:
        return turn_back(desk, verdict)
    if unread is not None and unread.again_at is not None:
        return ask_again(desk.item, desk.row, desk.journal, unread, unread.again_at, CHECK_MAILBOX)
    wait = unheard(desk.letter.to_address, desk.row.customer_id, desk.ports, desk.now)
    if wait is not None and wait.again_at is not None:
        return ask_again(desk.item, desk.row, desk.journal, wait, wait.again_at)
    return _checked(desk, read.author, via, lease, case)


def _checked(
    desk: Desk, author: str | Unreadable, via: str, lease: timedelta, case: Case
) -> LedgerMail | OutgoingMail | str:
    """Hand a letter over that nothing but its own words can still keep back."""
    if isinstance(author, Unreadable):
        return _no_author(desk, author)
    letter = desk.letter
    breaches = breaches_of(letter, letter.subject, letter.text, case, desk.book, desk.ports, desk.now)
    if breaches:
        return _breaks_rules(desk, f"Its text breaks the content rules: {in_words(breaches)}")
    values = {"due_at": desk.now + lease, "method": via, "subject": letter.subject}
    if via == SMTP:
        values["message_id"] = message_id(desk.item.key, desk.ports)
    if not desk.move(MessageState.HANDING_OVER, **values):
        return "taken"
    sender = signer(desk.ports)
    letters.change(
        letter,
        via=via,
        author_ledger_id=author if via == NETSUITE else "",
        sender_name=sender.name[:200],
        sender_email=sender.email,
    )
    desk.journal.write()
    return _for_ledger(desk, author) if via == NETSUITE else _for_mail_server(desk)


def _not_leaving(desk: Desk) -> str:
    """Somebody stopped it, or put it off, while it was on its way to the gate."""
    moved = desk.settle(MessageState.STOPPED, "The letter is not to leave any more, or not yet.")
    return MessageState.STOPPED.value if moved else "taken"


def turn_back(desk: Desk, verdict: Verdict) -> str:
    """The gate is closed: say why not; the letter waits, is withdrawn, or a person is asked (spec 5)."""
    if not desk.settle(MessageState.STOPPED, verdict.why):
        return "taken"
    desk.entry("why_not", f"Letter {desk.letter.number} did not leave: {verdict.why}")
    letters.change(desk.letter, state=LetterState.APPROVED.value)
    if verdict.kind in (VerdictKind.ADJUST, VerdictKind.CLOSE):
        drafts.withdraw(desk.row, desk.letter, verdict.why, desk.journal)
    if verdict.kind is VerdictKind.REVIEW:
        _ask(desk, verdict.review or ReviewKind.GATE_CLOSED, verdict.why)
    desk.look_again()
    return MessageState.STOPPED.value


def _ask(desk: Desk, kind: ReviewKind, why: str) -> None:
    desk.ask(kind, why, proposal_for(kind))
    row = desk.row
    if row.status == CaseStatus.OPEN.value:
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, plain(why)
    desk.journal.changed(row)


def _no_author(desk: Desk, said: Unreadable) -> str:
    """Without the manager as its author NetSuite would not send it."""
    if not said.permanent:
        at = desk.now + _AUTHOR_WAIT
        verdict = Verdict(VerdictKind.WAIT, f"NetSuite could not be read: {said.reason}.", again_at=at)
        return ask_again(desk.item, desk.row, desk.journal, verdict, at)
    why = f"{signer(desk.ports).name} cannot be the author of a letter in NetSuite: {said.reason}"
    return turn_back(desk, Verdict(VerdictKind.REVIEW, why, review=ReviewKind.INCOMPLETE))


_AUTHOR_WAIT = timedelta(minutes=5)


def _breaks_rules(desk: Desk, why: str) -> str:
    """A signed text that must not leave goes back to the manager, who has to sign again."""
    if not desk.settle(MessageState.STOPPED, why):
        return "taken"
    desk.entry("why_not", f"Letter {desk.letter.number} did not leave: {why}")
    drafts.unsign(desk.row, desk.letter, why, desk.journal)
    desk.look_again()
    return MessageState.STOPPED.value


def _link(desk: Desk) -> str:
    return link_in(desk.letter.text, desk.row.pk, desk.ports, desk.now) or ""


def _for_ledger(desk: Desk, author: str) -> LedgerMail:
    letter, row = desk.letter, desk.row
    return LedgerMail(
        key=desk.item.key,
        author=author,
        recipient=letter.to_ledger_id,
        customer=row.customer.ledger_id,
        subject=letter.subject,
        html=as_html(letter.text, _link(desk)),
        invoice=row.invoice.ledger_id,
        cc=(letter.cc_address,) if letter.cc_address else (),
        reply_to=signer(desk.ports).email,
    )


def _for_mail_server(desk: Desk) -> OutgoingMail:
    letter, sender = desk.letter, signer(desk.ports)
    return OutgoingMail(
        message_id=message_id(desk.item.key, desk.ports),
        sender=sender,
        to=Person(letter.to_name, letter.to_address),
        reply_to=reply_address(desk.row.pk, desk.ports) or sender.email,
        subject=letter.subject,
        text=letter.text,
        html=as_html(letter.text, _link(desk)),
        date=desk.now,
        cc=(Person(letter.cc_name, letter.cc_address),) if letter.cc_address else (),
        automatic=False,
    )
