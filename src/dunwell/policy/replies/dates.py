"""Dates in a sentence: found by each language's patterns, resolved from the day the reply was written.

Nothing here looks at a clock. Month names are read by dateparser, from absolute phrases only. Words that do not fix
one day (`soon`, `3/4`) are found too, with no date and a note.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import dateparser

from dunwell.policy.replies.tongue import DateRule, DateWords

_FAR = timedelta(days=240)  # "by 7 April" said in late April means the one that is over
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_SLASHED = re.compile(r"(?<![\d/.,])(\d{1,2})([/-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/%]|[.,]\d)")
_DOTTED = re.compile(r"(?<![\d/.,])(\d{1,2})\. ?(\d{1,2})\.(?: ?(\d{4}|\d{2})\b)?(?!\d)")
_DOTTED_YEAR = re.compile(r"(?<![\d/.,])(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})\b(?![.,]\d)")
_FRIDAY = 4
AMBIGUOUS = "can be read as day/month and as month/day"
MISMATCH = "is not that weekday"
VAGUE = "names no day"
TO_COME = "is still to come"

# Absolute dates only, and a fixed base: whatever dateparser fills in, it is never today's date.
_SETTINGS = {
    "RELATIVE_BASE": datetime(2000, 1, 1),  # noqa: DTZ001 - dateparser wants it naive; only day and month are used
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month"],
    "RETURN_AS_TIMEZONE_AWARE": False,
    "TIMEZONE": "UTC",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A date phrase in a sentence. `day` is None when it fixes no day; `note` says why, or what was assumed."""

    start: int
    end: int
    day: date | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Now:
    """The local day the reply was written. `past`: the sentence speaks of what has happened."""

    today: date
    past: bool
    language: str
    words: DateWords

    def meaning(self, hit: re.Match[str], group: str) -> str:
        """Return what a matched word means, "" when the group is missing."""
        word = hit.groupdict().get(group)
        return self.words.values.get(" ".join(word.casefold().split()), "") if word else ""


Resolved = tuple[date | None, str]


def find_dates(
    sentence: str, today: date, *, past: bool, language: str, words: DateWords
) -> tuple[Found, ...]:
    """Find every date phrase, in order of place."""
    now = Now(today, past, language, words)
    taken: list[Found] = []
    for found in _candidates(sentence, now):
        if all(found.end <= other.start or found.start >= other.end for other in taken):
            taken.append(found)
    return tuple(sorted(taken, key=lambda found: found.start))


def _candidates(sentence: str, now: Now) -> Iterator[Found]:
    for hit in _ISO.finditer(sentence):
        yield Found(*hit.span(), *_exact(int(hit[1]), int(hit[2]), int(hit[3]), now))
    dotted = _DOTTED if now.words.dotted_dates else _DOTTED_YEAR
    for hit in dotted.finditer(sentence):
        yield Found(*hit.span(), *_numeric(int(hit[1]), int(hit[2]), hit[3], now, day_first=True))
    for rule, pattern in now.words.patterns:
        if rule is DateRule.DAY_OF_MONTH_NAME:
            yield from _resolved(rule, pattern, sentence, now)
    for hit in _SLASHED.finditer(sentence):
        if hit.group() != "24/7":
            yield Found(
                *hit.span(), *_numeric(int(hit[1]), int(hit[3]), hit[4], now, day_first=now.words.day_first)
            )
    for rule, pattern in now.words.patterns:
        if rule is not DateRule.DAY_OF_MONTH_NAME:
            yield from _resolved(rule, pattern, sentence, now)


def _resolved(rule: DateRule, pattern: re.Pattern[str], sentence: str, now: Now) -> Iterator[Found]:
    for hit in pattern.finditer(sentence):
        try:
            yield Found(*hit.span(), *_RESOLVERS[rule](hit, now))
        except (OverflowError, ValueError):  # "in 99999999 days"
            yield Found(*hit.span(), None, f"'{hit.group()[:40]}' is no date")


