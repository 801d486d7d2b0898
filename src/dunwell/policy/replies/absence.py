"""Tells an absence note from a person's mail by its words alone.

A machine's mail places no hold, so the doubt is the person's: a note is one only when every sentence of it says
what absence notes say, and none has what no such note has.
"""

import re
from datetime import date

from dunwell.policy.replies.dates import VAGUE, find_dates
from dunwell.policy.replies.sentences import Sentence, flat, sentences
from dunwell.policy.replies.tongue import Tongue, tongues

_LONGEST = 2_000
_LONGEST_SENTENCE = 500
_ADDRESS = re.compile(r"[^\s<>()@]+@[^\s<>()@]+|\+?\d[\d /().-]{6,}\d")
_WORD = re.compile(r"[^\W\d_]+")
_WEB = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
_SAID = re.compile(r"[\"\u00ab\u00bb?\u00bf]")
_NAME = re.compile(r"[A-Z\u00c0-\u00dc][\w'-]*(?: [A-Z\u00c0-\u00dc][\w'-]*){0,2}")
_SIGNATURE_LINES = 5
_SIGNATURE_WORDS = 6


def is_absence_note(text: str, today: date) -> bool:
    """Say whether the whole text is an absence note: away, until a day or for a span, and nothing else.

    `today` is the sender's. Any question, quotation or word of this matter makes it a person's.
    """
    whole = flat(text).strip()
    if not whole or len(whole) > _LONGEST or _SAID.search(whole) or _WEB.search(whole) or is_personal(whole):
        return False
    body = _without_signature(whole)
    parts = sentences(body)
    absent = dated = False
    for number, part in enumerate(parts):
        if number == len(parts) - 1 and number and _NAME.fullmatch(part.text):
            continue
        tongue = next((each for each in tongues() if _is_note(part, each)), None)
        if tongue is None:
            return False
        absent = absent or tongue.absence.says.search(part.text) is not None
        dated = dated or _names_a_time(part, today, tongue)
    return absent and (dated or any(each.absence.label.search(body) for each in tongues()))


def is_personal(text: str) -> bool:
    """Say whether a text asks, or has words that no absence note has: of money, of this matter, to us."""
    parts = sentences(text)
    return any(
        tongue.absence.personal.search(part.text) or tongue.question.search(part.text) or part.asks
        for part in parts
        for tongue in tongues()
    )


def _is_note(part: Sentence, tongue: Tongue) -> bool:
    """Say whether a sentence says one of the things that absence notes say."""
    return len(part.text) <= _LONGEST_SENTENCE and tongue.absence.notes.search(part.text) is not None


def _names_a_time(part: Sentence, today: date, tongue: Tongue) -> bool:
    found = find_dates(part.text, today, past=False, language=tongue.code, words=tongue.dates)
    return any(each.day or not each.note.endswith(VAGUE) for each in found)


def _without_signature(whole: str) -> str:
    """Cut off a greeting at the end with the name, the post and the numbers under it; nothing that is a sentence."""
    for tongue in tongues():
        closing = tongue.absence.closing.search(whole)
        if closing is None:
            continue
        lines = [line.strip() for line in whole[closing.end() :].split("\n") if line.strip()]
        if len(lines) <= _SIGNATURE_LINES and all(_is_signature(line, tongue) for line in lines):
            return whole[: closing.start()].strip()
    return whole


def _is_signature(line: str, tongue: Tongue) -> bool:
    words = _WORD.findall(_ADDRESS.sub(" ", line))
    speaks = tongue.absence.speaks.search(line)
    return (
        speaks is None and len(words) <= _SIGNATURE_WORDS and not line[0].islower() and line[-1] not in ".!"
    )
