"""What is checked and what is found: the expectation, a message taken apart, a breach."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from dunwell.policy.content.readable import Readable, read_html, read_text
from dunwell.policy.context import Listed, as_listed
from dunwell.policy.untrusted import tame
from dunwell.policy.wording import Rendered
from dunwell.policy.words import Stage, Track


class Rule(StrEnum):
    """The rules by name."""

    SUBJECT = "subject"
    GREETING = "greeting"
    INVOICE_NUMBER = "invoice_number"
    AMOUNT = "amount"
    DATE = "date"
    ONE_LINK = "one_link"
    PORTAL_LINK = "portal_link"
    PERSON = "person"
    SHARED_MAILBOX = "shared_mailbox"
    SIGNATURE = "signature"
    REPLIES = "replies"
    OVERDUE_WORD = "overdue_word"
    THREAT = "threat"
    LEGAL_THREAT = "legal_threat"
    INSULT = "insult"
    PRESSURE = "pressure"
    EXCLAMATION = "exclamation"
    RAW_CODE = "raw_code"
    MUST_SAY = "must_say"
    CC = "cc"
    LENGTH = "length"
    MARKER = "marker"
    SAME_IN_BOTH = "same_in_both"
    MARKUP = "markup"


@dataclass(frozen=True, slots=True)
class ContentExpectation:
    """What this message has to say, and who it comes from.

    `amount`, `date` and `pay_by` are texts as the customer reads them (`USD 14,200.00`, `7 April 2026`).
    `names` are the customer's and the contact's names: a customer called `Late Harvest` may be named. `first_name`
    is what a personal mail greets by; empty when the contact has none.
    `max_words` counts the text body with the signature; a body has to stay under it. `days_overdue`, `pay_by`
    and `sender_phone` are checked when given. `failed`: a charge failed (else only the due date passed). Of a mail
    about several `invoices`, `amount` is the sum.
    """

    invoice_number: str
    amount: str
    date: str
    link: str
    sender_name: str
    sender_email: str
    cc: tuple[str, ...] = ()
    max_words: int = 120
    track: Track = Track.STANDARD
    failed: bool = False
    days_overdue: int | None = None
    pay_by: str | None = None
    sender_phone: str = ""
    reply_address: str = ""
    company_name: str = ""
    names: tuple[str, ...] = ()
    first_name: str = ""
    invoices: tuple[Listed, ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule. `place` is `subject`, `text line N`, `html line N`, `text`, `html`, `from` or `cc`."""

    rule: Rule
    place: str
    found: str
    message: str


class Message:
    """A message taken apart for checking. `stage` is None on the personal track."""

    def __init__(self, stage: Stage | None, source: Rendered, expected: ContentExpectation) -> None:
        self.stage = stage if expected.track is Track.STANDARD else None
        self.source = source
        self.expected = expected
        self.subject = read_text("subject", source.subject)
        self.text = read_text("text", source.text)
        self.html = read_html(source.html) if source.html.strip() else None
        self.bodies: tuple[Readable, ...] = (self.text, self.html) if self.html else (self.text,)

    @cached_property
    def listed(self) -> tuple[Listed, ...]:
        """The several invoices as this message has to list them."""
        return as_listed(self.expected.invoices, self.stage, self.expected.days_overdue)

    @cached_property
    def unnamed(self) -> tuple[Readable, ...]:
        """Subject and bodies with names, numbers, addresses and the link blanked out: what is left is wording."""
        expected = self.expected
        names = (*expected.names, expected.sender_name, expected.company_name)
        fixed = (expected.link, expected.invoice_number, expected.reply_address, expected.sender_email)
        listed = (each.invoice_number for each in expected.invoices)
        hidden = (*fixed, *listed, *names, *(tame(name) for name in names))
        return tuple(part.without(hidden) for part in (self.subject, *self.bodies))
