"""Writes the letter a case is due: facts and words in, subject and bodies out, checked against the rules."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from dunwell.engine.addresses import reply_address
from dunwell.engine.links import link_in, make_link
from dunwell.engine.ports import Ports
from dunwell.policy.book import Book
from dunwell.policy.content import check_content, expectation_of
from dunwell.policy.context import IncompleteContextError, Listed, MessageContext
from dunwell.policy.facts import Case, Person
from dunwell.policy.merging import numbers
from dunwell.policy.readings import OutgoingMail
from dunwell.policy.reasons import NO_PAYMENT_METHOD
from dunwell.policy.wording import Rendered, render
from dunwell.policy.words import Rail, Stage, Track
from dunwell.policy.zones import zone_for
from dunwell.store.models import OutboxItem


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it leaves: one subject line, a text and an HTML body."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Unwritable:
    """The message cannot be written, or breaks a content rule; the reason names the rule and place."""

    reason: str


@dataclass(frozen=True, slots=True)
class About:
    """What a message of the standard track is about: one case or several, by id, and in which tone it is written."""

    cases: Sequence[tuple[int, Case]]
    tone: Stage

    @property
    def first(self) -> Case:
        """The case that leads."""
        return self.cases[0][1]

    @property
    def ids(self) -> int | list[int]:
        """What the payment link stands for."""
        return self.cases[0][0] if len(self.cases) == 1 else [pk for pk, _ in self.cases]


def compose(about: About, book: Book, ports: Ports, now: datetime) -> Letter | Unwritable:
    """Write one message of the standard track for the moment `now`."""
    try:
        written = render(book.wording, about.tone, _context(about, book, ports, now))
    except IncompleteContextError as error:
        return Unwritable(f"The {about.tone} cannot be written: {error}.")
    return Letter(written.subject, written.text, written.html)


def check_letter(
    letter: Letter, about: About, book: Book, ports: Ports, written_at: datetime
) -> Unwritable | None:
    """Hold the text that is about to leave to the content rules (spec 1.1); None when it keeps them all."""
    context = _context(about, book, ports, written_at)
    link = link_in(letter.text, about.ids, ports, written_at)
    if link is not None:
        context = replace(context, link=link)
    expected = expectation_of(
        context,
        sender_email=ports.sender.email,
        max_words=book.policy.messages.max_words,
        track=about.first.track or Track.STANDARD,
    )
    breaches = check_content(about.tone, Rendered(letter.subject, letter.text, letter.html), expected)
    if not breaches:
        return None
    found = "; ".join(f"{breach.place}: {breach.message}" for breach in breaches)
    return Unwritable(f"The {about.tone} breaks the content rules: {found}")


def outgoing(item: OutboxItem, letter: Letter, ports: Ports, now: datetime) -> OutgoingMail:
    """Address a letter. The Message-ID follows from the outbox key, so a mail can be recognised anywhere.

    Answers go to the sender, or where an address for answers is set up, to one that names the case (spec 7).
    """
    return OutgoingMail(
        message_id=message_id(item.key, ports),
        sender=ports.sender,
        to=Person(item.to_name, item.to_address),
        reply_to=reply_address(item.case_id, ports) or ports.sender.email,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        date=now,
    )


def is_of_today(case: Case, book: Book, written_at: datetime, now: datetime) -> bool:
    """Say whether a text was written on the customer's today: the dates it names count from then."""
    zone = zone_for(case.customer, book.policy).zone
    return written_at.astimezone(zone).date() == now.astimezone(zone).date()


def message_id(key: str, ports: Ports) -> str:
    """Derive the Message-ID of an effect from its key and this installation's secret."""
    digest = hashlib.sha256(f"{ports.secret}:{key}".encode()).hexdigest()[:32]
    return f"<{digest}@{urlsplit(ports.base_url).hostname or 'dunwell.invalid'}>"


def _context(about: About, book: Book, ports: Ports, now: datetime) -> MessageContext:
    """Gather what a message about one invoice or several may say; of several, only what all have in common.

    Several are listed by their dates, whichever leads.
    """
    cases = sorted(
        about.cases, key=lambda pair: (pair[1].failed_at or pair[1].anchor, pair[1].invoice.number)
    )
    each = [context_of(pk, case, about.tone, book, ports, now) for pk, case in cases]
    if len(each) == 1:
        return each[0]
    total = each[0].amount
    for other in each[1:]:
        total = total.plus(other.amount)
    rails, reasons = {one.rail for one in each}, {one.reason for one in each}
    return replace(
        each[0],
        invoice_number=numbers([case for _, case in cases]),
        amount=total,
        link=make_link(about.ids, ports, now),
        failed_on=None,
        due_on=None,
        reason=reasons.pop() if len(reasons) == 1 else None,
        days_overdue=min(one.days_overdue or 0 for one in each),
        rail=rails.pop() if len(rails) == 1 else Rail.OTHER,
        invoices=tuple(
            Listed(one.invoice_number, one.amount, one.failed_on, one.due_on, one.days_overdue)
            for one in each
        ),
    )


def context_of(
    pk: int,
    case: Case,
    stage: Stage | None,
    book: Book,
    ports: Ports,
    now: datetime,
    sender: Person | None = None,
) -> MessageContext:
    """Gather what a message may say at a moment; `stage` None: a personal mail, which `sender` signs."""
    policy, contact = book.policy, case.customer.contact
    sender = sender or ports.sender
    zone = zone_for(case.customer, policy).zone
    today = now.astimezone(zone).date()
    failed_on = case.failed_at.astimezone(zone).date() if case.failed_at else None
    since = case.invoice.due or failed_on or case.anchor.astimezone(zone).date()
    return MessageContext(
        customer_name=case.customer.name,
        invoice_number=case.invoice.number,
        amount=case.invoice.open,
        link=make_link(pk, ports, now),
        sender_name=sender.name,
        company_name=policy.company.name,
        reply_address=sender.email,
        contact_name=contact.name if contact else None,
        failed_on=failed_on,
        due_on=None if failed_on else since,
        reason=case.reason.sentence if case.reason else None,
        days_overdue=max((today - since).days, 0),
        pay_by=_pay_by(stage, today, book),
        sender_phone=policy.company.phone,
        rail=_rail(case),
        bank_details=bool(policy.company.bank_transfer.strip()),
    )


def _rail(case: Case) -> Rail:
    """What the payment is called by: without a payment method it was no card's payment."""
    without = case.reason is not None and case.reason.code == NO_PAYMENT_METHOD.code
    return Rail.OTHER if without else case.invoice.rail


def _pay_by(stage: Stage | None, today: date, book: Book) -> date | None:
    pay_by = book.policy.pay_by
    named = {Stage.DIRECT: pay_by.direct, Stage.FINAL: pay_by.final, Stage.ESCALATION: pay_by.escalation}
    return today + timedelta(days=named[stage]) if stage in named else None
