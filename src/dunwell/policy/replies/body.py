"""What the sender wrote themselves: without quoted mails, signatures and mark-up."""

import re
from html import unescape

from bs4 import BeautifulSoup
from mailparser_reply import EmailReplyParser

_LANGUAGES = ["en", "de", "fr", "es"]
# Bounds for patterns that are not ours: no reply of a person is longer.
_MOST_CHARACTERS = 20_000
_MOST_LINE = 1_000
_MOST_HTML = 300_000

_UNSEEN = ("style", "script", "head", "title")
_INLINE_IMAGES = re.compile(r"data:[a-z]+/[^\"'>]*", re.IGNORECASE)
# A "<" that opens no tag. Left in, an unfinished tag costs html.parser the square of what follows it.
_STRAY = re.compile(r"<(?!/?[a-zA-Z][^<>]*>)")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_NEVER_CLOSED = frozenset(("br", "img", "hr", "meta", "link", "input", "col", "wbr"))
_BREAK = re.compile(r"<br\b[^<>]*>", re.IGNORECASE)
_DEEPEST = 600
_QUOTES = (
    "blockquote, .gmail_quote, .gmail_attr, .yahoo_quoted, .moz-cite-prefix, .protonmail_quote, .zmail_extra, "
    "#divRplyFwdMsg, #divRplyFwdMsg ~ *, #appendonsend, #appendonsend ~ *, .gmail_signature, .moz-signature, "
    "[id*=mail-editor-reference-message-container]"
)
_SIGNATURE = re.compile(r"^(?:-- ?|__+ ?|--\s*)$")
_PHONE_LINE = re.compile(
    r"^(?:sent from (?:my|outlook|mail)|get outlook for|von meinem .{0,30} gesendet|gesendet (?:von|mit)"
    r"|envoyé (?:de|depuis)|enviado desde)\b.{0,80}$",
    re.IGNORECASE,
)
_RULED_OFF = re.compile(
    r"^[_-]{10,}$|^-{2,} ?(?:original message|ursprüngliche nachricht|message d'origine|mensaje original)"
)
_WROTE = re.compile(
    r"^(?:on|am|le|el)\b.{4,200}\b(?:wrote|schrieb|a écrit|escribió)\b.{0,80}:?$", re.IGNORECASE
)


def html_to_text(html: str) -> str:
    """Turn an HTML reply into text, leaving out what mail programs mark as quoted or as a signature."""
    bounded = _bounded(html)
    if _depth(bounded) > _DEEPEST:  # no mail program writes this, and a tree of it costs minutes
        return unescape(_TAG.sub("\n", bounded)).strip()
    soup = BeautifulSoup(bounded, "html.parser")
    for quoted in soup.select(_QUOTES):
        quoted.decompose()
    for block in soup.find_all(["p", "div", "li", "tr", "h1", "h2", "h3", "table"]):
        block.append("\n")
    lines = (" ".join(line.split()) for line in soup.get_text().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _bounded(html: str) -> str:
    shorter = _without(html, "<!--", "-->")
    for name in _UNSEEN:
        shorter = _without(shorter, f"<{name}", f"</{name}")
    # One at a time in the tree, 100,000 of them take minutes.
    broken = _BREAK.sub("\n", _INLINE_IMAGES.sub("", shorter)[:_MOST_HTML])
    return _STRAY.sub("&lt;", broken)


def _depth(html: str) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _NEVER_CLOSED:
            depth += -1 if tag[1] else 1
            deepest = max(deepest, depth)
    return deepest


def _without(text: str, opening: str, closing: str) -> str:
    """Cut out everything between two marks; after the last opening without a closing, only the mark."""
    starts, ends = (re.compile(re.escape(mark) + r"(?![a-z])", re.IGNORECASE) for mark in (opening, closing))
    kept, at = [], 0
    while (start := starts.search(text, at)) and (end := ends.search(text, start.end())):
        kept.append(text[at : start.start()])
        at = end.end()
    return "".join((*kept, text[at:]))


def reply_text(text: str) -> str:
    """Return the newest part of a text: above a quoted mail, below it, or between its lines."""
    lines = [line[:_MOST_LINE].rstrip() for line in text[:_MOST_CHARACTERS].split("\n")]
    shown = "\n".join(lines).strip()
    if not shown:
        return ""
    newest = EmailReplyParser(languages=_LANGUAGES).read(shown).replies[0]
    above = newest.content if not newest.headers else ""
    own = _own_lines(above.split("\n"))
    if own and not re.search(r"\b(?:below|inline|in line|unten)\b", own.lower()):
        return own
    return _own_lines(_below(shown.split("\n"))) or own


def _below(lines: list[str]) -> list[str]:
    """Return the lines after and between quoted ones; nothing when nothing is marked as quoted."""
    quoted = [number for number, line in enumerate(lines) if line.startswith(">")]
    if not quoted:
        return []
    return [line for line in lines if not line.startswith(">") and not _WROTE.match(line.strip())]


def _own_lines(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        bare = line.strip()
        if _SIGNATURE.match(bare) or _RULED_OFF.match(bare.lower()):
            break
        if not bare.startswith(">") and not _PHONE_LINE.match(bare) and not _WROTE.match(bare):
            kept.append(bare)
    return "\n".join(kept).strip()
