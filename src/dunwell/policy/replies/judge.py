"""Reads what a reply says, sentence by sentence, by the rules of its language.

Precision before recall: a promise or a claim of payment counts only when the sentence states it. A question, a
condition, a doubt, a negation or somebody else's words take it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from dunwell.policy.replies.dates import AMBIGUOUS, MISMATCH, TO_COME, VAGUE, Found, find_dates
from dunwell.policy.replies.reading import ReplyKind
from dunwell.policy.replies.sentences import Sentence, flat, sentences
from dunwell.policy.replies.tongue import Rule, Tongue, tongues

_K = ReplyKind
# What counts when a reply says several things: whatever speaks against writing on comes first.
_ORDER = (
    *(_K.DISPUTE, _K.HARDSHIP, _K.ALREADY_PAID, _K.CARD_UPDATED),
    *(_K.NEEDS_DOCUMENT, _K.ASKS_TIME, _K.WRONG_PERSON, _K.PROMISE),
)
_DATED_KINDS = (_K.PROMISE, _K.ASKS_TIME, _K.ALREADY_PAID)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the reply says: its kind, place, and the date that goes with it.

    `turned`: it stands after the turn of a sentence ("not before the 20th, but ...").
    """

    kind: ReplyKind
    start: int
    end: int
    day: date | None = None
    notes: tuple[str, ...] = ()
    also: tuple[ReplyKind, ...] = ()
    turned: bool = False


def judge(text: str, today: date) -> Claim | None:
    """Return the claim that counts, or None when the reply says nothing we know. `today` is the sender's."""
    parts = sentences(text)
    for tongue in _spoken(parts):
        claims = [
            _with_afterthought(claim, following, today, tongue)
            for part, following in zip_longest(parts, parts[1:])
            for turned, clause in enumerate(_clauses(part, tongue))
            for claim in _claims(clause, today, tongue, turned=bool(turned))
            if not _undone(claim, text, following, tongue)
        ]
        if claims:
            return _weightiest(claims)
    return None


def _undone(claim: Claim, text: str, following: Sentence | None, tongue: Tongue) -> bool:
    """Say whether what follows takes a claim back: "paid. It bounced", "on the 15th - pending approval"."""
    if claim.kind is _K.ALREADY_PAID:
        return any(tongue.payment_undone.search(part.text) for part in sentences(text[claim.end :]))
    if claim.kind is not _K.PROMISE or following is None:
        return False
    joined = any(mark in flat(text)[claim.end : following.start] for mark in (" -", ";"))
    return joined and tongue.condition.match(following.text) is not None


def _with_afterthought(claim: Claim, following: Sentence | None, today: date, tongue: Tongue) -> Claim:
    """Give a promise without a date the one that follows as a sentence of its own: "We will pay. Friday the 8th."."""
    if claim.kind is not _K.PROMISE or claim.day or claim.notes or following is None or following.asks:
        return claim
    found = find_dates(following.text, today, past=False, language=tongue.code, words=tongue.dates)
    if len(found) != 1 or len(following.text) - (found[0].end - found[0].start) > 12:
        return claim
    notes = (found[0].note,) if found[0].note else ()
    return Claim(claim.kind, claim.start, following.start + found[0].end, found[0].day, notes)


def return_date(text: str, today: date) -> Claim | None:
    """Return the words of an absence or an automatic answer, with the day the sender is back; None without any."""
    parts = sentences(text)
    for tongue in _spoken(parts):
        away = None
        for part in parts:
            hit = tongue.away.search(part.text) or tongue.absence.says.search(part.text)
            if hit:
                away = away or Claim(_K.AUTO_REPLY, part.start + hit.start(), part.start + hit.end())
        if away:
            backs = [found for part in parts for found in _backs(part, today, tongue)]
            return _back_on(away, backs)
    return None


def bare_date(text: str, today: date) -> date | None:
    """Return the day of a reply that is nothing but a date ("Friday the 15th."): too little for a promise."""
    parts = sentences(text)
    if len(parts) != 1 or parts[0].asks:
        return None
    for tongue in _spoken(parts):
        found = find_dates(parts[0].text, today, past=False, language=tongue.code, words=tongue.dates)
        if len(found) == 1 and len(parts[0].text) - (found[0].end - found[0].start) <= 4:
            return found[0].day
    return None


def days_named(text: str, today: date, *, past: bool) -> tuple[Found, ...]:
    """Return every date phrase of a text in the language it seems to be in; `past`: it speaks of what has happened."""
    parts = sentences(text)
    for tongue in _spoken(parts):
        found = tuple(
            each
            for part in parts
            for each in find_dates(part.text, today, past=past, language=tongue.code, words=tongue.dates)
        )
        if found:
            return found
    return ()


def _back_on(away: Claim, backs: list[tuple[int, Found]]) -> Claim:
    fixed = [(start, found) for start, found in backs if found.day]
    if not fixed:
        return away
    latest = max(fixed, key=lambda pair: pair[1].day or date.min)[1].day
    return Claim(away.kind, away.start, away.end, latest)


def _backs(part: Sentence, today: date, tongue: Tongue) -> Iterable[tuple[int, Found]]:
    for found in find_dates(part.text, today, past=False, language=tongue.code, words=tongue.dates):
        lead = part.text[max(found.start - 25, 0) : found.end]
        leads_back = tongue.back.search(lead) or tongue.back_after.match(part.text[found.end :])
        # A week or a month is no return date; "next Friday" is one all the same.
        if leads_back and (not found.note or "calendar week" in found.note):
            yield part.start, found


