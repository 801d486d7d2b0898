"""The header fields of a mail that came in, read. Pure; nothing here fails, whatever stands in a field."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from dunwell.connectors.mail.text import decoded, header_text
from dunwell.policy.addresses import is_address
from dunwell.policy.facts import Person

Fields = Mapping[str, Sequence[str]]

_MOST_FIELDS = 50
_MOST_CHARACTERS = 32_000
_MOST_RECIPIENTS = 200
_MOST_REFERENCES = 50
_MOST_SUBJECT = 500
_MOST_NAME = 200
_YEARS = range(1990, 2200)
_ID = re.compile(r"<[!-;=?-~]{1,250}>")
# Where a mail was delivered stands before whom its sender wrote to: the second can be a long list.
_RECIPIENTS = ("delivered-to", "x-original-to", "x-envelope-to", "envelope-to", "to", "cc")


def fields_of(message: Message) -> Fields:
    """Collect the fields by name in lower case; of each at most 50, and 32,000 characters of each."""
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        values = found.setdefault(name.lower(), [])
        if len(values) < _MOST_FIELDS:
            raw = str(value)[:_MOST_CHARACTERS].encode("utf-8", "surrogateescape")
            values.append(decoded(raw, "utf-8"))
    return found


def first(fields: Fields, name: str) -> str:
    """Return a field's first value as it was written; "" without one."""
    values = fields.get(name, ())
    return values[0] if values else ""


def sender(fields: Fields) -> Person:
    """Return the first of the From addresses that is one, in lower case; else a name alone, or nothing."""
    found = _people(fields.get("from", ()))
    named = next((name for name, _ in found if name), "")
    return next((Person(name, email) for name, email in found if email), Person(named, ""))


def recipients(fields: Fields, envelope: Iterable[str]) -> tuple[str, ...]:
    """List the addresses the mail came to, in lower case, each once: the envelope's, then the headers'."""
    listed = [email for name in _RECIPIENTS for _, email in _people(fields.get(name, ()))]
    given = [email for _, email in _people([str(each) for each in envelope])]
    return tuple(dict.fromkeys(email for email in (*given, *listed) if email))[:_MOST_RECIPIENTS]


def address(raw: str) -> str:
    """Return the first address in a text, in lower case; "" when there is none."""
    return next((email for _, email in _people([raw]) if email), "")


def _people(values: Iterable[str]) -> list[tuple[str, str]]:
    people = []
    for value in values:
        try:
            found = getaddresses([value])
        except (ValueError, IndexError, RecursionError):  # thousands of open brackets
            continue
        for name, email in found[:_MOST_RECIPIENTS]:
            known = email.strip().lower()
            people.append((header_text(name)[:_MOST_NAME], known if is_address(known) else ""))
    return people


def subject(fields: Fields) -> str:
    """Return the subject as one safe line."""
    return header_text(first(fields, "subject"))[:_MOST_SUBJECT]


def message_id(fields: Fields) -> str:
    """Return the Message-ID with its angle brackets; "" when it is missing or malformed."""
    found = _ID.search(first(fields, "message-id"))
    return found.group() if found else ""


def references(fields: Fields) -> tuple[str, ...]:
    """List the Message-IDs that the mail follows, each once, the nearest last; at most 50."""
    values = (*fields.get("references", ()), *fields.get("in-reply-to", ()))
    nearest_first = [found for value in reversed(values) for found in reversed(_ID.findall(value))]
    return tuple(reversed(tuple(dict.fromkeys(nearest_first))[:_MOST_REFERENCES]))


def moment(raw: str) -> datetime | None:
    """Read a date of a mail (RFC 5322) as an instant in UTC; None when it is none, or absurd."""
    try:
        said = parsedate_to_datetime(raw[:200])
        utc = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return utc if utc.year in _YEARS else None
