"""Mail that comes in, taken apart: frozen values that connectors make and the engine keeps.

All of it was written by strangers. `html` is sanitised; text is only ever shown escaped.
"""

from dataclasses import dataclass
from datetime import datetime

from dunwell.policy.facts import Person
from dunwell.policy.words import TransportKind


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail. `name` is one line without a path; `media_type` is what the sender says it is."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class TransportEvent:
    """What became of a mail of ours, by a provider's word or a mail server's report (RFC 3464, RFC 5965).

    `message_id` is our own Message-ID where it is known, `provider_id` what the provider calls the mail; one of
    them is needed to trust the event. `permanent`: trying that address again cannot help. `reason` is one line.
    """

    kind: TransportKind
    recipient: str
    message_id: str = ""
    provider_id: str = ""
    at: datetime | None = None
    permanent: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """One mail, taken apart.

    `recipients` are all addresses it came to, the envelope's among them. `references` are the Message-IDs it
    follows, nearest last. `text` is the whole text, `own` what the sender wrote, without quotes and signature.
    `automatic` is the header by which a machine says that it wrote (RFC 3834), or empty. `reports` are there when
    the mail is a delivery report. `problems` say in sentences what could not be kept or read.
    """

    message_id: str
    sender: Person
    recipients: tuple[str, ...]
    subject: str
    text: str
    own: str
    references: tuple[str, ...] = ()
    html: str = ""
    automatic: str = ""
    sent_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    reports: tuple[TransportEvent, ...] = ()
    is_report: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail found in a mailbox. `id` names it there for good; after `place` the next look begins."""

    id: str
    place: str
    mail: IncomingMail


class MailboxUnreadableError(Exception):
    """The mailbox could not be read to its end; the message says why, without secrets."""