def _exact(year: int, month: int, day: int, now: Now) -> Resolved:
    try:
        found = date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None, "there is no such date"
    if found < now.today and not now.past:
        return None, f"{found.isoformat()} is in the past"
    if found > now.today and now.past:
        return None, f"{found.isoformat()} {TO_COME}"
    return found, ""


def _numeric(first: int, second: int, year: str | None, now: Now, *, day_first: bool) -> Resolved:
    if not day_first:
        if first <= 12 and second <= 12 and first != second:
            return None, f"{first}/{second} {AMBIGUOUS}"
        day, month = (first, second) if first > 12 else (second, first)
    else:
        day, month = first, second
    return _exact(int(year), month, day, now) if year else _without_year(month, day, now)


def _without_year(month: int, day: int, now: Now) -> Resolved:
    """Take the nearest such day in the direction the sentence speaks of."""
    years = (now.today.year - 1, now.today.year, now.today.year + 1)
    days = [date(year, month, day) for year in years if _is_day(year, month, day)]
    if not days:
        return None, "there is no such date"
    if now.past:
        gone = max((found for found in days if found <= now.today), default=None)
        if gone is None or now.today - gone > _FAR:
            return None, f"that day {TO_COME}"
        return gone, ""
    coming = min((found for found in days if found >= now.today), default=None)
    if coming is None or coming - now.today > _FAR:
        return None, "that day is in the past"
    return coming, ""


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _day_of_month_name(hit: re.Match[str], now: Now) -> Resolved:
    named = _month_day(f"{hit['day']} {hit['month']}", now.language)
    if named is None:
        return None, "there is no such date"
    month, day = named
    year = hit["year"]
    found, note = _exact(int(year), month, day, now) if year else _without_year(month, day, now)
    weekday = now.meaning(hit, "weekday")
    if found and weekday and found.weekday() != int(weekday):
        return None, f"{found.isoformat()} {MISMATCH}"
    return found, note


@lru_cache(maxsize=2048)
def _month_day(phrase: str, language: str) -> tuple[int, int] | None:
    # 2000 is a leap year: the caller settles the year, and 29 February is a day.
    found = dateparser.parse(f"{phrase} 2000", languages=[language], settings=_SETTINGS)
    return (found.month, found.day) if found else None


def _month_number(name: str, now: Now) -> int | None:
    named = _month_day(f"1 {name}", now.language)
    return named[0] if named else None


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _shifted_month(today: date, months: int) -> tuple[int, int]:
    count = today.year * 12 + today.month - 1 + months
    return count // 12, count % 12 + 1


def _friday_of_week(now: Now, weeks: int) -> date:
    monday = now.today - timedelta(days=now.today.weekday())
    if weeks == 0 and now.today.weekday() > _FRIDAY:
        weeks = 1  # said on a weekend, "this week" is the one that begins
    return monday + timedelta(weeks=weeks, days=_FRIDAY)


_WEEKS = {"last": -1, "": 0, "this": 0, "next": 1}


def _part_of(hit: re.Match[str], now: Now) -> Resolved:
    part, which = now.meaning(hit, "part"), _WEEKS[now.meaning(hit, "which")]
    scope = now.meaning(hit, "scope")
    if scope == "week":
        offset = {"start": -4, "early": -3, "middle": -2, "end": 0}[part]
        return _friday_of_week(now, which) + timedelta(days=offset), ""
    if scope in ("quarter", "year"):
        return _end_of_long(part, scope, which, now)
    year, month = _shifted_month(now.today, which)
    if hit.groupdict().get("month"):
        number = _month_number(hit["month"], now)
        if number is None:
            return None, "there is no such month"
        year, month = now.today.year + (number < now.today.month and not now.past), number
    if part == "early":
        return None, f"'{hit.group()}' {VAGUE}"
    day = {"start": date(year, month, 1), "middle": date(year, month, 15), "end": _last_day(year, month)}[
        part
    ]
    return (day, "") if now.past or day >= now.today else (None, "that day is in the past")


