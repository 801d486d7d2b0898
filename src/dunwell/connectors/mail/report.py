"""Delivery reports and complaints, read (RFC 3464, RFC 5965, and the bounces of Exim and qmail). Pure.

Whoever can write to us can write a report: it says what it says, and only the engine knows whether it names a mail of
ours.
"""

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser

from dunwell.connectors.mail import fields as read
from dunwell.connectors.mail.fields import Fields
from dunwell.connectors.mail.text import decoded, header_text
from dunwell.policy.incoming import TransportEvent
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import TransportKind

_MOST_EVENTS = 100
_MOST_STATUS = 200_000
_MOST_REASON = 200
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_PARTS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
_ACTIONS = {
    "failed": TransportKind.BOUNCED,
    "delayed": TransportKind.DEFERRED,
    "delivered": TransportKind.DELIVERED,
    "relayed": TransportKind.DELIVERED,
    "expanded": TransportKind.DELIVERED,
}
_BY_STATUS = {"5": TransportKind.BOUNCED, "4": TransportKind.DEFERRED, "2": TransportKind.DELIVERED}
_NO_COMPLAINT = ("", "not-spam", "auth-failure")
_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_BLOCK_END = re.compile(rb"\r?\n[ \t]*\r?\n")
# D. J. Bernstein's format: an opening line, then a paragraph for each address, then the mail below a line.
_QMAIL = re.compile(r"\s*Hi\. This is the .{1,200}\n")
_QMAIL_FAILED = re.compile(r"(?m)^<([^<>\s]{3,320})>:[ \t]*\n((?:[^\n]+\n?){0,20})")
_QMAIL_COPY = "--- Below this line is a copy of the message"
_NAMED_ID = re.compile(r"(?im)^message-id:\s*(<[!-;=?-~]{1,250}>)")
_BY_A_MACHINE = ("mailer-daemon", "postmaster")


def read_report(message: Message, fields: Fields, text: str) -> tuple[bool, tuple[TransportEvent, ...]]:
    """Say whether a parsed mail is a report, and what it reports.

    Every `multipart/report` is one, also a notice that somebody has read a mail (RFC 8098), of which nothing
    follows. `text` is the mail's plain text, for servers that write no such parts.
    """
    if message.get_content_type() == "multipart/report":
        return True, tuple(_events(message, fields))[:_MOST_EVENTS]
    if "x-failed-recipients" in fields:
        return True, tuple(_by_header(fields, text))[:_MOST_EVENTS]
    if _QMAIL.match(text) and read.sender(fields).email.partition("@")[0] in _BY_A_MACHINE:
        return True, tuple(_by_qmail(fields, text))[:_MOST_EVENTS]
    return False, ()


def _events(message: Message, fields: Fields) -> Iterator[TransportEvent]:
    payload = message.get_payload()
    parts = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    returned = next((_returned(each) for each in parts if each.get_content_type() in _RETURNED_PARTS), {})
    for part in parts:
        if part.get_content_type() in _STATUS_PARTS:
            yield from _delivery(_blocks(part), returned, fields)
        elif part.get_content_type() == "message/feedback-report":
            yield from _complaints(_blocks(part), returned, fields)


def _delivery(blocks: list[Fields], returned: Fields, fields: Fields) -> Iterator[TransportEvent]:
    sent = read.moment(read.first(fields, "date"))
    ours = _about(returned, blocks, fields)
    for block in blocks:
        recipient = _typed(block, "original-recipient") or _typed(block, "final-recipient")
        code = _CODE.search(read.first(block, "status"))
        kind = _ACTIONS.get(read.first(block, "action").partition(" ")[0].strip().lower())
        kind = kind or (_BY_STATUS[code.group()[0]] if code else None)
        if kind is None or not recipient:
            continue
        yield TransportEvent(
            kind=kind,
            recipient=recipient,
            message_id=ours,
            at=read.moment(read.first(block, "last-attempt-date")) or sent,
            # "failed" is a server's last word, also after days of 4.x.x.
            permanent=kind is TransportKind.BOUNCED,
            reason=_reason(read.first(block, "diagnostic-code")) or (code.group() if code else ""),
        )


