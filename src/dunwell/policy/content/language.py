"""Rules about language: words, marks and codes that have no place in a message."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from dunwell.policy.content.lexicon import word_rules
from dunwell.policy.content.links import URL, blank
from dunwell.policy.content.message import Breach, Message, Rule
from dunwell.policy.content.readable import Word, broken_words, words_of
from dunwell.policy.words import Stage


def no_forbidden_words(m: Message) -> Iterator[Breach]:
    """No word stands in a message whose stage forbids it. What two rules forbid is one breach, of the first."""
    rules = word_rules(m.stage, m.expected.track)
    for part in m.unnamed:
        words, broken = words_of(part), broken_words(part)
        told: set[tuple[str, int]] = set()
        for rule, phrases in rules.items():
            for found, line in tuple(_phrases_in(words, broken, phrases)):
                if (found, line) in told:
                    continue
                told.add((found, line))
                said = f"'{found}' has no place in a {m.stage or 'personal'} message"
                yield Breach(Rule(rule), part.place(line), found, said)


_Phrases = dict[str, list[tuple[str, ...]]]


@lru_cache(maxsize=32)
def _by_first_letters(phrases: tuple[str, ...]) -> _Phrases:
    table: _Phrases = {}
    for phrase in phrases:
        words = tuple(phrase.split())
        table.setdefault(words[0][:3].rstrip("*"), []).append(words)
    return table


def _phrases_in(
    words: Sequence[Word], broken: Sequence[Word], phrases: tuple[str, ...]
) -> Iterator[tuple[str, int]]:
    table = _by_first_letters(phrases)
    for at, word in enumerate(words):
        for phrase in table.get(word.text[:3], ()):
            if _is_phrase(words[at : at + len(phrase)], phrase):
                yield " ".join(found.text for found in words[at : at + len(phrase)]), word.line
    for word in broken:
        for phrase in table.get(word.text[:3], ()):
            if len(phrase) == 1 and _is_phrase((word,), phrase):
                yield word.text, word.line


def _is_phrase(words: Sequence[Word], phrase: tuple[str, ...]) -> bool:
    if len(words) < len(phrase):
        return False
    for word, wanted in zip(words, phrase, strict=True):
        fits = word.text.startswith(wanted[:-1]) if wanted.endswith("*") else word.text == wanted
        if not fits:
            return False
    return True


def no_exclamation(m: Message) -> Iterator[Breach]:
    """No exclamation marks once the tone is firm, nor in a personal mail."""
    if m.stage in (Stage.NOTICE, Stage.REMINDER, Stage.DIRECT):
        return
    for part in m.unnamed:
        for number, line in part.lines:
            found = re.search("[!\u00a1\u2755\u2757]", line)
            if found:
                yield Breach(Rule.EXCLAMATION, part.place(number), found.group(), "no exclamation marks here")


_CODE = re.compile(r"(?<![\w/@.-])[A-Za-z]+(?:_[A-Za-z0-9]+)+")


def no_raw_codes(m: Message) -> Iterator[Breach]:
    """No code such as a decline code reaches a customer."""
    for part in m.unnamed:
        for hit in _CODE.finditer(URL.sub(blank, part.whole)):
            said = "say it in plain words, not as a code"
            yield Breach(Rule.RAW_CODE, part.place_of(hit.start()), hit.group(), said)