def _spoken(parts: tuple[Sentence, ...]) -> list[Tongue]:
    words = [word.strip(".,;:!?()\"'").casefold() for part in parts for word in part.text.split()]
    counted = [(sum(word in tongue.common for word in words), tongue) for tongue in tongues()]
    most = max(count for count, _ in counted)
    spoken = [(count, tongue) for count, tongue in counted if 2 * count >= most - 1 or tongue.code == "en"]
    return [tongue for _, tongue in sorted(spoken, key=lambda pair: -pair[0])]


def _clauses(part: Sentence, tongue: Tongue) -> tuple[Sentence, ...]:
    """Cut "not before the 20th, but will on the 22nd" in two; a condition before the turn holds for both."""
    turn = tongue.turn.search(part.text)
    if turn is None or part.asks or tongue.condition.search(part.text[: turn.start()]):
        return (part,)
    before, after = part.text[: turn.start()], part.text[turn.start() :]
    lead = len(after) - len(after.lstrip(" ,"))
    start = part.start + turn.start() + lead
    return (Sentence(part.start, before, part.asks), Sentence(start, after[lead:], part.asks))


def _claims(part: Sentence, today: date, tongue: Tongue, *, turned: bool) -> Iterable[Claim]:
    plain = tongue.harmless.sub(lambda hit: " " * len(hit.group()), part.text)
    asks = part.asks or tongue.question.search(plain) is not None
    seen: set[ReplyKind] = set()
    for rule in tongue.rules:
        if rule.kind in seen or (rule.asked and not asks):
            continue
        hit = rule.pattern.search(plain)
        if hit is None or (rule.unless and rule.unless.search(plain)):
            continue
        if _taken_back(rule.kind, plain, hit.start(), tongue, asks=asks):
            continue
        claim = _dated(rule, part, hit.span(), today, tongue)
        if claim:
            seen.add(rule.kind)
            yield replace(claim, turned=turned)


def _taken_back(kind: ReplyKind, plain: str, start: int, tongue: Tongue, *, asks: bool) -> bool:
    condition = tongue.condition.search(plain)
    if kind is _K.PROMISE:
        return asks or any(
            taken.search(plain) for taken in (tongue.condition, tongue.doubt, tongue.not_a_promise)
        )
    if kind is _K.ALREADY_PAID:
        return asks or tongue.not_a_payment.search(plain) is not None
    if kind is _K.CARD_UPDATED:
        return asks or condition is not None
    if kind in (_K.DISPUTE, _K.HARDSHIP):
        return condition is not None and condition.start() < start
    return False


def _dated(rule: Rule, part: Sentence, span: tuple[int, int], today: date, tongue: Tongue) -> Claim | None:
    start, end = span
    if rule.kind not in _DATED_KINDS:
        return Claim(rule.kind, part.start + start, part.start + end)
    past = rule.kind is _K.ALREADY_PAID
    found = find_dates(part.text, today, past=past, language=tongue.code, words=tongue.dates)
    if rule.dated and not any(each.day or each.note.endswith((AMBIGUOUS, MISMATCH)) for each in found):
        return None
    chosen = _the_date(found, end, part.text, tongue)
    if chosen is None:
        return Claim(rule.kind, part.start + start, part.start + end)
    if past and chosen.note.endswith(TO_COME):
        return None
    if rule.kind is _K.PROMISE and chosen.day and chosen.day < today:
        return None
    notes = (chosen.note,) if chosen.note else ()
    start, end = min(start, chosen.start), max(end, chosen.end)
    return Claim(rule.kind, part.start + start, part.start + end, chosen.day, notes)


def _the_date(found: tuple[Found, ...], end: int, text: str, tongue: Tongue) -> Found | None:
    """Take the first date after the verb, else the last before it; of two with `or` between, the later one."""
    after = [each for each in found if each.end > end]
    if not after:
        return found[-1] if found else None
    first = after[0]
    for second in after[1:2]:
        if tongue.or_words.match(text[first.end : second.start]):
            # "Friday or 3/4": one that fixes no day leaves none fixed.
            return max(first, second, key=lambda each: each.day or date.max)
    if first.day is None:
        return next((each for each in after if each.day), first) if first.note.endswith(VAGUE) else first
    return first


def _weightiest(claims: list[Claim]) -> Claim:
    by_kind: dict[ReplyKind, Claim] = {}
    for claim in claims:
        known = by_kind.get(claim.kind)
        if known is None or (known.day is None and claim.day is not None):
            by_kind[claim.kind] = claim
    promise = by_kind.get(_K.PROMISE)
    kind = next(kind for kind in _ORDER if kind in by_kind)
    # "Sent today, you will have it on Thursday"; "she has left, but we will pay on Friday".
    if kind is _K.ALREADY_PAID and _K.ASKS_TIME in by_kind:
        kind = _K.ASKS_TIME
    if promise and promise.day and kind in (_K.ALREADY_PAID, _K.WRONG_PERSON):
        kind = _K.PROMISE
    if promise and promise.day and promise.turned and kind is _K.ASKS_TIME:
        kind = _K.PROMISE
    chosen = by_kind[kind]
    if kind is _K.ASKS_TIME and chosen.day is None and promise and promise.day:
        chosen = Claim(
            kind,
            chosen.start,
            chosen.end,
            promise.day,
            (*chosen.notes, "the date is promised elsewhere in it"),
        )
    also = tuple(other for other in _ORDER if other in by_kind and other is not kind)
    return Claim(kind, chosen.start, chosen.end, chosen.day, chosen.notes, also)
