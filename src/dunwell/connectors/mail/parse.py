"""A mail that came in, from its bytes to a value. Pure.

Nothing here fails, whatever the bytes are: what cannot be read is said in `problems`, and a mail that cannot be opened
at all is kept whole, as an attachment, for a person.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from email.parser import BytesHeaderParser, BytesParser

from dunwell.connectors.mail import fields as read
from dunwell.connectors.mail.bounds import too_much
from dunwell.connectors.mail.fields import Fields
from dunwell.connectors.mail.parts import MOST_KEPT, Contents, contents_of
from dunwell.connectors.mail.report import read_report
from dunwell.connectors.mail.sanitise import bounded, safe_html, text_of
from dunwell.connectors.mail.text import clean, decoded
from dunwell.policy.incoming import IncomingMail
from dunwell.policy.replies.body import html_to_text, reply_text
from dunwell.policy.replies.mail import open_letter
from dunwell.policy.untrusted import one_line

_MOST_HEAD = 256_000
_MOST_UNOPENED_TEXT = 20_000
_MOST_AUTOMATIC = 200
_HEAD_END = re.compile(rb"\r?\n\r?\n")
# Whatever the mail itself says of these, with them its headers are read as a mail's.
_AS_A_MAIL = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"


def take_apart(source: bytes, *, envelope: Sequence[str] = ()) -> IncomingMail:
    """Take a mail apart: who wrote, to whom, what, with which files; never raises.

    `envelope` are the addresses it was delivered to, where somebody knows. Addresses are lower case. `own` is the
    sender's words without quotes and signature; `html` is safe to show. At most 400,000 characters of text, 100 files
    and 30 MB of them are kept; `problems` names what was left out.
    """
    why = too_much(source)
    if not why:
        try:
            return _opened(source, envelope)
        except Exception:  # noqa: BLE001 - Python's parser raises whatever it likes for what strangers make up
            why = "The mail is broken in a way that cannot be read."
    try:
        return _unopened(source, envelope, why)
    except Exception:  # noqa: BLE001 - as above, now in its headers
        return _mail({}, _kept_whole(source, why), envelope)


def _opened(source: bytes, envelope: Sequence[str]) -> IncomingMail:
    message = BytesParser().parsebytes(source)
    fields, contents = read.fields_of(message), contents_of(message)
    is_report, reports = read_report(message, fields, "\n".join(contents.plain))
    mail = _mail(fields, contents, envelope)
    return replace(mail, automatic=_automatic(source), is_report=is_report, reports=reports)


def _unopened(source: bytes, envelope: Sequence[str], why: str) -> IncomingMail:
    """Read the headers, show the beginning of the rest as it stands, and keep all of it as a file."""
    head = _head(source)
    fields, contents = read.fields_of(BytesHeaderParser().parsebytes(head)), _kept_whole(source, why)
    beginning = source[len(head) : len(head) + _MOST_UNOPENED_TEXT]
    contents.plain.append(clean(decoded(beginning, "utf-8")).strip())
    return replace(_mail(fields, contents, envelope), automatic=_automatic(source))


def _kept_whole(source: bytes, why: str) -> Contents:
    contents = Contents(problems=[f"{why} It was not opened, but kept as message.eml."])
    contents.keep("message.eml", "message/rfc822", source[:MOST_KEPT])
    return contents


def _mail(fields: Fields, contents: Contents, envelope: Sequence[str]) -> IncomingMail:
    plain = "\n\n".join(text.strip("\n") for text in contents.plain if text.strip())
    written = bounded("\n".join(contents.html))
    html = safe_html(written) if written.strip() else ""
    shown = html_to_text(written) if written.strip() and not plain else ""
    return IncomingMail(
        message_id=read.message_id(fields),
        sender=read.sender(fields),
        recipients=read.recipients(fields, envelope),
        subject=read.subject(fields),
        text=plain or text_of(html) or shown,
        own=reply_text(plain or clean(shown)),
        references=read.references(fields),
        html=html,
        sent_at=read.moment(read.first(fields, "date")),
        attachments=tuple(contents.files),
        problems=contents.told(),
    )


def _automatic(source: bytes) -> str:
    letter = open_letter(_AS_A_MAIL + _head(source) + b"\r\n\r\n")
    return one_line(letter.auto, _MOST_AUTOMATIC)


def _head(source: bytes) -> bytes:
    end = _HEAD_END.search(source, 0, _MOST_HEAD)
    return source[: end.start()] if end else source[:_MOST_HEAD]
