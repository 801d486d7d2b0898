"""Match: which cases a mail is about. By its signed address, then by its thread, then by who sent it (spec 7).

The surest way that leads to a case counts. Whoever wrote does not matter for the first two: colleagues answer each
other's mail. No guess is made between customers: a mail that could be any of several's is about all of them.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.engine.addresses import case_of_address
from dunwell.engine.ports import Ports
from dunwell.policy.named import named_in
from dunwell.policy.words import MatchedBy
from dunwell.store import cases, mails, models

# How long after its end a case is what a customer's mail without any other mark is taken to be about.
REMEMBERED = timedelta(days=90)
# What mail programs put before the subject of a mail that is handed on: English, German, French, Spanish.
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr|rv)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """What a mail was found to be about.

    `ours` says in a sentence why it is no reply: somebody here wrote it, or `forwarded` it, which says nothing of
    whom it is from. No cases and not ours: nobody knows.
    """

    by: MatchedBy | None = None
    cases: tuple[int, ...] = ()
    ours: str = ""
    forwarded: bool = False


def match(mail: models.IncomingMail, ports: Ports, now: datetime) -> Match:
    """Find the cases of a mail that is no delivery report."""
    kind, thread = mails.thread_of(mail.references)
    if why := _written_here(mail, kind, ports):
        return Match(ours=why, forwarded=_is_forwarded(mail))
    if signed := _by_address(mail, ports):
        with_it = {case for one in signed for case in mails.written_together(one)}
        return Match(MatchedBy.ADDRESS, tuple(sorted(with_it | _same_payer(signed, thread))))
    if thread:
        return Match(MatchedBy.THREAD, tuple(thread))
    return _by_sender(mail, now)


def _written_here(mail: models.IncomingMail, thread: str, ports: Ports) -> str:
    """Copies and loops of our own mail are no replies; what the relationship owner says to our note is one."""
    if mails.left_from_here(mail.message_id):
        return "It is a mail of ours that came back to us."
    who = mail.sender_address
    own = {person.email.lower() for person in (ports.sender, ports.manager) if person is not None}
    colleague = who and thread != models.OutboxItem.OWNER_NOTE and mails.is_a_colleague(who)
    return f"It was written here, by {who}." if who in own or colleague else ""


def _is_forwarded(mail: models.IncomingMail) -> bool:
    """Whether somebody handed a mail on by their own hand, and it is not one that we sent."""
    return bool(_FORWARD.match(mail.subject)) and not mails.left_from_here(mail.message_id)


def _by_address(mail: models.IncomingMail, ports: Ports) -> set[int]:
    named = {case_of_address(str(address), ports) for address in mail.recipients}
    return {case for case in named if case is not None and cases.case_with_id(case) is not None}


def _same_payer(signed: set[int], thread: list[int]) -> set[int]:
    """The cases of the mail it answers, unless its thread is about somebody else."""
    theirs = set(mails.customers_of(sorted(signed)))
    return set(thread) if theirs.issuperset(mails.customers_of(thread)) else set()


def _by_sender(mail: models.IncomingMail, now: datetime) -> Match:
    if not mail.sender_address:
        return Match()
    since = now - REMEMBERED
    customers = _narrowed(mail, mails.customers_at(mail.sender_address, since), since)
    lately = [case for customer in sorted(customers) for case in mails.cases_lately(customer, since)]
    # Of several customers those who owe nothing any more are not meant, unless nobody owes anything.
    found = mails.open_cases_of(sorted(customers)) or lately
    return Match(MatchedBy.SENDER, tuple(found)) if found else Match()


def _narrowed(mail: models.IncomingMail, customers: set[int], since: datetime) -> set[int]:
    """Whoever writes for several customers means those whose invoices they name, if they name any."""
    if len(customers) < 2:
        return customers
    numbers = mails.numbers_lately(customers, since)
    named = named_in(f"{mail.subject}\n{mail.own}", (number for _, number in numbers))
    return {customer for customer, number in numbers if number in named} or customers
