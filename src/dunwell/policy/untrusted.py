"""Make text that a customer controls safe to print in a mail.

A name from a form or a ledger may hold a web address (mail readers turn one into a link), a line break
(a header), template markers or invisible characters. Markup is escaped later, by the templates.
"""

import re
import unicodedata
from functools import lru_cache

from dunwell.policy.lists import word_set

_PLAIN = re.compile(r"[A-Za-z0-9&'\-]+(?: [A-Za-z0-9&'\-]+)*\.?")
_SCHEME = re.compile(r"(?<![^\W\d_])([^\W\d_][\w+.-]*):(?=\S)")
_DOTS = re.compile(r"[.\u2024\u3002\ua4f8]")
# A dot before two letters or more may end in a top-level domain: `evil.example`, but not `S.A.` or `2.0`.
_DOMAIN_DOT = re.compile(r"(?<=\w)[.](?=(?:xn--|[^\W\d_]{2}))")
_IP = re.compile(r"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b")
_NOT_A_FIRST_NAME = word_set(
    """
    account accountant accounting accounts admin administration administrator ap ar billing bookkeeping
    buchhaltung company compta comptabilite comptabilité contabilidad contact controlling customer default
    department dept desk facturacion facturación facturation finance finances finanzen group helpdesk hello
    info inc invoice invoices invoicing it kreditoren kreditorenbuchhaltung llc ltd gmbh me mail n/a na nil
    no-reply none noreply null office ops payable payables payment payments procurement purchasing
    rechnungen sales service services shared support team tbd test treasury undefined unknown user vendor
    """
)
_TITLES = word_set(
    "dr frau herr m madame mag miss mme mlle monsieur mr mrs ms mx prof professor señor señora sir sr sra"
)
_NAME = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")


def one_line(text: str, limit: int = 200) -> str:
    """Fold text to one line without control or invisible characters, at most `limit` characters."""
    if text.isprintable():
        return _cut(" ".join(text.split()), limit)
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category in ("Zl", "Zp") or category == "Cc":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(char)
    return _cut(" ".join("".join(kept).split()), limit)


def _cut(line: str, limit: int) -> str:
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


@lru_cache(maxsize=8192)
def tame(text: str, limit: int = 60) -> str:
    """Return the text as one harmless line: nothing in it can become a link, a header or a marker.

    Ordinary names come back unchanged. `Booking.com` becomes `Booking com`: printed as it is, every mail
    reader would make a second link of it (spec 1.1: exactly one link).
    """
    if len(text) <= limit and _PLAIN.fullmatch(text) and "www" not in text.lower():
        return text
    line = one_line(unicodedata.normalize("NFKC", text), limit=4 * limit)
    line = line.translate({ord("{"): "(", ord("}"): ")", ord("<"): "(", ord(">"): ")"})
    line = _DOTS.sub(".", line).replace("://", " ").replace("@", " at ").replace("\\", " ")
    line = _SCHEME.sub(r"\1 ", line)
    line = _IP.sub(r"\1 \2 \3 \4", line)
    line = _DOMAIN_DOT.sub(" ", line)
    line = re.sub(r"(?i)\bwww\b\.?", " ", line)
    return one_line(line, limit)


@lru_cache(maxsize=1024)
def tame_sentence(text: str | None) -> str | None:
    """Tame a sentence of at most 160 characters and end it with a full stop; None when nothing is left."""
    line = tame(text or "", 160)
    if not any(char.isalnum() for char in line):
        return None
    return line if line[-1] in ".?\u2026" else line.rstrip(" !,;:") + "."


@lru_cache(maxsize=8192)
def first_name(full_name: str | None) -> str | None:
    """Read the name to greet by, or None when there is no person's name in it.

    `Reyes, Dana` and `Dr. Dana Reyes` give `Dana`; `Accounts Payable`, `null`, `D. Reyes` and
    `ap@acme.example` give None: a greeting without a name is better than a wrong one.
    """
    if full_name is None or any(char in full_name for char in "@/:{}<>"):
        return None
    line = one_line(unicodedata.normalize("NFKC", full_name), 80)
    family, comma, given = line.partition(",")
    words = (given if comma else family).split()
    while words and words[0].rstrip(".").casefold() in _TITLES:
        words = words[1:]
    if not words or any(word.strip(".,()").casefold() in _NOT_A_FIRST_NAME for word in line.split()):
        return None
    name = words[0]
    if not _NAME.fullmatch(name) or len(name) > 30 or (len(name) == 1 and name.isascii()):
        return None
    if name.isascii() and (name.isupper() or name.islower()):
        return name.title() if len(name) > 2 else name
    return name
