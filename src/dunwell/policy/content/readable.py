"""What a reader of a mail sees: text and HTML turned into lines, with the tricks taken out.

Full-width letters, invisible characters, entities, accents, look-alike letters, markup inside a word and
a word broken over two lines must not hide anything from the content rules (spec 1.1).
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

from dunwell.policy.lists import word_set

_BLOCKS = word_set(
    """
    address blockquote body br dd div dl dt h1 h2 h3 h4 h5 h6 head hr li ol p pre table tbody td tfoot th thead title
    tr ul
    """
)
_UNSEEN = frozenset(("style", "script"))
_SHOWN_ATTRIBUTES = frozenset(("alt", "title", "aria-label", "placeholder", "value"))
_LOADING_ATTRIBUTES = word_set("action background cite data formaction poster src srcset")
_ADDRESS_STARTS = ("//", "mailto:", "javascript:", "data:")
# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "абвгдеёзіјкӏмнорсԁԛѕтухցһԝ" + "αβγεζηικνορτυχω",
    "a6brdeesijklmhopcdqstyxghw" + "abyezniknoptuxw",
)
_TOKEN = re.compile(r"[^\W_]+")
_BROKEN = re.compile(r"[-\u2010\u2011]?[ \t]*\n[ \t]*")


def plain(line: str) -> str:
    """Return the line as read: entities, full-width forms and invisible characters resolved, case kept."""
    if line.isascii() and "&" not in line:
        return line
    shown = unicodedata.normalize("NFKC", html.unescape(line))
    return "".join(char for char in shown if unicodedata.category(char) != "Cf")


def folded(line: str) -> str:
    """Fold a plain line for comparing words: lower case, no accents, look-alikes as Latin letters."""
    lower = line.casefold()
    if lower.isascii():
        return lower
    lower = lower.replace("\u2019", "'").translate(_LOOKALIKES)
    return "".join(char for char in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(char))


@dataclass(frozen=True, slots=True)
class Word:
    """One word as compared, and the line it starts on."""

    text: str
    line: int


@dataclass(frozen=True)
class Readable:
    """One part of a message. `part` is `subject`, `text` or `html`; lines carry their source line number."""

    part: str
    lines: tuple[tuple[int, str], ...]
    hrefs: tuple[tuple[int, str], ...] = ()
    other_addresses: tuple[tuple[int, str], ...] = ()
    _starts: list[int] = field(default_factory=list, repr=False)

    @cached_property
    def whole(self) -> str:
        """All lines, joined by line breaks."""
        return "\n".join(line for _, line in self.lines)

    @cached_property
    def flat(self) -> str:
        """All lines on one line with single blanks, for values that a line break may have split."""
        return " ".join(self.whole.split())

    @cached_property
    def folded(self) -> str:
        """`flat`, folded for comparing words."""
        return folded(self.flat)

    def place(self, line: int | None = None) -> str:
        """Name a place in this part: `subject`, `text line 3`, or `html` for the whole part."""
        return self.part if line is None or self.part == "subject" else f"{self.part} line {line}"

    def place_of(self, offset: int) -> str:
        """Name the place of an offset in `whole`."""
        if not self._starts:
            start = 0
            for _, line in self.lines:
                self._starts.append(start)
                start += len(line) + 1
        at = max(bisect_right(self._starts, offset) - 1, 0)
        return self.place(self.lines[at][0]) if self.lines else self.part

    def without(self, hidden: Sequence[str]) -> "Readable":
        """Return the part with each of the given texts blanked out, where it stands as a word of its own."""
        texts = sorted({text for text in hidden if text}, key=len, reverse=True)
        if not texts:
            return self
        pattern = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in texts))
        kept = tuple((number, pattern.sub("#", line)) for number, line in self.lines)
        return Readable(self.part, kept, self.hrefs, self.other_addresses)


def read_text(part: str, source: str) -> Readable:
    """Read a subject or a text body."""
    return Readable(part, tuple((n, plain(line)) for n, line in enumerate(source.splitlines(), start=1)))


def read_html(source: str) -> Readable:
    """Read an HTML body: what is shown, every `href`, and every other address an attribute holds."""
    reader = _Shown()
    reader.feed(source)
    reader.close()
    lines = tuple((number, plain(line)) for number, line in reader.lines if line.strip())
    return Readable("html", lines, tuple(reader.hrefs), tuple(reader.addresses))


def words_of(part: Readable) -> tuple[Word, ...]:
    """Return the words of a part in order, spelled-out ones (`o v e r d u e`) put together."""
    found: list[Word] = []
    letters: list[Word] = []
    for number, line in part.lines:
        for token in _TOKEN.findall(folded(line)):
            word = Word(token, number)
            if len(token) == 1:
                letters.append(word)
                continue
            found.extend(_spelled(letters))
            letters = []
            found.append(word)
    return (*found, *_spelled(letters))


def broken_words(part: Readable) -> tuple[Word, ...]:
    """Return the words that a line break may have cut in two, put together again."""
    found = []
    whole = folded(part.whole)
    for gap in _BROKEN.finditer(whole):
        before = _TOKEN.findall(whole[max(gap.start() - 40, 0) : gap.start()])
        after = _TOKEN.match(whole, gap.end())
        if before and after and whole[: gap.start()].endswith(before[-1]):
            line = whole.count("\n", 0, gap.start())
            found.append(Word(before[-1] + after.group(), part.lines[line][0]))
    return tuple(found)


def _spelled(letters: list[Word]) -> list[Word]:
    if len(letters) < 4:
        return letters
    return [Word("".join(letter.text for letter in letters), letters[0].line)]


class _Shown(HTMLParser):
    """Collects what a mail reader shows. Never fails on broken markup."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[tuple[int, str]] = []
        self.hrefs: list[tuple[int, str]] = []
        self.addresses: list[tuple[int, str]] = []
        self._unseen = 0
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        self._open = self._open and tag not in _BLOCKS
        self._unseen += tag in _UNSEEN
        for name, value in attrs:
            if name == "href":
                self.hrefs.append((line, (value or "").strip()))
            elif name in _SHOWN_ATTRIBUTES and value:
                self.lines.append((line, value))
                self._open = False
            elif value and not name.startswith("xmlns"):
                self._note_address(line, name, value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._unseen -= tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in _BLOCKS
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        first = self.getpos()[0]
        for offset, piece in enumerate(data.split("\n")):
            if offset == 0 and self._open:
                number, begun = self.lines[-1]
                self.lines[-1] = (number, begun + piece)
            else:
                self.lines.append((first + offset, piece))
        self._open = True

    def _note_address(self, line: int, name: str, value: str) -> None:
        shown = value.strip().casefold()
        address = "://" in shown or "url(" in shown or shown.startswith(_ADDRESS_STARTS)
        if address or name in _LOADING_ATTRIBUTES:
            self.addresses.append((line, value.strip()))
