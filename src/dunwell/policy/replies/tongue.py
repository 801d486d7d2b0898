"""What a language brings to the reading: its date words and its rules, as data in `tongues/*.toml`.

Patterns are regular expressions over one sentence, in lower or upper case. A blank stands for white space, ` ?` for
perhaps none, `{name}` for the piece of that name; a list of patterns means any of them.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Any

from dunwell.policy.lists import word_set
from dunwell.policy.replies.reading import ReplyKind

CODES = ("en", "de", "fr", "es")


class DateRule(StrEnum):
    """How a date phrase is resolved; `dates` has one function for each. In brackets the groups it reads."""

    DAY_OF_MONTH_NAME = "day_of_month_name"  # day, month, year?, weekday?
    PART_OF = "part_of"  # part, which?, scope or month
    WEEKDAY = "weekday"  # weekday, which?
    WEEK = "week"  # which
    MONTH = "month"  # which or month
    SPAN = "span"  # count?, unit
    ORDINAL = "ordinal"  # day, which?
    WORD = "word"  # word
    VAGUE = "vague"  # a time, but no day


@dataclass(frozen=True, slots=True)
class DateWords:
    """The date words of a language.

    `values` says what a matched word means: weekdays 0 (Monday) to 6, `this`/`next`/`last`, parts
    `start`/`early`/`middle`/`end`, scopes and units `day`/`workday`/`week`/`month`/`quarter`/`year`, counts as
    numbers, day words as offsets in days. Of `patterns`, earlier ones win a stretch of text. `day_first`:
    3/4 is the third of April; `dotted_dates`: so is `3.4.`.
    """

    values: Mapping[str, str]
    patterns: tuple[tuple[DateRule, re.Pattern[str]], ...]
    day_first: bool
    dotted_dates: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a sentence that matches `pattern` says `kind`.

    `dated`: only together with a date. `asked`: only in a question. `unless` takes the whole sentence back.
    """

    kind: ReplyKind
    pattern: re.Pattern[str]
    dated: bool
    asked: bool
    unless: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class AbsenceWords:
    """What absence notes of a language are made of; `absence.py` reads them.

    `says`: that somebody is away. `notes`: what each sentence has one of. `personal`: what no note has. `label`: a
    heading that says what it is. `closing`: a greeting at the end, alone on its line; `speaks`: words no signature
    has.
    """

    says: re.Pattern[str]
    notes: re.Pattern[str]
    personal: re.Pattern[str]
    label: re.Pattern[str]
    closing: re.Pattern[str]
    speaks: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language: how to recognise it, its rules, and what takes a promise or a claim of payment back.

    `harmless`: conditions that change nothing ("if you have any questions"). `question`: a sentence that asks,
    also without its mark. `payment_undone`: what follows a claim of payment and takes it back. `away`: words of an
    automatic answer; `back`: words that lead to a return date; `back_after`: words that follow one. `turn`: where
    a sentence turns from what is not to what will be.
    """

    code: str
    common: frozenset[str]
    dates: DateWords
    rules: tuple[Rule, ...]
    harmless: re.Pattern[str]
    question: re.Pattern[str]
    condition: re.Pattern[str]
    doubt: re.Pattern[str]
    not_a_promise: re.Pattern[str]
    not_a_payment: re.Pattern[str]
    payment_undone: re.Pattern[str]
    away: re.Pattern[str]
    back: re.Pattern[str]
    back_after: re.Pattern[str]
    turn: re.Pattern[str]
    or_words: re.Pattern[str]
    absence: AbsenceWords


_PATTERNS = (
    *("harmless", "question", "condition", "doubt", "not_a_promise", "not_a_payment", "payment_undone"),
    *("away", "back", "back_after", "turn", "or_words"),
)
_ABSENCE_PATTERNS = ("says", "notes", "personal", "label", "closing", "speaks")


@lru_cache(maxsize=1)
def tongues() -> tuple[Tongue, ...]:
    """Return every language, English first, compiled once."""
    return tuple(_tongue(code) for code in CODES)


def _tongue(code: str) -> Tongue:
    source = resources.files("dunwell.policy.replies") / "tongues" / f"{code}.toml"
    read = tomllib.loads(source.read_text("utf-8"))
    pieces = read["pieces"]
    dates = DateWords(
        values={word: meaning for meaning, listed in read["words"].items() for word in listed},
        patterns=tuple((DateRule(each["rule"]), _any_of(each["say"], pieces)) for each in read["dates"]),
        day_first=read["day_first"],
        dotted_dates=read["dotted_dates"],
    )
    rules = tuple(
        Rule(
            ReplyKind(each["kind"]),
            _any_of(each["say"], pieces),
            each.get("dated", False),
            each.get("asked", False),
            _any_of(each["unless"], pieces) if "unless" in each else None,
        )
        for each in read["rules"]
    )
    patterns = {name: _any_of(read[name], pieces) for name in _PATTERNS}
    return Tongue(
        code=code,
        common=word_set(read["common"]),
        dates=dates,
        rules=rules,
        absence=_absence(read["absence"], pieces),
        **patterns,
    )


def _absence(read: Mapping[str, Any], pieces: Mapping[str, str]) -> AbsenceWords:
    return AbsenceWords(**{name: _any_of(read[name], pieces) for name in _ABSENCE_PATTERNS})


def _any_of(say: Sequence[str], pieces: Mapping[str, str]) -> re.Pattern[str]:
    text = "|".join(f"(?:{each})" for each in say)
    for _ in range(3):  # pieces may hold pieces
        for name, piece in pieces.items():
            text = text.replace(f"{{{name}}}", piece)
    return re.compile(text.replace(" ?", r"\s*").replace(" ", r"\s+"), re.IGNORECASE)
