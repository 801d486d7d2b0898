"""Sentences of a reply, with their places in it."""

import re
from dataclasses import dataclass

_MOST_TEXT = 8_000
_MOST_SENTENCES = 80
_MOST_LENGTH = 600

# Same length on both sides: offsets in the flat text are offsets in the reply.
_STRAIGHT = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "\u00a0": " ", "\u202f": " ", "\t": " "}
)
_DASHES = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2011": "-", "\u201c": '"', "\u201d": '"', "\u201e": '"'}
)
_BOUNDARY = re.compile(
    r"(?<=[?!\u2026])[\"')]*\s+"
    r"|(?<=[^\W\d_]{2}\.)[\"')]*\s+(?=[\"'(\u00bf\u00a1]?[^\W_])"
    r"|(?<=[\d)%]\.)\s+(?=[A-Z\u00c0-\u00dc](?!\w*\.?\s*\d{4}))"
    r"|(?<=,)\n(?=\S)"
    r"|\s*\n\s*\n\s*"
    r"|\n(?=\s*(?:[-*\u2022>]|\d+[.)])\s)"
    r"|(?<=;)\s+|\s+-+\s+"
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|z\.b|bzw|ca|nr|no|inv|mr|mrs|ms|dr|st|approx|inc|ltd|co|corp|dept|acct|usd|eur|jan|feb|mar|apr"
    r"|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thurs?|fri|sra?|sres|m|mme|art|tel|vs|attn)|\b[a-z])\.$",
    re.IGNORECASE,
)
_MONTH_AHEAD = re.compile(r"(?:jan|feb|m(?:a|\u00e4)r|apr|mai|jun|jul|aug|sep|okt|nov|dez)\w*", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"\n]{3,200}\"|\u00ab[^\u00bb]{3,200}\u00bb")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, flattened to one line; `start` is its place in the reply. `asks`: it ends with a question mark."""

    start: int
    text: str
    asks: bool


def flat(text: str) -> str:
    """Return the text with plain quotes, dashes and blanks, of the same length."""
    return text.translate(_STRAIGHT).translate(_DASHES)


def sentences(text: str) -> tuple[Sentence, ...]:
    """Split a reply into sentences; at most 80 of them from its first 8,000 characters.

    What stands in double quotes is blanked out: it is what somebody else said.
    """
    whole = flat(text[:_MOST_TEXT])
    whole = _QUOTED.sub(lambda hit: " " * len(hit.group()), whole)
    found: list[Sentence] = []
    start = 0
    for gap in _BOUNDARY.finditer(whole):
        if "\n\n" not in gap.group() and _runs_on(whole, gap):
            continue
        _append(found, whole, start, gap.start())
        start = gap.end()
    _append(found, whole, start, len(whole))
    return tuple(found[:_MOST_SENTENCES])


def _runs_on(whole: str, gap: re.Match[str]) -> bool:
    before = whole[max(gap.start() - 12, 0) : gap.start()]
    if before.endswith(".") and _ABBREVIATED.search(before):
        return True
    return before[-2:-1].isdigit() and before.endswith(".") and bool(_MONTH_AHEAD.match(whole, gap.end()))


def _append(found: list[Sentence], whole: str, start: int, end: int) -> None:
    body = whole[start:end]
    lead = len(body) - len(body.lstrip())
    body = body.strip()
    if body:
        text = body[:_MOST_LENGTH].replace("\n", " ")
        found.append(Sentence(start + lead, text, body.rstrip("\"') ").endswith("?")))