def _end_of_long(part: str, scope: str, which: int, now: Now) -> Resolved:
    if part != "end":
        return None, f"part of a {scope} {VAGUE}"
    if scope == "year":
        return date(now.today.year + which, 12, 31), ""
    ahead = 2 - (now.today.month - 1) % 3 + 3 * which
    return _last_day(*_shifted_month(now.today, ahead)), ""


def _weekday(hit: re.Match[str], now: Now) -> Resolved:
    wanted, which = int(now.meaning(hit, "weekday")), now.meaning(hit, "which")
    if now.past or which == "last":
        return now.today - timedelta(days=(now.today.weekday() - wanted) % 7 or 7), ""
    if which == "next":
        monday = now.today - timedelta(days=now.today.weekday())
        return monday + timedelta(days=7 + wanted), "'next' is read as that day of the next calendar week"
    ahead = (wanted - now.today.weekday()) % 7
    return now.today + timedelta(days=ahead if which == "this" else ahead or 7), ""


def _week(hit: re.Match[str], now: Now) -> Resolved:
    which = now.meaning(hit, "which")
    if which == "last" or now.past:
        return None, "no day of that week is named"
    return _friday_of_week(now, _WEEKS[which]), "the week is read as its Friday"


def _month(hit: re.Match[str], now: Now) -> Resolved:
    which = now.meaning(hit, "which")
    if which == "last" or now.past:
        return None, "no day of that month is named"
    year, month = _shifted_month(now.today, _WEEKS[which])
    if hit.groupdict().get("month"):
        number = _month_number(hit["month"], now)
        if number is None:
            return None, "there is no such month"
        year, month = now.today.year + (number < now.today.month), number
    return _last_day(year, month), "the month is read as its last day"


def _span(hit: re.Match[str], now: Now) -> Resolved:
    word = (hit.groupdict().get("count") or "").strip()
    count = int(word) if word.isdecimal() else int(now.meaning(hit, "count") or 1)
    if now.past:
        return None, "counted from another day"
    unit = now.meaning(hit, "unit")
    if unit == "workday":
        return _workdays_on(now.today, count), "working days without public holidays"
    if unit == "month":
        year, month = _shifted_month(now.today, count)
        return date(year, month, min(now.today.day, calendar.monthrange(year, month)[1])), ""
    return now.today + timedelta(days=count * (7 if unit == "week" else 1)), ""


def _workdays_on(today: date, count: int) -> date:
    if count > 260:
        raise ValueError("more than a year of working days")
    day = today
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() <= _FRIDAY
    return day


def _ordinal(hit: re.Match[str], now: Now) -> Resolved:
    day, which = int(hit["day"]), now.meaning(hit, "which")
    if not 1 <= day <= 31:
        return None, "there is no such day"
    step = -1 if now.past else 1
    first = _WEEKS[which]
    for months in range(first, first + 4 * step, step):
        year, month = _shifted_month(now.today, months)
        if day > calendar.monthrange(year, month)[1]:
            continue
        found = date(year, month, day)
        if (found <= now.today) if now.past else (found >= now.today):
            weekday = now.meaning(hit, "weekday")
            return (
                (None, f"the {day}. {MISMATCH}")
                if weekday and found.weekday() != int(weekday)
                else (found, "")
            )
    return None, "there is no such day"


def _word(hit: re.Match[str], now: Now) -> Resolved:
    return now.today + timedelta(days=int(now.meaning(hit, "word"))), ""


def _vague(hit: re.Match[str], now: Now) -> Resolved:  # noqa: ARG001 - one shape for all
    return None, f"'{hit.group()}' {VAGUE}"


_RESOLVERS: dict[DateRule, Callable[[re.Match[str], Now], Resolved]] = {
    DateRule.DAY_OF_MONTH_NAME: _day_of_month_name,
    DateRule.PART_OF: _part_of,
    DateRule.WEEKDAY: _weekday,
    DateRule.WEEK: _week,
    DateRule.MONTH: _month,
    DateRule.SPAN: _span,
    DateRule.ORDINAL: _ordinal,
    DateRule.WORD: _word,
    DateRule.VAGUE: _vague,
}
