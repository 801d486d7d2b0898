"""The parts of a mail that came in: its words and its files. Pure.

A mail inside a mail (a forwarded or returned one) is a file; nothing of it counts as the sender's words.
"""

import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from pathlib import PurePosixPath

from dunwell.connectors.mail.text import clean, decoded, header_text
from dunwell.policy.incoming import Attachment
from dunwell.policy.untrusted import one_line

MOST_TEXT = 400_000
MOST_KEPT = 30_000_000
_MOST_FILES = 100
_MOST_NAMED = 20
_MOST_NAME = 120
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,48}/[a-z0-9][a-z0-9!#$&^_.+-]{0,48}")
_NOT_IN_NAMES = re.compile(r'[<>:"|?*]+')
# As it came: nothing folded anew, no ">" before "From".
_AS_IT_CAME = email.policy.compat32.clone(linesep="\r\n", max_line_length=0, mangle_from_=False)
_ENDINGS = {
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/xml": ".xml",
}
_CLOSED = {
    "application/ms-tnef": "winmail.dat is Outlook's own format; what is in it was not unpacked.",
    "application/pkcs7-mime": "The mail, or a part of it, is encrypted or sealed (S/MIME) and was not opened.",
    "multipart/encrypted": "The mail, or a part of it, is encrypted (PGP) and was not opened.",
}


@dataclass(slots=True)
class Contents:
    """What was found in a mail: its texts, its HTML and its files, each in order, and what is wrong with them."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    room_for_text: int = MOST_TEXT
    room_for_files: int = MOST_KEPT

    def hear(self, text: str, *, html: bool) -> None:
        """Keep a text as far as there is room for it."""
        if len(text) > self.room_for_text:
            self.problems.append(f"The text was cut after {MOST_TEXT:,} characters.")
        if kept := text[: self.room_for_text]:
            (self.html if html else self.plain).append(kept)
            self.room_for_text -= len(kept)

    def keep(self, name: str, media_type: str, content: bytes) -> None:
        """Keep a file if there is room for it, else its name; a name is made up for one without."""
        number = len(self.files) + len(self.left_out) + 1
        name = name or f"attachment-{number}{_ENDINGS.get(media_type, '.bin')}"
        if len(content) > self.room_for_files or len(self.files) >= _MOST_FILES:
            self.left_out.append(f"{name} ({len(content):,} bytes)")
        else:
            self.files.append(Attachment(name, media_type, content))
            self.room_for_files -= len(content)

    def told(self) -> tuple[str, ...]:
        """Say what is wrong, each once, and what was left out."""
        told = list(dict.fromkeys(self.problems))
        if self.left_out:
            named = ", ".join(self.left_out[:_MOST_NAMED])
            more = f" and {len(self.left_out) - _MOST_NAMED} more" if len(self.left_out) > _MOST_NAMED else ""
            told.append(f"More than 100 files or 30 MB came; left out: {named}{more}.")
        return tuple(told)


def contents_of(message: Message) -> Contents:
    """Collect words and files of a parsed mail."""
    found = Contents()
    for part in _leaves(message):
        if _is_words(part):
            _read_words(part, found)
        else:
            _read_file(part, found)
    return found


def _leaves(message: Message) -> Iterator[Message]:
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_type() == "multipart/encrypted":
            yield part
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting.extend(child for child in reversed(payload) if isinstance(child, Message))
        else:
            yield part


def _is_words(part: Message) -> bool:
    if part.get_content_disposition() == "attachment" or part.get_param(
        "filename", header="content-disposition"
    ):
        return False
    # A multipart whose parts could not be told apart is one text.
    return part.get_content_type() in ("text/plain", "text/html") or (
        part.get_content_maintype() == "multipart" and not part.is_multipart()
    )


def _read_words(part: Message, found: Contents) -> None:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return
    text = clean(decoded(payload[: 4 * MOST_TEXT], part.get_content_charset() or "utf-8"))
    found.hear(text, html=part.get_content_type() == "text/html")


def _read_file(part: Message, found: Contents) -> None:
    kind = part.get_content_type()
    if kind in _CLOSED:
        found.problems.append(_CLOSED[kind])
    if kind == "multipart/encrypted":
        return
    media_type = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    found.keep(file_name(_name(part)), media_type, _content(part))


def _content(part: Message) -> bytes:
    payload = part.get_payload()
    if isinstance(payload, list):  # message/*: what is inside was parsed
        return b"\n".join(each.as_bytes(policy=_AS_IT_CAME) for each in payload if isinstance(each, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _name(part: Message) -> str:
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        found = part.get_param(parameter, header=header)
        if isinstance(found, tuple):  # RFC 2231: charset, language, value
            charset, _, value = found
            return one_line(decoded(str(value).encode("latin-1", "replace"), charset or "utf-8"), 1_000)
        if found:
            return header_text(str(found))
    return ""


def file_name(said: str) -> str:
    """Make a file name of what a stranger said: one line, no path, nothing that systems choke on; maybe ""."""
    last = PurePosixPath(said.replace("\\", "/")).name
    line = _NOT_IN_NAMES.sub("_", one_line(last, 1_000)).strip(" .")
    if len(line) <= _MOST_NAME:
        return line
    stem, dot, ending = line.rpartition(".")
    if not dot or len(ending) > 10:
        return line[:_MOST_NAME].rstrip(" .")
    return f"{stem[: _MOST_NAME - 1 - len(ending)].rstrip(' .')}.{ending}"
