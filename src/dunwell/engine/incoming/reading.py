"""What a mail seems to say: the kept text given to whoever reads replies, as a mail again."""

from base64 import b64encode
from zoneinfo import ZoneInfo

from dunwell.engine.ports import Ports
from dunwell.policy.replies import ReplyKind, ReplyReading, read_reply
from dunwell.policy.words import MailNature
from dunwell.policy.zones import zone_for
from dunwell.store import cases, keep, models, snapshots

_HEADERS = (
    "From: sender@invalid\r\nSubject: =?utf-8?b?{subject}?=\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)


def nature_of(mail: models.IncomingMail, zone: ZoneInfo) -> tuple[MailNature, ReplyReading]:
    """Say whether a person or a machine wrote a mail, with what the rules read in it.

    In doubt it was a person: a hold for nothing costs a day, a reply nobody heard the relationship.
    """
    said = read_reply(as_mail(mail), mail.received_at, zone)
    automatic = bool(mail.automatic) or said.kind is ReplyKind.AUTO_REPLY
    return MailNature.AUTOMATIC if automatic else MailNature.HUMAN, said


def read(mail: models.IncomingMail, zone: ZoneInfo, ports: Ports) -> ReplyReading:
    """Have a person's mail read by the reader of this installation; it may ask a vendor and take its time."""
    return ports.reader.read(as_mail(mail), mail.received_at, zone)


def zone_of(about: tuple[int, ...], default: ZoneInfo) -> ZoneInfo:
    """The zone of whoever owes: dates in a mail count there."""
    row = cases.case_with_id(about[0]) if about else None
    if row is None:
        return default
    customer = snapshots.customer_facts(row.customer, None)
    return zone_for(customer, keep.book_of(row.policy_id).policy).zone


def as_mail(mail: models.IncomingMail) -> bytes:
    """Put subject and own text together again as readers expect them."""
    subject = b64encode(" ".join(mail.subject.split()).encode()).decode()
    return _HEADERS.format(subject=subject).encode() + mail.own.encode()
