"""From a mail's parts to the message on the wire. Pure.

Parsing and folding headers is most of the cost of a message in Python, and most headers are the same
in every mail, so those are parsed and folded once (`_remembered`): about four times the messages a second.
"""

import binascii
import re
import unicodedata
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from email_validator import EmailNotValidError, validate_email

from dunwell.policy.facts import Person
from dunwell.policy.readings import OutgoingMail

# "=_" cannot occur in quoted-printable text, so this boundary can never occur inside a part.
_BOUNDARY = "=_dunwell"
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}@[A-Za-z0-9.-]{1,200}>")
# Other people's Message-IDs need not be well formed, only harmless: one word of ASCII in one pair of brackets.
_THEIR_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
# Python would write a Message-ID longer than a line as an encoded word in these, which ends the thread.
_THREAD = frozenset({"in-reply-to", "references"})


class UnmailableError(ValueError):
    """These parts cannot be made into a mail; the message says which one and why."""


class _Headers(HeaderRegistry):
    """Python's header classes, with the parsed headers remembered."""

    def __call__(self, name: str, value: Any) -> Any:
        return _parsed(name, str(value))


class _MailPolicy(EmailPolicy):
    """RFC 5322 with CRLF, and folded headers remembered."""

    def header_max_count(self, name: str) -> int | None:
        return _max_count(name.lower())

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _THREAD:
            return b"%s: %s\r\n" % (name.encode(), b"\r\n ".join(str(value).encode("ascii").split()))
        return _folded(name, value, utf8=self.utf8)


_REGISTRY = HeaderRegistry()
_PLAIN = EmailPolicy(linesep="\r\n", max_line_length=76)
_PLAIN_UTF8 = _PLAIN.clone(utf8=True)
_POLICY = _MailPolicy(linesep="\r\n", max_line_length=76, header_factory=_Headers())
_POLICY_UTF8 = _POLICY.clone(utf8=True)


@lru_cache(maxsize=512)
def _parsed(name: str, value: str) -> Any:
    return _REGISTRY(name, value)


@lru_cache(maxsize=512)
def _folded(name: str, value: Any, *, utf8: bool) -> bytes:
    return (_PLAIN_UTF8 if utf8 else _PLAIN).fold_binary(name, value)


@lru_cache(maxsize=64)
def _max_count(name: str) -> int | None:
    count: int | None = _REGISTRY[name].max_count
    return count


def build_message(mail: OutgoingMail) -> EmailMessage:
    """Build the whole message: multipart/alternative, UTF-8, quoted-printable, one address a header entry.

    Domains go out in their ASCII form (IDNA); a local part beyond ASCII makes the message one that needs
    SMTPUTF8 (`needs_smtputf8`). Raises `UnmailableError` for a line break or control character in a
    header, an address that is none, a naive date, a malformed Message-ID or text that is not Unicode.

    Replies to another address than the sender's still go to the sender by name (`Reply-To`). An answer names the
    mail it answers (`In-Reply-To`) and the whole thread (`References`, RFC 5322 3.6.4).

    Mail nobody wrote by hand carries `Auto-Submitted: auto-generated` (RFC 3834, spec 7). Microsoft's
    `X-Auto-Response-Suppress` is left out on purpose: an out-of-office answer tells us a return date.
    """
    people = (mail.sender, mail.to, *mail.cc)
    utf8 = any(not wire_address(person.email).isascii() for person in people)
    message = EmailMessage(policy=_POLICY_UTF8 if utf8 else _POLICY)
    for name, value in _headers(mail):
        _require_clean(name, value)
        message[name] = value
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = f'multipart/alternative; boundary="{_BOUNDARY}"'
    message.set_payload([_part(mail.text, "plain", message), _part(mail.html, "html", message)])
    return message


def needs_smtputf8(message: EmailMessage) -> bool:
    """Say whether an address in the message has a local part beyond ASCII (RFC 6531)."""
    return message.policy is _POLICY_UTF8


@lru_cache(maxsize=1024)
def wire_address(email: str) -> str:
    """Give the address as it goes over the wire, its domain in ASCII; `UnmailableError` if it is none."""
    try:
        checked = validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise UnmailableError(f"{email!r} is not an address: {error}") from None
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"


def _headers(mail: OutgoingMail) -> list[tuple[str, str]]:
    if mail.date.tzinfo is None:
        raise UnmailableError("the date of a mail needs a time zone")
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise UnmailableError(f"{mail.message_id!r} is not a Message-ID")
    headers = [("From", _mailbox(mail.sender)), ("To", _mailbox(mail.to))]
    if mail.cc:
        headers.append(("Cc", ", ".join(_mailbox(person) for person in mail.cc)))
    if mail.reply_to:
        headers.append(("Reply-To", _reply_to(mail)))
    headers += [
        ("Subject", mail.subject),
        ("Date", format_datetime(mail.date)),
        ("Message-ID", mail.message_id),
    ]
    if mail.automatic:
        headers.append(("Auto-Submitted", "auto-generated"))
    return [*headers, *_thread(mail.answers)]


def _reply_to(mail: OutgoingMail) -> str:
    address = wire_address(mail.reply_to)
    if address.lower() == wire_address(mail.sender.email).lower():
        return address
    return _mailbox(Person(mail.sender.name, mail.reply_to))


def _thread(answers: tuple[str, ...]) -> list[tuple[str, str]]:
    for message_id in answers:
        if not _THEIR_MESSAGE_ID.fullmatch(message_id):
            raise UnmailableError(f"{message_id[:80]!r} is not a Message-ID that can be answered")
    if not answers:
        return []
    return [("In-Reply-To", answers[-1]), ("References", " ".join(answers))]


def _mailbox(person: Person) -> str:
    name = person.name.strip()
    _require_clean("a name", name)
    local, _, domain = wire_address(person.email).rpartition("@")
    return str(Address(name, local, domain))


def _require_clean(where: str, text: str) -> None:
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise UnmailableError(f"{where} holds a line break or control character: {text!r}")


def _part(text: str, subtype: str, whole: EmailMessage) -> EmailMessage:
    """Make one leaf. binascii's quoted-printable is C; the email package's own is Python, and far slower."""
    try:
        raw = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").encode() + b"\n"
    except UnicodeEncodeError:
        raise UnmailableError(f"the {subtype} text is not Unicode") from None
    part = EmailMessage(policy=whole.policy)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(binascii.b2a_qp(raw, istext=True).decode("ascii"))
    return part
