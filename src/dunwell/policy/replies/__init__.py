"""Reads one reply to a dunning message: its kind, a date, and the words that rests on (spec 7).

The reading is a proposal. Nothing is promised, disputed or closed on it before a person confirms.
"""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dunwell.policy.replies.absence import is_absence_note, is_personal
from dunwell.policy.replies.judge import Claim, bare_date, days_named, judge, return_date
from dunwell.policy.replies.mail import Letter, open_letter
from dunwell.policy.replies.reading import ReplyKind, ReplyReader, ReplyReading

__all__ = ["ReplyKind", "ReplyReader", "ReplyReading", "RulesReader", "days_named", "read_reply"]

_AROUND = " \n,;:"
_AUTOMATIC_SUBJECT = re.compile(
    r"^(?:automatic reply|auto(?:matische antwort|[- ]?reply|[- ]?response)|out of (?:the )?office|abwesen\w+"
    r"|automatische antwort|réponse automatique|absence du bureau|respuesta automática|fuera de la oficina)\b",
    re.IGNORECASE,
)
_WHY = {
    ReplyKind.PROMISE: "The sender says that money will come.",
    ReplyKind.ASKS_TIME: "The sender asks for more time.",
    ReplyKind.DISPUTE: "The sender contests the invoice.",
    ReplyKind.ALREADY_PAID: "The sender says it has been paid.",
    ReplyKind.WRONG_PERSON: "The sender says somebody else is in charge.",
    ReplyKind.NEEDS_DOCUMENT: "The sender wants a document or a portal upload first.",
    ReplyKind.HARDSHIP: "The sender cannot pay in full or asks for a payment plan.",
    ReplyKind.CARD_UPDATED: "The sender says the payment method is updated.",
    ReplyKind.OTHER: "Nothing in it says anything we know.",
}


def read_reply(text_or_email: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
    """Read one reply: an `.eml` with headers, or plain text.

    `at` is aware: when it was received; dates are resolved from that day in `zone`, the sender's. Never raises
    for what a sender can send: what cannot be read is `other`. English, German, French and Spanish.
    """
    letter = open_letter(text_or_email)
    today = at.astimezone(zone).date()
    away = return_date(letter.text, today)
    if letter.auto or _AUTOMATIC_SUBJECT.match(letter.subject):
        return _automatic(letter, away, letter.auto or f"Subject: {letter.subject[:80]}")
    claim = judge(letter.text, today)
    kind = claim.kind if claim else ReplyKind.OTHER
    # By its words alone only a whole absence note is a machine's; who stands in reads like another person in charge.
    if away and kind in (ReplyKind.OTHER, ReplyKind.WRONG_PERSON) and is_absence_note(letter.text, today):
        return _automatic(letter, away, "")
    if letter.maybe_auto and claim is None and not is_personal(letter.text):
        return _automatic(letter, None, letter.maybe_auto)
    if claim is None:
        bare = bare_date(letter.text, today)
        notes = (f"it names {bare.isoformat()} and says nothing else",) if bare else ()
        return ReplyReading(ReplyKind.OTHER, None, "", _WHY[ReplyKind.OTHER], notes, letter.text)
    return _read(letter, claim)


class RulesReader:
    """The reader that asks nobody: the rules of this package."""

    def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
        """Read it as `read_reply` does."""
        return read_reply(source, at, zone)


def _read(letter: Letter, claim: Claim) -> ReplyReading:
    also = tuple(f"it may also be read as {kind}" for kind in claim.also)
    words, span = _words(letter.text, claim)
    return ReplyReading(
        claim.kind, claim.day, words, _WHY[claim.kind], (*claim.notes, *also), letter.text, span
    )


def _automatic(letter: Letter, away: Claim | None, header: str) -> ReplyReading:
    day: date | None = away.day if away else None
    words, span = _words(letter.text, away) if away else (header, None)
    why = f"A machine wrote it: {header}." if header else "It reads like an automatic reply."
    return ReplyReading(ReplyKind.AUTO_REPLY, day, words, why, (), letter.text, span)


def _words(text: str, claim: Claim) -> tuple[str, tuple[int, int]]:
    """Return the claim's words without blanks and commas around them, and where they stand."""
    found = text[claim.start : claim.end]
    words = found.strip(_AROUND)
    start = claim.start + len(found) - len(found.lstrip(_AROUND))
    return words, (start, start + len(words))