def _complaints(blocks: list[Fields], returned: Fields, fields: Fields) -> Iterator[TransportEvent]:
    said = blocks[0] if blocks else {}
    kind = header_text(read.first(said, "feedback-type")).lower()
    if kind in _NO_COMPLAINT:
        return
    named = [read.address(value) for value in said.get("original-rcpt-to", ())]
    # Many providers black the recipient out; then the complaint stands without one, for a person to look at.
    recipients = [each for each in named if each] or [read.address(read.first(returned, "to"))]
    for recipient in dict.fromkeys(recipients):
        yield TransportEvent(
            kind=TransportKind.COMPLAINED,
            recipient=recipient,
            message_id=_about(returned, blocks, fields),
            at=read.moment(read.first(said, "arrival-date")) or read.moment(read.first(fields, "date")),
            permanent=True,
            reason=one_line(f"Reported as {kind}", _MOST_REASON),
        )


def _about(returned: Fields, blocks: list[Fields], fields: Fields) -> str:
    """Find which mail the report is about: by the mail that came back, by what the report says, by what it answers."""
    said = next((each["x-original-message-id"][0] for each in blocks if "x-original-message-id" in each), "")
    answered = read.references(fields)[-1:]
    return read.message_id(returned) or read.message_id({"message-id": [said]}) or "".join(answered)


def _by_header(fields: Fields, text: str) -> Iterator[TransportEvent]:
    named = [read.address(each) for value in fields["x-failed-recipients"] for each in value.split(",")]
    for recipient in dict.fromkeys(each for each in named if each):
        yield _failed(recipient, _after(text, recipient), fields, text)


def _by_qmail(fields: Fields, text: str) -> Iterator[TransportEvent]:
    told = text.partition(_QMAIL_COPY)[0]
    for failed in _QMAIL_FAILED.finditer(told):
        recipient = read.address(failed[1])
        if recipient:
            yield _failed(recipient, failed[2], fields, text)


def _failed(recipient: str, reason: str, fields: Fields, text: str) -> TransportEvent:
    named = _NAMED_ID.search(text)
    return TransportEvent(
        kind=TransportKind.BOUNCED,
        recipient=recipient,
        message_id=named[1] if named else "",
        at=read.moment(read.first(fields, "date")),
        permanent=True,
        reason=_reason(reason),
    )


def _after(text: str, recipient: str) -> str:
    """Return the paragraph that follows an address: why the mail could not be delivered to it."""
    _, _, rest = text.lower().partition(recipient)
    told = text[len(text) - len(rest) :] if rest else ""
    return told.partition("\n\n")[0]


def _reason(raw: str) -> str:
    kind, typed, rest = raw.partition(";")
    return one_line(header_text(rest if typed and len(kind.split()) == 1 else raw), _MOST_REASON)


def _typed(block: Fields, name: str) -> str:
    """Read an address field of a report: `rfc822; dana@acme.example`."""
    raw = read.first(block, name)
    return read.address(raw.partition(";")[2] or raw)


def _returned(part: Message) -> Fields:
    payload = part.get_payload()
    if isinstance(payload, list):
        inner = payload[0] if payload else None
        return read.fields_of(inner) if isinstance(inner, Message) else {}
    content = part.get_payload(decode=True)
    return _headers(content) if isinstance(content, bytes) else {}


def _blocks(part: Message) -> list[Fields]:
    """Take a status part apart into its groups of fields, also when it is encoded."""
    payload = part.get_payload()
    if isinstance(payload, list):
        raw = b"\n\n".join(each.as_bytes() for each in payload if isinstance(each, Message))
        if (encoding := str(part.get("content-transfer-encoding", ""))).lower() in (
            "base64",
            "quoted-printable",
        ):
            raw = _unencoded(raw, encoding)
    else:
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
    return [_headers(block) for block in _BLOCK_END.split(raw[:_MOST_STATUS]) if block.strip()]


def _unencoded(raw: bytes, encoding: str) -> bytes:
    carrier = Message()
    carrier["Content-Transfer-Encoding"] = encoding
    carrier.set_payload(decoded(raw, "utf-8").strip())
    content = carrier.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _headers(block: bytes) -> Fields:
    try:
        return read.fields_of(BytesHeaderParser().parsebytes(block.lstrip()))
    except (MessageError, ValueError):
        return {}
