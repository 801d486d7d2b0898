"""What comes back to our mails in the sandbox: people answer as mail programs do, machines by themselves.

Each mail is written out to the byte and handed to the mail provider, which brings it to our door like any other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from email import policy
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, make_msgid, parseaddr

from dunwell.policy.facts import Person
from dunwell.sandbox.mail import Caught, MailCatcher
from dunwell.sandbox.provider import MailProvider

_WIRE = policy.SMTP


@dataclass(frozen=True, slots=True)
class Written:
    """A mail to us, to the byte, and the address of ours that it goes to."""

    raw: bytes
    to: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """A person wrote to us; `id` is their mail's Message-ID."""

    who: Person
    at: datetime
    id: str


# Answers a mail by itself, at a moment; None: not this one.
Machine = Callable[[Caught, datetime], Written | None]


@dataclass
class OutOfOffice:
    """Says once to each sender that somebody is away, until they are `back` (RFC 3834)."""

    who: Person
    back: date
    told: set[str] = field(default_factory=set)

    def __call__(self, mail: Caught, now: datetime) -> Written | None:
        """Answer the envelope's sender, unless they know already or a machine must not be answered."""
        if mail.sender in self.told or now.date() >= self.back:
            return None
        self.told.add(mail.sender)
        said = (
            f"Thank you for your mail. I am out of the office and will be back on {self.back:%A, %d %B %Y}.\n"
            f"Your mail is not forwarded.\n\n{self.who.name}\n"
        )
        reply = _reply(mail.message, self.who, mail.sender, said, now)
        reply.replace_header("Subject", f"Automatic reply: {mail.message['Subject']}")
        reply["Auto-Submitted"] = "auto-replied"
        return Written(reply.as_bytes(policy=_WIRE), mail.sender)


@dataclass(frozen=True)
class DeadMailbox:
    """A mail server that takes everything for an address, then reports that nobody has it (RFC 3464)."""

    address: str

    def __call__(self, mail: Caught, now: datetime) -> Written:
        """Report to the envelope's sender, with the headers of their mail."""
        return Written(_report(mail, self.address, now).as_bytes(policy=_WIRE), mail.sender)


class Correspondents:
    """Everybody our mail reaches. `machines` answer by themselves, by address; people when they are asked to."""

    def __init__(self, catcher: MailCatcher, provider: MailProvider) -> None:
        self._catcher = catcher
        self._provider = provider
        self._seen = 0
        self.machines: dict[str, Machine] = {}
        self.wrote: list[Wrote] = []

    def look(self, now: datetime) -> int:
        """Let the machines answer what has come since the last look; return how many did."""
        came = self._catcher.caught()[self._seen :]
        self._seen += len(came)
        answers = [
            answer
            for mail in came
            for recipient in mail.recipients
            if (machine := self.machines.get(recipient.lower())) and (answer := machine(mail, now))
        ]
        for answer in answers:
            self._provider.take(answer.raw, answer.to)
        return len(answers)

    def answer(self, who: Person, said: str, now: datetime) -> None:
        """Let somebody answer the newest mail they got: to its Reply-To, in its thread, quoting it."""
        mail = self._catcher.messages(to=who.email)[-1]
        to = parseaddr(str(mail["Reply-To"] or mail["From"]))[1]
        self._post(_reply(mail, who, to, said, now, quotes=True), who, to, now)

    def write(self, who: Person, to: str, subject: str, said: str, now: datetime) -> None:
        """Let somebody write to an address of ours, in answer to nothing."""
        self._post(_mail(who, to, subject, said, now), who, to, now)

    def _post(self, mail: EmailMessage, who: Person, to: str, now: datetime) -> None:
        self.wrote.append(Wrote(who, now, str(mail["Message-ID"])))
        self._provider.take(mail.as_bytes(policy=_WIRE), to)


def _mail(who: Person, to: str, subject: str, said: str, now: datetime) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = formataddr((who.name, who.email))
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=_domain(who.email))
    mail.set_content(said)
    return mail


def _reply(
    mail: EmailMessage, who: Person, to: str, said: str, now: datetime, *, quotes: bool = False
) -> EmailMessage:
    subject = str(mail["Subject"])
    text = f"{said}\n\n{_quoted(mail)}" if quotes else said
    reply = _mail(who, to, subject if subject.startswith("Re:") else f"Re: {subject}", text, now)
    reply["In-Reply-To"] = str(mail["Message-ID"])
    reply["References"] = " ".join(str(mail[each]) for each in ("References", "Message-ID") if mail[each])
    return reply


def _quoted(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    lines = str(body.get_content()).splitlines() if body is not None else []
    sent = mail["Date"].datetime
    return "\n".join(
        [f"On {sent:%a, %d %b %Y at %H:%M} {mail['From']} wrote:", "", *(f"> {line}" for line in lines)]
    )


def _report(mail: Caught, address: str, now: datetime) -> Message:
    """What a mail server says of a mail it could not bring (RFC 3464), with the mail's headers (RFC 3462)."""
    server = f"mx.{_domain(address)}"
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["Return-Path"] = "<>"
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{server}>"
    report["To"] = mail.sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = format_datetime(now)
    report["Message-ID"] = make_msgid(domain=server)
    report["Auto-Submitted"] = "auto-replied"
    report.attach(
        MIMEText(f"This is the mail system at {server}.\n\n<{address}>: nobody has this mailbox any more.\n")
    )
    report.attach(_status(address, server, now))
    report.attach(_headers_of(mail))
    return report


def _status(address: str, server: str, now: datetime) -> Message:
    about_all, about_one = Message(), Message()
    about_all["Reporting-MTA"] = f"dns; {server}"
    about_all["Arrival-Date"] = format_datetime(now)
    about_one["Final-Recipient"] = f"rfc822; {address}"
    about_one["Action"] = "failed"
    about_one["Status"] = "5.1.1"
    about_one["Diagnostic-Code"] = "smtp; 550 5.1.1 nobody has this mailbox any more"
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload([about_all, about_one])
    return status


def _headers_of(mail: Caught) -> Message:
    part = Message()
    part["Content-Type"] = "text/rfc822-headers"
    part.set_payload(mail.raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace") + "\n")
    return part


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
