"""What a reply can be read as, and what a reader is."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo


class ReplyKind(StrEnum):
    """What a reply seems to say. A proposal: a person confirms it (spec 7)."""

    PROMISE = "promise"
    ASKS_TIME = "asks_time"
    DISPUTE = "dispute"
    ALREADY_PAID = "already_paid"
    WRONG_PERSON = "wrong_person"
    NEEDS_DOCUMENT = "needs_document"
    HARDSHIP = "hardship"
    CARD_UPDATED = "card_updated"
    AUTO_REPLY = "auto_reply"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReplyReading:
    """A reply, read.

    `date` is in the sender's zone: when money is promised (`promise`), until when time is asked for
    (`asks_time`), when the sender is back (`auto_reply`), when they say they paid (`already_paid`); None for
    the other kinds and whenever the words do not fix one day. `words` is the exact phrase of the reply this
    rests on, or the header for an automatic reply without telling words. `why` is one sentence; `notes` say
    what is unsure. `text` is what the sender wrote, without quoted mails and signature; `span` is where the
    words stand in it (from, to), None when they stand nowhere in it.
    """

    kind: ReplyKind
    date: date | None
    words: str
    why: str
    notes: tuple[str, ...] = ()
    text: str = ""
    span: tuple[int, int] | None = None


class ReplyReader(Protocol):
    """Reads one reply. Whoever implements it proposes; a person confirms (spec 7)."""

    def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
        """Read an `.eml` or plain text received at `at` (aware); dates count in `zone`, the sender's. Never raises."""
        ...
